//! Rows of a state, batch by batch: what a scan returns.
//!
//! A [`BatchReader`] knows one way in which rows are stored; [`Rows`] makes it a stream of the model.

mod broadcast;
mod elements;
mod opaque;
mod sorted;
mod window;

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use spt_format::{Completeness, Result, RowStream};

pub(crate) use broadcast::{BroadcastMap, BroadcastReader};
pub(crate) use elements::{Element, ElementReader, Elements, Encoding};
pub(crate) use opaque::Counted;
pub(crate) use sorted::Sorted;

/// Rows of a batch, at most.
pub(crate) const BATCH_ROWS: usize = 8192;
/// A batch ends early once its values take this many bytes.
pub(crate) const BATCH_BYTES: usize = 16 << 20;

/// Reads the rows of a state in one of the ways in which Flink stores them.
pub(crate) trait BatchReader: Send {
    /// The next rows, at least one; `None` at the end.
    ///
    /// # Errors
    /// With the place, where the bytes are damaged. Rows that are in order and cannot be shown are counted.
    fn next_batch(&mut self) -> Result<Option<RecordBatch>>;

    /// What could not be shown so far.
    fn completeness(&self) -> Completeness;
}

/// A reader as a stream of the model. Ends at the first error.
pub(crate) struct Rows<R> {
    schema: SchemaRef,
    reader: R,
    ended: bool,
}

impl<R: BatchReader> Rows<R> {
    pub(crate) fn new(schema: SchemaRef, reader: R) -> Self {
        Self { schema, reader, ended: false }
    }
}

impl<R: BatchReader> Iterator for Rows<R> {
    type Item = Result<RecordBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let batch = self.reader.next_batch().transpose();
        self.ended = !matches!(batch, Some(Ok(_)));
        batch
    }
}

impl<R: BatchReader> RowStream for Rows<R> {
    fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    fn completeness(&self) -> Completeness {
        self.reader.completeness()
    }
}
