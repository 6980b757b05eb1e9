//! How an operator begins a chain behind exchanges.

use super::chain::Chain;
use super::stage::Stage;
use crate::data::{Data, Record};
use crate::error::Result;
use crate::exchange::{Batch, Inputs};
use crate::graph::Graph;
use crate::state::Key;
use crate::tasks::{Head, InputTask, Task, TaskContext};

/// A key that can also be part of a record.
pub trait StreamKey: Key + Data {
    /// Lends the key as a record.
    fn lend_key<R>(key: &Self::Borrowed, to: impl FnOnce(Self::Ref<'_>) -> R) -> R;
}

impl<K: Key + Data> StreamKey for K
where
    for<'a> &'a K::Borrowed: Record<Data = K>,
{
    #[inline]
    fn lend_key<R>(key: &K::Borrowed, to: impl FnOnce(K::Ref<'_>) -> R) -> R {
        key.lend(to)
    }
}

/// An operator that takes batches: one whose input is partitioned by key, or that has two inputs.
pub trait HeadOperator<B>: Clone + Send + 'static {
    /// What it emits.
    type Out: Data;
    /// The operator with what comes next.
    type Head<E: Stage<Self::Out> + 'static>: Head<B> + 'static;
    /// It sends records and signals to side outputs as well. Nothing else does: such an output would never end.
    const HAS_SIDE_OUTPUTS: bool = false;

    /// Builds the operator of one subtask, its state restored.
    ///
    /// # Errors
    /// If its state cannot be restored.
    fn head<E: Stage<Self::Out> + 'static>(
        self,
        context: &TaskContext,
        node: usize,
        next: E,
    ) -> Result<Self::Head<E>>;
}

/// The front of a chain behind one or more exchanges.
pub struct InputHead<B, O> {
    pub(crate) inputs: Inputs<B>,
    pub(crate) operator: O,
    pub(crate) node: usize,
}

impl<B, O: Clone> Clone for InputHead<B, O> {
    fn clone(&self) -> Self {
        Self { inputs: self.inputs.clone(), operator: self.operator.clone(), node: self.node }
    }
}

impl<B: Batch, O: HeadOperator<B>> Chain for InputHead<B, O> {
    type Out = O::Out;
    type Detached = Self;

    fn build<E: Stage<O::Out> + 'static>(self, context: &TaskContext, end: E) -> Result<Box<dyn Task>> {
        let head = self.operator.head(context, self.node, end)?;
        Ok(Box::new(InputTask {
            gate: context.gate(&self.inputs),
            head,
            metrics: context.metrics(),
            counters: context.counters(self.node),
            flush_interval: context.flush_interval(),
            alarm: context.alarm(),
        }))
    }

    fn last(&self) -> usize {
        self.node
    }

    fn has_side_outputs(&self) -> bool {
        O::HAS_SIDE_OUTPUTS
    }

    fn detach(self, _: &mut Graph, vertex: usize) -> (Self, usize) {
        (self, vertex)
    }
}
