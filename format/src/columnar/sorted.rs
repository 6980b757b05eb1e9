//! Writes a state whose rows come sorted from one place.
//!
//! ```text
//! batches ─► dealt out to blocks, checked, cut (this thread) ─► encoded (any thread) ─► appended in order
//! ```
//!
//! What is in memory is bounded by the row groups under way, however large a block is. The bytes are those of
//! [`ColumnarStateWriter::encode`], block by block.

use std::collections::VecDeque;

use arrow_array::RecordBatch;
use arrow_array::cast::AsArray;
use arrow_array::types::UInt16Type;

use super::data_file::encode::{BlockRows, Encoder};
use super::data_file::row_groups::{MIN_ROWS, RowGroupRows};
use super::write::{ColumnarStateWriter, block_at};
use crate::error::{Error, Result, ResultExt};
use crate::model::{Column, KeyGroupRange};
use crate::parallel::in_order;

impl ColumnarStateWriter {
    /// Writes all rows of the state and ends the table. They are sorted, as for
    /// [`ColumnarStateWriter::encode`]; `threads` encode them.
    ///
    /// # Errors
    /// As [`ColumnarStateWriter::encode`] and [`ColumnarStateWriter::finish`], and every error of `batches`.
    pub fn write_sorted(
        mut self,
        batches: impl Iterator<Item = Result<RecordBatch>>,
        threads: usize,
    ) -> Result<()> {
        let encoder = self.encoder.encoder.clone();
        let row_groups = RowGroups {
            encoder: &encoder,
            is_keyed: self.state.kind.is_keyed(),
            block_bits: self.block_bits,
            max_parallelism: self.operator.max_parallelism,
            batches,
            open: None,
            ready: VecDeque::new(),
            has_ended: false,
        };
        let threads = threads.min(1 + self.rows as usize / MIN_ROWS);
        let place = self.place().to_owned();
        let written = in_order(
            threads,
            row_groups,
            |rows| encoder.encode_row_group(rows),
            |row_group| self.append_row_group(row_group),
        );
        written.within(|| place)?;
        self.finish()
    }
}

/// The row groups of sorted rows.
struct RowGroups<'a, I> {
    encoder: &'a Encoder,
    is_keyed: bool,
    block_bits: u32,
    max_parallelism: u32,
    batches: I,
    /// The block of the rows that came last.
    open: Option<(KeyGroupRange, BlockRows<'a>)>,
    ready: VecDeque<RowGroupRows>,
    has_ended: bool,
}

impl<I> RowGroups<'_, I> {
    /// Takes a batch, block by block.
    fn take(&mut self, mut batch: RecordBatch) -> Result<()> {
        while batch.num_rows() > 0 {
            let (block, rows) = self.front(&batch)?;
            if self.open.as_ref().is_none_or(|(open, _)| *open != block) {
                self.close();
            }
            let (_, open) = self.open.get_or_insert_with(|| (block, BlockRows::new(self.encoder, block)));
            self.ready.extend(open.push(&batch.slice(0, rows))?);
            batch = batch.slice(rows, batch.num_rows() - rows);
        }
        Ok(())
    }

    /// The block that a batch begins with, and its rows in it.
    fn front(&self, batch: &RecordBatch) -> Result<(KeyGroupRange, usize)> {
        if !self.is_keyed {
            return Ok((KeyGroupRange::all(1), batch.num_rows()));
        }
        let column = batch.column_by_name(Column::KeyGroup.name());
        let groups = column.and_then(|column| column.as_primitive_opt::<UInt16Type>());
        let groups = groups.ok_or_else(|| Error::invalid("rows have no key group"))?.values();
        let first = groups.first().copied().unwrap_or_default();
        if u32::from(first) >= self.max_parallelism {
            let what = format!("key group {first} is none of {}", self.max_parallelism);
            return Err(Error::invalid(what));
        }
        if self.open.as_ref().is_some_and(|(open, _)| first < open.first()) {
            return Err(Error::invalid("rows are not in the order of their key groups"));
        }
        let block = block_at(u32::from(first), self.block_bits, self.max_parallelism);
        let rows = groups.iter().position(|group| !block.contains(*group));
        Ok((block, rows.unwrap_or(groups.len())))
    }

    fn close(&mut self) {
        let last = self.open.take().and_then(|(_, rows)| rows.finish());
        self.ready.extend(last);
    }
}

impl<I: Iterator<Item = Result<RecordBatch>>> Iterator for RowGroups<'_, I> {
    type Item = Result<RowGroupRows>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(rows) = self.ready.pop_front() {
                return Some(Ok(rows));
            }
            if self.has_ended {
                return None;
            }
            match self.batches.next() {
                Some(batch) => {
                    if let Err(error) = batch.and_then(|batch| self.take(batch)) {
                        self.has_ended = true;
                        return Some(Err(error));
                    }
                }
                None => {
                    self.has_ended = true;
                    self.close();
                }
            }
        }
    }
}
