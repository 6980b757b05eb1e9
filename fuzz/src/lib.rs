//! Fuzz harnesses.

pub mod flink_sst;
