//! What a subtask needs to build its chain, and what is decided once before any subtask does.

use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::Receiver;
use serde_json::Value;
use spt_format::{KeyGroupRange, OperatorId};

use super::blame::Blame;
use super::command::Command;
use super::metrics::VertexMetrics;
use super::thread::TaskPorts;
use crate::error::{Error, Result};
use crate::job::Subtask;
use crate::savepoint::{Elements, Restored, StateSlot};
use crate::sinks::Start;
use crate::state::{Cell, Declaration, Key, KeyedTable, State};

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
    pub(crate) operators: Arc<Vec<OperatorInfo>>,
    pub(crate) restored: Option<Arc<Restored>>,
    /// The number of the first snapshot that this start will take.
    pub(crate) first_checkpoint: u64,
    pub(crate) flush_interval: Duration,
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
    pub(crate) metrics: Arc<VertexMetrics>,
}

impl TaskContext {
    /// The subtask's index.
    pub(crate) fn index(&self) -> u32 {
        self.ports.id.subtask
    }

    pub(crate) fn commands(&self) -> Receiver<Command> {
        self.ports.commands.clone()
    }

    pub(crate) fn metrics(&self) -> Arc<VertexMetrics> {
        Arc::clone(&self.metrics)
    }

    pub(crate) fn flush_interval(&self) -> Duration {
        self.start.flush_interval
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
            attempt: self.start.start.attempt,
        }
    }

    /// A keyed state's table with the rows that this subtask owns.
    pub(crate) fn keyed_table<K: Key, C: Cell, N: Key>(
        &self,
        slot: StateSlot,
    ) -> Result<KeyedTable<K, C, N>> {
        let subtask = self.subtask(slot.operator);
        let range = KeyGroupRange::of_subtask(subtask.index, subtask.parallelism, subtask.max_parallelism)
            .ok_or_else(|| Error::failed("a subtask owns no key group"))?;
        match &self.start.restored {
            Some(restored) => restored.keyed_table(slot, range, subtask.max_parallelism),
            None => Ok(KeyedTable::new(range)),
        }
    }
}
