//! How an operator with keyed state begins a chain behind a keyed exchange.

use std::sync::Arc;

use super::chain::Chain;
use super::stage::Stage;
use crate::data::{Data, Record};
use crate::error::Result;
use crate::exchange::{Exchange, Gate, KeyedBatch};
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

/// An operator whose input is partitioned by key.
pub trait KeyedOperator<K: Key, V: Data>: Clone + Send + 'static {
    /// What it emits.
    type Out: Data;
    /// The operator with what comes next.
    type Head<E: Stage<Self::Out> + 'static>: Head<KeyedBatch<K, V>> + 'static;

    /// Builds the operator of one subtask, its state restored.
    fn head<E: Stage<Self::Out> + 'static>(
        self,
        context: &TaskContext,
        node: usize,
        next: E,
    ) -> Result<Self::Head<E>>;
}

/// The front of a chain behind a keyed exchange.
pub struct KeyedHead<K: Key, V: Data, O> {
    pub(crate) exchange: Arc<Exchange<KeyedBatch<K, V>>>,
    pub(crate) operator: O,
    pub(crate) node: usize,
}

impl<K: Key, V: Data, O: Clone> Clone for KeyedHead<K, V, O> {
    fn clone(&self) -> Self {
        Self { exchange: Arc::clone(&self.exchange), operator: self.operator.clone(), node: self.node }
    }
}

impl<K: Key, V: Data, O: KeyedOperator<K, V>> Chain for KeyedHead<K, V, O> {
    type Out = O::Out;

    fn build<E: Stage<O::Out> + 'static>(self, context: &TaskContext, end: E) -> Result<Box<dyn Task>> {
        let head = self.operator.head(context, self.node, end)?;
        let gate = Gate::new(self.exchange.inputs(context.index()), context.commands());
        Ok(Box::new(InputTask {
            gate,
            head,
            metrics: context.metrics(),
            flush_interval: context.flush_interval(),
        }))
    }
}
