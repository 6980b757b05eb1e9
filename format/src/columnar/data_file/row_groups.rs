//! Where the rows of a block are cut into row groups: `SPEC.md`, "Row groups".
//!
//! The cut follows from the rows alone. As long as more rows are left than fit one row group, a group ends
//! before the first row from the 131,072nd on whose key digest ends in 16 zero bits, so that a change in one
//! place does not move every later cut; at the latest when it is full.

use std::collections::VecDeque;

use arrow_array::RecordBatch;
use arrow_select::concat::concat_batches;

use super::arrow;
use super::sizes::{row_sizes, upper_bound};
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
pub(super) struct Cutter {
    digest_columns: DigestColumns,
    pieces: VecDeque<Piece>,
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
        Self { digest_columns, pieces: VecDeque::new(), rows: 0, bytes: 0, exact: false }
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
            complete.push(self.take(end));
        }
        Ok(complete)
    }

    /// What is left is the last row group.
    pub(super) fn finish(mut self) -> Option<RowGroupRows> {
        (self.rows > 0).then(|| self.take(self.rows))
    }

    fn is_too_much(&mut self) -> bool {
        if self.rows > MAX_ROWS {
            return true;
        }
        if self.bytes > MAX_BYTES && !self.exact {
            self.exact = true;
            self.bytes = self.pieces.iter_mut().map(|piece| piece.sizes().iter().sum::<u64>()).sum();
        }
        self.bytes > MAX_BYTES && self.rows > 1
    }

    /// The number of rows before the cut, at least one.
    fn cut(&mut self) -> Result<usize> {
        let (mut row, mut bytes) = (0, 0);
        let by_size = self.bytes > MAX_BYTES;
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
        self.exact = false;
        self.bytes = self.pieces.iter().map(|piece| upper_bound(&piece.batch)).sum();
        RowGroupRows { pieces: taken, rows }
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

/// The rows of one row group.
pub(crate) struct RowGroupRows {
    pieces: Vec<Piece>,
    pub(super) rows: usize,
}

impl RowGroupRows {
    /// The first row, as a batch.
    pub(super) fn first(&self) -> Option<RecordBatch> {
        self.pieces.first().map(|piece| piece.batch.slice(0, 1))
    }

    /// The last row, as a batch.
    pub(super) fn last(&self) -> Option<RecordBatch> {
        self.pieces.last().map(|piece| piece.batch.slice(piece.batch.num_rows() - 1, 1))
    }

    /// The rows in slices of 8,192 rows or 16 MiB, counted from the row group's start whatever batches the
    /// rows came in.
    pub(super) fn for_each_slice(mut self, mut write: impl FnMut(&RecordBatch) -> Result<()>) -> Result<()> {
        let by_size = self.pieces.iter().map(|piece| upper_bound(&piece.batch)).sum::<u64>() > SLICE_BYTES;
        let (mut parts, mut rows, mut bytes) = (Vec::new(), 0, 0);
        for piece in &mut self.pieces {
            let mut start = 0;
            let all = piece.batch.num_rows();
            while start < all {
                let room = SLICE_ROWS - rows;
                let fitting =
                    if by_size { fitting(piece.sizes(), start, &mut bytes, rows == 0) } else { all };
                let taken = room.min(all - start).min(fitting);
                parts.push(piece.batch.slice(start, taken));
                (rows, start) = (rows + taken, start + taken);
                if rows == SLICE_ROWS || start < all {
                    write(&joined(&parts)?)?;
                    (parts, rows, bytes) = (Vec::new(), 0, 0);
                }
            }
        }
        if rows > 0 {
            write(&joined(&parts)?)?;
        }
        Ok(())
    }
}

/// How many rows from `start` on fit a slice that has `bytes` already; one, if it is empty.
fn fitting(sizes: &[u64], start: usize, bytes: &mut u64, is_empty: bool) -> usize {
    let mut taken = 0;
    for size in sizes.iter().skip(start).take(SLICE_ROWS) {
        let is_first = is_empty && taken == 0;
        if *bytes + size > SLICE_BYTES && !is_first {
            break;
        }
        *bytes += size;
        taken += 1;
    }
    taken
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

    fn cut(batch: &RecordBatch, batch_rows: usize) -> Vec<RowGroupRows> {
        let mut cutter = Cutter::new(vec![Column::Key]);
        let mut groups = Vec::new();
        for row in (0..batch.num_rows()).step_by(batch_rows) {
            groups.extend(cutter.push(batch.slice(row, batch_rows.min(batch.num_rows() - row))).unwrap());
        }
        groups.extend(cutter.finish());
        groups
    }

    fn first_keys(batch: &RecordBatch, batch_rows: usize) -> Vec<i64> {
        let groups = cut(batch, batch_rows);
        assert_eq!(groups.iter().map(|group| group.rows).sum::<usize>(), batch.num_rows());
        let sizes = groups.iter().rev().skip(1).map(|group| group.rows);
        assert!(
            sizes.clone().all(|rows| (MIN_ROWS..=MAX_ROWS).contains(&rows)),
            "{:?}",
            sizes.collect::<Vec<_>>()
        );
        groups
            .iter()
            .map(|group| group.first().unwrap().column(0).as_primitive::<Int64Type>().value(0))
            .collect()
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
            let rows: Vec<usize> = cut(&batch, batch_rows).iter().map(|group| group.rows).collect();
            assert_eq!(rows, [2, 2], "batches of {batch_rows}");
        }
    }

    #[test]
    fn slices_are_counted_from_the_start_of_the_group() {
        let keys = Int64Array::from_iter_values(0..20_000);
        let batch = RecordBatch::try_from_iter([("key", Arc::new(keys) as _)]).unwrap();
        for batch_rows in [1_000, 8_192, 20_000] {
            let mut slices = Vec::new();
            for group in cut(&batch, batch_rows) {
                group
                    .for_each_slice(|slice| {
                        slices.push(slice.num_rows());
                        Ok(())
                    })
                    .unwrap();
            }
            assert_eq!(slices, [8_192, 8_192, 3_616], "batches of {batch_rows}");
        }
    }
}
