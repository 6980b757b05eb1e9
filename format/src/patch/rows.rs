//! Rows of a patch as JSON lines, both ways.
//!
//! ```text
//! {"op":"+","key_group":17,"key":"b","after":20}
//! {"op":"-","key_group":17,"key":"b","before":2}
//! {"op":"~","key_group":17,"key":"b","before":2,"after":20}
//! ```
//!
//! What identifies the row stands under the names of its columns; of a state with a time to live,
//! `last_access_before` and `last_access_after` stand beside the values. Timers have no value.

use arrow_array::{ArrayRef, RecordBatch, UInt32Array};
use arrow_schema::SchemaRef;
use arrow_select::take::take;
use serde_json::{Map, Value};

use crate::diff::{RowChange, RowChanges};
use crate::error::{Error, Result, ResultExt};
use crate::export::{JsonOptions, JsonValues};
use crate::import::array_from_json;
use crate::model::{Column, Field, State};

/// What happens to a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Op {
    Add,
    Remove,
    Change,
}

/// How a state's rows are told.
pub(super) struct RowFormat {
    schema: SchemaRef,
    /// What identifies a row, in the order of the table.
    identity: Vec<(Column, Field)>,
    /// What is left: its value and last access.
    rest: Vec<(Column, Field)>,
}

/// Some rows of a patch, read.
pub(super) struct PatchRows {
    /// What happens to each row, and the line that says so.
    pub(super) ops: Vec<(Op, u64)>,
    /// The columns that identify each row.
    pub(super) identity: Vec<ArrayRef>,
    /// The other columns of those that are removed or changed, as they were, one row after the other.
    pub(super) before: Vec<ArrayRef>,
    /// Those that are added or changed, as they will be.
    pub(super) after: RecordBatch,
}

/// A line about a row.
pub(super) type RowLine = (u64, Map<String, Value>);

impl Op {
    fn of(text: &str) -> Option<Self> {
        [Self::Add, Self::Remove, Self::Change].into_iter().find(|op| op.text() == text)
    }

    fn text(self) -> &'static str {
        match self {
            Self::Add => "+",
            Self::Remove => "-",
            Self::Change => "~",
        }
    }

    /// The row was there.
    pub(super) fn has_before(self) -> bool {
        self != Self::Add
    }

    /// The row will be there.
    pub(super) fn has_after(self) -> bool {
        self != Self::Remove
    }
}

impl RowFormat {
    pub(super) fn of(state: &State) -> Result<Self> {
        let columns = state.schema.columns(state.kind)?;
        let is_rest = |(column, _): &(Column, Field)| matches!(column, Column::Value | Column::LastAccess);
        let (rest, identity) = columns.into_iter().partition(is_rest);
        Ok(Self { schema: state.schema.to_arrow(state.kind)?, identity, rest })
    }

    /// The columns that identify a row.
    pub(super) fn identity(&self) -> Vec<Column> {
        self.identity.iter().map(|(column, _)| *column).collect()
    }

    /// The columns that may change.
    pub(super) fn rest(&self) -> Vec<Column> {
        self.rest.iter().map(|(column, _)| *column).collect()
    }

    /// Appends the lines of these changes.
    ///
    /// # Errors
    /// If the batches do not have the state's columns.
    pub(super) fn write(&self, changes: &RowChanges<'_>, out: &mut Vec<u8>) -> Result<()> {
        let sides = [changes.left, changes.right];
        let [left, right] = sides
            .map(|batch| -> Result<_> { Ok((values(&self.identity, batch)?, values(&self.rest, batch)?)) });
        let ((left_identity, left), (right_identity, right)) = (left?, right?);
        for change in changes.rows {
            let (op, old, new) = match *change {
                RowChange::Removed(old) => (Op::Remove, Some(old), None),
                RowChange::Added(new) => (Op::Add, None, Some(new)),
                RowChange::Changed(old, new) | RowChange::Touched(old, new) => {
                    (Op::Change, Some(old), Some(new))
                }
            };
            out.extend_from_slice(format!("{{\"op\":\"{}\"", op.text()).as_bytes());
            match (old, new) {
                (Some(old), _) => write_members(&left_identity, "", old, out),
                (None, Some(new)) => write_members(&right_identity, "", new, out),
                (None, None) => {}
            }
            old.into_iter().for_each(|row| write_members(&left, "before", row, out));
            new.into_iter().for_each(|row| write_members(&right, "after", row, out));
            out.extend_from_slice(b"}\n");
        }
        Ok(())
    }

    /// What these lines say.
    ///
    /// # Errors
    /// With the line, if one of them is not about a row of this state.
    pub(super) fn read(&self, lines: &[RowLine]) -> Result<PatchRows> {
        self.read_together(lines).or_else(|error| {
            // Columns are read as wholes; whose fault it was is told by reading row after row.
            for line in lines {
                self.read_together(std::slice::from_ref(line)).within(|| format!("line {}", line.0))?;
            }
            Err(error)
        })
    }

