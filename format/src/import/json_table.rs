//! Rows that come as JSON objects, one a line or one a CSV record, as batches of a state's table.
//!
//! ```text
//! {"key":"a","value":3}                     a row
//! {"key":"a","value":[1,2]}                 a whole list: a row per element
//! {"key":"a","index":0,"value":1}           one element of a list
//! {"user":"a","count":3,"total":1.5}        `key` is called `user`; the rest is the value's fields
//! ```

use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::Schema;
use serde_json::{Map, Value};

use super::from_json::array_from_json;
use super::names::ColumnNames;
use crate::error::{Error, Result, ResultExt};
use crate::model::{Column, Field, StateKind, StateSchema, Type};

/// The line where a row stands, and its members.
pub(super) type JsonRow = (u64, Map<String, Value>);

/// Rows of the table, and the line each came from. Columns that no row has are missing.
pub(super) struct PlacedRows {
    pub(super) batch: RecordBatch,
    pub(super) lines: Vec<u64>,
}

/// Turns JSON objects into rows of one state.
pub(super) struct JsonTable {
    columns: Vec<(Column, Field)>,
    names: ColumnNames,
    /// A value without `index` is a whole list.
    whole_lists: bool,
}

/// One value per column, where there is one.
type Cells = Vec<Option<Value>>;

impl JsonTable {
    /// # Errors
    /// As [`StateSchema::columns`].
    pub(super) fn new(
        kind: StateKind,
        schema: &StateSchema,
        names: ColumnNames,
        whole_lists: bool,
    ) -> Result<Self> {
        let whole_lists = whole_lists && kind == StateKind::List;
        Ok(Self { columns: schema.columns(kind)?, names, whole_lists })
    }

    /// The rows of these objects.
    ///
    /// # Errors
    /// With line and column, if a value is not of its type, missing, or unknown.
    pub(super) fn rows(&self, objects: Vec<JsonRow>) -> Result<PlacedRows> {
        let (mut rows, mut lines) = (Vec::with_capacity(objects.len()), Vec::with_capacity(objects.len()));
        for (line, members) in objects {
            let cells = self.cells(members).and_then(|cells| self.elements(cells));
            for cells in cells.within(|| super::lines::place(line))? {
                rows.push(cells);
                lines.push(line);
            }
        }
        let (mut fields, mut arrays) = (Vec::new(), Vec::new());
        for (place, (column, field)) in self.columns.iter().enumerate() {
            let values: Vec<Option<&Value>> =
                rows.iter().map(|cells| cells.get(place).and_then(Option::as_ref)).collect();
            if values.iter().all(Option::is_none) && !rows.is_empty() {
                continue;
            }
            let present = |row: usize, value: &Option<&Value>| {
                let missing = || Error::bad_request(format!("there is no {:?}", self.names.of(*column)));
                value.map(|_| ()).ok_or_else(missing).within(|| place_of(&lines, row))
            };
            values.iter().enumerate().try_for_each(|(row, value)| present(row, value))?;
            let array = array_from_json(field, &values).map_err(|error| {
                let alone = |row: usize| array_from_json(field, values.get(row..=row).unwrap_or_default());
                let bad = (0..values.len()).find_map(|row| Some((row, alone(row).err()?)));
                bad.map_or(error, |(row, error)| error.within(place_of(&lines, row)))
            })?;
            fields.push(field.to_arrow());
            arrays.push(array);
        }
        let batch = RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays);
        let batch = batch.map_err(|error| Error::bad_request("rows").caused_by(error))?;
        Ok(PlacedRows { batch, lines })
    }

    /// Deals the members of an object out to columns.
    fn cells(&self, mut members: Map<String, Value>) -> Result<Cells> {
        let spread = self.names.spreads_value(members.contains_key(Column::Value.name()));
        let mut cells: Cells = self
            .columns
            .iter()
            .map(|(column, _)| match column {
                Column::Value if spread => None,
                column => members.remove(self.names.of(*column)),
            })
            .collect();
        if let Some((place, _)) = self.value().filter(|(_, field)| spread && is_struct(field)) {
            let named = std::mem::take(&mut members).into_iter();
            let (value, rest): (Map<_, _>, Map<_, _>) =
                named.partition(|(name, _)| self.names.is_value_field(name));
            members = rest;
            if let Some(cell) = cells.get_mut(place).filter(|_| !value.is_empty()) {
                *cell = Some(Value::Object(value));
            }
        }
        // A column that can be computed may always be there.
        members.remove(Column::KeyGroup.name());
        match members.keys().next() {
            Some(unknown) if !self.names.leaves_out() => {
                let known: Vec<&str> =
                    self.columns.iter().map(|(column, _)| self.names.of(*column)).collect();
                let known = known.join(", ");
                Err(Error::bad_request(format!("there is no column {unknown:?}; there are {known}")))
            }
            _ => Ok(cells),
        }
    }

    fn value(&self) -> Option<(usize, &Field)> {
        let place = self.columns.iter().position(|(column, _)| *column == Column::Value)?;
        Some((place, &self.columns.get(place)?.1))
    }

    /// The rows of a line: one, or one for each element of its list.
    fn elements(&self, cells: Cells) -> Result<Vec<Cells>> {
        let at = |wanted: Column| self.columns.iter().position(|(column, _)| *column == wanted);
        let (Some(index), Some(value)) = (at(Column::Index), at(Column::Value)) else {
            return Ok(vec![cells]);
        };
        if !self.whole_lists || cells.get(index).is_some_and(Option::is_some) {
            return Ok(vec![cells]);
        }
        let elements = list(&cells, value)?.ok_or_else(|| Error::bad_request("there is no value"))?;
        let touched = at(Column::LastAccess);
        let times = touched.map(|place| list(&cells, place)).transpose()?.flatten();
        if times.as_ref().is_some_and(|times| times.len() != elements.len()) {
            return Err(Error::bad_request("value and last_access are lists of different lengths"));
        }
        let mut rows = Vec::with_capacity(elements.len());
        for (number, element) in elements.into_iter().enumerate() {
            let mut row = cells.clone();
            let time = times.as_ref().and_then(|times| times.get(number).cloned());
            for (place, cell) in row.iter_mut().enumerate() {
                if place == value {
                    *cell = Some(element.clone());
                } else if place == index {
                    *cell = Some(Value::from(number));
                } else if Some(place) == touched {
                    cell.clone_from(&time);
                }
            }
            rows.push(row);
        }
        Ok(rows)
    }
}

/// The list in a cell, if there is anything.
fn list(cells: &Cells, place: usize) -> Result<Option<Vec<Value>>> {
    match cells.get(place).and_then(Option::as_ref) {
        None => Ok(None),
        Some(Value::Array(elements)) => Ok(Some(elements.clone())),
        Some(_) => Err(Error::bad_request("a list state's value is no list")),
    }
}

fn place_of(lines: &[u64], row: usize) -> String {
    super::lines::place(lines.get(row).copied().unwrap_or_default())
}

fn is_struct(field: &Field) -> bool {
    field.logical.is_none() && matches!(field.ty, Type::Struct(_))
}
