//! Operators, subtasks and key groups: do they fit each other?

use std::collections::BTreeMap;

use spt_format::{Error, KeyGroupRange, MAX_PARALLELISM_LIMIT, OperatorId};

use super::{Trouble, TroubleKind};
use crate::metadata::{OperatorState, Snapshot};

/// What is wrong with the operators.
pub(super) fn check(snapshot: &Snapshot) -> Vec<Trouble> {
    let mut found = Vec::new();
    let mut seen = BTreeMap::new();
    for operator in &snapshot.operators {
        if seen.insert(operator.id, ()).is_some() {
            found.push((operator, "its id is there twice".to_owned()));
        }
        let problems = parallelism(operator).into_iter().chain(uid(operator)).chain(key_groups(operator));
        found.extend(problems.map(|problem| (operator, problem)));
    }
    let trouble = |(operator, problem): (&OperatorState, String)| {
        let error = Error::invalid(problem).within(format!("operator {}", operator.id));
        Trouble::new(TroubleKind::Structure, error)
    };
    found.into_iter().map(trouble).collect()
}

fn parallelism(operator: &OperatorState) -> Option<String> {
    let OperatorState { parallelism, max_parallelism, .. } = operator;
    if *max_parallelism > MAX_PARALLELISM_LIMIT {
        return Some(format!(
            "its max parallelism is {max_parallelism}, the limit is {MAX_PARALLELISM_LIMIT}"
        ));
    }
    let above = parallelism > max_parallelism;
    above.then(|| format!("its parallelism is {parallelism}, above its max parallelism of {max_parallelism}"))
}

/// A restore looks for the id that follows from the job's uid.
fn uid(operator: &OperatorState) -> Option<String> {
    let uid = operator.uid.as_deref()?;
    let expected = OperatorId::of_uid(uid);
    (expected != operator.id).then(|| format!("its uid {uid:?} has the id {expected}"))
}

/// The subtasks' key groups lie below the max parallelism, and each is one subtask's.
fn key_groups(operator: &OperatorState) -> Vec<String> {
    let keyed = operator.states().filter_map(|(index, state)| Some((state.managed_keyed.as_ref()?, index)));
    let mut ranges = keyed.map(|(handle, index)| (handle.key_groups(), index)).collect::<Vec<_>>();
    ranges.sort();
    let last = KeyGroupRange::all(operator.max_parallelism).last();
    let beyond = ranges.iter().filter(|(range, _)| range.last() > last).map(|(range, index)| {
        format!("subtask {index} has the key groups {range}, of {} there are", u32::from(last) + 1)
    });
    let twice = ranges.iter().zip(ranges.iter().skip(1)).filter_map(|((range, index), (next, other))| {
        let both = range.intersection(*next)?;
        Some(format!("the key groups {both} are those of subtask {index} and of subtask {other}"))
    });
    beyond.chain(twice).collect()
}

#[cfg(test)]
mod tests {
    use spt_format::Uid;

    use super::*;
    use crate::metadata::{KeyGroupFile, KeyGroupFileKind, KeyedHandle, StreamHandle, Subtask, SubtaskState};

    /// An operator whose subtasks have these key groups.
    fn operator(max_parallelism: u32, ranges: &[(u16, u16)]) -> OperatorState {
        let subtask = |(index, (first, last)): (u32, &(u16, u16))| {
            let handle = KeyedHandle::KeyGroups(KeyGroupFile {
                kind: KeyGroupFileKind::Savepoint,
                key_groups: KeyGroupRange::new(*first, *last).unwrap(),
                offsets: Vec::new(),
                stream: StreamHandle::Empty,
                id: None,
            });
            let state = SubtaskState { managed_keyed: Some(handle), ..SubtaskState::default() };
            Subtask { index, state: Some(Box::new(state)) }
        };
        OperatorState {
            name: None,
            uid: Some("sum-001".into()),
            id: OperatorId::of_uid(Uid::new("sum-001").unwrap().as_str()),
            parallelism: ranges.len() as u32,
            max_parallelism,
            coordinator: None,
            finished: false,
            subtasks: (0..).zip(ranges).map(subtask).collect(),
        }
    }

    fn problems(operators: Vec<OperatorState>) -> Vec<String> {
        let snapshot =
            Snapshot { version: 6, checkpoint_id: 1, master_states: Vec::new(), operators, properties: None };
        check(&snapshot).iter().map(|trouble| trouble.error.kind().to_string()).collect()
    }

    #[test]
    fn key_groups_that_fit_are_no_trouble() {
        assert!(problems(vec![operator(128, &[(64, 127), (0, 63)])]).is_empty());
    }

    #[test]
    fn contradictions_are_named() {
        let cases = [
            (
                operator(128, &[(0, 64), (64, 127)]),
                "the key groups 64 are those of subtask 0 and of subtask 1",
            ),
            (operator(100, &[(0, 127)]), "subtask 0 has the key groups 0..127, of 100 there are"),
            (operator(1, &[(0, 0), (0, 0)]), "its parallelism is 2, above its max parallelism of 1"),
            (operator(40_000, &[]), "its max parallelism is 40000, the limit is 32768"),
            (OperatorState { uid: Some(String::new()), ..operator(1, &[]) }, "its uid \"\" has the id "),
        ];
        for (operator, expected) in cases {
            let found = problems(vec![operator]);
            assert!(found[0].starts_with(expected), "{found:?}");
        }
        let twice = problems(vec![operator(128, &[]), operator(128, &[])]);
        assert_eq!(twice, ["its id is there twice"]);
    }
}
