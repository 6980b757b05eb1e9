//! Where the rows of a block are cut into row groups: `SPEC.md`, "Row groups".
//!
//! The cut follows from the rows alone. As long as more rows are left than fit one row group, a group ends
//! before the first row from the 131,072nd on whose key digest ends in 16 zero bits, so that a change in one
//! place does not move every later cut; at the latest when it is full.

use std::collections::VecDeque;

use arrow_array::RecordBatch;
use arrow_select::concat::concat_batches;

use super::arrow;
use super::sizes::{exact_bytes, row_sizes, upper_bound};
use crate::error::Result;
use crate::model::{Column, columns_of, key_bytes_hash};

/// Rows of a row group at most.
pub(crate) const MAX_ROWS: usize = 262_144;
/// Bytes of a row group at most, as [`row_sizes`] counts them; a larger row has a row group of its own.
const MAX_BYTES: u64 = 64 << 20;
/// Rows of a row group before a digest may end it.
pub(crate) const MIN_ROWS: usize = 131_072;
/// The bits of the digest that are zero at a cut.
const CUT_MASK: u32 = 0xffff;
/// Rows written to the Parquet columns at once, because a list column's pages depend on it.
const SLICE_ROWS: usize = 8_192;
/// Bytes written at once.
const SLICE_BYTES: u64 = 16 << 20;

/// Columns whose key bytes are the digest's, most significant first.
pub(super) type DigestColumns = Vec<Column>;

/// Rows of one block, on their way into row groups.
///
/// ```text
/// the row group at hand   [ given away | pieces ]
/// ```
pub(super) struct Cutter {
    digest_columns: DigestColumns,
    given_rows: usize,
    given_bytes: u64,
    pieces: VecDeque<Piece>,
    /// Of the pieces.
    rows: usize,
    bytes: u64,
    /// `bytes` is the sum of exact sizes, not an upper bound.
    exact: bool,
}

/// A batch, with the sizes of its rows once somebody needed them.
struct Piece {
    batch: RecordBatch,
    sizes: Option<Vec<u64>>,
}

impl Cutter {
    pub(super) fn new(digest_columns: DigestColumns) -> Self {
        Self {
            digest_columns,
            given_rows: 0,
            given_bytes: 0,
            pieces: VecDeque::new(),
            rows: 0,
            bytes: 0,
            exact: false,
        }
    }

    /// Takes rows and returns the row groups that are complete.
    pub(super) fn push(&mut self, batch: RecordBatch) -> Result<Vec<RowGroupRows>> {
        self.rows += batch.num_rows();
        if self.exact {
            let sizes = row_sizes(&batch);
            self.bytes += sizes.iter().sum::<u64>();
            self.pieces.push_back(Piece { batch, sizes: Some(sizes) });
        } else {
            self.bytes += upper_bound(&batch);
            self.pieces.push_back(Piece { batch, sizes: None });
        }
        let mut complete = Vec::new();
        while self.is_too_much() {
            let end = self.cut()?;
            complete.push(self.take(end - self.given_rows));
        }
        Ok(complete)
    }

    /// Gives away rows that belong to the row group at hand whatever follows, for whoever encodes them meanwhile: then
    /// what [`Cutter::push`] and [`Cutter::finish`] return is the rest of it.
    pub(super) fn give(&mut self) -> Vec<RecordBatch> {
        if self.given_rows + self.rows > MIN_ROWS || self.given_bytes + self.bytes > MAX_BYTES {
            return Vec::new();
        }
        let given: Vec<_> = self.pieces.drain(..).map(|piece| piece.batch).collect();
        self.given_rows += self.rows;
        self.given_bytes += given.iter().map(exact_bytes).sum::<u64>();
        (self.rows, self.bytes, self.exact) = (0, 0, false);
        given
    }

    /// What is left is the last row group.
    pub(super) fn finish(mut self) -> Option<RowGroupRows> {
        (self.rows > 0).then(|| self.take(self.rows))
    }

    fn is_too_much(&mut self) -> bool {
        let rows = self.given_rows + self.rows;
        if rows > MAX_ROWS {
            return true;
        }
        if self.given_bytes + self.bytes > MAX_BYTES && !self.exact {
            self.exact = true;
            self.bytes = self.pieces.iter_mut().map(|piece| piece.sizes().iter().sum::<u64>()).sum();
        }
        self.given_bytes + self.bytes > MAX_BYTES && rows > 1
    }

