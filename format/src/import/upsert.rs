//! Imported rows over those of a state that is there: an entry that is in both is the imported one.
//!
//! ```text
//! there      a 1  b 2        c 3
//! imported        b 7  b2 8        ─►  a 1  b 7  b2 8  c 3
//! ```
//!
//! Both come in the model's order, so one pass in fixed memory is enough. A key's list is one entry.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::{ArrayRef, BooleanArray, RecordBatch};
use arrow_schema::{DataType, Field as ArrowField, Schema, SchemaRef};
use arrow_select::filter::filter_record_batch;

use crate::error::{Error, Result};
use crate::model::{Column, RowOrder, State};
use crate::sort::{Batches, SortedRows};

/// Marks the rows that were imported while both are merged.
const IMPORTED: &str = "imported";

/// The rows of a state after an upsert.
pub(super) struct Upserted {
    rows: SortedRows,
    /// Columns that tell entries apart.
    entry: Vec<Column>,
    /// The last row of the batch before, and whether its entry was imported.
    last: Option<(RecordBatch, bool)>,
}

impl Upserted {
    /// # Errors
    /// As the first batches of both.
    pub(super) fn new(state: &State, existing: Batches, imported: Batches) -> Result<Self> {
        let mut entry = state.schema.sort_columns(state.kind);
        entry.retain(|column| *column != Column::Index);
        let table = state.schema.to_arrow(state.kind)?;
        let mut fields: Vec<_> = table.fields().iter().cloned().collect();
        fields.push(Arc::new(ArrowField::new(IMPORTED, DataType::Boolean, false)));
        let schema = Arc::new(Schema::new(fields));
        // The imported rows come first, so that the first row of an entry decides.
        let tables = vec![marked(imported, true, &schema), marked(existing, false, &schema)];
        let rows = SortedRows::merge(schema, entry.clone(), tables)?;
        Ok(Self { rows, entry, last: None })
    }

    fn keep(&mut self, batch: &RecordBatch) -> Result<RecordBatch> {
        let rows = batch.num_rows();
        let marks = batch.columns().last().and_then(|column| column.as_boolean_opt()).cloned();
        let marks = marks.ok_or_else(|| Error::invalid("merged rows are not marked"))?;
        let order = RowOrder::of_batches(batch, batch, &self.entry)?;
        let mut replaced = match &self.last {
            Some((last, replaced)) => {
                let same = RowOrder::of_batches(last, batch, &self.entry)?.compare(0, 0).is_eq();
                same.then_some(*replaced)
            }
            None => None,
        };
        let mut kept = Vec::with_capacity(rows);
        for row in 0..rows {
            if row > 0 && order.compare(row - 1, row).is_ne() {
                replaced = None;
            }
            let is_replaced = *replaced.get_or_insert(marks.value(row));
            kept.push(marks.value(row) || !is_replaced);
        }
        self.last = Some((batch.slice(rows - 1, 1), replaced.unwrap_or(false)));
        let columns: Vec<usize> = (0..batch.num_columns() - 1).collect();
        batch
            .project(&columns)
            .and_then(|batch| filter_record_batch(&batch, &BooleanArray::from(kept)))
            .map_err(|error| Error::invalid("merged rows").caused_by(error))
    }
}

impl Iterator for Upserted {
    type Item = Result<RecordBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        Some(match self.rows.next()? {
            Ok(batch) if batch.num_rows() > 0 => self.keep(&batch),
            other => other,
        })
    }
}

fn marked(rows: Batches, imported: bool, schema: &SchemaRef) -> Batches {
    let schema = schema.clone();
    Box::new(rows.map(move |batch| {
        let batch = batch?;
        let mark: ArrayRef = Arc::new(BooleanArray::from(vec![imported; batch.num_rows()]));
        let columns = batch.columns().iter().cloned().chain([mark]).collect();
        RecordBatch::try_new(schema.clone(), columns)
            .map_err(|error| Error::invalid("rows to merge").caused_by(error))
    }))
}