    fn read_together(&self, lines: &[RowLine]) -> Result<PatchRows> {
        let ops = lines.iter().map(|(line, row)| Ok((self.op(row)?, *line))).collect::<Result<Vec<_>>>()?;
        let rows_with = |has: fn(Op) -> bool| -> Vec<usize> {
            (0..ops.len()).filter(|row| ops.get(*row).is_some_and(|(op, _)| has(*op))).collect()
        };
        let (old, new) = (rows_with(Op::has_before), rows_with(Op::has_after));
        let all: Vec<usize> = (0..lines.len()).collect();
        let column = |rows: &[usize], (column, field): &(Column, Field), side: &str| {
            let name = member_name(*column, side);
            let value = |row: &usize| lines.get(*row).and_then(|(_, line)| line.get(&name));
            array_from_json(field, &rows.iter().map(value).collect::<Vec<_>>())
        };
        let columns = |rows: &[usize], columns: &[(Column, Field)], side: &str| {
            columns.iter().map(|field| column(rows, field, side)).collect::<Result<Vec<_>>>()
        };
        let identity = columns(&all, &self.identity, "")?;
        let before = columns(&old, &self.rest, "before")?;
        let places = UInt32Array::from_iter_values(new.iter().map(|row| *row as u32));
        let mut after = Vec::with_capacity(self.identity.len() + self.rest.len());
        for column in &identity {
            after.push(take(column, &places, None).map_err(unfit)?);
        }
        after.extend(columns(&new, &self.rest, "after")?);
        let after = self.in_table_order(after)?;
        Ok(PatchRows { ops, identity, before, after })
    }

    /// Identity and rest as a batch of the table.
    fn in_table_order(&self, columns: Vec<ArrayRef>) -> Result<RecordBatch> {
        let named = self.identity.iter().chain(&self.rest).map(|(column, _)| column.name()).zip(columns);
        let named: Vec<(&str, ArrayRef)> = named.collect();
        let of = |name: &str| named.iter().find(|(found, _)| *found == name).map(|(_, array)| array.clone());
        let columns: Option<Vec<ArrayRef>> =
            self.schema.fields().iter().map(|field| of(field.name())).collect();
        let columns = columns.ok_or_else(|| Error::invalid("a column is missing"))?;
        RecordBatch::try_new(self.schema.clone(), columns).map_err(unfit)
    }

    /// What a line says is to be done; it has all members that this needs, and no others.
    fn op(&self, row: &Map<String, Value>) -> Result<Op> {
        let op = row.get("op").and_then(Value::as_str).and_then(Op::of);
        let op = op.ok_or_else(|| Error::invalid("op is none of \"+\", \"-\", \"~\""))?;
        let names = |fields: &[(Column, Field)], side: &str| -> Vec<String> {
            fields.iter().map(|(column, _)| member_name(*column, side)).collect()
        };
        let mut expected = names(&self.identity, "");
        if op.has_before() {
            expected.extend(names(&self.rest, "before"));
        }
        if op.has_after() {
            expected.extend(names(&self.rest, "after"));
        }
        if let Some(missing) = expected.iter().find(|name| !row.contains_key(*name)) {
            return Err(Error::invalid(format!("member {missing:?} is missing")));
        }
        match row.keys().find(|name| *name != "op" && !expected.contains(name)) {
            Some(unknown) => Err(Error::invalid(format!("member {unknown:?} means nothing here"))),
            None => Ok(op),
        }
    }
}

/// A column's name in a line; `side` is empty for what identifies the row.
fn member_name(column: Column, side: &str) -> String {
    match column {
        Column::Value => side.to_owned(),
        Column::LastAccess => format!("last_access_{side}"),
        other => other.name().to_owned(),
    }
}

type Members = Vec<(Column, JsonValues)>;

fn values(columns: &[(Column, Field)], batch: Option<&RecordBatch>) -> Result<Members> {
    let Some(batch) = batch else { return Ok(Vec::new()) };
    let member = |(column, field): &(Column, Field)| {
        let array = batch.column_by_name(column.name());
        let array = array.ok_or_else(|| Error::invalid(format!("there is no column {}", column.name())))?;
        Ok((*column, JsonValues::new(field, array, JsonOptions::default())?))
    };
    columns.iter().map(member).collect()
}

fn write_members(members: &Members, side: &str, row: usize, out: &mut Vec<u8>) {
    for (column, values) in members {
        out.extend_from_slice(format!(",\"{}\":", member_name(*column, side)).as_bytes());
        values.write(row, out);
    }
}

fn unfit(error: arrow_schema::ArrowError) -> Error {
    Error::invalid("rows do not fit their state").caused_by(error)
}
