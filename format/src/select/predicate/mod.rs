//! `--where`: a condition on the columns of a state's table.
//!
//! ```text
//! condition = test | "not" condition | condition "and" condition | condition "or" condition | "(" condition ")"
//! test      = path ( "=" | "!=" | "<" | "<=" | ">" | ">=" ) literal
//!           | path [ "not" ] "in" "(" literal { "," literal } ")"
//!           | path [ "not" ] "like" text            % any characters, _ one character, \ takes the next as it is
//!           | path "is" [ "not" ] "null"
//!           | path                                  a boolean
//! path      = name { "." name }                     a column of the table, then fields: value.user.age
//! name      = letters, digits, _ and $, or any text in double quotes ("" stands for ")
//! literal   = 12 | -1.5 | 'text' ('' stands for ') | true | false
//! ```
//!
//! Words are case-insensitive, names are not; "not" binds tighter than "and", "and" than "or". Dates, times
//! and decimals are written as text, as in JSON. A comparison with null is neither true nor false, as in SQL,
//! and a row is kept where the condition is true. Values compare in the format's own order.

mod bind;
mod parse;

use arrow_array::{BooleanArray, RecordBatch};
use arrow_select::filter::filter_record_batch;

use self::bind::{Bound, bind};
use self::parse::parse;
use crate::error::{Error, Result};
use crate::model::{Column, Field, StateKind, StateSchema};

/// A condition that fits the table of one state.
#[derive(Debug)]
pub struct Predicate {
    condition: Bound,
}

impl Predicate {
    /// Reads a condition on states of this kind and schema.
    ///
    /// # Errors
    /// [`ErrorKind::BadRequest`](crate::ErrorKind::BadRequest) if it cannot be read, names a field that is not
    /// there, or compares one with what is no value of its type.
    pub fn new(text: &str, kind: StateKind, schema: &StateSchema) -> Result<Self> {
        let columns: Vec<(Column, Field)> = schema.columns(kind)?;
        let condition = bind(&parse(text)?, &columns)?;
        Ok(Self { condition })
    }

    /// The rows for which it is true.
    ///
    /// # Errors
    /// If the batch does not have the state's columns.
    pub fn apply(&self, batch: &RecordBatch) -> Result<RecordBatch> {
        filter_record_batch(batch, &self.matches(batch)?)
            .map_err(|error| Error::invalid("filter").caused_by(error))
    }

    /// For each row whether it is true; never null.
    ///
    /// # Errors
    /// As [`Predicate::apply`].
    pub fn matches(&self, batch: &RecordBatch) -> Result<BooleanArray> {
        let test = self.condition.on(batch)?;
        Ok((0..batch.num_rows()).map(|row| Some(test(row) == Some(true))).collect())
    }
}
