//! Where sources stand now: splits whose position moved, collected while rows are compared.

use spt_format::{PositionChange, Positions, Result, RowChange, RowChanges, State};

/// More splits than this are counted as rows and not told one by one.
const MAX_TOLD: usize = 100_000;

/// The splits of one state that moved.
#[derive(Default)]
pub(super) struct Moves {
    positions: Option<(Positions, Positions)>,
    pub(super) told: Vec<PositionChange>,
    pub(super) untold: u64,
}

impl Moves {
    /// Of a state on both sides, if it says where a source stands.
    pub(super) fn of(left: Option<&State>, right: Option<&State>) -> Self {
        let positions = left.and_then(Positions::of).zip(right.and_then(Positions::of));
        Self { positions, ..Self::default() }
    }

    /// Takes the changes of a batch.
    ///
    /// # Errors
    /// If the batches do not have the state's columns.
    pub(super) fn take(&mut self, changes: &RowChanges<'_>) -> Result<()> {
        let (Some((before, now)), Some(left), Some(right)) = (&self.positions, changes.left, changes.right)
        else {
            return Ok(());
        };
        for change in changes.rows {
            let RowChange::Changed(old, new) = *change else { continue };
            if self.told.len() >= MAX_TOLD {
                self.untold += 1;
                continue;
            }
            let change = before.change((left, old), now, (right, new))?;
            if change.before != change.after {
                self.told.push(change);
            }
        }
        Ok(())
    }
}
