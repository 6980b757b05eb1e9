//! Keyed state: from a handle to the serialized key and value of every entry, and on to rows.
//!
//! ```text
//! canonical file ─► CanonicalEntries ─┐
//! RocksDB files ──► RocksEntries ─────┴► EntryScan ─► KeyedRows ─► batches
//! heap file ──────► HeapScan ───────────────────────► KeyedRows ─► batches
//! ```

mod blocks;
mod canonical;
mod header;
mod heap;
mod rocksdb;
mod rows;
mod scan;
mod table;
mod window;

pub use blocks::{Block, KeyedFile, KeyedLayout};
pub use canonical::CanonicalEntries;
pub use header::KeyedHeader;
pub use heap::HeapScan;
pub use rocksdb::{RocksDatabase, RocksEntries};
pub use rows::{KeyedRows, Progress};
pub use scan::{Entries, EntryScan};
pub use table::{KeyedTable, TimerQueue};