    /// The number of rows before the cut, at least one.
    fn cut(&mut self) -> Result<usize> {
        let (mut row, mut bytes) = (self.given_rows, self.given_bytes);
        let by_size = self.given_bytes + self.bytes > MAX_BYTES;
        let mut key_bytes = Vec::new();
        for piece in &mut self.pieces {
            let digest_columns = columns_of(&piece.batch, &self.digest_columns)?;
            for place in 0..piece.batch.num_rows() {
                if by_size {
                    bytes += piece.sizes().get(place).copied().unwrap_or(0);
                }
                let is_full = row == MAX_ROWS || bytes > MAX_BYTES;
                if row > 0 && is_full {
                    return Ok(row);
                }
                if row >= MIN_ROWS && key_bytes_hash(&digest_columns, place, &mut key_bytes)? & CUT_MASK == 0
                {
                    return Ok(row);
                }
                row += 1;
            }
        }
        Ok(row)
    }

    fn take(&mut self, rows: usize) -> RowGroupRows {
        let mut taken = Vec::new();
        let mut left = rows;
        while left > 0
            && let Some(piece) = self.pieces.pop_front()
        {
            let (front, back) = piece.split(left);
            left -= front.batch.num_rows();
            taken.push(front);
            back.into_iter().for_each(|back| self.pieces.push_front(back));
        }
        self.rows -= rows;
        (self.given_rows, self.given_bytes) = (0, 0);
        self.exact = false;
        self.bytes = self.pieces.iter().map(|piece| upper_bound(&piece.batch)).sum();
        RowGroupRows { pieces: taken }
    }
}

impl Piece {
    fn sizes(&mut self) -> &[u64] {
        self.sizes.get_or_insert_with(|| row_sizes(&self.batch))
    }

    /// The first rows, and the rest if there is one.
    fn split(mut self, rows: usize) -> (Self, Option<Self>) {
        let all = self.batch.num_rows();
        if rows >= all {
            return (self, None);
        }
        let rest = self.sizes.as_mut().map(|sizes| sizes.split_off(rows));
        let back = Self { batch: self.batch.slice(rows, all - rows), sizes: rest };
        (Self { batch: self.batch.slice(0, rows), sizes: self.sizes }, Some(back))
    }
}

/// The rows of one row group, or those that were not given away.
#[derive(Default)]
pub(crate) struct RowGroupRows {
    pieces: Vec<Piece>,
}

impl RowGroupRows {
    pub(super) fn into_batches(self) -> impl Iterator<Item = RecordBatch> {
        self.pieces.into_iter().map(|piece| piece.batch)
    }
}

/// Rows of one row group on their way into slices of 8,192 rows or 16 MiB, counted from the row group's start whatever
/// batches the rows come in.
#[derive(Default)]
pub(super) struct Slicer {
    parts: Vec<RecordBatch>,
    rows: usize,
    /// At least the bytes of the parts.
    bytes: u64,
    /// They are exact: rows have become so large that they decide.
    exact: bool,
}

impl Slicer {
    /// Takes rows, and writes slices that are complete.
    pub(super) fn push(
        &mut self,
        mut rows: RecordBatch,
        mut write: impl FnMut(&RecordBatch) -> Result<()>,
    ) -> Result<()> {
        while rows.num_rows() > 0 {
            let room = rows.num_rows().min(SLICE_ROWS - self.rows);
            let taken = self.fitting(&rows.slice(0, room));
            self.parts.push(rows.slice(0, taken));
            self.rows += taken;
            rows = rows.slice(taken, rows.num_rows() - taken);
            if self.rows == SLICE_ROWS || taken < room {
                self.end(&mut write)?;
            }
        }
        Ok(())
    }

    /// Writes what is left.
    pub(super) fn end(&mut self, mut write: impl FnMut(&RecordBatch) -> Result<()>) -> Result<()> {
        (self.rows, self.bytes) = (0, 0);
        let parts = std::mem::take(&mut self.parts);
        if parts.is_empty() { Ok(()) } else { write(&joined(&parts)?) }
    }

    /// How many of these rows fit the slice; at least one, if it is empty.
    fn fitting(&mut self, rows: &RecordBatch) -> usize {
        let bound = upper_bound(rows);
        if !self.exact && self.bytes + bound <= SLICE_BYTES {
            self.bytes += bound;
            return rows.num_rows();
        }
        if !self.exact {
            self.exact = true;
            self.bytes = self.parts.iter().map(exact_bytes).sum();
        }
        let mut taken = 0;
        for size in row_sizes(rows) {
            if self.bytes + size > SLICE_BYTES && self.rows + taken > 0 {
                break;
            }
            self.bytes += size;
            taken += 1;
        }
        taken
    }
}

