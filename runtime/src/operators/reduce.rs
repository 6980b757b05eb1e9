//! One value per key, into which every record is folded; the result so far is emitted for each record.
//!
//! `sum`, `min`, `max` and `reduce` are this operator with different ways to fold.

use std::marker::PhantomData;

use super::input::{HeadOperator, StreamKey};
use super::stage::{Signal, Stage};
use crate::data::{Data, EventTime};
use crate::error::{Error, Result};
use crate::exchange::KeyedBatch;
use crate::savepoint::{KeyedPart, StateSlot};
use crate::state::{BatchUpdate, KeyedTable, State};
use crate::tasks::{Blame, Head, TaskContext};

/// How a record is folded into what its key holds.
pub(crate) trait Fold<V: Data>: Clone + Send + 'static {
    /// Folds.
    ///
    /// # Errors
    /// If the result cannot be represented.
    fn fold(&mut self, held: &mut V, record: V::Ref<'_>) -> Result<()>;
}

/// What the operator emits for a record.
pub(crate) trait Emit<K: StreamKey, V: Data>: Clone + Send + 'static {
    /// The type of it.
    type Out: Data;

    /// Passes it on.
    fn emit<E: Stage<Self::Out>>(key: &K::Borrowed, held: &V, time: EventTime, next: &mut E) -> Result<()>;
}

/// The key and what it holds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct KeyAndValue;

/// What the key holds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ValueOnly;

impl<K: StreamKey, V: Data> Emit<K, V> for KeyAndValue {
    type Out = (K, V);

    #[inline]
    fn emit<E: Stage<(K, V)>>(key: &K::Borrowed, held: &V, time: EventTime, next: &mut E) -> Result<()> {
        K::lend_key(key, |key| next.push((K::shorten(key), V::shorten(held.as_ref())), time))
    }
}

impl<K: StreamKey, V: Data> Emit<K, V> for ValueOnly {
    type Out = V;

    #[inline]
    fn emit<E: Stage<V>>(_: &K::Borrowed, held: &V, time: EventTime, next: &mut E) -> Result<()> {
        next.push(held.as_ref(), time)
    }
}

#[derive(Clone)]
pub(crate) struct Reduce<F, M> {
    pub(crate) fold: F,
    pub(crate) emit: PhantomData<fn() -> M>,
}

pub(crate) struct ReduceHead<K: StreamKey, V: State + Data, F, M, E> {
    table: KeyedTable<K, V>,
    fold: F,
    emit: PhantomData<fn() -> M>,
    slot: StateSlot,
    blame: Blame,
    next: E,
}

impl<K, V, F, M> HeadOperator<KeyedBatch<K, V>> for Reduce<F, M>
where
    K: StreamKey,
    V: State + Data,
    F: Fold<V>,
    M: Emit<K, V>,
{
    type Out = M::Out;
    type Head<E: Stage<M::Out> + 'static> = ReduceHead<K, V, F, M, E>;

    fn head<E: Stage<M::Out> + 'static>(
        self,
        context: &TaskContext,
        node: usize,
        next: E,
    ) -> Result<Self::Head<E>> {
        let slot = StateSlot { operator: node, state: 0 };
        let blame = context.blame(node);
        let table = context.keyed_table(slot).map_err(|error| blame.error(error))?;
        Ok(ReduceHead { table, fold: self.fold, emit: PhantomData, slot, blame, next })
    }
}

impl<K, V, F, M, E> Head<KeyedBatch<K, V>> for ReduceHead<K, V, F, M, E>
where
    K: StreamKey,
    V: State + Data,
    F: Fold<V>,
    M: Emit<K, V>,
    E: Stage<M::Out>,
{
    fn feed(&mut self, batch: &KeyedBatch<K, V>) -> Result<()> {
        let Self { table, fold, emit, blame, next, .. } = self;
        let mut folding = Folding { batch, fold, emit: *emit, blame, next };
        table.update_batch(&batch.places, &batch.keys, &mut folding)
    }

    fn signal(&mut self, signal: &mut Signal<'_>) -> Result<()> {
        if let Signal::Barrier(_, snapshot) | Signal::End(snapshot) = signal {
            snapshot.keep(self.slot, KeyedPart(self.table.freeze()));
        }
        self.next.signal(signal)
    }
}

