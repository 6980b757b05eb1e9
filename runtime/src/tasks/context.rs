//! What a subtask needs to build its chain, and what is decided once before any subtask does.

use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::Receiver;
use serde_json::Value;
use spt_format::{KeyGroupRange, OperatorId};

use super::alignment::{Alignments, Hold, Member};
use super::blame::Blame;
use super::clock::{Alarm, Clock};
use super::command::Command;
use super::metrics::{JobMetrics, OperatorMetrics, TaskMetrics};
use super::thread::TaskPorts;
use crate::error::{Error, Result};
use crate::exchange::{Batch, Gate, Inputs};
use crate::graph::SideOutput;
use crate::job::{Notes, Subtask};
use crate::operators::SideOutputs;
use crate::savepoint::{Elements, Restored, StateSlot};
use crate::sinks::Start;
use crate::state::{BroadcastTable, Cell, Declaration, Key, KeyedTable, Payload, State, Timers};

/// An operator of the graph once parallelism and max parallelism are decided.
#[derive(Debug, Clone)]
pub(crate) struct OperatorInfo {
    pub(crate) id: OperatorId,
    pub(crate) uid: Option<String>,
    pub(crate) name: String,
    pub(crate) vertex: usize,
    pub(crate) parallelism: u32,
    pub(crate) max_parallelism: u32,
    pub(crate) states: Vec<Declaration>,
}

impl OperatorInfo {
    /// The uid, or the name of an operator without one.
    pub(crate) fn label(&self) -> &str {
        self.uid.as_deref().unwrap_or(&self.name)
    }
}

/// One start of the job: the same for every subtask.
#[derive(Clone)]
pub(crate) struct StartContext {
    pub(crate) start: Start,
    /// Nothing has been tried in this process yet.
    pub(crate) is_first: bool,
    pub(crate) operators: Arc<Vec<OperatorInfo>>,
    /// Subtasks of each vertex.
    pub(crate) vertices: Arc<Vec<u32>>,
    pub(crate) side_outputs: Arc<Vec<SideOutput>>,
    pub(crate) restored: Option<Arc<Restored>>,
    /// The number of the first snapshot that this start will take.
    pub(crate) first_checkpoint: u64,
    pub(crate) flush_interval: Duration,
    pub(crate) watermark_interval: Duration,
    pub(crate) clock: Clock,
    pub(crate) alignments: Arc<Alignments>,
    /// What is said of the job's start.
    pub(crate) notes: Notes,
}

impl StartContext {
    pub(crate) fn start(&self) -> &Start {
        &self.start
    }

    pub(crate) fn operator(&self, node: usize) -> Option<&OperatorInfo> {
        self.operators.get(node)
    }

    pub(crate) fn parallelism(&self, node: usize) -> u32 {
        self.operator(node).map_or(1, |operator| operator.parallelism)
    }

    pub(crate) fn blame(&self, node: usize) -> Blame {
        Blame::new(self.operator(node).map_or("", OperatorInfo::label))
    }

    /// The elements of a list state in the snapshot; `None` if the job starts from none that has the state.
    pub(crate) fn restored_elements<T: State>(&self, slot: StateSlot) -> Result<Option<Elements<T>>> {
        self.restored.as_ref().map_or(Ok(None), |restored| restored.elements(slot))
    }

    /// Output of a sink that was pending in the snapshot.
    pub(crate) fn pending(&self, node: usize) -> impl Iterator<Item = &Value> {
        let id = self.operator(node).map(|operator| operator.id);
        let pending = self.restored.iter().flat_map(|restored| restored.pending());
        pending.filter(move |pending| Some(pending.operator) == id).map(|pending| &pending.output)
    }
}

/// What one subtask builds its chain with.
pub struct TaskContext {
    pub(crate) start: StartContext,
    pub(crate) ports: TaskPorts,
    pub(crate) metrics: Arc<JobMetrics>,
    pub(crate) alarm: Alarm,
    /// Holds the source that the task begins with, if it does.
    pub(crate) hold: Option<Hold>,
}

impl TaskContext {
    /// The subtask's index.
    pub(crate) fn index(&self) -> u32 {
        self.ports.id.subtask
    }

    pub(crate) fn commands(&self) -> Receiver<Command> {
        self.ports.commands.clone()
    }

    /// What the task counts.
    pub(crate) fn metrics(&self) -> Arc<TaskMetrics> {
        self.metrics.task(self.ports.id)
    }

