//! Keyed state: from a handle to the serialized key and value of every entry.

mod rocksdb;

pub use rocksdb::{RocksDatabase, RocksEntries};
