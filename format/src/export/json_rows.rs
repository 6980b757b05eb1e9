//! Rows of a state as JSON lines.
//!
//! ```text
//! value, reducing, aggregating   {"key_group":17,"key":…,"namespace":…,"value":…,"last_access":…}
//! list                           the same, `value` and `last_access` being arrays of the list's elements
//! map                            {"key_group":17,"key":…,"map_key":…,"value":…}
//! timer                          {"key_group":17,"key":…,"namespace":…,"timestamp":…,"domain":…,"service":…}
//! operator-list, union, raw, …   {"subtask":0,"index":0,"value":…}
//! broadcast                      {"map_key":…,"value":…}
//! ```
//!
//! The rows of one list follow each other, maybe over several batches, and become one line.

use arrow_array::RecordBatch;

use super::json_value::{JsonOptions, JsonValues};
use crate::error::{Error, Result};
use crate::model::{Column, Field, StateKind, StateSchema};

/// Turns batches of one state into lines.
#[derive(Debug)]
pub struct JsonRows {
    kind: StateKind,
    columns: Vec<(Column, Field)>,
    options: JsonOptions,
    limit: u64,
    lines: u64,
    open: Option<OpenList>,
}

/// A list's line that is not yet ended.
#[derive(Debug)]
struct OpenList {
    /// The line up to the first element: equal for the rows of one list.
    head: Vec<u8>,
    /// The elements' `last_access`, which follow all values.
    last_access: Vec<u8>,
}

/// A column of one batch with the text before its values.
struct Member {
    column: Column,
    name: String,
    values: JsonValues,
}

impl JsonRows {
    /// Lines for the rows of a state of this kind.
    ///
    /// # Errors
    /// As [`StateSchema::columns`].
    pub fn new(kind: StateKind, schema: &StateSchema, options: JsonOptions) -> Result<Self> {
        let mut columns = schema.columns(kind)?;
        columns.sort_by_key(|(column, _)| place(*column));
        Ok(Self { kind, columns, options, limit: u64::MAX, lines: 0, open: None })
    }

    /// Ends after this many lines.
    #[must_use]
    pub fn limit(mut self, lines: u64) -> Self {
        self.limit = lines;
        self
    }

    /// Lines so far; the one that is not yet ended is counted.
    pub fn lines(&self) -> u64 {
        self.lines
    }

    /// No further row can change what was written, but for [`JsonRows::finish`].
    pub fn is_full(&self) -> bool {
        self.lines >= self.limit && self.open.is_none()
    }

    /// Appends the lines of these rows.
    ///
    /// # Errors
    /// If the batch does not have the state's columns.
    pub fn write(&mut self, batch: &RecordBatch, out: &mut Vec<u8>) -> Result<()> {
        let members = self.members(batch)?;
        for row in 0..batch.num_rows() {
            if self.is_full() {
                break;
            }
            if self.kind == StateKind::List {
                self.write_element(&members, row, out);
            } else {
                self.lines += 1;
                write_line(&members, row, out);
            }
        }
        Ok(())
    }

    /// Ends the last line.
    pub fn finish(&mut self, out: &mut Vec<u8>) {
        let Some(list) = self.open.take() else { return };
        out.push(b']');
        if !list.last_access.is_empty() {
            out.extend_from_slice(b",\"last_access\":[");
            out.extend_from_slice(&list.last_access);
            out.push(b']');
        }
        out.extend_from_slice(b"}\n");
    }

    fn members(&self, batch: &RecordBatch) -> Result<Vec<Member>> {
        let member = |(column, field): &(Column, Field)| {
            let name = column.name();
            let array = batch.column_by_name(name);
            let array = array.ok_or_else(|| Error::invalid(format!("there is no column {name}")))?;
            let values = JsonValues::new(field, array, self.options)?;
            Ok(Member { column: *column, name: format!("\"{name}\":"), values })
        };
        self.columns.iter().map(member).collect()
    }

    /// One element of a list: goes on with the open line, or ends it and opens another.
    fn write_element(&mut self, members: &[Member], row: usize, out: &mut Vec<u8>) {
        let head = head(members, row);
        match &self.open {
            Some(list) if list.head == head => out.push(b','),
            _ => {
                self.finish(out);
                if self.is_full() {
                    return;
                }
                self.lines += 1;
                out.extend_from_slice(&head);
                self.open = Some(OpenList { head, last_access: Vec::new() });
            }
        }
        if let Some(value) = find(members, Column::Value) {
            value.values.write(row, out);
        }
        if let (Some(list), Some(touched)) = (&mut self.open, find(members, Column::LastAccess)) {
            if !list.last_access.is_empty() {
                list.last_access.push(b',');
            }
            touched.values.write(row, &mut list.last_access);
        }
    }
}

/// The order of members in a line: that of the table, but that a timer's time comes before its service.
fn place(column: Column) -> u32 {
    match column {
        Column::Timestamp => 1,
        Column::Domain => 2,
        Column::Service => 3,
        Column::KeyGroup
        | Column::Subtask
        | Column::Key
        | Column::Namespace
        | Column::Index
        | Column::MapKey => 0,
        Column::Value => 4,
        Column::LastAccess => 5,
    }
}

fn find(members: &[Member], column: Column) -> Option<&Member> {
    members.iter().find(|member| member.column == column)
}

fn write_line(members: &[Member], row: usize, out: &mut Vec<u8>) {
    let mut separator = b'{';
    for member in members {
        out.push(separator);
        out.extend_from_slice(member.name.as_bytes());
        member.values.write(row, out);
        separator = b',';
    }
    out.extend_from_slice(b"}\n");
}

/// A list's line up to its first element: `{"key_group":17,"key":…,"value":[`.
fn head(members: &[Member], row: usize) -> Vec<u8> {
    let mut head = vec![b'{'];
    for member in members {
        if !matches!(member.column, Column::Index | Column::Value | Column::LastAccess) {
            head.extend_from_slice(member.name.as_bytes());
            member.values.write(row, &mut head);
            head.push(b',');
        }
    }
    head.extend_from_slice(b"\"value\":[");
    head
}