    /// What an operator counts in this subtask.
    pub(crate) fn counters(&self, node: usize) -> Arc<OperatorMetrics> {
        self.metrics.operator(node, self.index())
    }

    pub(crate) fn flush_interval(&self) -> Duration {
        self.start.flush_interval
    }

    /// What the task waits for besides records.
    pub(crate) fn alarm(&self) -> Alarm {
        self.alarm.clone()
    }

    /// What holds the task's source; none if the task does not begin with one.
    pub(crate) fn hold(&self) -> Option<Hold> {
        self.hold.clone()
    }

    /// A place in a group of sources that keep together.
    pub(crate) fn join(&self, group: &str) -> Member {
        self.start.alignments.join(group)
    }

    /// The way into this subtask over these edges.
    pub(crate) fn gate<B: Batch>(&self, inputs: &Inputs<B>) -> Gate<B> {
        Gate::new(inputs.of_subtask(self.index()), self.commands())
    }

    /// The ways out of an operator that are not its main one.
    pub(crate) fn side_outputs(&self, node: usize) -> SideOutputs {
        let outputs = self.start.side_outputs.iter().filter(|output| output.node == node);
        SideOutputs::new(outputs.map(|output| output.open(self)))
    }

    pub(crate) fn watermark_interval(&self) -> Duration {
        self.start.watermark_interval
    }

    pub(crate) fn first_checkpoint(&self) -> u64 {
        self.start.first_checkpoint
    }

    pub(crate) fn blame(&self, node: usize) -> Blame {
        self.start.blame(node)
    }

    /// Where the instance of an operator in this subtask stands.
    pub(crate) fn subtask(&self, node: usize) -> Subtask {
        let operator = self.start.operator(node);
        Subtask {
            job_id: self.start.start.job_id.clone(),
            operator: operator.map_or_else(String::new, |operator| operator.label().to_owned()),
            index: self.index(),
            parallelism: operator.map_or(1, |operator| operator.parallelism),
            max_parallelism: operator.map_or(1, |operator| operator.max_parallelism),
            attempt: self.start.start.attempt.clone(),
        }
    }

    /// The key groups that this subtask owns in an operator.
    pub(crate) fn key_groups(&self, node: usize) -> Result<KeyGroupRange> {
        let subtask = self.subtask(node);
        KeyGroupRange::of_subtask(subtask.index, subtask.parallelism, subtask.max_parallelism)
            .ok_or_else(|| Error::failed("a subtask owns no key group"))
    }

    /// A keyed state's table with the rows that this subtask owns.
    pub(crate) fn keyed_table<K: Key, C: Cell, N: Key>(
        &self,
        slot: StateSlot,
    ) -> Result<KeyedTable<K, C, N>> {
        let range = self.key_groups(slot.operator)?;
        match &self.start.restored {
            Some(restored) => restored.keyed_table(slot, range, self.subtask(slot.operator).max_parallelism),
            None => Ok(KeyedTable::new(range)),
        }
    }

    /// The timers that this subtask owns.
    pub(crate) fn timers<K: Key, N: Key>(&self, slot: StateSlot, service: &str) -> Result<Timers<K, N>> {
        let range = self.key_groups(slot.operator)?;
        match &self.start.restored {
            Some(restored) => {
                restored.timers(slot, service, range, self.subtask(slot.operator).max_parallelism)
            }
            None => Ok(Timers::new(range, service)),
        }
    }

    /// The elements of a list state: those that this subtask is dealt, and all of them.
    pub(crate) fn elements<T: State>(&self, slot: StateSlot) -> Result<(Vec<T>, Vec<T>)> {
        let Some(elements) = self.start.restored_elements::<T>(slot)? else { return Ok(Default::default()) };
        let all = elements.all().cloned().collect();
        let subtask = self.subtask(slot.operator);
        let mut dealt = elements.for_subtasks(subtask.parallelism);
        let own = dealt.get_mut(subtask.index as usize).map(std::mem::take).unwrap_or_default();
        Ok((own, all))
    }

    /// The copy of a broadcast state.
    pub(crate) fn broadcast_table<K: Key, P: Payload + PartialEq>(
        &self,
        slot: StateSlot,
    ) -> Result<BroadcastTable<K, P>> {
        match &self.start.restored {
            Some(restored) => restored.broadcast(slot),
            None => Ok(BroadcastTable::default()),
        }
    }
}
