//! A stream partitioned by key: what needs state per key is done here.

use std::marker::PhantomData;
use std::sync::Arc;

use spt_format::{KeyGroup, Partitioning, StateKind, operator_index};

use super::stream::DataStream;
use crate::data::Data;
use crate::exchange::{ComputedValue, Exchange, KeyOf, KeyedBatch, KeyedOutput, ValueOf, WholeRecord};
use crate::operators::{
    Add, Chain, Combine, KeyAndValue, KeyedHead, KeyedOperator, Number, Reduce, StreamKey, ValueOnly,
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
        let operator: Reduce<Add, KeyAndValue> = Reduce { fold: Add, emit: PhantomData };
        self.then(
            "sum",
            Declaration::keyed::<K, N, ()>("sum", StateKind::Reducing),
            ComputedValue(number),
            operator,
        )
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
            Declaration::keyed::<K, T, ()>("reduce", StateKind::Reducing),
            WholeRecord,
            operator,
        )
    }

    /// Ends the chain before the keyed exchange, and begins the one behind it.
    fn then<V, G, O>(
        self,
        kind: &'static str,
        state: Declaration,
        value: G,
        operator: O,
    ) -> DataStream<O::Out, KeyedHead<K, V, O>>
    where
        V: Data,
        G: ValueOf<T, V>,
        O: KeyedOperator<K, V>,
    {
        let exchange: Arc<Exchange<KeyedBatch<K, V>>> = Arc::default();
        let (environment, chain, vertex, node) = self.stream.into_parts();
        let (links, key) = (Arc::clone(&exchange), self.key);
        let (next, node) = environment.edit(|graph| {
            let next = graph.add_vertex(None);
            let added = graph.add_node(kind, next, vec![(node, Partitioning::Hash)], vec![state]);
            graph.finish_vertex(vertex, move |context: &TaskContext| {
                let links = links.outputs(context.index());
                let owners = owners(context, added);
                chain.build(context, KeyedOutput::new(links, context.metrics(), owners, key, value))
            });
            graph.connect(vertex, next, Arc::clone(&exchange) as _);
            (next, added)
        });
        DataStream::new(environment, KeyedHead { exchange, operator, node }, next, node)
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
