//! Sets a source back, or forth: one split gets another position.

use std::cell::RefCell;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::{ArrayRef, BooleanArray, Datum, RecordBatch, Scalar, StructArray};
use arrow_select::zip::zip;

use super::rewrite::{column, misfit, replace};
use crate::error::{Error, Result};
use crate::import::array_from_text;
use crate::model::{Column, State};
use crate::select::Splits;

/// Splits that an error lists.
const LISTED: usize = 20;

/// What one split is to become, and what was seen of all.
pub(super) struct OffsetEdit {
    splits: Splits,
    split: String,
    /// The new position, or why it is none.
    position: Result<Scalar<ArrayRef>, String>,
    seen: RefCell<Seen>,
}

#[derive(Default)]
struct Seen {
    names: Vec<String>,
    more: usize,
    /// The places of splits of the name that is looked for.
    found: Vec<String>,
}

impl OffsetEdit {
    pub(super) fn new(state: &State, split: &str, position: &str) -> Result<Self> {
        let splits = Splits::of(state).ok_or_else(|| Error::bad_request("the state holds no splits"))?;
        // Told at the end, when it can be told which splits there are.
        let parsed =
            array_from_text(splits.position(), position).map(Scalar::new).map_err(|error| error.to_string());
        Ok(Self { splits, split: split.to_owned(), position: parsed, seen: RefCell::default() })
    }

    /// The batch with the split where it is to be.
    pub(super) fn apply(&self, batch: &RecordBatch) -> Result<RecordBatch> {
        let mut is_meant = Vec::with_capacity(batch.num_rows());
        let mut seen = self.seen.borrow_mut();
        for (name, place) in self.splits.names(batch)? {
            is_meant.push(self.split == name || self.split == place);
            if is_meant.last() == Some(&true) {
                seen.found.push(place);
            }
            if seen.names.len() < LISTED {
                seen.names.push(name);
            } else {
                seen.more += 1;
            }
        }
        let (Ok(position), true) = (&self.position, is_meant.contains(&true)) else {
            return Ok(batch.clone());
        };
        let values = column(batch, Column::Value)?;
        let values = values.as_struct_opt().ok_or_else(|| Error::invalid("a split is no struct"))?;
        let (fields, mut columns, nulls) = values.clone().into_parts();
        let is_meant = BooleanArray::from(is_meant);
        let mut set = |index: usize, value: &dyn Datum| {
            let old = columns.get_mut(index).ok_or_else(|| Error::invalid("a split has no position"))?;
            *old = zip(&is_meant, value, old).map_err(|error| misfit("position", error))?;
            Ok(())
        };
        set(self.splits.position_index(), position)?;
        if let Some(done) = self.splits.done_index() {
            set(done, &BooleanArray::new_scalar(false))?;
        }
        let values =
            StructArray::try_new(fields, columns, nulls).map_err(|error| misfit("position", error))?;
        replace(batch, Column::Value, Arc::new(values))
    }

    /// Says whether there was one such split, and a position for it.
    pub(super) fn finish(&self) -> Result<()> {
        let seen = self.seen.borrow();
        let (split, there) = (&self.split, seen.listed());
        match (&self.position, seen.found.as_slice()) {
            (_, []) => Err(Error::not_found(format!("there is no split {split}; there are: {there}"))),
            (Err(reason), _) => Err(Error::bad_request(format!("{reason}; the splits are: {there}"))),
            (Ok(_), [_]) => Ok(()),
            (Ok(_), several) => Err(Error::bad_request(format!(
                "{split} is the name of several splits; name one by its place: {}",
                several.iter().take(LISTED).cloned().collect::<Vec<_>>().join(", ")
            ))),
        }
    }
}

impl Seen {
    fn listed(&self) -> String {
        let names = if self.names.is_empty() { "none".to_owned() } else { self.names.join(", ") };
        if self.more == 0 { names } else { format!("{names} and {} more", self.more) }
    }
}
