//! The watermark of an operator that needs it: kept with its state, so that what was late stays late.

use spt_format::StateKind;

use crate::error::Result;
use crate::operators::Watermark;
use crate::savepoint::{ListPart, Snapshot, StateSlot};
use crate::state::Declaration;
use crate::tasks::TaskContext;

/// Stands for no watermark in a snapshot, as in Flink.
const NONE: i64 = i64::MIN;

/// The watermark in one subtask. It is a union list with an element of each subtask: after a restore every one
/// begins with the lowest, since nobody knows whose keys it has.
#[derive(Debug)]
pub(crate) struct WatermarkState {
    now: Option<i64>,
    slot: StateSlot,
}

impl WatermarkState {
    /// What the plan says of it.
    pub(crate) fn declaration() -> Declaration {
        Declaration::per_subtask::<i64>("watermark", StateKind::Union)
    }

    /// As it was in the snapshot. The highest there is says that the input had ended: one that goes on after all
    /// begins anew.
    pub(crate) fn open(context: &TaskContext, slot: StateSlot) -> Result<Self> {
        let (_, all) = context.elements::<i64>(slot)?;
        let lowest = all.into_iter().min();
        Ok(Self { now: lowest.filter(|lowest| !matches!(*lowest, NONE | i64::MAX)), slot })
    }

    /// No record before it follows, in ms since 1970.
    pub(crate) fn now(&self) -> Option<i64> {
        self.now
    }

    /// It has moved.
    pub(crate) fn advance(&mut self, watermark: Watermark) {
        self.now = self.now.max(Some(watermark.0));
    }

    /// Adds it to a snapshot: also that there is none, which is lower than any.
    pub(crate) fn keep(&self, snapshot: &mut Snapshot) {
        snapshot.keep(self.slot, ListPart(vec![self.now.unwrap_or(NONE)]));
    }
}
