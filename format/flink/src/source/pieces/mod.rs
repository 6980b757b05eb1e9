//! The states of one subtask: what its headers say, and where its rows are.
//!
//! A state of the catalogue is the union of what its subtasks found; see [`catalogue`](super::catalogue).

mod elements;
mod keyed;
mod raw;
mod slices;
mod unreadable;

use std::sync::Arc;

use spt_format::{
    KeyGroupRange, KeyHash, ReadAs, ReadLimits, Result, ResultExt, StateKind, StateSchema, Ttl,
};

use crate::files::Files;
use crate::keyed::{KeyedTable, Runs, TimerQueue};
use crate::metadata::{KeyedHandle, OperatorState, StreamHandle, SubtaskState};
use crate::rows::{BroadcastMap, Elements};
use crate::serializers::{Hazard, KryoVersion};

pub(in crate::source) use unreadable::Unreadable;

/// A state as one subtask has it.
#[derive(Debug, Clone)]
pub(in crate::source) struct Found {
    pub(in crate::source) name: String,
    pub(in crate::source) kind: StateKind,
    pub(in crate::source) schema: StateSchema,
    /// How it was found out what its bytes mean, where nothing says it.
    pub(in crate::source) read_as: Option<ReadAs>,
    pub(in crate::source) ttl: Option<Ttl>,
    pub(in crate::source) key_hash: Option<KeyHash>,
    pub(in crate::source) rows: Option<u64>,
    pub(in crate::source) bytes: Option<u64>,
    pub(in crate::source) piece: Piece,
    /// What Flink 2 may find wrong with it, if Flink 1 wrote it.
    pub(in crate::source) hazards: Vec<Hazard>,
}

/// Where the rows are that one subtask has of a state.
#[derive(Debug, Clone)]
pub(in crate::source) enum Piece {
    /// A list of the operator, or bytes.
    Elements(Elements),
    /// A copy of a broadcast map.
    Broadcast(BroadcastMap),
    /// One state among those of a keyed handle.
    Keyed(KeyedPiece),
    /// Something that cannot be read, and why.
    Unreadable(Unreadable),
}

impl Piece {
    /// Of keyed state.
    pub(in crate::source) fn key_groups(&self) -> Option<KeyGroupRange> {
        match self {
            Self::Keyed(piece) => Some(piece.key_groups),
            _ => None,
        }
    }
}

/// One state among those of a keyed handle.
#[derive(Debug, Clone)]
pub(in crate::source) struct KeyedPiece {
    pub(in crate::source) handle: Arc<KeyedHandle>,
    pub(in crate::source) place: KeyedPlace,
    pub(in crate::source) table: Arc<KeyedTable>,
    /// Where the states of the handle were met; all of them share it.
    pub(in crate::source) runs: Arc<Runs>,
    /// The Kryo of the Flink that wrote it.
    pub(in crate::source) kryo: KryoVersion,
    /// Those of the handle that this piece is about.
    pub(in crate::source) key_groups: KeyGroupRange,
}

/// Where a state is in a keyed handle.
#[derive(Debug, Clone)]
pub(in crate::source) enum KeyedPlace {
    /// It has this number in the handle's header.
    State(u16),
    /// The handle is of raw state, and these are the timers in it.
    RawTimers(TimerQueue),
}

impl KeyedPiece {
    /// A state in all key groups of a handle.
    fn whole(
        handle: &Arc<KeyedHandle>,
        place: KeyedPlace,
        table: Arc<KeyedTable>,
        kryo: KryoVersion,
    ) -> Self {
        Self {
            key_groups: handle.key_groups(),
            handle: Arc::clone(handle),
            place,
            table,
            runs: Arc::default(),
            kryo,
        }
    }
}

/// Whose state is looked at, and with what.
pub(in crate::source) struct Subtask<'a> {
    pub(in crate::source) files: &'a Files,
    pub(in crate::source) limits: &'a ReadLimits,
    /// The operator, whose other subtasks may tell what this one does not.
    pub(in crate::source) operator: &'a OperatorState,
    pub(in crate::source) index: u32,
    pub(in crate::source) state: &'a SubtaskState,
    /// The Kryo of the Flink that wrote the snapshot.
    pub(in crate::source) kryo: KryoVersion,
}

impl Subtask<'_> {
    /// All its states. What cannot be read is one of them.
    pub(in crate::source) fn states(&self) -> Vec<Found> {
        let mut found = Vec::new();
        for handle in &self.state.managed_operator {
            if handle.stream == StreamHandle::Empty {
                continue;
            }
            let size = handle.stream.size();
            found.extend(self.or_unreadable("operator state", size, self.operator_states(handle)));
        }
        if let Some(handle) = &self.state.managed_keyed {
            found.extend(self.or_unreadable("keyed state", handle.size(), self.keyed_states(handle)));
        }
        found.extend(self.state.raw_operator.iter().map(|handle| self.raw_operator(handle)));
        if let Some(handle) = &self.state.raw_keyed {
            found.extend(self.or_unreadable("raw keyed state", handle.size(), self.raw_keyed(handle)));
        }
        found.extend(
            self.state.legacy.iter().map(|stream| self.whole("legacy state", StateKind::Raw, stream)),
        );
        found
    }

    fn or_unreadable(&self, name: &str, size: u64, states: Result<Vec<Found>>) -> Vec<Found> {
        let states = states.within(|| format!("subtask {}", self.index));
        states.unwrap_or_else(|error| vec![Found::unreadable(name, Some(size), &error)])
    }
}
