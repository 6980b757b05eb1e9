//! Changed rows as JSON lines:
//! `{"operator_id":…,"uid":…,"state":…,"key_group":17,"key":…,"op":"~","before":…,"after":…}`.

use arrow_array::RecordBatch;

use super::json_value::{JsonOptions, JsonValues};
use crate::diff::{RowChange, RowChanges};
use crate::error::{Error, Result};
use crate::model::{Column, Field, State};

/// Turns the changes of one state into lines.
#[derive(Debug)]
pub struct JsonChanges {
    /// The members before those of the row, without braces: `"operator_id":…,"uid":…,"state":…`.
    head: String,
    left: Vec<(Column, Field)>,
    right: Vec<(Column, Field)>,
    touched: bool,
}

/// A column's name in a line, and its values in one batch.
type Members = Vec<(Column, JsonValues)>;

impl JsonChanges {
    /// Lines for the changes of a state, each beginning with the members in `head`. With `touched`, rows that
    /// differ in their last access alone are lines too.
    ///
    /// # Errors
    /// As [`StateSchema::columns`](crate::StateSchema::columns).
    pub fn new(head: String, left: Option<&State>, right: Option<&State>, touched: bool) -> Result<Self> {
        let columns = |state: Option<&State>| match state {
            Some(state) => state.schema.columns(state.kind),
            None => Ok(Vec::new()),
        };
        Ok(Self { head, left: columns(left)?, right: columns(right)?, touched })
    }

    /// Appends at most `limit` lines and returns how many.
    ///
    /// # Errors
    /// If the batches do not have the state's columns.
    pub fn write(&self, changes: &RowChanges<'_>, limit: u64, out: &mut Vec<u8>) -> Result<u64> {
        let left = members(&self.left, changes.left)?;
        let right = members(&self.right, changes.right)?;
        let mut lines = 0;
        for change in changes.rows {
            if lines >= limit {
                break;
            }
            if matches!(change, RowChange::Touched(..)) && !self.touched {
                continue;
            }
            lines += 1;
            self.line(*change, &left, &right, out);
        }
        Ok(lines)
    }

    fn line(&self, change: RowChange, left: &Members, right: &Members, out: &mut Vec<u8>) {
        out.push(b'{');
        out.extend_from_slice(self.head.as_bytes());
        match change {
            RowChange::Removed(row) => {
                write_identity(left, row, out);
                out.extend_from_slice(b",\"op\":\"-\"");
                write_value("before", left, row, out);
            }
            RowChange::Added(row) => {
                write_identity(right, row, out);
                out.extend_from_slice(b",\"op\":\"+\"");
                write_value("after", right, row, out);
            }
            RowChange::Changed(old, new) | RowChange::Touched(old, new) => {
                write_identity(right, new, out);
                out.extend_from_slice(b",\"op\":\"~\"");
                write_value("before", left, old, out);
                write_value("after", right, new, out);
                if matches!(change, RowChange::Touched(..)) {
                    write_column("last_access_before", Column::LastAccess, left, old, out);
                    write_column("last_access_after", Column::LastAccess, right, new, out);
                }
            }
        }
        out.extend_from_slice(b"}\n");
    }
}

fn members(columns: &[(Column, Field)], batch: Option<&RecordBatch>) -> Result<Members> {
    let Some(batch) = batch else { return Ok(Vec::new()) };
    let member = |(column, field): &(Column, Field)| {
        let name = column.name();
        let array = batch.column_by_name(name);
        let array = array.ok_or_else(|| Error::invalid(format!("there is no column {name}")))?;
        Ok((*column, JsonValues::new(field, array, JsonOptions::default())?))
    };
    columns.iter().map(member).collect()
}

fn write_identity(members: &Members, row: usize, out: &mut Vec<u8>) {
    for (column, values) in members {
        if !matches!(column, Column::Value | Column::LastAccess) {
            write_member(column.name(), values, row, out);
        }
    }
}

fn write_value(name: &str, members: &Members, row: usize, out: &mut Vec<u8>) {
    write_column(name, Column::Value, members, row, out);
}

fn write_column(name: &str, wanted: Column, members: &Members, row: usize, out: &mut Vec<u8>) {
    if let Some((_, values)) = members.iter().find(|(column, _)| *column == wanted) {
        write_member(name, values, row, out);
    }
}

fn write_member(name: &str, values: &JsonValues, row: usize, out: &mut Vec<u8>) {
    out.extend_from_slice(b",\"");
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b"\":");
    values.write(row, out);
}
