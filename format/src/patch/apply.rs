//! Applies a patch: the catalogue comes from the patch, rows from the input and the patch together.

use std::io::BufRead;

use arrow_array::cast::AsArray;
use arrow_array::types::UInt16Type;
use arrow_array::{Array, RecordBatch};

use super::basis::{Basis, key_groups};
use super::document::{OperatorLine, StateLine, StateName};
use super::fingerprint::fingerprint;
use super::read::{Line, Lines, Patch};
use super::rows::{PatchRows, RowFormat};
use super::splice::Splice;
use crate::error::{Error, ErrorKind, Result, ResultExt};
use crate::location::Location;
use crate::model::{
    Column, KeyHash, Operator, OperatorId, Savepoint, SavepointSink, SavepointSource, State, StateRef,
    columns_of,
};

/// What came of a patch.
#[derive(Debug, Clone, PartialEq)]
pub struct Patched {
    /// The catalogue of the result, under the id of the savepoint that the patch leads to.
    pub target: Savepoint,
    /// What was done for each state, in order.
    pub states: Vec<PatchedState>,
}

/// What was done for a state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PatchedState {
    /// Its place in the result.
    pub place: StateRef,
    /// Lines about its rows.
    pub changes: u64,
    /// The input's files were taken over as they are.
    pub is_taken_over: bool,
    /// Rows written.
    pub rows_written: u64,
}

impl<R: BufRead> Patch<R> {
    /// Refuses every savepoint but the one the patch was made from.
    ///
    /// # Errors
    /// [`ErrorKind::BadRequest`](crate::ErrorKind::BadRequest), with the ids.
    pub fn check_input(&self, source: &dyn SavepointSource) -> Result<()> {
        let (before, id) = (&self.head.before, &source.savepoint().id);
        if before.id != *id {
            let what = format!("the patch is for savepoint {}, this is {id}", before.id);
            return Err(Error::bad_request(what));
        }
        let digest = fingerprint(source)?;
        if digest != before.digest {
            let what = format!("savepoint {id} is not as it was when the patch was made");
            return Err(Error::bad_request(what));
        }
        Ok(())
    }

    /// Writes the result; the sink is not yet committed.
    ///
    /// # Errors
    /// With its line, if the patch is malformed or does not fit the savepoint; and if a row could not be read or
    /// written. The sink is then of no use.
    pub fn apply(self, source: &dyn SavepointSource, sink: &mut dyn SavepointSink) -> Result<Patched> {
        let target = self.head.after.into_model().within(|| "line 1")?;
        let mut lines = self.lines;
        let mut run = Run { source, sink, patched: Patched { target, states: Vec::new() }, from: None };
        loop {
            let (number, line) = lines.next()?;
            let place = || format!("line {number}");
            match line {
                Line::Operator(line) => run.operator(*line).within(place)?,
                Line::State(line) => run.state(*line, number, &mut lines)?,
                Line::Row(_) => return Err(Error::invalid("a row without a state before it").within(place())),
                Line::End(_) => return Ok(run.patched),
            }
        }
    }
}

/// A patch that is being applied.
struct Run<'a> {
    source: &'a dyn SavepointSource,
    sink: &'a mut dyn SavepointSink,
    patched: Patched,
    /// The place in the input of what the operator of the last line was.
    from: Option<usize>,
}

