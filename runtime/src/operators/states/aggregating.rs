//! A value per key into which records are folded as they come.

use std::marker::PhantomData;
use std::sync::Arc;

use super::tables::KeyedAccess;
use super::value::ValueState;
use crate::data::Data;
use crate::state::State;

/// How records become a result: an accumulator takes them in one after the other.
pub trait Aggregate<I: Data>: Clone + Send + 'static {
    /// What is kept.
    type Accumulator: State;
    /// What is made of it.
    type Result: Data;

    /// The accumulator of no records.
    fn start(&self) -> Self::Accumulator;

    /// Takes a record in.
    fn add(&self, accumulator: &mut Self::Accumulator, record: I::Ref<'_>);

    /// Takes in what another accumulator has: sessions that turn out to be one.
    fn merge(&self, accumulator: &mut Self::Accumulator, other: Self::Accumulator);

    /// The result so far.
    fn result(&self, accumulator: &Self::Accumulator) -> Self::Result;
}

type Fold<V> = Arc<dyn Fn(&V, &V) -> V + Send + Sync>;

/// A handle of a value per key into which others are folded.
pub struct ReducingState<V> {
    value: ValueState<V>,
    fold: Option<Fold<V>>,
}

impl<V> Clone for ReducingState<V> {
    fn clone(&self) -> Self {
        Self { value: self.value.clone(), fold: self.fold.clone() }
    }
}

/// Not declared: using it fails the operator.
impl<V> Default for ReducingState<V> {
    fn default() -> Self {
        Self { value: ValueState::default(), fold: None }
    }
}

impl<V: State> ReducingState<V> {
    pub(super) fn new(value: ValueState<V>, fold: Fold<V>) -> Self {
        Self { value, fold: Some(fold) }
    }

    /// Folds a value into that of the current key.
    pub fn add<A: KeyedAccess>(&self, at: &mut A, value: V) {
        let folded = match (self.value.get(at), &self.fold) {
            (Some(held), Some(fold)) => fold(held, &value),
            _ => value,
        };
        self.value.set(at, folded);
    }

    /// The value of the current key.
    pub fn get<'a, A: KeyedAccess>(&self, at: &'a mut A) -> Option<&'a V> {
        self.value.get(at)
    }

    /// Removes the value of the current key.
    pub fn clear<A: KeyedAccess>(&self, at: &mut A) {
        self.value.clear(at);
    }
}

/// A handle of an accumulator per key.
pub struct AggregatingState<I: Data, G: Aggregate<I>> {
    value: ValueState<G::Accumulator>,
    aggregate: G,
    records: PhantomData<fn(I)>,
}

impl<I: Data, G: Aggregate<I>> Clone for AggregatingState<I, G> {
    fn clone(&self) -> Self {
        Self { value: self.value.clone(), aggregate: self.aggregate.clone(), records: PhantomData }
    }
}

impl<I: Data, G: Aggregate<I>> AggregatingState<I, G> {
    pub(super) fn new(value: ValueState<G::Accumulator>, aggregate: G) -> Self {
        Self { value, aggregate, records: PhantomData }
    }

    /// Takes a record into the accumulator of the current key.
    pub fn add<A: KeyedAccess>(&self, at: &mut A, record: I::Ref<'_>) {
        let aggregate = &self.aggregate;
        self.value.update(at, || aggregate.start(), |held| aggregate.add(held, record));
    }

    /// The result for the current key.
    pub fn get<A: KeyedAccess>(&self, at: &mut A) -> Option<G::Result> {
        self.value.get(at).map(|held| self.aggregate.result(held))
    }

    /// Removes the accumulator of the current key.
    pub fn clear<A: KeyedAccess>(&self, at: &mut A) {
        self.value.clear(at);
    }
}
