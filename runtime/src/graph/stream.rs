//! A stream of records, and what can be done with it.

use std::marker::PhantomData;

use spt_format::Partitioning;

use super::Input;
use super::environment::Environment;
use super::keyed_stream::KeyedStream;
use crate::data::{Data, Record};
use crate::exchange::{BorrowedKey, ComputedKey};
use crate::operators::{
    AssignTime, Chain, Counted, Filter, FlatMap, Map, MapTo, Operator, Out, PlainFunction, Process,
    SinkStage, Then, Watermarks, check, recover,
};
use crate::sinks::{Print, Sink};
use crate::state::{Declaration, Key};
use crate::tasks::TaskContext;

/// A stream of records of type `T`. `C` is the recipe of the chain so far; it is nothing anyone writes out.
///
/// Closures see a record as `&T::Ref`: a `&(&str, i64)` for a stream of `(String, i64)`. They must not keep it.
pub struct DataStream<T, C> {
    pub(super) environment: Environment,
    pub(super) chain: C,
    pub(super) vertex: usize,
    /// The operator that `uid` and the like speak of: the one that was added last.
    pub(super) last: Option<usize>,
    /// What the operator that is added next reads, and how records reach it.
    pub(super) inputs: Vec<Input>,
    records: PhantomData<fn() -> T>,
}

impl<T: Data, C: Chain<Out = T>> DataStream<T, C> {
    /// What operator `node` at the end of a chain emits.
    pub(crate) fn new(environment: Environment, chain: C, vertex: usize, node: usize) -> Self {
        let inputs = vec![Input { node, tag: None, partitioning: Partitioning::Forward }];
        Self { environment, chain, vertex, last: Some(node), inputs, records: PhantomData }
    }

    pub(super) fn from_parts(
        environment: Environment,
        chain: C,
        vertex: usize,
        last: Option<usize>,
        inputs: Vec<Input>,
    ) -> Self {
        Self { environment, chain, vertex, last, inputs, records: PhantomData }
    }

    /// Names the last operator for ever: its state is found by this.
    #[must_use]
    pub fn uid(self, uid: impl Into<String>) -> Self {
        self.environment.name_node("uid", self.last, |node| node.uid = Some(uid.into()));
        self
    }

    /// Names the last operator for people.
    #[must_use]
    pub fn name(self, name: impl Into<String>) -> Self {
        self.environment.name_node("name", self.last, |node| node.name = name.into());
        self
    }

    /// Sets the key groups of the last operator.
    #[must_use]
    pub fn max_parallelism(self, max_parallelism: u32) -> Self {
        self.environment
            .name_node("max_parallelism", self.last, |node| node.max_parallelism = Some(max_parallelism));
        self
    }

    /// Sets the subtasks of the last operator, and of what is chained to it from here on. It no longer runs in the
    /// thread of the operator before it.
    #[must_use]
    pub fn parallelism(self, parallelism: u32) -> DataStream<T, C::Detached> {
        let Self { environment, chain, vertex, last, inputs, .. } = self;
        let (chain, vertex) = environment.edit(|graph| {
            if graph.is_divided(vertex) {
                let name =
                    last.and_then(|last| graph.nodes.get(last)).map_or("", |node| node.label()).to_owned();
                graph.refuse(format!("set the parallelism of operator {name} before its stream is divided"));
            }
            let (chain, vertex) = chain.detach(graph, vertex);
            graph.set_parallelism(vertex, parallelism);
            (chain, vertex)
        });
        DataStream::from_parts(environment, chain, vertex, last, inputs)
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

    /// Calls a function for every record, which may keep lists of its own and emit to side outputs.
    pub fn process<P: Process<T>>(self, function: P) -> DataStream<P::Out, impl Chain<Out = P::Out>> {
        let operator = PlainFunction::new(function, P::declare);
        let states = operator.declarations();
        self.then_with_states("process", states, operator)
    }

    /// Takes the event time of each record, in ms since 1970, and makes watermarks from it.
    pub fn assign_timestamps<F>(self, time: F, watermarks: Watermarks) -> DataStream<T, impl Chain<Out = T>>
    where
        F: for<'a> FnMut(&'a T::Ref<'a>) -> i64 + Clone + Send + 'static,
    {
        self.then("timestamps", AssignTime { time, watermarks })
    }

    /// Writes every record to a sink.
    pub fn sink<S: Sink<T>>(self, sink: S) -> StreamSink {
        let wanted = sink.parallelism();
        let vertex = self.vertex;
        let present =
            self.environment.edit(|graph| graph.vertices.get(vertex).and_then(|vertex| vertex.parallelism));
        if wanted.is_none() || wanted == present {
            return self.end(sink);
        }
        let stream = self.rebalance();
        stream.environment.edit(|graph| graph.fix_parallelism(stream.vertex, wanted));
        stream.end(sink)
    }

    /// Prints every record as a line, behind this prefix.
    pub fn print(self, prefix: &str) -> StreamSink {
        self.sink(Print::new(prefix))
    }

    fn end<S: Sink<T>>(self, sink: S) -> StreamSink {
        let Self { environment, chain, vertex, inputs, .. } = self;
        let added = environment.edit(|graph| {
            let added = graph.add_sink(sink.name(), vertex, inputs, sink.is_exactly_once());
            let (checked, target) = (sink.clone(), sink.clone());
            graph.checks.push(Box::new(move |context| check(&checked, added, context)));
            graph.hooks.push(Box::new(move |context| recover(&target, added, context)));
            graph.finish_vertex(vertex, move |context: &TaskContext| {
                let end = SinkStage::open(sink, context, added)?;
                let end = Counted::between(context, chain.last(), added, end);
                chain.build(context, end)
            });
            added
        });
        StreamSink { environment, node: added }
    }

    fn then<O: Operator<T>>(self, kind: &'static str, operator: O) -> DataStream<O::Out, Then<C, O>> {
        self.then_with_states(kind, Vec::new(), operator)
    }

    fn then_with_states<O: Operator<T>>(
        self,
        kind: &'static str,
        states: Vec<Declaration>,
        operator: O,
    ) -> DataStream<O::Out, Then<C, O>> {
        let Self { environment, chain, vertex, inputs, .. } = self;
        let node = environment.edit(|graph| graph.add_node(kind, vertex, inputs, states));
        DataStream::new(environment, Then { before: chain, operator, node }, vertex, node)
    }

    /// The parts of a stream that ends its chain: its recipe, its vertex, and what the next operator reads.
    pub(crate) fn into_parts(self) -> (Environment, C, usize, Vec<Input>) {
        (self.environment, self.chain, self.vertex, self.inputs)
    }

    pub(crate) fn environment(&self) -> &Environment {
        &self.environment
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
        self.environment.name_node("uid", Some(self.node), |node| node.uid = Some(uid.into()));
        self
    }

    /// Names the sink for people.
    pub fn name(self, name: impl Into<String>) -> Self {
        self.environment.name_node("name", Some(self.node), |node| node.name = name.into());
        self
    }
}