impl Run<'_> {
    fn operator(&mut self, line: OperatorLine) -> Result<()> {
        self.from = line.from.map(|id| self.source_operator(id)).transpose()?;
        let operator = line.into_model()?;
        if self.patched.target.operator(operator.id).is_some() {
            return Err(Error::invalid(format!("operator {} comes twice", operator.label())));
        }
        self.patched.target.operators.push(operator);
        Ok(())
    }

    fn source_operator(&self, id: OperatorId) -> Result<usize> {
        let operators = &self.source.savepoint().operators;
        let place = operators.iter().position(|operator| operator.id == id);
        place.ok_or_else(|| Error::invalid(format!("there is no operator {id} in the savepoint")))
    }

    fn state<R: BufRead>(&mut self, line: StateLine, number: u64, lines: &mut Lines<R>) -> Result<()> {
        let from = line.from.clone();
        let state = line.into_model().within(|| format!("line {number}"))?;
        let operators = &mut self.patched.target.operators;
        let place = operators.len().checked_sub(1);
        let operator = operators.last_mut().zip(place).ok_or_else(|| {
            Error::invalid("a state without an operator before it").within(format!("line {number}"))
        });
        let (operator, place) = operator?;
        operator.states.push(state.clone());
        let place = StateRef { operator: place, state: operator.states.len() - 1 };
        let operator = Operator { states: Vec::new(), ..operator.clone() };
        let basis = self.basis(from.as_ref(), &operator, &state).within(|| format!("line {number}"))?;
        let done = self.rows(place, &operator, &state, basis, lines);
        let done = done
            .within(|| format!("{} state {:?}", state.kind, state.name))
            .within(|| format!("operator {}", operator.label()))?;
        self.patched.states.push(done);
        Ok(())
    }

    fn basis(&self, from: Option<&StateName>, operator: &Operator, state: &State) -> Result<Option<Basis>> {
        let Some(name) = from else { return Ok(None) };
        let missing =
            || Error::invalid(format!("there is no {} state {:?} in the savepoint", name.kind, name.name));
        let (before_operator, place) = self
            .from
            .and_then(|place| Some((self.source.savepoint().operators.get(place)?, place)))
            .ok_or_else(missing)?;
        let index = before_operator.states.iter().position(|state| StateName::of(state) == *name);
        let index = index.ok_or_else(missing)?;
        let place = StateRef { operator: place, state: index };
        let before = before_operator.states.get(index).ok_or_else(missing)?;
        let basis = Basis::find(place, (before_operator, before), (operator, state))?;
        basis
            .map(Some)
            .ok_or_else(|| Error::invalid(format!("state {:?} cannot be read as this one", name.name)))
    }

    /// Writes a state's rows, or takes over the files that hold them.
    fn rows<R: BufRead>(
        &mut self,
        place: StateRef,
        operator: &Operator,
        state: &State,
        basis: Option<Basis>,
        lines: &mut Lines<R>,
    ) -> Result<PatchedState> {
        if let Some(basis) = &basis
            && basis.is_identity()
            && !lines.has_rows()?
            && self.sink.adopt(operator, state, self.source, basis.place())?
        {
            return Ok(PatchedState { place, changes: 0, is_taken_over: true, rows_written: 0 });
        }
        let format = RowFormat::of(state)?;
        let mut table = self.sink.state(operator, state)?;
        let mut written = 0;
        let mut write = |batch: &RecordBatch| {
            written += batch.num_rows() as u64;
            table.write(batch)
        };
        let mut base = basis.map(|basis| basis.all_rows(self.source)).transpose()?;
        let mut changes = 0;
        let mut ops = std::iter::from_fn(|| {
            let rows = lines.rows(&format).transpose()?;
            Some(rows.and_then(|rows| {
                changes += rows.ops.len() as u64;
                check_key_groups(&rows, operator, state)?;
                Ok(rows)
            }))
        });
        let sort_columns = state.schema.sort_columns(state.kind);
        let mut splice = Splice::new(&format, &sort_columns, &mut write);
        splice.run(&mut base.iter_mut().flatten(), &mut ops)?;
        let unread = base.map_or(0, |base| base.completeness().rows_unread);
        if unread > 0 {
            return Err(Error::invalid(format!("{unread} rows cannot be read, and would be lost")));
        }
        table.finish()?;
        Ok(PatchedState { place, changes, is_taken_over: false, rows_written: written })
    }
}

/// Keys lie where a restore looks for them, as far as their hash can be computed.
fn check_key_groups(rows: &PatchRows, operator: &Operator, state: &State) -> Result<()> {
    let (Some(field), Some(key_hash)) = (&state.schema.key, state.key_hash) else { return Ok(()) };
    if key_hash == KeyHash::Unknown {
        return Ok(());
    }
    let columns = columns_of(&rows.after, &[Column::KeyGroup, Column::Key])?;
    let [told, keys] = columns.as_slice() else { return Ok(()) };
    let told = told.as_primitive_opt::<UInt16Type>();
    let told = told.ok_or_else(|| Error::invalid("key groups are no numbers of 16 bits"))?;
    let computed = key_groups(field, keys, 0..keys.len(), key_hash, operator.max_parallelism)?;
    let lines = rows.ops.iter().filter(|(op, _)| op.has_after()).map(|(_, line)| *line);
    let mut groups = told.values().iter().zip(computed.values()).zip(lines);
    match groups.find(|((told, computed), _)| told != computed) {
        None => Ok(()),
        Some(((told, computed), line)) => {
            let (found, expected) = (told.to_string(), computed.to_string());
            let kind = ErrorKind::Mismatch { what: "key group of the key".to_owned(), found, expected };
            Err(Error::new(kind, Location::default()).within(format!("line {line}")))
        }
    }
}
