//! Apache Flink savepoints and checkpoints, read as the model of `spt-format`.

mod files;
#[allow(dead_code, reason = "its users arrive one by one")]
mod java;
mod keyed;
mod location;
pub mod metadata;
mod read_at;
#[allow(dead_code, reason = "its users arrive one by one")]
mod snappy;
pub mod sst;

pub use files::{Files, PathMap, Place, StateStream};
pub use keyed::{RocksDatabase, RocksEntries};
pub use location::find_metadata;
pub use read_at::ReadAt;
