//! Keyed streams divided into windows.

use std::marker::PhantomData;
use std::time::Duration;

use super::connected::ConnectedKeyedStreams;
use super::environment::Environment;
use super::keyed_stream::KeyedStream;
use super::stream::DataStream;
use crate::data::Data;
use crate::exchange::{KeyOf, WholeRecord};
use crate::operators::{
    Add, Aggregate, Aggregated, Apply, Chain, Collected, EmitKeyed, EmitResult, EmitValue, Fill, Folded,
    Greatest, Group, Joined, Least, Number, Out, OutputTag, Reduced, StreamKey, Window, WindowResult,
    WindowTerms, Windows,
};
use crate::state::{ListCell, State, TimeWindow};

/// A keyed stream divided into windows: what comes out has the event time of its window's last millisecond.
pub struct WindowedStream<K, T, C, F> {
    stream: KeyedStream<K, T, C, F>,
    terms: WindowTerms,
    late: Option<OutputTag<T>>,
}

/// Two keyed streams divided into the same windows.
pub struct WindowedPair<K, A, C, F, B, D, G> {
    streams: ConnectedKeyedStreams<K, A, C, F, B, D, G>,
    terms: WindowTerms,
}

fn terms(windows: Windows, environment: &Environment) -> WindowTerms {
    if let Some(mistake) = windows.refusal() {
        environment.edit(|graph| graph.refuse(mistake));
    }
    WindowTerms { windows, lateness_ms: 0 }
}

fn lateness_ms(lateness: Duration) -> i64 {
    i64::try_from(lateness.as_millis()).unwrap_or(i64::MAX)
}

impl<K: StreamKey, T: Data, C: Chain<Out = T>, F: KeyOf<T, K>> KeyedStream<K, T, C, F> {
    /// Divides the stream into windows.
    pub fn window(self, windows: Windows) -> WindowedStream<K, T, C, F> {
        let terms = terms(windows, self.environment());
        WindowedStream { stream: self, terms, late: None }
    }
}

impl<K: StreamKey, T: Data, C: Chain<Out = T>, F: KeyOf<T, K>> WindowedStream<K, T, C, F> {
    /// How long a window goes on taking records after its result: each makes a new one. Records that are later
    /// still go to the output for late ones, or are counted and gone.
    #[must_use]
    pub fn allowed_lateness(mut self, lateness: Duration) -> Self {
        self.terms.lateness_ms = lateness_ms(lateness);
        self
    }

    /// Where records go that are late for all of their windows: a side output of the operator.
    #[must_use]
    pub fn late_to(mut self, tag: &OutputTag<T>) -> Self {
        self.late = Some(tag.clone());
        self
    }

    /// Adds up a number of each record; emits the key and the sum.
    pub fn sum<N, G>(self, number: G) -> DataStream<(K, N), impl Chain<Out = (K, N)>>
    where
        N: Number,
        G: for<'a> FnMut(&'a T::Ref<'a>) -> N + Clone + Send + 'static,
    {
        self.then("windowSum", Folded { number, fold: Add, numbers: PhantomData }, EmitKeyed)
    }

    /// Finds the lowest of a number of each record; emits the key and that.
    pub fn min<N, G>(self, number: G) -> DataStream<(K, N), impl Chain<Out = (K, N)>>
    where
        N: Number,
        G: for<'a> FnMut(&'a T::Ref<'a>) -> N + Clone + Send + 'static,
    {
        self.then("windowMin", Folded { number, fold: Least, numbers: PhantomData }, EmitKeyed)
    }

    /// Finds the highest of a number of each record; emits the key and that.
    pub fn max<N, G>(self, number: G) -> DataStream<(K, N), impl Chain<Out = (K, N)>>
    where
        N: Number,
        G: for<'a> FnMut(&'a T::Ref<'a>) -> N + Clone + Send + 'static,
    {
        self.then("windowMax", Folded { number, fold: Greatest, numbers: PhantomData }, EmitKeyed)
    }

