//! Which of its splits a reader is at, said to what makes watermarks.

use crate::data::Data;
use crate::operators::{Out, SplitChange};

/// The split that is read, of a reader that reads one after the other.
#[derive(Debug, Default)]
pub(super) struct Reading(Option<usize>);

impl Reading {
    /// The records that follow are of this split, and the one before has ended; `None` if there is nothing to read.
    pub(super) fn turn_to<T: Data>(&mut self, split: Option<usize>, out: &mut Out<'_, T>) {
        if self.0 == split {
            return;
        }
        if let Some(ended) = std::mem::replace(&mut self.0, split) {
            out.split(SplitChange::Ends(ended));
        }
        if let Some(begun) = split {
            out.split(SplitChange::Reads(begun));
        }
    }
}
