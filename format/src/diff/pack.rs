//! Changed rows taken out of their batches, so that they can wait to be told without holding what is the same.

use arrow_array::{RecordBatch, UInt32Array};
use arrow_select::take::take_record_batch;

use super::join::Tell;
use super::merge::{RowChange, RowChanges};
use crate::error::{Error, Result};

/// Rows after which a pack is sent.
const FULL_ROWS: usize = 8_192;
/// Bytes after which it is sent.
const FULL_BYTES: usize = 1 << 20;

/// Changes of one part that follow each other.
#[derive(Default)]
pub(super) struct Pack {
    changes: Vec<Owned>,
    rows: usize,
    bytes: usize,
}

struct Owned {
    left: Option<RecordBatch>,
    right: Option<RecordBatch>,
    rows: Vec<RowChange>,
}

impl Pack {
    pub(super) fn add(&mut self, changes: &RowChanges<'_>) -> Result<()> {
        let owned = Owned::new(changes)?;
        self.rows += owned.rows.len();
        let sides = [&owned.left, &owned.right].into_iter().flatten();
        self.bytes += sides.map(RecordBatch::get_array_memory_size).sum::<usize>();
        self.changes.push(owned);
        Ok(())
    }

    pub(super) fn is_full(&self) -> bool {
        self.rows >= FULL_ROWS || self.bytes >= FULL_BYTES
    }

    pub(super) fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    pub(super) fn tell(&self, tell: &mut Tell<'_>) -> Result<()> {
        self.changes.iter().try_for_each(|Owned { left, right, rows }| {
            tell(&RowChanges { left: left.as_ref(), right: right.as_ref(), rows })
        })
    }
}

impl Owned {
    fn new(changes: &RowChanges<'_>) -> Result<Self> {
        let (mut left, mut right) = (Picked::default(), Picked::default());
        let rows = changes.rows.iter().map(|change| match *change {
            RowChange::Removed(old) => RowChange::Removed(left.pick(old)),
            RowChange::Added(new) => RowChange::Added(right.pick(new)),
            RowChange::Changed(old, new) => RowChange::Changed(left.pick(old), right.pick(new)),
            RowChange::Touched(old, new) => RowChange::Touched(left.pick(old), right.pick(new)),
        });
        let rows = rows.collect();
        Ok(Self { left: left.take(changes.left)?, right: right.take(changes.right)?, rows })
    }
}

/// Rows of one batch that are taken, and with them their new places.
#[derive(Default)]
struct Picked(Vec<u32>);

impl Picked {
    fn pick(&mut self, row: usize) -> usize {
        // A batch has some thousand rows.
        self.0.push(row as u32);
        self.0.len() - 1
    }

    fn take(self, batch: Option<&RecordBatch>) -> Result<Option<RecordBatch>> {
        let rows = UInt32Array::from(self.0);
        let taken = batch.map(|batch| take_record_batch(batch, &rows)).transpose();
        taken.map_err(|error| Error::invalid("changed rows").caused_by(error))
    }
}
