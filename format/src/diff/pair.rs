//! Which operator, and which state, of one savepoint is which of the other.

use crate::model::{Operator, Savepoint, State, StateKind};

/// How two things were found to be one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pairing {
    /// The same operator id, or the same name and kind of state.
    Same,
    /// Another operator id, but the only operator on either side with exactly these states.
    Renamed,
    /// On the left only.
    Removed,
    /// On the right only.
    Added,
}

/// An operator of either savepoint, or of both.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OperatorPair {
    /// How they were found.
    pub pairing: Pairing,
    /// Its place in the left savepoint.
    pub left: Option<usize>,
    /// Its place in the right savepoint.
    pub right: Option<usize>,
}

/// A state of one operator or of both.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StatePair {
    /// Its place in the left operator.
    pub left: Option<usize>,
    /// Its place in the right operator.
    pub right: Option<usize>,
}

/// Pairs the operators of two savepoints: by id, then those left over by evidence. In the order of the left,
/// what was added after that.
pub fn pair_operators(left: &Savepoint, right: &Savepoint) -> Vec<OperatorPair> {
    let by_id: std::collections::HashMap<_, usize> =
        right.operators.iter().enumerate().map(|(place, operator)| (operator.id, place)).collect();
    let mut taken = vec![false; right.operators.len()];
    let mut pairs: Vec<OperatorPair> = Vec::new();
    for (place, operator) in left.operators.iter().enumerate() {
        let found = by_id.get(&operator.id).copied();
        if let Some(taken) = found.and_then(|found| taken.get_mut(found)) {
            *taken = true;
        }
        let pairing = if found.is_some() { Pairing::Same } else { Pairing::Removed };
        pairs.push(OperatorPair { pairing, left: Some(place), right: found });
    }
    let added = taken.iter().enumerate().filter(|(_, taken)| !**taken);
    pairs.extend(added.map(|(place, _)| OperatorPair {
        pairing: Pairing::Added,
        left: None,
        right: Some(place),
    }));
    unite_renamed(&mut pairs, left, right);
    pairs
}

/// Makes one pair of a removed and an added operator that have the same states, where no other has them.
fn unite_renamed(pairs: &mut Vec<OperatorPair>, left: &Savepoint, right: &Savepoint) {
    let signature = |savepoint: &Savepoint, place: Option<usize>| {
        place
            .and_then(|place| savepoint.operators.get(place))
            .map(signature)
            .filter(|found| !found.is_empty())
    };
    let only = |pairs: &[OperatorPair], pairing: Pairing, wanted: &[String]| {
        let mut found = pairs.iter().enumerate().filter(|(_, pair)| {
            let operator = match pairing {
                Pairing::Removed => signature(left, pair.left),
                _ => signature(right, pair.right),
            };
            pair.pairing == pairing && operator.as_deref() == Some(wanted)
        });
        let first = found.next().map(|(index, _)| index);
        first.filter(|_| found.next().is_none())
    };
    let removed: Vec<Vec<String>> = pairs
        .iter()
        .filter(|pair| pair.pairing == Pairing::Removed)
        .filter_map(|pair| signature(left, pair.left))
        .collect();
    for wanted in removed {
        let (Some(before), Some(after)) =
            (only(pairs, Pairing::Removed, &wanted), only(pairs, Pairing::Added, &wanted))
        else {
            continue;
        };
        let right = pairs.get(after).and_then(|pair| pair.right);
        if let Some(pair) = pairs.get_mut(before) {
            *pair = OperatorPair { pairing: Pairing::Renamed, right, ..*pair };
        }
        pairs.remove(after);
    }
}

/// What an operator's states are: name, kind and types, sorted. Equal signatures are evidence of a rename.
pub(crate) fn signature(operator: &Operator) -> Vec<String> {
    let mut states: Vec<String> = operator.states.iter().map(describe).collect();
    states.sort_unstable();
    states
}

fn describe(state: &State) -> String {
    let types: Vec<String> =
        state.schema.parts().map(|(column, field)| format!("{}={field}", column.name())).collect();
    format!("{} {:?} {}", state.kind, state.name, types.join(" "))
}

/// Pairs the states of two operators by name, and by kind where a name is there twice.
pub fn pair_states(left: &Operator, right: &Operator) -> Vec<StatePair> {
    let mut taken = vec![false; right.states.len()];
    let mut pairs = Vec::new();
    for (place, state) in left.states.iter().enumerate() {
        let found = counterpart(state, &left.states, &right.states);
        if let Some(taken) = found.and_then(|found| taken.get_mut(found)) {
            *taken = true;
        }
        pairs.push(StatePair { left: Some(place), right: found });
    }
    let added = taken.iter().enumerate().filter(|(_, taken)| !**taken);
    pairs.extend(added.map(|(place, _)| StatePair { left: None, right: Some(place) }));
    pairs
}

/// The state of the same name and kind; or of the same name, if there is just one on either side.
fn counterpart(state: &State, left: &[State], right: &[State]) -> Option<usize> {
    let position = |kind: Option<StateKind>| {
        right.iter().position(|other| other.name == state.name && kind.is_none_or(|kind| other.kind == kind))
    };
    let count = |states: &[State]| states.iter().filter(|other| other.name == state.name).count();
    position(Some(state.kind)).or_else(|| position(None).filter(|_| count(left) == 1 && count(right) == 1))
}
