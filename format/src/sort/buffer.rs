//! Rows that wait in memory, and the order they are to come in.
//!
//! ```text
//! batches   [b a d] [c a]          rows 0 1 2 │ 3 4
//! keys       b a d   c a           the columns that decide, after each other
//! order     1 4 0 3 2              out come  a a b c d, put together from both batches
//! ```
//!
//! Only keys are copied, so that sorting takes little more memory than the rows do. Few rows are put into one batch
//! all the same, since picking rows from one is faster.

use arrow_array::{RecordBatch, UInt32Array};
use arrow_schema::ArrowError;
use arrow_select::concat::concat_batches;
use arrow_select::interleave::interleave_record_batch;
use arrow_select::take::take_record_batch;

use super::Batches;
use crate::error::{Error, Result};
use crate::model::{Column, first_out_of_order, sort_indices};

/// Bytes that sorting takes for each row beside its key: a number, and a number with the row's place, for each
/// row; its place in the order; its place in a column.
const ORDER_BYTES: usize = 8 + 16 + 4 + 4;

/// Rows that take no more than this are copied into one batch.
const FEW_BYTES: usize = 16 << 20;

/// How large a batch may be.
#[derive(Debug, Clone, Copy)]
pub(super) struct BatchSize {
    pub(super) rows: usize,
    pub(super) bytes: usize,
}

impl BatchSize {
    /// How many rows make a batch, where `rows` of them take `bytes`.
    fn fitting(self, rows: usize, bytes: usize) -> usize {
        (self.bytes.saturating_mul(rows) / bytes.max(1)).clamp(1, self.rows)
    }
}

/// Rows that wait.
pub(super) struct Buffer {
    columns: Vec<Column>,
    batches: Vec<RecordBatch>,
    keys: Vec<RecordBatch>,
    bytes: usize,
}

impl Buffer {
    pub(super) fn new(columns: Vec<Column>) -> Self {
        Self { columns, batches: Vec::new(), keys: Vec::new(), bytes: 0 }
    }

    pub(super) fn push(&mut self, batch: RecordBatch) -> Result<()> {
        let schema = batch.schema_ref();
        let places = self.columns.iter().map(|column| schema.index_of(column.name()));
        let keys = places.collect::<Result<Vec<_>, _>>().and_then(|places| batch.project(&places));
        let keys = keys.map_err(failed)?;
        self.bytes += batch.get_array_memory_size() + bytes_of_rows(&keys) + batch.num_rows() * ORDER_BYTES;
        self.batches.push(batch);
        self.keys.push(keys);
        Ok(())
    }

    /// Memory that the rows take while they are sorted.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Finds the order of the rows. Equal rows stay in theirs.
    pub(super) fn order(self) -> Result<Ordered> {
        let Some(schema) = self.keys.first().map(RecordBatch::schema) else {
            return Ok(Ordered { batches: Vec::new(), order: None });
        };
        let keys = concat_batches(&schema, &self.keys).map_err(failed)?;
        let order = match first_out_of_order(&keys, &self.columns)? {
            None => None,
            Some(_) => Some(sort_indices(&keys, &self.columns)?),
        };
        let few = order.is_some() && self.bytes <= FEW_BYTES;
        let batches = match self.batches.first().filter(|_| few).map(RecordBatch::schema) {
            Some(schema) => vec![concat_batches(&schema, &self.batches).map_err(failed)?],
            None => self.batches,
        };
        Ok(Ordered { batches, order })
    }
}

/// Rows whose order is known.
pub(super) struct Ordered {
    batches: Vec<RecordBatch>,
    /// Their places; `None` if they are in order as they are.
    order: Option<UInt32Array>,
}

impl Ordered {
    /// There are no rows.
    pub(super) fn is_empty(&self) -> bool {
        self.batches.is_empty()
    }

    /// The rows in their order.
    pub(super) fn batches(self, size: BatchSize) -> Batches {
        match self.order {
            None => Box::new(self.batches.into_iter().flat_map(move |batch| slices(batch, size))),
            Some(order) => Box::new(Interleaved::new(self.batches, order, size)),
        }
    }
}

fn slices(batch: RecordBatch, size: BatchSize) -> impl Iterator<Item = Result<RecordBatch>> {
    let rows = batch.num_rows();
    let step = size.fitting(rows, bytes_of_rows(&batch));
    (0..rows).step_by(step).map(move |start| Ok(batch.slice(start, step.min(rows - start))))
}

/// Batches put together from the places of their rows.
struct Interleaved {
    batches: Vec<RecordBatch>,
    /// The first row of each batch.
    starts: Vec<usize>,
    order: UInt32Array,
    next: usize,
    step: usize,
}

impl Interleaved {
    fn new(batches: Vec<RecordBatch>, order: UInt32Array, size: BatchSize) -> Self {
        let step = size.fitting(order.len(), batches.iter().map(bytes_of_rows).sum());
        let rows = batches.iter().map(RecordBatch::num_rows);
        let starts = rows.scan(0, |start, rows| Some(std::mem::replace(start, *start + rows))).collect();
        Self { batches, starts, order, next: 0, step }
    }

    /// The batch that a row is in, and its place there.
    fn place(&self, row: u32) -> (usize, usize) {
        let row = row as usize;
        let batch = self.starts.partition_point(|start| *start <= row).saturating_sub(1);
        (batch, row - self.starts.get(batch).copied().unwrap_or_default())
    }
}

impl Iterator for Interleaved {
    type Item = Result<RecordBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        let end = self.order.len().min(self.next + self.step);
        let rows = self.order.slice(self.next, end - self.next);
        if rows.is_empty() {
            return None;
        }
        self.next = end;
        if let [only] = &*self.batches {
            return Some(take_record_batch(only, &rows).map_err(failed));
        }
        let places: Vec<_> = rows.values().iter().map(|row| self.place(*row)).collect();
        let batches: Vec<&RecordBatch> = self.batches.iter().collect();
        Some(interleave_record_batch(&batches, &places).map_err(failed))
    }
}

/// Bytes of a batch's rows alone: batches may share buffers.
pub fn bytes_of_rows(batch: &RecordBatch) -> usize {
    let of_column =
        |column: &arrow_array::ArrayRef| column.to_data().get_slice_memory_size().unwrap_or_default();
    batch.columns().iter().map(of_column).sum()
}

fn failed(error: ArrowError) -> Error {
    Error::invalid("rows to sort").caused_by(error)
}
