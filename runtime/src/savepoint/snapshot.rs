//! What one subtask gives to a snapshot at a barrier.

use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch, UInt32Array, UInt64Array};
use arrow_schema::SchemaRef;
use serde_json::Value;
use spt_format::{Column, Error, KeyGroupRange, Result};

use crate::state::{Cell, Frozen, FrozenBroadcast, Key, Payload, State, StateBuilder};

/// A state of an operator: their places in the graph.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StateSlot {
    /// Index of the operator in the graph.
    pub operator: usize,
    /// Index of the state in its operator.
    pub state: usize,
}

/// The frozen states of a subtask's operators. Collecting them copies no state.
#[derive(Default)]
pub struct Snapshot {
    checkpoint: Option<u64>,
    parts: Vec<(StateSlot, Arc<dyn Part>)>,
    /// What sinks have pending, by operator.
    pending: Vec<(usize, Value)>,
    commits: Vec<Box<dyn Commit>>,
}

/// A subtask's part of a state, turned into rows on another thread.
pub(crate) trait Part: Send + Sync {
    /// Rows.
    fn rows(&self) -> u64;

    /// The rows of these key groups in the model's order; of a state that is not keyed, all.
    fn batches(&self, subtask: u32, groups: KeyGroupRange, schema: &SchemaRef) -> PartBatches<'_>;
}

/// A part's rows, made while they are asked for.
pub(crate) type PartBatches<'a> = Box<dyn Iterator<Item = Result<RecordBatch>> + Send + 'a>;

/// Output that is pending in the snapshot, and how it becomes visible.
pub(crate) trait Commit: Send + Sync {
    /// Makes it visible, if it is not already.
    fn commit(&self) -> crate::Result<()>;
}

impl Snapshot {
    /// For a checkpoint or savepoint.
    pub(crate) fn new(checkpoint: u64) -> Self {
        Self { checkpoint: Some(checkpoint), ..Self::default() }
    }

    /// For a subtask that ends: it stands for it in every later snapshot.
    pub(crate) fn last() -> Self {
        Self::default()
    }

    /// The checkpoint it belongs to; none at the end of the input.
    pub fn checkpoint(&self) -> Option<u64> {
        self.checkpoint
    }

    /// Adds a state's rows.
    pub(crate) fn keep(&mut self, slot: StateSlot, part: impl Part + 'static) {
        self.parts.push((slot, Arc::new(part)));
    }

    /// Adds output that is pending in an operator.
    pub(crate) fn pend(&mut self, operator: usize, output: Value) {
        self.pending.push((operator, output));
    }

    /// What is pending, by operator.
    pub(crate) fn pending(&self) -> impl Iterator<Item = (usize, &Value)> {
        self.pending.iter().map(|(operator, output)| (*operator, output))
    }

    /// Adds what is to be done once the snapshot is a complete checkpoint.
    pub(crate) fn on_complete(&mut self, commit: impl Commit + 'static) {
        self.commits.push(Box::new(commit));
    }

    /// The rows of a state.
    pub(crate) fn part(&self, slot: StateSlot) -> Option<Arc<dyn Part>> {
        self.parts.iter().find(|(found, _)| *found == slot).map(|(_, part)| Arc::clone(part))
    }

    /// Makes all pending output visible.
    ///
    /// # Errors
    /// The first failure; what follows it stays pending.
    pub(crate) fn commit(&self) -> crate::Result<()> {
        self.commits.iter().try_for_each(|commit| commit.commit())
    }
}

impl std::fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let slots: Vec<_> = self.parts.iter().map(|(slot, _)| slot).collect();
        f.debug_struct("Snapshot").field("checkpoint", &self.checkpoint).field("parts", &slots).finish()
    }
}

/// A frozen keyed state.
pub(crate) struct KeyedPart<K: Key, C, N>(pub(crate) Frozen<K, C, N>);

impl<K: Key, C: Cell, N: Key> Part for KeyedPart<K, C, N> {
    fn rows(&self) -> u64 {
        self.0.rows().iter().map(|(_, rows)| rows).sum()
    }

    fn batches(&self, _: u32, groups: KeyGroupRange, schema: &SchemaRef) -> PartBatches<'_> {
        Box::new(self.0.batches(groups, Arc::clone(schema)))
    }
}

/// Elements of a list state of an operator.
pub(crate) struct ListPart<T>(pub(crate) Vec<T>);

impl<T: State> Part for ListPart<T> {
    fn rows(&self) -> u64 {
        self.0.len() as u64
    }

    fn batches(&self, subtask: u32, _: KeyGroupRange, schema: &SchemaRef) -> PartBatches<'_> {
        let batch = (!self.0.is_empty()).then(|| self.batch(subtask, schema));
        Box::new(batch.into_iter())
    }
}

impl<T: State> ListPart<T> {
    fn batch(&self, subtask: u32, schema: &SchemaRef) -> Result<RecordBatch> {
        let refusal = |error| Error::invalid("a list state's rows").caused_by(error);
        let value = schema.field_with_name(Column::Value.name()).map_err(refusal)?;
        let mut values = T::Builder::new(value.data_type(), self.0.len());
        self.0.iter().for_each(|element| values.append(element));
        let columns: [ArrayRef; 3] = [
            Arc::new(UInt32Array::from_value(subtask, self.0.len())),
            Arc::new(UInt64Array::from_iter_values(0..self.0.len() as u64)),
            values.finish()?,
        ];
        RecordBatch::try_new(Arc::clone(schema), columns.to_vec()).map_err(refusal)
    }
}

/// A copy of a broadcast state.
pub(crate) struct BroadcastPart<K, P>(pub(crate) FrozenBroadcast<K, P>);

impl<K: Key, P: Payload> Part for BroadcastPart<K, P> {
    fn rows(&self) -> u64 {
        self.0.rows() as u64
    }

    fn batches(&self, _: u32, _: KeyGroupRange, schema: &SchemaRef) -> PartBatches<'_> {
        Box::new(self.0.batches(Arc::clone(schema)))
    }
}