    /// Folds the records into one; emits that.
    pub fn reduce<G>(self, fold: G) -> DataStream<T, impl Chain<Out = T>>
    where
        T: State,
        G: for<'a> FnMut(&'a T, &'a T::Ref<'a>) -> T + Clone + Send + 'static,
    {
        self.then("windowReduce", Reduced(fold), EmitValue)
    }

    /// Takes the records into an accumulator; emits the key and its result.
    pub fn aggregate<A: Aggregate<T>>(
        self,
        aggregate: A,
    ) -> DataStream<(K, A::Result), impl Chain<Out = (K, A::Result)>> {
        let result = EmitResult { aggregate: aggregate.clone(), records: PhantomData };
        self.then("windowAggregate", Aggregated(aggregate), result)
    }

    /// Takes the records into an accumulator; what is emitted is made of key, window and result.
    pub fn aggregate_with<A, O, G>(self, aggregate: A, apply: G) -> DataStream<O, impl Chain<Out = O>>
    where
        A: Aggregate<T> + Sync,
        O: Data,
        G: FnMut(&K::Borrowed, TimeWindow, A::Result, &mut Out<'_, O>) + Clone + Send + 'static,
    {
        let (results, mut apply) = (aggregate.clone(), apply);
        let function = move |key: &K::Borrowed, window, held: &A::Accumulator, out: &mut Out<'_, O>| {
            apply(key, window, results.result(held), out);
        };
        self.then("windowAggregate", Aggregated(aggregate), Apply { function, out: PhantomData })
    }

    /// Keeps all records; what is emitted is made of key, window and records, in the order they came in.
    pub fn process<O, G>(self, apply: G) -> DataStream<O, impl Chain<Out = O>>
    where
        T: State,
        O: Data,
        G: FnMut(&K::Borrowed, TimeWindow, &ListCell<T>, &mut Out<'_, O>) + Clone + Send + 'static,
    {
        self.then("window", Collected, Apply { function: apply, out: PhantomData })
    }

    fn then<I, R>(
        self,
        kind: &'static str,
        fill: I,
        result: R,
    ) -> DataStream<R::Out, impl Chain<Out = R::Out>>
    where
        I: Fill<T>,
        R: WindowResult<K, I::Cell>,
    {
        let operator = Window { terms: self.terms, fill, result, late: self.late, keys: PhantomData };
        self.stream.then(kind, operator.declarations(), WholeRecord, operator)
    }
}

impl<K, A, C, F, B, D, G> ConnectedKeyedStreams<K, A, C, F, B, D, G>
where
    K: StreamKey,
    A: Data + State,
    C: Chain<Out = A>,
    F: KeyOf<A, K>,
    B: Data + State,
    D: Chain<Out = B>,
    G: KeyOf<B, K>,
{
    /// Divides both streams into the same windows.
    pub fn window(self, windows: Windows) -> WindowedPair<K, A, C, F, B, D, G> {
        let terms = terms(windows, self.environment());
        WindowedPair { streams: self, terms }
    }
}

impl<K, A, C, F, B, D, G> WindowedPair<K, A, C, F, B, D, G>
where
    K: StreamKey,
    A: Data + State,
    C: Chain<Out = A>,
    F: KeyOf<A, K>,
    B: Data + State,
    D: Chain<Out = B>,
    G: KeyOf<B, K>,
{
    /// As [`WindowedStream::allowed_lateness`]. Records that are later still are counted and gone.
    #[must_use]
    pub fn allowed_lateness(mut self, lateness: Duration) -> Self {
        self.terms.lateness_ms = lateness_ms(lateness);
        self
    }

    /// Calls a function for every two records with the same key and window, one of each stream.
    pub fn join<O, J>(self, mut join: J) -> DataStream<O, impl Chain<Out = O>>
    where
        O: Data,
        J: FnMut(&A, &B, &mut Out<'_, O>) + Clone + Send + 'static,
    {
        let every = move |_: &K::Borrowed,
                          _: TimeWindow,
                          first: &ListCell<A>,
                          second: &ListCell<B>,
                          out: &mut Out<'_, O>| {
            for a in first.iter() {
                second.iter().for_each(|b| join(a, b, out));
            }
        };
        self.then("windowJoin", every)
    }

    /// Calls a function for every key and window with the records of both streams, of which one may have none.
    pub fn co_group<O, J>(self, group: J) -> DataStream<O, impl Chain<Out = O>>
    where
        O: Data,
        J: FnMut(&K::Borrowed, TimeWindow, &ListCell<A>, &ListCell<B>, &mut Out<'_, O>)
            + Clone
            + Send
            + 'static,
    {
        self.then("coGroup", group)
    }

    fn then<O: Data>(
        self,
        kind: &'static str,
        group: impl Group<K, A, B, O>,
    ) -> DataStream<O, impl Chain<Out = O>> {
        let operator = Joined { terms: self.terms, group, types: PhantomData };
        self.streams.then(kind, operator.declarations(), operator)
    }
}
