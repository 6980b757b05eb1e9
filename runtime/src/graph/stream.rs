//! A stream of records, and what can be done with it.

use std::marker::PhantomData;
use std::sync::Arc;

use spt_format::Partitioning;

use super::environment::Environment;
use super::keyed_stream::KeyedStream;
use crate::data::{Data, Record};
use crate::exchange::{BorrowedKey, ComputedKey, Exchange, RebalanceOutput, Records};
use crate::operators::{
    Chain, Filter, FlatMap, Map, MapTo, Operator, Out, RecordsHead, SinkStage, Then, recover,
};
use crate::sinks::{Print, Sink};
use crate::state::Key;
use crate::tasks::TaskContext;

/// A stream of records of type `T`. `C` is the recipe of the chain so far; it is nothing anyone writes out.
///
/// Closures see a record as `&T::Ref`: a `&(&str, i64)` for a stream of `(String, i64)`. They must not keep it.
pub struct DataStream<T, C> {
    environment: Environment,
    chain: C,
    vertex: usize,
    /// The operator that was added last.
    node: usize,
    /// How records reach the operator that is added next.
    arrival: Partitioning,
    records: PhantomData<fn() -> T>,
}

impl<T: Data, C: Chain<Out = T>> DataStream<T, C> {
    pub(crate) fn new(environment: Environment, chain: C, vertex: usize, node: usize) -> Self {
        Self { environment, chain, vertex, node, arrival: Partitioning::Forward, records: PhantomData }
    }

    /// Names the last operator for ever: its state is found by this.
    #[must_use]
    pub fn uid(self, uid: impl Into<String>) -> Self {
        let node = self.node;
        self.environment.edit(|graph| {
            if let Some(node) = graph.nodes.get_mut(node) {
                node.uid = Some(uid.into());
            }
        });
        self
    }

    /// Names the last operator for people.
    #[must_use]
    pub fn name(self, name: impl Into<String>) -> Self {
        let node = self.node;
        self.environment.edit(|graph| {
            if let Some(node) = graph.nodes.get_mut(node) {
                node.name = name.into();
            }
        });
        self
    }

    /// Sets the key groups of the last operator.
    #[must_use]
    pub fn max_parallelism(self, max_parallelism: u32) -> Self {
        let node = self.node;
        self.environment.edit(|graph| {
            if let Some(node) = graph.nodes.get_mut(node) {
                node.max_parallelism = Some(max_parallelism);
            }
        });
        self
    }

    /// One record for each, which owns what it is made of.
    pub fn map<R, F>(self, function: F) -> DataStream<R::Data, impl Chain<Out = R::Data>>
    where
        R: Record + 'static,
        F: for<'a> FnMut(&'a T::Ref<'a>) -> R + Clone + Send + 'static,
    {
        self.then("map", Map { function, result: PhantomData })
    }

    /// One record for each, of a type that is named, which may borrow from the record it is made of.
    pub fn map_to<O: Data>(
        self,
        function: impl for<'a> FnMut(&'a T::Ref<'a>) -> O::Ref<'a> + Clone + Send + 'static,
    ) -> DataStream<O, impl Chain<Out = O>> {
        self.then("map", MapTo { function, result: PhantomData })
    }

