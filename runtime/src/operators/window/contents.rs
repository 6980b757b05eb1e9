//! What a window holds, and what comes out of it.

use std::marker::PhantomData;

use spt_format::StateKind;

use crate::data::Data;
use crate::error::Result;
use crate::operators::input::StreamKey;
use crate::operators::out::Out;
use crate::operators::reduce::{Fold, Number};
use crate::operators::states::Aggregate;
use crate::savepoint::Snapshot;
use crate::state::{Cell, ListCell, Place, State, TimeWindow};

/// What the windows of an operator hold, by key and window.
pub(crate) trait Contents<K: StreamKey>: Send {
    /// What comes out of a window.
    type Out: Data;

    /// The window of a key holds something.
    fn has(&self, place: Place, key: &K::Borrowed, window: &TimeWindow) -> bool;

    /// Moves what a window holds into another one, which may hold something already.
    fn merge(&mut self, place: Place, key: &K::Borrowed, from: &TimeWindow, into: &TimeWindow) -> Result<()>;

    /// Emits the result of a window, if it holds anything.
    fn fire(
        &mut self,
        place: Place,
        key: &K::Borrowed,
        window: TimeWindow,
        out: &mut Out<'_, Self::Out>,
    ) -> Result<()>;

    /// Forgets what a window holds.
    fn purge(&mut self, place: Place, key: &K::Borrowed, window: &TimeWindow);

    /// Adds everything to a snapshot.
    fn keep(&mut self, snapshot: &mut Snapshot);
}

/// How records get into a window.
pub(crate) trait Fill<T: Data>: Clone + Send + 'static {
    /// What the window holds.
    type Cell: Cell;
    /// The kind of its state.
    const KIND: StateKind;

    /// The contents of a window with one record.
    fn first(&mut self, record: T::Ref<'_>) -> Self::Cell;

    /// Adds a record.
    fn add(&mut self, cell: &mut Self::Cell, record: T::Ref<'_>) -> Result<()>;

    /// Adds what another window held.
    fn merge(&mut self, cell: &mut Self::Cell, other: Self::Cell) -> Result<()>;
}

/// What is made of the contents of a window.
pub(crate) trait WindowResult<K: StreamKey, C>: Clone + Send + 'static {
    /// What it emits.
    type Out: Data;

    /// Emits it.
    fn emit(&mut self, key: &K::Borrowed, window: TimeWindow, cell: &C, out: &mut Out<'_, Self::Out>);
}

/// A number of each record, folded: the sum, the lowest, the highest.
pub(crate) struct Folded<G, N, F> {
    pub(crate) number: G,
    pub(crate) fold: F,
    pub(crate) numbers: PhantomData<fn() -> N>,
}

impl<G: Clone, N, F: Clone> Clone for Folded<G, N, F> {
    fn clone(&self) -> Self {
        Self { number: self.number.clone(), fold: self.fold.clone(), numbers: PhantomData }
    }
}

impl<T, N, G, F> Fill<T> for Folded<G, N, F>
where
    T: Data,
    N: Number,
    G: for<'a> FnMut(&'a T::Ref<'a>) -> N + Clone + Send + 'static,
    F: Fold<N>,
{
    type Cell = N;
    const KIND: StateKind = StateKind::Reducing;

    fn first(&mut self, record: T::Ref<'_>) -> N {
        (self.number)(&T::shorten(record))
    }

    fn add(&mut self, cell: &mut N, record: T::Ref<'_>) -> Result<()> {
        let number = self.first(record);
        Fill::<T>::merge(self, cell, number)
    }

    fn merge(&mut self, cell: &mut N, other: N) -> Result<()> {
        self.fold.fold(cell, other)
    }
}

/// One record, into which others are folded.
#[derive(Clone)]
pub(crate) struct Reduced<F>(pub(crate) F);

impl<T, F> Fill<T> for Reduced<F>
where
    T: Data + State,
    F: for<'a> FnMut(&'a T, &'a T::Ref<'a>) -> T + Clone + Send + 'static,
{
    type Cell = T;
    const KIND: StateKind = StateKind::Reducing;

    fn first(&mut self, record: T::Ref<'_>) -> T {
        T::from_ref(record)
    }

    fn add(&mut self, cell: &mut T, record: T::Ref<'_>) -> Result<()> {
        let folded = (self.0)(cell, &T::shorten(record));
        *cell = folded;
        Ok(())
    }

    fn merge(&mut self, cell: &mut T, other: T) -> Result<()> {
        self.add(cell, other.as_ref())
    }
}

