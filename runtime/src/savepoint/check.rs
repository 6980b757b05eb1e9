//! Does a job fit a savepoint? Decided before anything is started, from metadata alone.
//!
//! What would be lost or misread is refused, and the refusal says what to do. What is merely worth knowing
//! is a note.

use std::collections::BTreeMap;

use spt_format::{Field, Operator, Savepoint, State, StateRef};

use super::snapshot::StateSlot;
use crate::config::NonRestored;
use crate::error::{Error, Result};
use crate::tasks::OperatorInfo;

/// What the user allows.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Terms<'a> {
    pub(crate) non_restored: &'a NonRestored,
    pub(crate) allow_drained: bool,
}

/// How a savepoint's states and a graph's go together.
#[derive(Debug, Default)]
pub(crate) struct Fit {
    /// States of the graph that are in the savepoint.
    pub(crate) states: BTreeMap<StateSlot, StateRef>,
    /// States that an operator no longer declares: its index in the graph, and where they lie.
    pub(crate) carried: Vec<(usize, StateRef)>,
    /// What a person should know.
    pub(crate) notes: Vec<String>,
}

/// Decides whether a job can start from a savepoint.
///
/// # Errors
/// A refusal that names the operator, the state, its rows and what to do.
pub(crate) fn check(operators: &[OperatorInfo], savepoint: &Savepoint, terms: Terms<'_>) -> Result<Fit> {
    if savepoint.drained && !terms.allow_drained {
        return Err(Error::refused(
            "the savepoint was taken with --drain: all its windows and timers have fired, and going on from it \
             gives other results than the job would have given; start from it anyway with --allow-drained",
        ));
    }
    let mut fit = Fit::default();
    for (place, found) in savepoint.operators.iter().enumerate() {
        match operators.iter().position(|operator| operator.id == found.id) {
            Some(index) => {
                if let Some(operator) = operators.get(index) {
                    fit.match_states(index, operator, place, found)?;
                }
            }
            None => fit.leave_behind(found, terms.non_restored)?,
        }
    }
    Ok(fit)
}

impl Fit {
    fn match_states(
        &mut self,
        index: usize,
        operator: &OperatorInfo,
        place: usize,
        found: &Operator,
    ) -> Result<()> {
        for (state, stored) in found.states.iter().enumerate() {
            let place = StateRef { operator: place, state };
            let declared = operator.states.iter().position(|state| state.name == stored.name);
            match declared.and_then(|state| Some((state, operator.states.get(state)?))) {
                Some((state, declared)) => {
                    fits(operator, declared, stored)?;
                    self.states.insert(StateSlot { operator: index, state }, place);
                }
                None => {
                    self.notes.push(format!(
                        "operator {} does not declare its {}; it is kept in every snapshot until \
                         `spt migrate --drop-state` removes it",
                        operator.label(),
                        described(stored)
                    ));
                    self.carried.push((index, place));
                }
            }
        }
        Ok(())
    }

    fn leave_behind(&mut self, found: &Operator, allowed: &NonRestored) -> Result<()> {
        let Some(state) = found.states.iter().find(|state| state.rows != Some(0)) else { return Ok(()) };
        let label = found.label();
        let is_allowed = match allowed {
            NonRestored::Refuse => false,
            NonRestored::AllowAll => true,
            NonRestored::Allow(names) => {
                names.iter().any(|name| *name == label || *name == found.id.to_string())
            }
        };
        let what = format!("operator {label}, {}", described(state));
        if !is_allowed {
            return Err(Error::refused(format!(
                "the job has no operator for state in the savepoint: {what}; give one of its operators that uid, \
                 rename the state's with `spt migrate --rename-uid {label}=NEW`, or leave it behind with -n {label}"
            )));
        }
        self.notes.push(format!("left behind: {what}"));
        Ok(())
    }
}

/// A state as people call it: `reducing state "sum" (4711 rows)`.
fn described(state: &State) -> String {
    match state.rows {
        Some(rows) => format!("{} state {:?} ({rows} rows)", state.kind, state.name),
        None => format!("{} state {:?}", state.kind, state.name),
    }
}

/// Refuses a state whose rows would be misread.
fn fits(operator: &OperatorInfo, declared: &State, stored: &State) -> Result<()> {
    if declared.kind != stored.kind {
        return Err(misfit(operator, stored, "kind", declared.kind.name(), stored.kind.name()));
    }
    let parts = [
        ("key type", &declared.schema.key, &stored.schema.key),
        ("namespace type", &declared.schema.namespace, &stored.schema.namespace),
        ("map key type", &declared.schema.map_key, &stored.schema.map_key),
        ("value type", &declared.schema.value, &stored.schema.value),
    ];
    for (what, declared, found) in parts {
        let (declared, found) = (text(declared), text(found));
        if declared != found {
            return Err(misfit(operator, stored, what, &declared, &found));
        }
    }
    if declared.key_hash != stored.key_hash {
        let name = |state: &State| state.key_hash.map_or("none", |hash| hash.name()).to_owned();
        return Err(misfit(operator, stored, "key hash", &name(declared), &name(stored)));
    }
    Ok(())
}

fn text(field: &Option<Field>) -> String {
    field.as_ref().map_or_else(|| "none".to_owned(), Field::to_string)
}

fn misfit(operator: &OperatorInfo, state: &State, what: &str, declared: &str, stored: &str) -> Error {
    Error::refused(format!(
        "operator {}, {}: its {what} is {stored} in the savepoint and {declared} in the job; \
         change it with `spt migrate`, or give the operator another uid",
        operator.label(),
        described(state)
    ))
}
