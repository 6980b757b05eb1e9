//! Apache Flink savepoints and checkpoints, read as the model of `spt-format`.

#[allow(dead_code, reason = "its users arrive one by one")]
mod java;
pub mod metadata;
mod read_at;

pub use read_at::ReadAt;
