//! Rows of a state for people: a table of the state's columns, structs spread into their fields.

use arrow_array::RecordBatch;
use spt_format::{JsonOptions, JsonValues, Projection, Type};

use super::table::{Lean, Table};
use super::text::{clean, shorten};
use crate::error::Result;
use crate::ui::Ui;

/// A cell longer than this is cut; `--json` shows values whole.
const CELL_WIDTH: usize = 60;

/// Collects rows and shows them when there are enough.
pub(crate) struct RowTable<'a> {
    projection: &'a Projection,
    table: Table,
    rows: u64,
}

impl<'a> RowTable<'a> {
    /// An empty table of these columns.
    pub(crate) fn new(projection: &'a Projection, ui: &Ui) -> Self {
        let lean = |ty: &Type| match ty {
            Type::Int8 | Type::Int16 | Type::Int32 | Type::Int64 => Lean::Right,
            Type::UInt8 | Type::UInt16 | Type::UInt32 | Type::UInt64 => Lean::Right,
            Type::Float32 | Type::Float64 | Type::Decimal { .. } => Lean::Right,
            _ => Lean::Left,
        };
        let names: Vec<(String, Lean)> =
            projection.fields().map(|(name, field)| (clean(name), lean(&field.ty))).collect();
        let table = Table::new(names.iter().map(|(name, lean)| (name.as_str(), *lean)), ui);
        Self { projection, table, rows: 0 }
    }

    /// Takes rows until there are `limit` of them.
    ///
    /// # Errors
    /// If the batch does not have the columns.
    pub(crate) fn take(&mut self, batch: &RecordBatch, limit: u64) -> Result<()> {
        let arrays = self.projection.apply(batch)?;
        let columns: Vec<JsonValues> = self
            .projection
            .fields()
            .zip(&arrays)
            .map(|((_, field), array)| JsonValues::new(field, array, JsonOptions::default()))
            .collect::<spt_format::Result<_>>()?;
        for row in 0..batch.num_rows() {
            if self.rows >= limit {
                break;
            }
            self.rows += 1;
            self.table.row(columns.iter().map(|column| shown(&column.text(row))));
        }
        Ok(())
    }

    /// Rows so far.
    pub(crate) fn rows(&self) -> u64 {
        self.rows
    }

    /// The table.
    pub(crate) fn text(&self) -> String {
        self.table.text()
    }
}

/// A value's JSON, strings without their quotes.
pub(crate) fn shown(json: &str) -> String {
    let text = match json.strip_prefix('"') {
        Some(_) => serde_json::from_str(json).unwrap_or_else(|_| json.to_owned()),
        None => json.to_owned(),
    };
    shorten(&clean(&text), CELL_WIDTH)
}
