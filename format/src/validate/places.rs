//! The places of a list's elements: from 0 on, without a gap.
//!
//! A restore appends elements in their order and refuses a list with a gap, because one is missing then.

use std::cmp::Ordering;

use arrow_array::cast::AsArray;
use arrow_array::types::UInt64Type;
use arrow_array::{RecordBatch, UInt64Array};

use crate::error::{Error, Result};
use crate::model::{Column, RowOrder, State, StateKind};

/// Watches the elements of lists as their rows go by, in order.
#[derive(Debug, Default)]
pub(super) struct Places {
    /// The row before, alone in its batch.
    last: Option<RecordBatch>,
}

/// An element whose place does not follow.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Gap {
    /// The row in its batch.
    pub(super) row: usize,
    /// The place it has.
    pub(super) found: u64,
    /// The place it should have.
    pub(super) expected: u64,
}

impl Places {
    /// Looks at more rows. Of the very first the place is taken as it comes if it may be in the middle of a list.
    ///
    /// # Errors
    /// If the rows are none of a list.
    pub(super) fn watch(&mut self, state: &State, batch: &RecordBatch, from_start: bool) -> Result<Vec<Gap>> {
        if state.kind != StateKind::List || batch.num_rows() == 0 {
            return Ok(Vec::new());
        }
        let columns: Vec<Column> = state.schema.sort_columns(state.kind);
        let list: Vec<Column> = columns.into_iter().filter(|column| *column != Column::Index).collect();
        let places = places(batch)?;
        let within = RowOrder::of_batches(batch, batch, &list)?;
        let mut gaps = Vec::new();
        let first = match &self.last {
            Some(last) => {
                let same = RowOrder::of_batches(last, batch, &list)?.compare(0, 0) == Ordering::Equal;
                Some(if same { self::places(last)?.value(0).wrapping_add(1) } else { 0 })
            }
            None => from_start.then_some(0),
        };
        let mut expected = first.unwrap_or_else(|| places.value(0));
        for row in 0..places.len() {
            if row > 0 {
                let same = within.compare(row - 1, row) == Ordering::Equal;
                expected = if same { places.value(row - 1).wrapping_add(1) } else { 0 };
            }
            let found = places.value(row);
            if found != expected {
                gaps.push(Gap { row, found, expected });
            }
        }
        self.last = Some(batch.slice(batch.num_rows() - 1, 1));
        Ok(gaps)
    }
}

fn places(batch: &RecordBatch) -> Result<&UInt64Array> {
    let column = batch.column_by_name(Column::Index.name());
    let places = column.and_then(|column| column.as_primitive_opt::<UInt64Type>());
    places.ok_or_else(|| Error::invalid("a list's rows have no index"))
}
