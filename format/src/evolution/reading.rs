//! Rows of a stored state, read as the rows of the state a job declares.

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;

use super::adopt::adopt;
use super::aliases::Aliases;
use super::compare::compare_states;
use super::verdict::{Change, Verdict};
use crate::error::{Error, ErrorKind, Result, ResultExt};
use crate::location::Location;
use crate::migrate::command;
use crate::model::{Binding, Column, Field, State, StateSchema};

/// How one state's rows become another's, once it is known that they can.
pub struct Reading {
    schema: StateSchema,
    changes: Vec<(String, Change)>,
    binding: Binding,
}

impl Reading {
    /// Of rows that `stored` describes as rows of `declared`.
    ///
    /// # Errors
    /// [`ErrorKind::BadRequest`] that names every field that does not fit, with both types and the arguments
    /// of `spt migrate` that would help. `uid` is the operator's, for these arguments.
    pub fn new(uid: &str, stored: &State, declared: &State, aliases: &Aliases) -> Result<Self> {
        match compare_states(stored, declared, aliases) {
            Verdict::Compatible { changes } => Self::compared(stored, declared, aliases, changes),
            refused => Err(refusal(uid, &stored.name, &refused)),
        }
    }

    /// The same where [`compare_states`] has found that only these changes are needed.
    ///
    /// # Errors
    /// If one of the schemas has no columns for its kind of state, or the changes are not all there are.
    pub fn compared(
        stored: &State,
        declared: &State,
        aliases: &Aliases,
        changes: Vec<(String, Change)>,
    ) -> Result<Self> {
        let schema = adopt(&stored.schema, &declared.schema, aliases);
        let written = fields(&stored.schema, stored)?;
        // Rows from before a time to live have no `last_access` that could be read.
        let is_written = |field: &Field| field.id != Column::LastAccess.id() || stored.schema.ttl;
        let wanted: Vec<_> = fields(&schema, declared)?.into_iter().filter(is_written).collect();
        let binding = Binding::new(&written, &wanted).within(|| format!("state {:?}", stored.name))?;
        Ok(Self { schema, changes, binding })
    }

    /// The declared schema with the stored field ids: what the next savepoint has.
    pub fn schema(&self) -> &StateSchema {
        &self.schema
    }

    /// What happens to fields, by path.
    pub fn changes(&self) -> &[(String, Change)] {
        &self.changes
    }

    /// The columns of the rows as they are read.
    pub fn columns(&self) -> &SchemaRef {
        self.binding.schema()
    }

    /// The rows as the declared state has them, but for a `last_access` that was never stored.
    ///
    /// # Errors
    /// As [`Binding::bind`].
    pub fn read(&self, batch: &RecordBatch) -> Result<RecordBatch> {
        self.binding.bind(batch)
    }
}

fn fields(schema: &StateSchema, state: &State) -> Result<Vec<Field>> {
    Ok(schema.columns(state.kind)?.into_iter().map(|(_, field)| field).collect())
}

fn refusal(uid: &str, state: &str, verdict: &Verdict) -> Error {
    let command = command("IN", "OUT", &verdict.migrate_arguments(uid, state));
    let what = format!("{}; `{command}` would make it fit", verdict.reasons());
    Error::new(ErrorKind::BadRequest { what }, Location::default())
        .within(format!("state {state:?}"))
        .within(format!("operator {uid}"))
}
