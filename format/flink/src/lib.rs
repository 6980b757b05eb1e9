//! Apache Flink savepoints and checkpoints, read as the model of `spt-format`.

mod files;
#[allow(dead_code, reason = "its users arrive one by one")]
mod java;
mod keyed;
mod location;
pub mod metadata;
mod read_at;
pub mod serializers;
#[allow(dead_code, reason = "its users arrive one by one")]
mod snappy;
pub mod sst;
mod state_meta;

pub use files::{Files, PathMap, Place, StateStream};
pub use keyed::{
    Block, CanonicalEntries, Entries, EntryScan, HeapScan, KeyedFile, KeyedHeader, KeyedLayout, KeyedRows,
    KeyedTable, Progress, RocksDatabase, RocksEntries, TimerQueue,
};
pub use location::find_metadata;
pub use read_at::ReadAt;
pub use state_meta::{BackendKind, StateMeta};
