//! From the states of the subtasks to the operators of the model: a state of an operator is what its
//! subtasks have under one name.

use std::collections::BTreeMap;

use spt_format::{Operator, ReadLimits, State, StateKind, Uid, UidOrigin};

use super::payloads;
use super::pieces::{Found, Piece, Subtask, Unreadable};
use crate::files::Files;
use crate::metadata::{OperatorState, Snapshot, SubtaskState};
use crate::parallel;
use crate::serializers::{Hazard, KryoVersion};

/// An operator, and where the rows of each of its states are.
pub(super) struct Entry {
    pub(super) operator: Operator,
    /// One table per state of the operator.
    pub(super) tables: Vec<Vec<Piece>>,
    /// What Flink 2 may find wrong with each state.
    pub(super) hazards: Vec<Vec<Hazard>>,
}

/// All operators, with the headers of their states read on all cores.
pub(super) fn operators(
    snapshot: &Snapshot,
    files: &Files,
    limits: &ReadLimits,
    segment_bytes: u64,
) -> Vec<Entry> {
    let kryo = KryoVersion::of_metadata(snapshot.version);
    let subtasks: Vec<_> =
        snapshot.operators.iter().flat_map(|operator| subtasks(operator, files, limits, kryo)).collect();
    let mut states = parallel::map(&subtasks, Subtask::states).into_iter();
    let mut entries: Vec<_> = snapshot
        .operators
        .iter()
        .map(|operator| {
            let mut found = Vec::new();
            states.by_ref().take(operator.states().count()).for_each(|states| found.extend(states));
            found.extend(coordinator(operator, files, limits, kryo));
            payloads::recognise(&mut found, files, limits);
            entry(snapshot, operator, found, segment_bytes)
        })
        .collect();
    // Flink's order is that of a hash table. People look for names.
    entries.sort_by_cached_key(|entry| {
        let Operator { uid, name, id, .. } = &entry.operator;
        (uid.is_none(), uid.clone(), name.clone(), *id)
    });
    entries
}

fn subtasks<'a>(
    operator: &'a OperatorState,
    files: &'a Files,
    limits: &'a ReadLimits,
    kryo: KryoVersion,
) -> impl Iterator<Item = Subtask<'a>> {
    let mut states: Vec<_> = operator.states().collect();
    states.sort_by_key(|(index, _)| *index);
    states.into_iter().map(move |(index, state)| Subtask { files, limits, operator, index, state, kryo })
}

fn coordinator(
    operator: &OperatorState,
    files: &Files,
    limits: &ReadLimits,
    kryo: KryoVersion,
) -> Option<Found> {
    let state = SubtaskState::default();
    let subtask = Subtask { files, limits, operator, index: 0, state: &state, kryo };
    let stream = operator.coordinator.as_ref()?;
    Some(subtask.whole("coordinator", StateKind::Coordinator, stream))
}

fn entry(snapshot: &Snapshot, operator: &OperatorState, found: Vec<Found>, segment_bytes: u64) -> Entry {
    let mut united: BTreeMap<(StateKind, String), (State, Vec<Piece>)> = BTreeMap::new();
    let mut hazards: BTreeMap<_, Vec<Hazard>> = BTreeMap::new();
    for state in found {
        let key = (state.kind, state.name.clone());
        let known = hazards.entry(key.clone()).or_default();
        let new = state.hazards.iter().filter(|hazard| !known.contains(hazard));
        let new: Vec<Hazard> = new.cloned().collect();
        known.extend(new);
        match united.get_mut(&key) {
            None => _ = united.insert(key, first(state)),
            Some((whole, pieces)) => unite(whole, pieces, state),
        }
    }
    let (states, tables): (_, Vec<Vec<Piece>>) = united.into_values().unzip();
    let cut = |pieces: Vec<Piece>| {
        let mut pieces: Vec<_> = pieces.into_iter().flat_map(|piece| piece.cut(segment_bytes)).collect();
        // Rows come by key group, and so do the segments.
        pieces.sort_by_key(Piece::key_groups);
        pieces
    };
    let tables = tables.into_iter().map(cut).collect();
    let hazards = hazards.into_values().collect();
    Entry { operator: facts(snapshot, operator, states), tables, hazards }
}

fn first(found: Found) -> (State, Vec<Piece>) {
    let state = State {
        key_hash: found.key_hash,
        read_as: found.read_as,
        ttl: found.ttl,
        rows: found.rows,
        bytes: found.bytes,
        ..State::new(found.name, found.kind, found.schema)
    };
    (state, vec![found.piece])
}

/// Adds what one more subtask has of a state.
fn unite(whole: &mut State, pieces: &mut Vec<Piece>, part: Found) {
    let sum = |a: Option<u64>, b: Option<u64>| Some(a?.saturating_add(b?));
    whole.bytes = sum(whole.bytes, part.bytes);
    whole.rows = sum(whole.rows, part.rows);
    if part.schema == whole.schema {
        pieces.push(part.piece);
    } else {
        let error = spt_format::Error::invalid(format!(
            "subtasks disagree about the type of {} state {:?}",
            whole.kind, whole.name
        ));
        pieces.push(Piece::Unreadable(Unreadable::new(&error)));
    }
}

fn facts(snapshot: &Snapshot, operator: &OperatorState, states: Vec<State>) -> Operator {
    let uid = operator.uid.as_ref().and_then(|uid| Uid::new(uid.as_str()).ok());
    let uid_origin = match (&uid, snapshot.version) {
        (Some(_), _) => UidOrigin::Given,
        (None, 5..) => UidOrigin::Generated,
        (None, _) => UidOrigin::Unknown,
    };
    let all_finished = !operator.subtasks.is_empty()
        && operator.subtasks.len() == operator.parallelism as usize
        && operator.subtasks.iter().all(|subtask| subtask.state.is_none());
    Operator {
        uid,
        uid_origin,
        name: operator.name.clone(),
        finished: operator.finished || all_finished,
        channel_bytes: operator.channel_bytes(),
        states,
        ..Operator::with_id(operator.id, operator.parallelism, operator.max_parallelism)
    }
}
