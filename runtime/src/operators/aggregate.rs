//! One accumulator per key, which takes in every record; the result so far is emitted for each.

use std::marker::PhantomData;

use super::input::{HeadOperator, StreamKey};
use super::stage::{Signal, Stage};
use super::states::Aggregate;
use crate::data::Data;
use crate::error::Result;
use crate::exchange::KeyedBatch;
use crate::savepoint::{KeyedPart, StateSlot};
use crate::state::{BatchUpdate, KeyedTable};
use crate::tasks::{Blame, Head, TaskContext};

/// An aggregate of a keyed stream in the graph.
pub(crate) struct Rolling<A, T> {
    pub(crate) aggregate: A,
    pub(crate) records: PhantomData<fn(T)>,
}

impl<A: Clone, T> Clone for Rolling<A, T> {
    fn clone(&self) -> Self {
        Self { aggregate: self.aggregate.clone(), records: PhantomData }
    }
}

pub(crate) struct RollingHead<K: StreamKey, T: Data, A: Aggregate<T>, E> {
    table: KeyedTable<K, A::Accumulator>,
    aggregate: A,
    slot: StateSlot,
    blame: Blame,
    next: E,
}

impl<K: StreamKey, T: Data, A: Aggregate<T>> HeadOperator<KeyedBatch<K, T>> for Rolling<A, T> {
    type Out = (K, A::Result);
    type Head<E: Stage<(K, A::Result)> + 'static> = RollingHead<K, T, A, E>;

    fn head<E: Stage<(K, A::Result)> + 'static>(
        self,
        context: &TaskContext,
        node: usize,
        next: E,
    ) -> Result<RollingHead<K, T, A, E>> {
        let slot = StateSlot { operator: node, state: 0 };
        let blame = context.blame(node);
        let table = context.keyed_table(slot).map_err(|error| blame.error(error))?;
        Ok(RollingHead { table, aggregate: self.aggregate, slot, blame, next })
    }
}

impl<K, T, A, E> Head<KeyedBatch<K, T>> for RollingHead<K, T, A, E>
where
    K: StreamKey,
    T: Data,
    A: Aggregate<T>,
    E: Stage<(K, A::Result)>,
{
    fn feed(&mut self, batch: &KeyedBatch<K, T>) -> Result<()> {
        let Self { table, aggregate, blame, next, .. } = self;
        let mut rolling = RollingBatch { batch, aggregate, blame, next };
        table.update_batch(&batch.places, &batch.keys, &mut rolling)
    }

    fn signal(&mut self, signal: &mut Signal<'_>) -> Result<()> {
        if let Signal::Barrier(_, snapshot) | Signal::End(snapshot) = signal {
            snapshot.keep(self.slot, KeyedPart(self.table.freeze()));
        }
        self.next.signal(signal)
    }
}

/// A batch on its way through the operator.
struct RollingBatch<'a, K: StreamKey, T: Data, A, E> {
    batch: &'a KeyedBatch<K, T>,
    aggregate: &'a mut A,
    blame: &'a Blame,
    next: &'a mut E,
}

impl<K, T, A, E> BatchUpdate<K, A::Accumulator> for RollingBatch<'_, K, T, A, E>
where
    K: StreamKey,
    T: Data,
    A: Aggregate<T>,
    E: Stage<(K, A::Result)>,
{
    fn first(&mut self, index: usize) -> Result<A::Accumulator> {
        let mut accumulator = self.aggregate.start();
        self.add(index, &mut accumulator)?;
        Ok(accumulator)
    }

    #[inline]
    fn add(&mut self, index: usize, held: &mut A::Accumulator) -> Result<()> {
        self.blame.on(|| self.aggregate.add(held, self.batch.value(index)));
        Ok(())
    }

    #[inline]
    fn emit(&mut self, index: usize, key: &K::Borrowed, held: &A::Accumulator) -> Result<()> {
        let so_far = self.blame.on(|| self.aggregate.result(held));
        let time = self.batch.times.get(index);
        K::lend_key(key, |key| self.next.push((K::shorten(key), A::Result::shorten(so_far.as_ref())), time))
    }
}