fn joined(parts: &[RecordBatch]) -> Result<RecordBatch> {
    match parts {
        [one] => Ok(one.clone()),
        parts => {
            let schema = parts
                .first()
                .map(RecordBatch::schema)
                .unwrap_or_else(|| arrow_schema::Schema::empty().into());
            concat_batches(&schema, parts).map_err(arrow)
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::cast::AsArray;
    use arrow_array::types::Int64Type;
    use arrow_array::{BinaryArray, Int64Array};

    use super::*;

    /// The row groups of a batch that comes in pieces, each row group as one batch; rows are given away as soon as
    /// possible, or never.
    fn cut(batch: &RecordBatch, batch_rows: usize, gives: bool) -> Vec<RecordBatch> {
        let mut cutter = Cutter::new(vec![Column::Key]);
        let (mut groups, mut open) = (Vec::new(), Vec::new());
        for row in (0..batch.num_rows()).step_by(batch_rows) {
            for rest in cutter.push(batch.slice(row, batch_rows.min(batch.num_rows() - row))).unwrap() {
                open.extend(rest.into_batches());
                groups.push(joined(&std::mem::take(&mut open)).unwrap());
            }
            if gives {
                open.extend(cutter.give());
            }
        }
        open.extend(cutter.finish().into_iter().flat_map(RowGroupRows::into_batches));
        groups.push(joined(&open).unwrap());
        assert_eq!(joined(&groups).unwrap(), *batch);
        groups
    }

    fn first_keys(batch: &RecordBatch, batch_rows: usize) -> Vec<i64> {
        let groups = cut(batch, batch_rows, false);
        assert_eq!(cut(batch, batch_rows, true), groups);
        let sizes = groups.iter().rev().skip(1).map(RecordBatch::num_rows);
        assert!(
            sizes.clone().all(|rows| (MIN_ROWS..=MAX_ROWS).contains(&rows)),
            "{:?}",
            sizes.collect::<Vec<_>>()
        );
        groups.iter().map(|group| group.column(0).as_primitive::<Int64Type>().value(0)).collect()
    }

    #[test]
    fn cuts_follow_from_the_rows_alone_and_find_back_after_a_change() {
        let keys = Int64Array::from_iter_values(0..2_000_000);
        let batch = RecordBatch::try_from_iter([("key", Arc::new(keys) as _)]).unwrap();
        let cuts = first_keys(&batch, 2_000_000);
        assert!(cuts.len() >= 8, "{cuts:?}");
        assert_eq!(first_keys(&batch, 99_999), cuts);
        let changed = first_keys(&batch.slice(1_000, 1_999_000), 65_536);
        assert_eq!(changed.last(), cuts.last(), "{changed:?} and {cuts:?}");
    }

    #[test]
    fn a_group_holds_64_mib_and_a_larger_row_alone() {
        let blob = vec![7_u8; 40 << 20];
        let values = BinaryArray::from_iter_values([&blob[..1], &blob, &blob, &blob[..1]]);
        let keys = Int64Array::from_iter_values(0..4);
        let batch =
            RecordBatch::try_from_iter([("key", Arc::new(keys) as _), ("value", Arc::new(values) as _)]);
        let batch = batch.unwrap();
        for batch_rows in [1, 3, 4] {
            for gives in [false, true] {
                let groups = cut(&batch, batch_rows, gives);
                let rows: Vec<usize> = groups.iter().map(RecordBatch::num_rows).collect();
                assert_eq!(rows, [2, 2], "batches of {batch_rows}");
            }
        }
    }

    /// The rows of each slice, for batches of so many rows.
    fn slices(batch: &RecordBatch, batch_rows: usize) -> Vec<usize> {
        let (mut slicer, mut slices) = (Slicer::default(), Vec::new());
        let mut write = |slice: &RecordBatch| {
            slices.push(slice.num_rows());
            Ok(())
        };
        for row in (0..batch.num_rows()).step_by(batch_rows) {
            let rows = batch.slice(row, batch_rows.min(batch.num_rows() - row));
            slicer.push(rows, &mut write).unwrap();
        }
        slicer.end(&mut write).unwrap();
        slices
    }

    #[test]
    fn slices_are_counted_from_the_start_of_the_group() {
        let keys = Int64Array::from_iter_values(0..20_000);
        let batch = RecordBatch::try_from_iter([("key", Arc::new(keys) as _)]).unwrap();
        for batch_rows in [1_000, 8_192, 20_000] {
            assert_eq!(slices(&batch, batch_rows), [8_192, 8_192, 3_616], "batches of {batch_rows}");
        }
    }

    #[test]
    fn slices_hold_16_mib_and_a_larger_row_alone() {
        let blob = vec![7_u8; 20 << 20];
        let lengths = [1, 9 << 20, 6 << 20, 1, 3 << 20, 20 << 20, 1, 1];
        let values = BinaryArray::from_iter_values(lengths.map(|length| &blob[..length]));
        let batch = RecordBatch::try_from_iter([("value", Arc::new(values) as _)]).unwrap();
        for batch_rows in [1, 3, 8] {
            assert_eq!(slices(&batch, batch_rows), [4, 1, 1, 2], "batches of {batch_rows}");
        }
    }
}