/// An accumulator.
#[derive(Clone)]
pub(crate) struct Aggregated<A>(pub(crate) A);

impl<T: Data, A: Aggregate<T>> Fill<T> for Aggregated<A> {
    type Cell = A::Accumulator;
    const KIND: StateKind = StateKind::Aggregating;

    fn first(&mut self, record: T::Ref<'_>) -> A::Accumulator {
        let mut accumulator = self.0.start();
        self.0.add(&mut accumulator, record);
        accumulator
    }

    fn add(&mut self, cell: &mut A::Accumulator, record: T::Ref<'_>) -> Result<()> {
        self.0.add(cell, record);
        Ok(())
    }

    fn merge(&mut self, cell: &mut A::Accumulator, other: A::Accumulator) -> Result<()> {
        self.0.merge(cell, other);
        Ok(())
    }
}

/// All records.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Collected;

impl<T: Data + State> Fill<T> for Collected {
    type Cell = ListCell<T>;
    const KIND: StateKind = StateKind::List;

    fn first(&mut self, record: T::Ref<'_>) -> ListCell<T> {
        ListCell::from_iter([T::from_ref(record)])
    }

    fn add(&mut self, cell: &mut ListCell<T>, record: T::Ref<'_>) -> Result<()> {
        cell.push(T::from_ref(record));
        Ok(())
    }

    fn merge(&mut self, cell: &mut ListCell<T>, other: ListCell<T>) -> Result<()> {
        cell.extend(other.iter().cloned());
        Ok(())
    }
}

/// The key and what the window holds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct EmitKeyed;

impl<K: StreamKey, C: Data> WindowResult<K, C> for EmitKeyed {
    type Out = (K, C);

    fn emit(&mut self, key: &K::Borrowed, _: TimeWindow, cell: &C, out: &mut Out<'_, (K, C)>) {
        K::lend_key(key, |key| out.emit_ref((K::shorten(key), C::shorten(cell.as_ref()))));
    }
}

/// What the window holds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct EmitValue;

impl<K: StreamKey, C: Data> WindowResult<K, C> for EmitValue {
    type Out = C;

    fn emit(&mut self, _: &K::Borrowed, _: TimeWindow, cell: &C, out: &mut Out<'_, C>) {
        out.emit_ref(cell.as_ref());
    }
}

/// The key and the result of an accumulator.
pub(crate) struct EmitResult<T, A> {
    pub(crate) aggregate: A,
    pub(crate) records: PhantomData<fn(T)>,
}

impl<T, A: Clone> Clone for EmitResult<T, A> {
    fn clone(&self) -> Self {
        Self { aggregate: self.aggregate.clone(), records: PhantomData }
    }
}

impl<T: Data, K: StreamKey, A: Aggregate<T>> WindowResult<K, A::Accumulator> for EmitResult<T, A> {
    type Out = (K, A::Result);

    fn emit(
        &mut self,
        key: &K::Borrowed,
        _: TimeWindow,
        cell: &A::Accumulator,
        out: &mut Out<'_, (K, A::Result)>,
    ) {
        let result = self.aggregate.result(cell);
        K::lend_key(key, |key| out.emit_ref((K::shorten(key), A::Result::shorten(result.as_ref()))));
    }
}

/// What a function makes of it.
pub(crate) struct Apply<F, O> {
    pub(crate) function: F,
    pub(crate) out: PhantomData<fn() -> O>,
}

impl<F: Clone, O> Clone for Apply<F, O> {
    fn clone(&self) -> Self {
        Self { function: self.function.clone(), out: PhantomData }
    }
}

impl<K, C, F, O> WindowResult<K, C> for Apply<F, O>
where
    K: StreamKey,
    O: Data,
    F: FnMut(&K::Borrowed, TimeWindow, &C, &mut Out<'_, O>) + Clone + Send + 'static,
{
    type Out = O;

    fn emit(&mut self, key: &K::Borrowed, window: TimeWindow, cell: &C, out: &mut Out<'_, O>) {
        (self.function)(key, window, cell, out);
    }
}
