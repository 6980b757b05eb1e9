//! One accumulator per key, which takes in every record; the result so far is emitted for each.

use std::cell::Cell;
use std::marker::PhantomData;

use super::input::{HeadOperator, StreamKey};
use super::stage::{Signal, Stage};
use super::states::Aggregate;
use crate::data::Data;
use crate::error::Result;
use crate::exchange::KeyedBatch;
use crate::savepoint::{KeyedPart, StateSlot};
use crate::state::{KeyArena, KeyedTable};
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
        let mut result = Ok(());
        let is_first = Cell::new(false);
        let of_first = |index| {
            is_first.set(true);
            let mut accumulator = aggregate.start();
            blame.on(|| aggregate.add(&mut accumulator, batch.value(index)));
            accumulator
        };
        table.update_batch(
            &batch.places,
            |index| batch.keys.get(index),
            of_first,
            |index, key, held| {
                if result.is_err() {
                    return;
                }
                if !is_first.take() {
                    blame.on(|| aggregate.add(held, batch.value(index)));
                }
                let so_far = blame.on(|| aggregate.result(held));
                result = K::lend_key(key, |key| {
                    next.push((K::shorten(key), A::Result::shorten(so_far.as_ref())), batch.times.get(index))
                });
            },
        );
        result
    }

    fn signal(&mut self, signal: &mut Signal<'_>) -> Result<()> {
        if let Signal::Barrier(_, snapshot) | Signal::End(snapshot) = signal {
            snapshot.keep(self.slot, KeyedPart(self.table.freeze()));
        }
        self.next.signal(signal)
    }
}
