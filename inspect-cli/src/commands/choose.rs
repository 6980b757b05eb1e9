//! From flags to a state and to rows of it: shared by the commands that read rows.

use spt_format::{
    KeyFilter, KeyGroupRange, Operator, Predicate, RowQuery, SavepointSource, State, StateRef,
    find_operator_by_prefix, find_state,
};

use crate::error::{Failure, Result};

/// The state whose rows are asked for. What is the only one need not be named.
///
/// # Errors
/// If it is not there, or more than one could be meant.
pub(super) fn state(source: &dyn SavepointSource, uid: Option<&str>, name: Option<&str>) -> Result<StateRef> {
    let savepoint = source.savepoint();
    let operator = match uid {
        Some(uid) => find_operator_by_prefix(savepoint, uid)?,
        None => {
            only(savepoint.operators.iter().map(|operator| !operator.states.is_empty())).ok_or_else(|| {
                Failure::new("rows of which operator?")
                    .hint("name it with `--uid`; `spt inspect PATH` lists them")
            })?
        }
    };
    let found = savepoint.operators.get(operator);
    let state = match (name, found) {
        (Some(name), Some(found)) => find_state(found, name)?,
        _ => only(found.into_iter().flat_map(|found| &found.states).map(|_| true)).ok_or_else(|| {
            let label = found.map(Operator::label).unwrap_or_default();
            Failure::new(format!("rows of which state of {label:?}?"))
                .hint(format!("name it with `--state`; `spt inspect PATH --uid {label:?}` lists them"))
        })?,
    };
    Ok(StateRef { operator, state })
}

/// The place of the only thing that is wanted.
fn only(wanted: impl Iterator<Item = bool>) -> Option<usize> {
    let mut places = wanted.enumerate().filter(|(_, wanted)| *wanted).map(|(place, _)| place);
    places.next().filter(|_| places.next().is_none())
}

/// Which rows of a state, as the flags say.
#[derive(Debug, Default, clap::Args)]
pub(super) struct Rows {
    /// Only rows of this key; a tuple or struct as JSON
    #[arg(long, value_name = "KEY", allow_hyphen_values = true)]
    pub(super) key: Option<String>,
    /// Only rows of this key group
    #[arg(long, value_name = "N")]
    pub(super) key_group: Option<u16>,
    /// Only rows for which this is true
    #[arg(long = "where", value_name = "CONDITION")]
    pub(super) condition: Option<String>,
}

impl Rows {
    /// Not all rows are wanted.
    pub(super) fn is_filtered(&self) -> bool {
        self.key.is_some() || self.key_group.is_some() || self.condition.is_some()
    }

    /// The rows of this state.
    ///
    /// # Errors
    /// If the key or the condition does not fit the state.
    pub(super) fn query(&self, source: &dyn SavepointSource, place: StateRef) -> Result<RowQuery> {
        let (operator, state) = parts(source, place)?;
        if self.key_group.is_some() && !state.kind.is_keyed() {
            return Err(Failure::new(format!("{} state has no key groups", state.kind)));
        }
        let key = self.key.as_deref().map(|text| KeyFilter::from_text(operator, state, text));
        let predicate = self.condition.as_deref().map(|text| Predicate::new(text, state.kind, &state.schema));
        let key_groups = self.key_group.map(|group| KeyGroupRange::new(group, group));
        Ok(RowQuery {
            key: key.transpose()?,
            key_groups: key_groups.transpose()?,
            predicate: predicate.transpose()?,
        })
    }
}

/// The operator and the state at a place.
///
/// # Errors
/// Never for a place of this savepoint.
pub(super) fn parts(source: &dyn SavepointSource, place: StateRef) -> Result<(&Operator, &State)> {
    source.savepoint().state(place).ok_or_else(|| Failure::new("there is no such state"))
}
