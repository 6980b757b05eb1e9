//! A stream of batches over the entries of one keyed state.

use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use spt_format::{Completeness, Error, Result, ResultExt, RowStream};

use super::rows::{KeyedRows, Progress};
use super::table::KeyedTable;
use crate::RocksEntries;

/// A walk over serialized entries, one at a time.
pub trait Entries: Send {
    /// Moves to the next entry; `false` at the end. After an error it goes on behind what is damaged, where
    /// that can be found.
    ///
    /// # Errors
    /// For bytes that are damaged, with their place.
    fn advance(&mut self) -> Result<bool>;

    /// The current entry's composite key: key group, key, namespace and, in a map, the key inside.
    fn key(&self) -> &[u8];

    /// The current entry's value.
    fn value(&self) -> &[u8];

    /// How many entries are left. Afterwards none are.
    ///
    /// # Errors
    /// As [`Entries::advance`], at the first.
    fn count(&mut self) -> Result<u64> {
        let mut entries = 0;
        while self.advance()? {
            entries += 1;
        }
        Ok(entries)
    }

    /// Where the current entry is, for messages.
    fn place(&self) -> String;
}

impl<E: Entries + ?Sized> Entries for Box<E> {
    fn advance(&mut self) -> Result<bool> {
        (**self).advance()
    }

    fn key(&self) -> &[u8] {
        (**self).key()
    }

    fn value(&self) -> &[u8] {
        (**self).value()
    }

    fn count(&mut self) -> Result<u64> {
        (**self).count()
    }

    fn place(&self) -> String {
        (**self).place()
    }
}

impl Entries for RocksEntries {
    fn advance(&mut self) -> Result<bool> {
        Self::advance(self)
    }

    fn key(&self) -> &[u8] {
        Self::key(self)
    }

    fn value(&self) -> &[u8] {
        Self::value(self)
    }

    fn place(&self) -> String {
        format!("key group {}", self.key_group())
    }
}

/// Batches of the rows of one keyed state.
pub struct EntryScan<E> {
    entries: E,
    rows: KeyedRows,
    /// How far the current entry got, if there is more of it.
    progress: Option<Progress>,
    ended: bool,
}

impl<E: Entries> EntryScan<E> {
    /// Batches of the rows that `entries` of this state hold.
    ///
    /// # Errors
    /// If a column has a type that cannot be built.
    pub fn new(entries: E, table: Arc<KeyedTable>, max_parallelism: u32) -> Result<Self> {
        let rows = KeyedRows::new(table, max_parallelism)?;
        Ok(Self { entries, rows, progress: None, ended: false })
    }

    /// Why the first of the unread rows could not be read.
    pub fn unread_because(&self) -> Option<&Error> {
        self.rows.unread_because()
    }

    /// Adds entries until a batch is full or none are left.
    fn fill(&mut self) -> Result<()> {
        while !self.ended && !self.rows.is_full() {
            let progress = match self.progress.take() {
                Some(progress) => progress,
                None if self.entries.advance()? => Progress::default(),
                None => {
                    self.ended = true;
                    return Ok(());
                }
            };
            let added = self.rows.append_entry(self.entries.key(), self.entries.value(), progress);
            self.progress = added.within(|| self.entries.place())?;
        }
        Ok(())
    }
}

impl<E: Entries> Iterator for EntryScan<E> {
    type Item = Result<RecordBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        match self.fill() {
            Ok(()) => self.rows.take_batch().transpose(),
            Err(error) => Some(Err(error)),
        }
    }
}

impl<E: Entries> RowStream for EntryScan<E> {
    fn schema(&self) -> SchemaRef {
        self.rows.schema()
    }

    fn completeness(&self) -> Completeness {
        self.rows.completeness()
    }
}
