//! What a `_metadata` says, the same for every version.

use bytes::Bytes;
use spt_format::OperatorId;

use super::handle::{ChannelHandle, KeyedHandle, OperatorHandle, StreamHandle};
use super::properties::Properties;

/// A savepoint or checkpoint: its operators and where their state is.
#[derive(Debug, Clone, PartialEq)]
pub struct Snapshot {
    /// Version of the layout it was read from.
    pub version: u32,
    /// Number of the checkpoint in its job. Savepoints count too.
    pub checkpoint_id: u64,
    /// What hooks of the JobManager stored.
    pub master_states: Vec<MasterState>,
    /// Operators, in the order found, which is that of a hash map.
    pub operators: Vec<OperatorState>,
    /// Savepoint or checkpoint, and how it was asked for; `None` before version 4 and where Flink knew none.
    pub properties: Option<Properties>,
}

/// What a hook of the JobManager stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MasterState {
    /// Version of the hook's own bytes.
    pub version: i32,
    /// The hook's identifier.
    pub name: String,
    /// The hook's own bytes.
    pub payload: Bytes,
}

/// An operator and the state of its subtasks. In version 1: a task, which is a chain of operators.
#[derive(Debug, Clone, PartialEq)]
pub struct OperatorState {
    /// Its name, from version 5 on and if it has one.
    pub name: Option<String>,
    /// Its uid, from version 5 on and if it has one.
    pub uid: Option<String>,
    /// What its state is found by.
    pub id: OperatorId,
    /// Subtasks when the snapshot was taken.
    pub parallelism: u32,
    /// Key groups.
    pub max_parallelism: u32,
    /// What its coordinator stored, for instance which files a source has yet to read.
    pub coordinator: Option<StreamHandle>,
    /// All subtasks had reached the end of their input.
    pub finished: bool,
    /// Subtasks with state, and those that had finished. A subtask not listed has no state.
    pub subtasks: Vec<Subtask>,
}

/// One subtask.
#[derive(Debug, Clone, PartialEq)]
pub struct Subtask {
    /// Its number, below the operator's parallelism.
    pub index: u32,
    /// Its state; `None`: it had reached the end of its input.
    pub state: Option<Box<SubtaskState>>,
}

/// Where the state of one subtask is.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SubtaskState {
    /// State from before Flink 1.4 that no operator of later releases reads.
    pub legacy: Vec<StreamHandle>,
    /// State registered by name and type. More than one only in version 1: one per operator of the chain.
    pub managed_operator: Vec<OperatorHandle>,
    /// Bytes the operator wrote on its own.
    pub raw_operator: Vec<OperatorHandle>,
    /// Keyed state and timers.
    pub managed_keyed: Option<KeyedHandle>,
    /// Bytes the operator wrote on its own, by key group; timers, when they are kept on the heap.
    pub raw_keyed: Option<KeyedHandle>,
    /// Records in flight, before this subtask. Unaligned checkpoints only.
    pub input_channels: Vec<ChannelHandle>,
    /// Records in flight, behind this subtask. Unaligned checkpoints only.
    pub output_channels: Vec<ChannelHandle>,
}

impl OperatorState {
    /// The subtasks that have state, with their number.
    pub fn states(&self) -> impl Iterator<Item = (u32, &SubtaskState)> {
        self.subtasks.iter().filter_map(|subtask| Some((subtask.index, subtask.state.as_deref()?)))
    }

    /// Bytes of records in flight.
    pub fn channel_bytes(&self) -> u64 {
        let channels = |state: &SubtaskState| {
            let both = state.input_channels.iter().chain(&state.output_channels);
            both.map(|channel| channel.size).fold(0, u64::saturating_add)
        };
        self.states().map(|(_, state)| channels(state)).fold(0, u64::saturating_add)
    }
}

impl Snapshot {
    /// The streams of all states, log files of a changelog left out: their recorded size is not their length.
    pub fn streams(&self) -> Vec<&StreamHandle> {
        let mut streams = Vec::new();
        for operator in &self.operators {
            streams.extend(&operator.coordinator);
            for (_, state) in operator.states() {
                state.collect_streams(&mut streams);
            }
        }
        streams
    }
}

impl SubtaskState {
    fn collect_streams<'a>(&'a self, streams: &mut Vec<&'a StreamHandle>) {
        streams.extend(&self.legacy);
        streams.extend(self.managed_operator.iter().chain(&self.raw_operator).map(|handle| &handle.stream));
        for handle in self.managed_keyed.iter().chain(&self.raw_keyed) {
            handle.collect_streams(streams);
        }
        streams.extend(self.input_channels.iter().chain(&self.output_channels).map(|handle| &handle.stream));
    }
}
