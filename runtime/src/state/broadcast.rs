//! Broadcast state: a map that is the same in every subtask; one copy of it is stored.

use std::ops::Range;
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use spt_format::{Result, ResultExt, StateSchema};

use super::cell::{Cell, CellColumns, CellRows};
use super::column::arrow_error;
use super::key::Key;
use super::map::{MapCell, MapColumns, MapRows};
use super::payload::Payload;

/// Rows of a batch.
const BATCH_ROWS: usize = 8_192;

/// A map that every subtask has a copy of.
#[derive(Debug, Clone, PartialEq)]
pub struct BroadcastTable<K: Key, P: Payload + PartialEq> {
    entries: MapCell<K, P>,
}

/// A broadcast map at one moment.
pub struct FrozenBroadcast<K, P>(MapCell<K, P>);

impl<K: Key, P: Payload + PartialEq> Default for BroadcastTable<K, P> {
    fn default() -> Self {
        Self { entries: MapCell::default() }
    }
}

impl<K: Key, P: Payload + PartialEq> BroadcastTable<K, P> {
    /// The types of its table.
    pub fn schema() -> StateSchema {
        let mut schema = StateSchema::default();
        MapCell::<K, P>::describe(&mut schema);
        schema.number()
    }

    /// The entries.
    pub fn entries(&self) -> &MapCell<K, P> {
        &self.entries
    }

    /// The entries, to be changed: by the broadcast side only, and the same way in every subtask.
    pub fn entries_mut(&mut self) -> &mut MapCell<K, P> {
        &mut self.entries
    }

    /// The map as it is now; costs a pointer per 256 entries.
    pub fn freeze(&self) -> FrozenBroadcast<K, P> {
        FrozenBroadcast(self.entries.clone())
    }

    /// Adds the rows of a batch of the table.
    ///
    /// # Errors
    /// If a column is missing or of another type, or a key is there twice.
    pub fn restore(&mut self, batch: &RecordBatch) -> Result<()> {
        let rows = MapRows::<K, P>::new(batch)?;
        (0..batch.num_rows()).try_for_each(|row| {
            let restored: Result<()> = rows.next(row, &mut self.entries);
            restored.within(|| format!("row {row}"))
        })
    }
}

impl<K: Key, P: Payload> FrozenBroadcast<K, P> {
    /// Entries.
    pub fn rows(&self) -> usize {
        self.0.len()
    }

    /// The entries in order, as batches of the table.
    pub fn batches(&self, schema: SchemaRef) -> impl Iterator<Item = Result<RecordBatch>> {
        let firsts = (0..self.0.len()).step_by(BATCH_ROWS);
        firsts.map(move |first| self.batch(first..self.0.len().min(first + BATCH_ROWS), &schema))
    }

    fn batch(&self, rows: Range<usize>, schema: &SchemaRef) -> Result<RecordBatch> {
        let mut columns = MapColumns::<K, P>::new(schema, rows.len())?;
        columns.append(&self.0, rows);
        RecordBatch::try_new(Arc::clone(schema), columns.finish()?).map_err(arrow_error)
    }
}