/// A batch on its way through the operator.
struct Folding<'a, K: StreamKey, V: Data, F, M, E> {
    batch: &'a KeyedBatch<K, V>,
    fold: &'a mut F,
    emit: PhantomData<fn() -> M>,
    blame: &'a Blame,
    next: &'a mut E,
}

impl<K, V, F, M, E> BatchUpdate<K, V> for Folding<'_, K, V, F, M, E>
where
    K: StreamKey,
    V: State + Data,
    F: Fold<V>,
    M: Emit<K, V>,
    E: Stage<M::Out>,
{
    /// The first record of a key is what it holds, not folded into anything.
    fn first(&mut self, index: usize) -> Result<V> {
        Ok(V::from_ref(self.batch.value(index)))
    }

    #[inline]
    fn add(&mut self, index: usize, held: &mut V) -> Result<()> {
        self.blame.on_result(|| self.fold.fold(held, self.batch.value(index)))
    }

    #[inline]
    fn emit(&mut self, index: usize, key: &K::Borrowed, held: &V) -> Result<()> {
        M::emit(key, held, self.batch.times.get(index), self.next)
    }
}

/// Folds with a function of the author's.
#[derive(Clone)]
pub(crate) struct Combine<F>(pub(crate) F);

impl<V, F> Fold<V> for Combine<F>
where
    V: Data,
    F: for<'a> FnMut(&'a V, &'a V::Ref<'a>) -> V + Clone + Send + 'static,
{
    #[inline]
    fn fold(&mut self, held: &mut V, record: V::Ref<'_>) -> Result<()> {
        let result = (self.0)(held, &V::shorten(record));
        *held = result;
        Ok(())
    }
}

/// Adds numbers up.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Add;

/// Keeps the lowest.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Least;

/// Keeps the highest.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Greatest;

/// A number that can be summed and compared.
pub trait Number: State + Copy + PartialOrd + for<'a> Data<Ref<'a> = Self> {
    /// The sum; `None` if it does not fit the type.
    fn add(self, other: Self) -> Option<Self>;
}

macro_rules! numbers {
    ($($type:ty => $add:expr),* $(,)?) => {$(
        impl Number for $type {
            #[inline]
            fn add(self, other: Self) -> Option<Self> {
                let add: fn(Self, Self) -> Option<Self> = $add;
                add(self, other)
            }
        }
    )*};
}

numbers! {
    i8 => Self::checked_add,
    i16 => Self::checked_add,
    i32 => Self::checked_add,
    i64 => Self::checked_add,
    u8 => Self::checked_add,
    u16 => Self::checked_add,
    u32 => Self::checked_add,
    u64 => Self::checked_add,
    f32 => |a, b| Some(a + b),
    f64 => |a, b| Some(a + b),
}

impl<V: Number> Fold<V> for Add {
    #[inline]
    fn fold(&mut self, held: &mut V, record: V) -> Result<()> {
        *held = held.add(record).ok_or_else(overflow)?;
        Ok(())
    }
}

#[cold]
fn overflow() -> Error {
    Error::failed("the sum does not fit its type")
}

impl<V: Number> Fold<V> for Least {
    #[inline]
    fn fold(&mut self, held: &mut V, record: V) -> Result<()> {
        if record < *held {
            *held = record;
        }
        Ok(())
    }
}

impl<V: Number> Fold<V> for Greatest {
    #[inline]
    fn fold(&mut self, held: &mut V, record: V) -> Result<()> {
        if record > *held {
            *held = record;
        }
        Ok(())
    }
}
