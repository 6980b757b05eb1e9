//! The order of elements in sets and of entries in maps: Java's hash tables have none of their own.
//!
//! # Source
//! `SPEC.md` ("Order"), by way of the model's [`RowOrder`].

use std::slice;

use arrow_array::{ArrayRef, UInt32Array};
use arrow_buffer::OffsetBuffer;
use spt_format::{Result, RowOrder};

use super::column::refused;

/// Where each value goes; `None` where all stand right already.
pub(super) struct Permutation(Option<UInt32Array>);

/// Sorts the values inside each run.
pub(super) fn sort_runs(values: &ArrayRef, runs: &OffsetBuffer<i32>) -> Result<Permutation> {
    let order = RowOrder::between(slice::from_ref(values), slice::from_ref(values))?;
    let mut places: Vec<u32> = (0..values.len() as u32).collect();
    let mut moved = false;
    for run in runs.windows(2) {
        let &[start, end] = run else { continue };
        let Some(run) = places.get_mut(start as usize..end as usize) else { continue };
        if !run.is_sorted_by(|a, b| order.compare(*a as usize, *b as usize).is_le()) {
            run.sort_by(|a, b| order.compare(*a as usize, *b as usize));
            moved = true;
        }
    }
    Ok(Permutation(moved.then(|| places.into())))
}

impl Permutation {
    /// The values in their new places.
    pub(super) fn apply(&self, values: &ArrayRef) -> Result<ArrayRef> {
        match &self.0 {
            None => Ok(values.clone()),
            Some(places) => arrow_select::take::take(values, places, None).map_err(refused),
        }
    }
}
