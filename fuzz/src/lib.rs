//! Fuzz harnesses.

pub mod flink_serializers;
pub mod flink_snapshot;
pub mod flink_sst;
