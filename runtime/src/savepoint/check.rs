//! Does a job fit a savepoint? Decided before anything is started, from metadata alone.
//!
//! What would be lost or misread is refused, and the refusal says what to do. What is merely worth knowing
//! is a note.

use std::collections::BTreeMap;

use spt_format::evolution::{Change, Reading, Verdict, compare_states};
use spt_format::migrate::{command, quoted};
use spt_format::{Operator, OperatorId, Savepoint, State, StateRef};

use super::misfits::Misfits;
use super::snapshot::StateSlot;
use crate::config::{NonRestored, PendingOutput};
use crate::error::{Error, Result};
use crate::job::RestoreOptions;
use crate::tasks::OperatorInfo;

/// What the user allows.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Terms<'a> {
    pub(crate) non_restored: &'a NonRestored,
    pub(crate) allow_drained: bool,
    pub(crate) pending: Option<PendingOutput>,
}

impl<'a> Terms<'a> {
    /// What a start allows of what it starts from.
    pub(crate) fn of(start: &'a RestoreOptions) -> Self {
        Self { non_restored: &start.non_restored, allow_drained: start.allow_drained, pending: start.pending }
    }
}

/// A state of the graph in a savepoint: where it lies, and how its rows are read as those that are declared.
pub(crate) struct Stored {
    pub(crate) place: StateRef,
    pub(crate) reading: Reading,
}

/// How a savepoint's states and a graph's go together.
#[derive(Default)]
pub(crate) struct Fit {
    /// States of the graph that are in the savepoint.
    pub(crate) states: BTreeMap<StateSlot, Stored>,
    /// States that an operator no longer declares: its index in the graph, and where they lie.
    pub(crate) carried: Vec<(usize, StateRef)>,
    /// What a person should know.
    pub(crate) notes: Vec<String>,
}

/// Decides whether a job can start from a savepoint.
///
/// # Errors
/// A refusal that names operators, states, their rows and what to do: all that does not fit, up to a number.
pub(crate) fn check(operators: &[OperatorInfo], savepoint: &Savepoint, terms: Terms<'_>) -> Result<Fit> {
    if savepoint.drained && !terms.allow_drained {
        return Err(Error::refused(
            "the savepoint was taken with --drain: all its windows and timers have fired, and going on from it \
             gives other results than the job would have given; start from it anyway with --allow-drained",
        ));
    }
    let (mut fit, mut misfits) = (Fit::default(), Misfits::default());
    for (place, found) in savepoint.operators.iter().enumerate() {
        match operators.iter().position(|operator| operator.id == found.id) {
            Some(index) => {
                if let Some(operator) = operators.get(index) {
                    check_key_groups(operator, found, &mut misfits);
                    fit.match_states(index, operator, place, found, &mut misfits)?;
                }
            }
            None => fit.leave_behind(found, terms.non_restored, &mut misfits),
        }
    }
    // What is to be discarded is listed by whoever discards it.
    if terms.pending != Some(PendingOutput::Discard) {
        fit.leave_output(operators, savepoint, terms.non_restored, &mut misfits);
    }
    misfits.check()?;
    Ok(fit)
}

/// Those that nobody has set are the savepoint's.
fn check_key_groups(operator: &OperatorInfo, found: &Operator, misfits: &mut Misfits) {
    let (set, stored) = (operator.max_parallelism, found.max_parallelism);
    if set != stored && found.is_keyed() {
        let label = operator.label();
        let reason = format!(
            "operator {label} has max parallelism {stored} in the savepoint and {set} in the job, where it may be left unset"
        );
        misfits.add(reason, vec!["--max-parallelism".to_owned(), format!("{}={set}", found.label())]);
    }
}

impl Fit {
    /// Gives declared fields the ids that they have in the savepoint, so that the next one has them too.
    pub(crate) fn adopt(&self, operators: &mut [OperatorInfo]) {
        for (slot, stored) in &self.states {
            let operator = operators.get_mut(slot.operator);
            if let Some(declared) = operator.and_then(|operator| operator.states.get_mut(slot.state)) {
                declared.state.schema = stored.reading.schema().clone();
            }
        }
    }

