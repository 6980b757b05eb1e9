//! The merge that applies a patch: sorted rows, and sorted lines about some of them.
//!
//! ```text
//! rows    a b c d e f          lines   ~c  -e  +g
//! result  a b ─ d ─ f ─        runs of rows nothing is said about pass as slices
//!             c'      g
//! ```

use std::cmp::Ordering;

use arrow_array::{ArrayRef, RecordBatch};
use arrow_select::interleave::interleave_record_batch;

use super::rows::{Op, PatchRows, RowFormat};
use crate::error::{Error, Result};
use crate::model::{Column, RowOrder, columns_of};

/// Applies lines to rows.
pub(super) struct Splice<'a> {
    identity: Vec<Column>,
    rest: Vec<Column>,
    /// The columns that order rows, as places among those that identify them.
    order: Vec<usize>,
    write: &'a mut dyn FnMut(&RecordBatch) -> Result<()>,
}

/// The rows of a state, batch by batch, and where they stand.
struct Rows<'r> {
    batches: &'r mut dyn Iterator<Item = Result<RecordBatch>>,
    batch: Option<RecordBatch>,
    row: usize,
}

/// Lines of a patch, batch by batch, and where they stand.
struct Ops<'r> {
    batches: &'r mut dyn Iterator<Item = Result<PatchRows>>,
    batch: Option<PatchRows>,
    op: usize,
    /// How many of them had a before, and how many an after.
    before: usize,
    after: usize,
    /// What identifies the last row that something was said about.
    last: Option<Vec<ArrayRef>>,
}

/// Which rows of a batch and of a patch come out, in order: 0 for the batch, 1 for the patch.
type Picks = Vec<(usize, usize)>;

impl<'a> Splice<'a> {
    pub(super) fn new(
        format: &RowFormat,
        sort_columns: &[Column],
        write: &'a mut dyn FnMut(&RecordBatch) -> Result<()>,
    ) -> Self {
        let identity = format.identity();
        let place = |column: &Column| identity.iter().position(|found| found == column);
        let order = sort_columns.iter().filter_map(place).collect();
        Self { identity, rest: format.rest(), order, write }
    }

    /// Writes the rows with the lines applied.
    ///
    /// # Errors
    /// With the line, if a row is not as the patch says it was, or the lines are not in the order of the rows.
    pub(super) fn run(
        &mut self,
        rows: &mut dyn Iterator<Item = Result<RecordBatch>>,
        ops: &mut dyn Iterator<Item = Result<PatchRows>>,
    ) -> Result<()> {
        let mut rows = Rows { batches: rows, batch: None, row: 0 };
        let mut ops = Ops { batches: ops, batch: None, op: 0, before: 0, after: 0, last: None };
        loop {
            rows.fill()?;
            ops.fill(self)?;
            match (&rows.batch, &ops.batch) {
                (None, None) => return Ok(()),
                (Some(batch), None) => {
                    (self.write)(&batch.slice(rows.row, batch.num_rows() - rows.row))?;
                    rows.batch = None;
                }
                (None, Some(patch)) => {
                    if let Some((_, line)) = patch.ops.iter().skip(ops.op).find(|(op, _)| op.has_before()) {
                        return Err(gone(*line));
                    }
                    (self.write)(&patch.after.slice(ops.after, patch.after.num_rows() - ops.after))?;
                    ops.batch = None;
                }
                (Some(batch), Some(patch)) => {
                    let mut at = At { row: rows.row, op: ops.op, before: ops.before, after: ops.after };
                    let picks = self.walk(batch, patch, &mut at)?;
                    self.write_picks(batch, patch, &picks)?;
                    (rows.row, ops.op, ops.before, ops.after) = (at.row, at.op, at.before, at.after);
                }
            }
        }
    }

