//! The merge join: two sorted streams of rows, walked side by side, one batch of each in memory.

use std::cmp::Ordering;

use arrow_array::{ArrayRef, RecordBatch};

use super::state::RowCounts;
use crate::error::Result;
use crate::model::RowOrder;

/// Where one row stands on either side of a comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RowChange {
    /// Only on the left: its row there.
    Removed(usize),
    /// Only on the right: its row there.
    Added(usize),
    /// On both sides with another value: its rows left and right.
    Changed(usize, usize),
    /// On both sides with the same value, accessed at another time.
    Touched(usize, usize),
}

/// What differs between a batch of the left and a batch of the right.
#[derive(Debug)]
pub struct RowChanges<'a> {
    /// The left rows; absent if the left has ended.
    pub left: Option<&'a RecordBatch>,
    /// The right rows; absent if the right has ended.
    pub right: Option<&'a RecordBatch>,
    /// The changes, in order.
    pub rows: &'a [RowChange],
}

/// Sorted rows, batch by batch.
pub(crate) type Rows<'a> = Box<dyn Iterator<Item = Result<RecordBatch>> + 'a>;

/// Picks the columns to compare out of a batch.
pub(crate) type Pick<'a> = Box<dyn Fn(&RecordBatch) -> Result<Vec<ArrayRef>> + Send + Sync + 'a>;

/// What makes two rows one, what makes them equal, and what may differ without making them different.
pub(crate) struct Comparison<'a> {
    pub(crate) identity: [Pick<'a>; 2],
    pub(crate) value: [Pick<'a>; 2],
    pub(crate) touched: [Pick<'a>; 2],
}

/// One side of the join: the batch it stands in, and the row.
struct Cursor<'a> {
    rows: Rows<'a>,
    batch: Option<RecordBatch>,
    row: usize,
}

impl<'a> Cursor<'a> {
    fn new(rows: Rows<'a>) -> Self {
        Self { rows, batch: None, row: 0 }
    }

    /// Stands at a row, unless there is none left.
    fn fill(&mut self) -> Result<()> {
        while self.batch.as_ref().is_none_or(|batch| self.row >= batch.num_rows()) {
            self.row = 0;
            self.batch = self.rows.next().transpose()?;
            if self.batch.is_none() {
                break;
            }
        }
        Ok(())
    }
}

/// Compares all rows of two sorted streams and tells every change, in order.
///
/// # Errors
/// Those of the streams and of `tell`.
pub(crate) fn merge(
    left: Rows<'_>,
    right: Rows<'_>,
    comparison: &Comparison<'_>,
    counts: &mut RowCounts,
    tell: &mut dyn FnMut(&RowChanges<'_>) -> Result<()>,
) -> Result<()> {
    let (mut left, mut right) = (Cursor::new(left), Cursor::new(right));
    let mut changes = Vec::new();
    loop {
        left.fill()?;
        right.fill()?;
        match (&left.batch, &right.batch) {
            (None, None) => return Ok(()),
            (Some(batch), None) => {
                changes.extend((left.row..batch.num_rows()).map(RowChange::Removed));
                left.row = batch.num_rows();
            }
            (None, Some(batch)) => {
                changes.extend((right.row..batch.num_rows()).map(RowChange::Added));
                right.row = batch.num_rows();
            }
            (Some(old), Some(new)) => {
                let walk = Walk::new(old, new, comparison)?;
                (left.row, right.row) = walk.run(left.row, right.row, &mut changes, counts);
            }
        }
        counts.count(&changes);
        if !changes.is_empty() {
            let (left, right) = (left.batch.as_ref(), right.batch.as_ref());
            tell(&RowChanges { left, right, rows: &changes })?;
            changes.clear();
        }
    }
}

/// A batch of the left against a batch of the right.
struct Walk {
    rows: [usize; 2],
    identity: RowOrder,
    value: RowOrder,
    touched: RowOrder,
}

impl Walk {
    fn new(left: &RecordBatch, right: &RecordBatch, comparison: &Comparison<'_>) -> Result<Self> {
        let order = |[pick_left, pick_right]: &[Pick<'_>; 2]| {
            RowOrder::between(&pick_left(left)?, &pick_right(right)?)
        };
        Ok(Self {
            rows: [left.num_rows(), right.num_rows()],
            identity: order(&comparison.identity)?,
            value: order(&comparison.value)?,
            touched: order(&comparison.touched)?,
        })
    }

    /// Goes on until one of the batches ends, and returns where it stands in both.
    fn run(
        &self,
        mut left: usize,
        mut right: usize,
        changes: &mut Vec<RowChange>,
        counts: &mut RowCounts,
    ) -> (usize, usize) {
        let [left_end, right_end] = self.rows;
        while left < left_end && right < right_end {
            match self.identity.compare(left, right) {
                Ordering::Less => {
                    changes.push(RowChange::Removed(left));
                    left += 1;
                }
                Ordering::Greater => {
                    changes.push(RowChange::Added(right));
                    right += 1;
                }
                Ordering::Equal => {
                    match self.on_both(left, right) {
                        Some(change) => changes.push(change),
                        None => counts.same += 1,
                    }
                    (left, right) = (left + 1, right + 1);
                }
            }
        }
        (left, right)
    }

    fn on_both(&self, left: usize, right: usize) -> Option<RowChange> {
        if self.value.compare(left, right).is_ne() {
            Some(RowChange::Changed(left, right))
        } else if self.touched.compare(left, right).is_ne() {
            Some(RowChange::Touched(left, right))
        } else {
            None
        }
    }
}