    fn match_states(
        &mut self,
        index: usize,
        operator: &OperatorInfo,
        place: usize,
        found: &Operator,
        misfits: &mut Misfits,
    ) -> Result<()> {
        for (state, stored) in found.states.iter().enumerate() {
            let place = StateRef { operator: place, state };
            let mut declared = operator.states.iter().enumerate();
            match declared.find(|(_, declared)| declared.state.name == stored.name) {
                Some((state, declared)) => {
                    let changes = match compare_states(stored, &declared.state, &declared.aliases) {
                        Verdict::Compatible { changes } => changes,
                        refused => {
                            let (label, name, reasons) = (operator.label(), &stored.name, refused.reasons());
                            let reason = format!("operator {label}, state {name:?}: {reasons}");
                            misfits.add(reason, refused.migrate_arguments(&found.label(), name));
                            continue;
                        }
                    };
                    let reading = Reading::compared(stored, &declared.state, &declared.aliases, changes)
                        .map_err(|error| Error::refused(error.full()))?;
                    let changes = reading.changes().iter();
                    let changed =
                        |(path, change): &(String, Change)| changed(operator.label(), stored, path, change);
                    self.notes.extend(changes.map(changed));
                    self.states.insert(StateSlot { operator: index, state }, Stored { place, reading });
                }
                None => {
                    let drop = ["--drop-state".to_owned(), format!("{}/{}", found.label(), stored.name)];
                    self.notes.push(format!(
                        "operator {} does not declare its {}; it is kept in every snapshot until `{}` removes it",
                        operator.label(),
                        described(stored),
                        command("IN", "OUT", &drop)
                    ));
                    self.carried.push((index, place));
                }
            }
        }
        Ok(())
    }

    fn leave_behind(&mut self, found: &Operator, allowed: &NonRestored, misfits: &mut Misfits) {
        let states = found.states.iter().filter(|state| state.rows != Some(0)).map(described);
        let states: Vec<_> = states.collect();
        if states.is_empty() {
            return;
        }
        let label = found.label();
        let what = format!("operator {label}, {}", states.join(", "));
        if !may_be_left(allowed, &label, found.id) {
            let keep = match found.uid {
                Some(_) => "give one of its operators that uid, rename the state's to NEW",
                None => "it had no uid: give the operator that it became one, NEW",
            };
            let reason = format!(
                "the job has no operator for state in the savepoint: {what}; {keep}, or leave it behind with -n {}",
                quoted(&label)
            );
            return misfits.add(reason, vec!["--rename-uid".to_owned(), format!("{label}=NEW")]);
        }
        self.notes.push(format!("left behind: {what}"));
    }

    /// Output that is pending for a sink which the job does not have: nobody would ever commit it.
    fn leave_output(
        &mut self,
        operators: &[OperatorInfo],
        savepoint: &Savepoint,
        allowed: &NonRestored,
        misfits: &mut Misfits,
    ) {
        let mut left: BTreeMap<OperatorId, usize> = BTreeMap::new();
        let is_gone = |id: OperatorId| operators.iter().all(|operator| operator.id != id);
        let gone = savepoint.pending.iter().map(|pending| pending.operator).filter(|id| is_gone(*id));
        gone.for_each(|id| *left.entry(id).or_default() += 1);
        for (id, outputs) in left {
            let found = savepoint.operators.iter().find(|operator| operator.id == id);
            let label = found.map_or_else(|| id.to_string(), Operator::label);
            let what = format!("operator {label}, output that is pending ({outputs} in number)");
            if !may_be_left(allowed, &label, id) {
                let reason = format!(
                    "the job has no sink to commit what the savepoint holds: {what}; give one of its sinks that uid, \
                     or leave the output behind with -n {} or --pending discard",
                    quoted(&label)
                );
                misfits.add(reason, Vec::new());
                continue;
            }
            self.notes.push(format!("left behind: {what}"));
        }
    }
}

fn may_be_left(allowed: &NonRestored, label: &str, id: OperatorId) -> bool {
    match allowed {
        NonRestored::Refuse => false,
        NonRestored::AllowAll => true,
        NonRestored::Allow(names) => names.iter().any(|name| *name == label || *name == id.to_string()),
    }
}

/// What happens to a field of old rows, for a person.
fn changed(operator: &str, state: &State, path: &str, change: &Change) -> String {
    let what = match change {
        Change::Added => "is new: old rows have its default, or null".to_owned(),
        Change::Removed => "is gone: its values are not read".to_owned(),
        Change::Renamed(old) => format!("was called {old}"),
        Change::Widened(old) => format!("was {old}, and is widened"),
        Change::MadeOptional => "may be null now".to_owned(),
        Change::NamesAdded(names) => format!("knows more names: {}", names.join(", ")),
        Change::TtlAdded => "is new: old rows count as touched now".to_owned(),
        Change::TtlRemoved => "is gone: rows do not expire any more".to_owned(),
    };
    format!("operator {operator}, {} state {:?}: {path} {what}", state.kind, state.name)
}

/// A state as people call it: `reducing state "sum" (4711 rows)`.
fn described(state: &State) -> String {
    match state.rows {
        Some(rows) => format!("{} state {:?} ({rows} rows)", state.kind, state.name),
        None => format!("{} state {:?}", state.kind, state.name),
    }
}