    /// Goes on until the batch or the patch ends.
    fn walk(&self, batch: &RecordBatch, patch: &PatchRows, at: &mut At) -> Result<Picks> {
        let identity = columns_of(batch, &self.identity)?;
        let order = RowOrder::between(&self.ordered(&identity), &self.ordered(&patch.identity))?;
        let rest = RowOrder::between(&columns_of(batch, &self.rest)?, &patch.before)?;
        let mut picks = Picks::new();
        while let Some((op, line)) = patch.ops.get(at.op).copied().filter(|_| at.row < batch.num_rows()) {
            let end = first_not_less(at.row..batch.num_rows(), |row| order.compare(row, at.op));
            picks.extend((at.row..end).map(|row| (0, row)));
            at.row = end;
            if end == batch.num_rows() {
                break;
            }
            let is_there = order.compare(end, at.op).is_eq();
            match (op, is_there) {
                (Op::Add, true) => {
                    return Err(Error::invalid("the row it adds is there already").within(place(line)));
                }
                (Op::Remove | Op::Change, false) => return Err(gone(line)),
                (Op::Remove | Op::Change, true) if rest.compare(end, at.before).is_ne() => {
                    let what = "the row is not what the patch was made from";
                    return Err(Error::invalid(what).within(place(line)));
                }
                _ => {}
            }
            at.row += usize::from(is_there);
            at.before += usize::from(op.has_before());
            if op.has_after() {
                picks.push((1, at.after));
                at.after += 1;
            }
            at.op += 1;
        }
        Ok(picks)
    }

    fn write_picks(&mut self, batch: &RecordBatch, patch: &PatchRows, picks: &Picks) -> Result<()> {
        let (Some((_, first)), Some((_, last))) = (picks.first(), picks.last()) else { return Ok(()) };
        let nothing_said = picks.iter().all(|(side, _)| *side == 0);
        if nothing_said && last - first + 1 == picks.len() {
            return (self.write)(&batch.slice(*first, picks.len()));
        }
        let mixed = interleave_record_batch(&[batch, &patch.after], picks);
        (self.write)(&mixed.map_err(|error| Error::invalid("splice").caused_by(error))?)
    }

    fn ordered(&self, identity: &[ArrayRef]) -> Vec<ArrayRef> {
        self.order.iter().filter_map(|place| identity.get(*place).cloned()).collect()
    }
}

/// Where a walk stands: in the batch, in the lines, and in what lines had before and have after.
struct At {
    row: usize,
    op: usize,
    before: usize,
    after: usize,
}

impl Rows<'_> {
    /// Stands at a row, unless there is none left.
    fn fill(&mut self) -> Result<()> {
        while self.batch.as_ref().is_none_or(|batch| self.row >= batch.num_rows()) {
            (self.row, self.batch) = (0, self.batches.next().transpose()?);
            if self.batch.is_none() {
                break;
            }
        }
        Ok(())
    }
}

impl Ops<'_> {
    /// Stands at a line, unless there is none left.
    fn fill(&mut self, splice: &Splice<'_>) -> Result<()> {
        if self.batch.as_ref().is_some_and(|batch| self.op < batch.ops.len()) {
            return Ok(());
        }
        self.batch = self.batches.next().transpose()?;
        (self.op, self.before, self.after) = (0, 0, 0);
        let Some(batch) = &self.batch else { return Ok(()) };
        let identity = splice.ordered(&batch.identity);
        let within = RowOrder::between(&identity, &identity)?;
        let last = self.last.take().map(|last| RowOrder::between(&last, &identity)).transpose()?;
        for (row, (_, line)) in batch.ops.iter().enumerate() {
            let order = match (row.checked_sub(1), &last) {
                (Some(previous), _) => within.compare(previous, row),
                (None, Some(last)) => last.compare(0, row),
                (None, None) => Ordering::Less,
            };
            if order.is_ge() {
                return Err(Error::invalid("rows are not in order, or one comes twice").within(place(*line)));
            }
        }
        let end = batch.ops.len().saturating_sub(1);
        self.last = Some(identity.iter().map(|column| column.slice(end, 1)).collect());
        Ok(())
    }
}

/// The first of these sorted rows that is not less.
fn first_not_less(rows: std::ops::Range<usize>, order: impl Fn(usize) -> Ordering) -> usize {
    let (mut low, mut high) = (rows.start, rows.end);
    while low < high {
        let middle = low + (high - low) / 2;
        if order(middle).is_lt() {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    low
}

fn place(line: u64) -> String {
    format!("line {line}")
}

fn gone(line: u64) -> Error {
    Error::invalid("there is no such row to change").within(place(line))
}
