//! Rows: set, purged, dealt out anew.

use super::Draft;
use crate::error::{Error, Result};
use crate::model::{KeyHash, MAX_PARALLELISM_LIMIT, Operator, StateKind, StateRef};
use crate::select::Splits;

impl Draft<'_> {
    pub(super) fn set(&mut self, uid: &str, state: &str, key: &str, value: &serde_json::Value) -> Result<()> {
        let place = self.state(uid, state)?;
        let (state, origin) = self.at(place)?;
        let single = [StateKind::Value, StateKind::Reducing, StateKind::Aggregating, StateKind::Broadcast];
        if !single.contains(&state.kind) || state.schema.namespace.is_some() {
            return Err(Error::bad_request(format!("a key of {} state has more than one value", state.kind)));
        }
        origin.rewrite().set.push((key.to_owned(), value.clone()));
        Ok(())
    }

    /// Splits and positions are looked at when rows are read.
    pub(super) fn set_offset(&mut self, uid: &str, split: &str, position: &str) -> Result<()> {
        let operator = self.operator(uid)?;
        let states = self.savepoint.operators.get(operator).map(|operator| operator.states.as_slice());
        let holds_splits = states.unwrap_or_default().iter().enumerate();
        let holds_splits =
            holds_splits.filter(|(_, state)| Splits::of(state).is_some()).map(|(index, _)| index);
        let state = match holds_splits.collect::<Vec<_>>().as_slice() {
            [state] => *state,
            [] => return Err(Error::bad_request("the operator keeps no positions of splits")),
            _ => return Err(Error::bad_request("the operator keeps positions in more than one state")),
        };
        let (_, origin) = self.at(StateRef { operator, state })?;
        origin.rewrite().offsets.push((split.to_owned(), position.to_owned()));
        Ok(())
    }

    pub(super) fn max_parallelism(&mut self, uid: Option<&str>, groups: u32) -> Result<()> {
        if !(1..=MAX_PARALLELISM_LIMIT).contains(&groups) {
            let what = format!("{groups} key groups; 1 to {MAX_PARALLELISM_LIMIT} exist");
            return Err(Error::bad_request(what));
        }
        let only = uid.map(|uid| self.operator(uid)).transpose()?;
        let operators = self.savepoint.operators.iter_mut().zip(&mut self.origins).enumerate();
        for (_, (operator, origins)) in operators.filter(|(index, _)| only.is_none_or(|only| only == *index))
        {
            operator.max_parallelism = groups;
            for (state, origin) in
                operator.states.iter().zip(origins).filter(|(state, _)| state.kind.is_keyed())
            {
                if state.key_hash == Some(KeyHash::Unknown) {
                    return Err(Error::bad_request(format!(
                        "the key hash of state {:?} cannot be computed, so its keys cannot be dealt out anew",
                        state.name
                    )));
                }
                origin.rewrite().regroup = true;
            }
        }
        Ok(())
    }

    /// Whether it fits is looked at once every operation has had its say.
    pub(super) fn parallelism(&mut self, subtasks: u32) -> Result<()> {
        if subtasks == 0 {
            return Err(Error::bad_request("an operator has at least one subtask"));
        }
        self.savepoint.operators.iter_mut().for_each(|operator| operator.parallelism = subtasks);
        Ok(())
    }

    /// Every subtask owns a key group, unless it was otherwise before.
    pub(super) fn check_parallelism(&self) -> Result<()> {
        for (operator, place) in self.savepoint.operators.iter().zip(&self.operators) {
            let of = |operator: &Operator| (operator.parallelism, operator.max_parallelism);
            let is_new = self.source.operators.get(*place).map(of) != Some(of(operator));
            if is_new && operator.parallelism > operator.max_parallelism {
                return Err(Error::bad_request(format!(
                    "operator {} would have {} subtasks and {} key groups; give --parallelism or \
                     --max-parallelism too",
                    operator.label(),
                    operator.parallelism,
                    operator.max_parallelism
                )));
            }
        }
        Ok(())
    }

    pub(super) fn purge_expired(
        &mut self,
        only: Option<(&str, &str)>,
        ttl_ms: Option<u64>,
        as_of_ms: i64,
    ) -> Result<()> {
        let only = only.map(|(uid, state)| self.state(uid, state)).transpose()?;
        let places: Vec<StateRef> = match only {
            Some(place) => vec![place],
            None => self
                .savepoint
                .states()
                .filter(|(_, _, state)| state.schema.ttl)
                .map(|(place, _, _)| place)
                .collect(),
        };
        for place in places {
            let (state, origin) = self.at(place)?;
            if !state.schema.ttl {
                return Err(Error::bad_request(format!("state {:?} has no time to live", state.name)));
            }
            let known = state.ttl.and_then(|ttl| ttl.duration_ms);
            let ttl = ttl_ms.or(known).ok_or_else(|| {
                let what = format!(
                    "the savepoint does not tell the time to live of state {:?}; name it",
                    state.name
                );
                Error::bad_request(what)
            })?;
            let before = as_of_ms.saturating_sub(i64::try_from(ttl).unwrap_or(i64::MAX));
            origin.rewrite().expired_before_ms = Some(before);
        }
        Ok(())
    }
}
