//! A stream partitioned by key: what needs state per key is done here.

use std::marker::PhantomData;
use std::sync::Arc;

use spt_format::{KeyGroup, Partitioning, StateKind, operator_index};

use super::Input;
use super::environment::Environment;
use super::stream::DataStream;
use crate::data::Data;
use crate::exchange::{
    ComputedValue, Exchange, Inputs, KeyOf, KeyedBatch, KeyedOutput, Lane, Only, ValueOf, WholeRecord,
};
use crate::operators::{
    Add, Aggregate, Chain, Combine, Counted, Fold, Greatest, HeadOperator, InputHead, KeyAndValue,
    KeyedFunction, KeyedProcess, Least, Number, Reduce, Rolling, StreamKey, ValueOnly,
};
use crate::state::{Declaration, Key, State};
use crate::tasks::TaskContext;

/// A stream of records of type `T`, of which those with the same key meet in the same subtask.
pub struct KeyedStream<K, T, C, F> {
    stream: DataStream<T, C>,
    key: F,
    keys: PhantomData<fn() -> K>,
}

impl<K: Key, T: Data, C: Chain<Out = T>, F: KeyOf<T, K>> KeyedStream<K, T, C, F> {
    pub(crate) fn new(stream: DataStream<T, C>, key: F) -> Self {
        Self { stream, key, keys: PhantomData }
    }

    /// Adds up a number of each record, by key; emits the key and its sum so far. Its state is called `sum`.
    pub fn sum<N, G>(self, number: G) -> DataStream<(K, N), impl Chain<Out = (K, N)>>
    where
        K: StreamKey,
        N: Number,
        G: for<'a> FnMut(&'a T::Ref<'a>) -> N + Clone + Send + 'static,
    {
        self.fold("sum", number, Add)
    }

    /// Finds the lowest of a number of each record, by key; emits the key and the lowest so far. Its state is called
    /// `min`.
    pub fn min<N, G>(self, number: G) -> DataStream<(K, N), impl Chain<Out = (K, N)>>
    where
        K: StreamKey,
        N: Number,
        G: for<'a> FnMut(&'a T::Ref<'a>) -> N + Clone + Send + 'static,
    {
        self.fold("min", number, Least)
    }

    /// Finds the highest of a number of each record, by key; emits the key and the highest so far. Its state is
    /// called `max`.
    pub fn max<N, G>(self, number: G) -> DataStream<(K, N), impl Chain<Out = (K, N)>>
    where
        K: StreamKey,
        N: Number,
        G: for<'a> FnMut(&'a T::Ref<'a>) -> N + Clone + Send + 'static,
    {
        self.fold("max", number, Greatest)
    }

    fn fold<N, G, O>(
        self,
        name: &'static str,
        number: G,
        fold: O,
    ) -> DataStream<(K, N), impl Chain<Out = (K, N)>>
    where
        K: StreamKey,
        N: Number,
        G: for<'a> FnMut(&'a T::Ref<'a>) -> N + Clone + Send + 'static,
        O: Fold<N>,
    {
        let operator: Reduce<O, KeyAndValue> = Reduce { fold, emit: PhantomData };
        let state = Declaration::keyed::<K, N, ()>(name, StateKind::Reducing);
        self.then(name, vec![state], ComputedValue(number), operator)
    }

    /// Takes each record into the accumulator of its key; emits the key and the result so far. Its state is called
    /// `aggregate`.
    pub fn aggregate<A>(self, aggregate: A) -> DataStream<(K, A::Result), impl Chain<Out = (K, A::Result)>>
    where
        K: StreamKey,
        A: Aggregate<T>,
    {
        let operator = Rolling { aggregate, records: PhantomData };
        let state = Declaration::keyed::<K, A::Accumulator, ()>("aggregate", StateKind::Aggregating);
        self.then("aggregate", vec![state], WholeRecord, operator)
    }

    /// Folds each record into what its key holds, by key; emits the result so far. Its state is called `reduce`.
    pub fn reduce<G>(self, combine: G) -> DataStream<T, impl Chain<Out = T>>
    where
        K: StreamKey,
        T: State,
        G: for<'a> FnMut(&'a T, &'a T::Ref<'a>) -> T + Clone + Send + 'static,
    {
        let operator: Reduce<Combine<G>, ValueOnly> = Reduce { fold: Combine(combine), emit: PhantomData };
        self.then(
            "reduce",
            vec![Declaration::keyed::<K, T, ()>("reduce", StateKind::Reducing)],
            WholeRecord,
            operator,
        )
    }

    /// Calls a function for every record, with state and timers of the record's key.
    pub fn process<P>(self, function: P) -> DataStream<P::Out, impl Chain<Out = P::Out>>
    where
        K: StreamKey,
        P: KeyedProcess<K, In = T>,
    {
        let operator = KeyedFunction::new(function, P::declare);
        self.then("process", operator.declarations(), WholeRecord, operator)
    }

    pub(super) fn environment(&self) -> &Environment {
        self.stream.environment()
    }

    /// Ends the chain before the keyed exchange, and begins the one behind it.
    pub(super) fn then<V, G, O>(
        self,
        kind: &'static str,
        states: Vec<Declaration>,
        value: G,
        operator: O,
    ) -> DataStream<O::Out, InputHead<KeyedBatch<K, V>, O>>
    where
        V: Data,
        G: ValueOf<T, V>,
        O: HeadOperator<KeyedBatch<K, V>>,
    {
        let environment = self.stream.environment().clone();
        let (vertex, node) = environment.edit(|graph| graph.add_head(kind, states));
        let exchange = Arc::default();
        self.send_over::<V, G, Only<_>>(vertex, node, value, &exchange);
        let head = InputHead { inputs: Inputs::new([exchange]), operator, node };
        DataStream::new(environment, head, vertex, node)
    }

    /// Ends the chain with a keyed edge to the operator `node` at the front of this vertex.
    pub(crate) fn send_over<V, G, L>(
        self,
        to: usize,
        node: usize,
        value: G,
        exchange: &Arc<Exchange<L::Batch>>,
    ) where
        V: Data,
        G: ValueOf<T, V>,
        L: Lane<Part = KeyedBatch<K, V>>,
    {
        let (environment, chain, vertex, from) = self.stream.into_parts();
        let (links, key) = (Arc::clone(exchange), self.key);
        environment.edit(|graph| {
            graph.finish_vertex(vertex, move |context: &TaskContext| {
                let links = links.outputs(context.index());
                let owners = owners(context, node);
                let output = KeyedOutput::<K, V, L, F, G>::new(links, context, node, owners, key, value);
                let end = Counted::out_of(context, chain.last(), output);
                chain.build(context, end)
            });
            graph.connect(vertex, to, Arc::clone(exchange) as _, Partitioning::Hash);
            let partitioning = Partitioning::Hash;
            graph.add_inputs(node, from.into_iter().map(|input| Input { partitioning, ..input }));
        });
    }
}

/// The subtask that owns each key group of an operator.
fn owners(context: &TaskContext, node: usize) -> Vec<u32> {
    let operator = context.subtask(node);
    let groups = 0..operator.max_parallelism as u16;
    groups
        .map(|group| operator_index(KeyGroup(group), operator.parallelism, operator.max_parallelism))
        .collect()
}