    /// Any number of records for each.
    pub fn flat_map<O, F>(self, function: F) -> DataStream<O, impl Chain<Out = O>>
    where
        O: Data,
        F: for<'a> FnMut(&'a T::Ref<'a>, &mut Out<'_, O>) + Clone + Send + 'static,
    {
        self.then("flatMap", FlatMap { function, result: PhantomData })
    }

    /// The records that `keep` says yes to.
    pub fn filter<F>(self, keep: F) -> DataStream<T, impl Chain<Out = T>>
    where
        F: for<'a> FnMut(&'a T::Ref<'a>) -> bool + Clone + Send + 'static,
    {
        self.then("filter", Filter(keep))
    }

    /// Partitions by a key that lies in the record: `|(word, _)| *word`, `|order| order.customer.as_str()`.
    pub fn key_by<B, F>(self, key: F) -> KeyedStream<B::Owned, T, C, BorrowedKey<F>>
    where
        B: ?Sized + ToOwned + 'static,
        B::Owned: Key<Borrowed = B>,
        F: for<'a> FnMut(&'a T::Ref<'a>) -> &'a B + Clone + Send + 'static,
    {
        KeyedStream::new(self, BorrowedKey(key))
    }

    /// Partitions by a key that is made from the record.
    pub fn key_by_value<K, F>(self, key: F) -> KeyedStream<K, T, C, ComputedKey<F>>
    where
        K: Key,
        F: for<'a> FnMut(&'a T::Ref<'a>) -> K + Clone + Send + 'static,
    {
        KeyedStream::new(self, ComputedKey(key))
    }

    /// Ends the chain, and sends each record to the next subtask in turn. What follows has the job's parallelism.
    pub fn rebalance(self) -> DataStream<T, RecordsHead<T>> {
        self.rebalance_to(None)
    }

    fn rebalance_to(self, parallelism: Option<u32>) -> DataStream<T, RecordsHead<T>> {
        let exchange: Arc<Exchange<Records<T>>> = Arc::default();
        let Self { environment, chain, vertex, node, .. } = self;
        let links = Arc::clone(&exchange);
        let next = environment.edit(|graph| {
            let next = graph.add_vertex(parallelism);
            graph.finish_vertex(vertex, move |context: &TaskContext| {
                let output = RebalanceOutput::new(links.outputs(context.index()), context.metrics());
                chain.build(context, output)
            });
            graph.connect(vertex, next, Arc::clone(&exchange) as _);
            next
        });
        let stream = DataStream::new(environment, RecordsHead { exchange }, next, node);
        DataStream { arrival: Partitioning::Rebalance, ..stream }
    }

    /// Writes every record to a sink.
    pub fn sink<S: Sink<T>>(self, sink: S) -> StreamSink {
        let vertex = self.vertex;
        let present =
            self.environment.edit(|graph| graph.vertices.get(vertex).and_then(|vertex| vertex.parallelism));
        match sink.parallelism() {
            Some(wanted) if present != Some(wanted) => self.rebalance_to(Some(wanted)).end(sink),
            _ => self.end(sink),
        }
    }

    /// Prints every record as a line, behind this prefix.
    pub fn print(self, prefix: &str) -> StreamSink {
        self.sink(Print::new(prefix))
    }

    fn end<S: Sink<T>>(self, sink: S) -> StreamSink {
        let Self { environment, chain, vertex, node, arrival, .. } = self;
        let added = environment.edit(|graph| {
            let added = graph.add_node(sink.name(), vertex, vec![(node, arrival)], Vec::new());
            let target = sink.clone();
            graph.hooks.push(Box::new(move |context| recover(&target, added, context)));
            graph.finish_vertex(vertex, move |context: &TaskContext| {
                let end = SinkStage::open(sink, context, added)?;
                chain.build(context, end)
            });
            added
        });
        StreamSink { environment, node: added }
    }

    fn then<O: Operator<T>>(self, kind: &'static str, operator: O) -> DataStream<O::Out, Then<C, O>> {
        let Self { environment, chain, vertex, node, arrival, .. } = self;
        let input = vec![(node, arrival)];
        let node = environment.edit(|graph| graph.add_node(kind, vertex, input, Vec::new()));
        DataStream::new(environment, Then { before: chain, operator, node }, vertex, node)
    }

    /// The parts of a stream that ends its chain.
    pub(crate) fn into_parts(self) -> (Environment, C, usize, usize) {
        (self.environment, self.chain, self.vertex, self.node)
    }
}

/// A sink in the graph, to be named.
pub struct StreamSink {
    environment: Environment,
    node: usize,
}

impl StreamSink {
    /// Names the sink for ever: its pending output is found by this.
    pub fn uid(self, uid: impl Into<String>) -> Self {
        self.environment.edit(|graph| {
            if let Some(node) = graph.nodes.get_mut(self.node) {
                node.uid = Some(uid.into());
            }
        });
        self
    }

    /// Names the sink for people.
    pub fn name(self, name: impl Into<String>) -> Self {
        self.environment.edit(|graph| {
            if let Some(node) = graph.nodes.get_mut(self.node) {
                node.name = name.into();
            }
        });
        self
    }
}
