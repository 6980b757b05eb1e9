//! RocksDB's sorted tables and the manifest that names them, read without RocksDB.
//!
//! Flink's RocksDB backend snapshots its state as the files of a RocksDB checkpoint. One table:
//!
//! ```text
//! data block …      sorted entries: internal key, value                    entries.rs, key.rs
//! meta blocks …     properties, range deletions, filters, dictionary       properties.rs, range_deletion.rs
//! index block(s)    separator key → data block                             index.rs
//! meta index        name → meta block                                      table.rs
//! footer            checksum kind, meta index, index, version, magic       footer.rs
//! ```
//!
//! Every block is followed by a compression byte and a checksum of both ([`block`]). Everything is
//! little-endian. `MANIFEST` says which tables live in which column family ([`manifest`]); [`merge`]
//! unites the tables of one family into its live keys and values.

mod block;
mod checksum;
mod compression;
mod entries;
mod footer;
mod index;
mod key;
mod log;
mod manifest;
mod merge;
mod properties;
mod range_deletion;
mod source;
mod table;
#[cfg(test)]
mod testing;
mod varint;
mod version;

pub use self::{
    key::{EntryKind, InternalKey},
    log::LogReader,
    merge::{Merge, Span},
    source::Run,
    table::{Table, TableEntries, TableHints},
    version::{ColumnFamily, LiveTable, Version},
};
