//! Keyed state: from a handle to the serialized key and value of every entry, and on to rows.
//!
//! ```text
//! canonical file ─► CanonicalEntries ─┐
//! RocksDB files ──► RocksEntries ─────┴► EntryScan ─► KeyedRows ─► batches
//! heap file ──────► HeapScan ───────────────────────► KeyedRows ─► batches
//!      │                 └ where entries end that do not tell: `cuts`
//!      └──────────► HeapEntries, where changes are laid over it: `changelog`
//! ```

mod blocks;
mod canonical;
mod cuts;
mod header;
mod heap;
mod heap_entries;
mod parts;
mod rocksdb;
mod rows;
mod runs;
mod scan;
mod table;
mod window;

pub use blocks::{Block, KeyedFile, KeyedLayout};
pub use canonical::CanonicalEntries;
pub use header::KeyedHeader;
pub use heap::HeapScan;
pub(crate) use heap_entries::HeapEntries;
pub(crate) use parts::{Parts, join};
pub use rocksdb::{RocksDatabase, RocksEntries};
pub use rows::{KeyedRows, Progress};
pub(crate) use runs::Runs;
pub use scan::{Entries, EntryScan};
pub use table::{KeyedTable, TimerQueue};
pub(crate) use window::Window;
