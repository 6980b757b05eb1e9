//! Apache Flink savepoints and checkpoints, read as the model of `spt-format`.

mod changelog;
mod files;
mod java;
mod keyed;
mod location;
pub mod metadata;
mod operator;
mod parallel;
mod payloads;
mod python_types;
mod read_at;
mod rows;
pub mod serializers;
mod snappy;
mod source;
pub mod sst;
mod state_meta;
mod timers;

pub use files::{Files, PathMap, Place, StateStream};
pub use keyed::{
    Block, CanonicalEntries, Entries, EntryScan, HeapScan, KeyedFile, KeyedHeader, KeyedLayout, KeyedRows,
    KeyedTable, Progress, RocksDatabase, RocksEntries, TimerQueue,
};
pub use location::find_metadata;
pub use operator::OperatorHeader;
pub use python_types::PythonTypes;
pub use read_at::ReadAt;
pub use source::{FlinkOptions, FlinkSource, Moved, Trouble, TroubleKind};
pub use state_meta::{BackendKind, StateMeta};
