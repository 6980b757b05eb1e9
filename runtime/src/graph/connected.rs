//! Two streams that meet in one operator.
//!
//! ```text
//! a.connect(b)                         each subtask sees some of both
//! a.connect_broadcast(b)               … some of a, all of b
//! keyed_a.connect(keyed_b)             … all of both for its keys
//! keyed_a.connect_broadcast(b)         … all of a for its keys, all of b
//! ```

use std::sync::Arc;

use spt_format::Partitioning;

use super::environment::Environment;
use super::keyed_stream::KeyedStream;
use super::stream::DataStream;
use crate::data::Data;
use crate::exchange::{Exchange, First, Inputs, KeyOf, Second, WholeRecord};
use crate::operators::{
    Chain, CoProcess, HeadOperator, InputHead, KeyedAndBroadcast, KeyedBroadcastProcess, KeyedCoProcess,
    KeyedFunction, KeyedPair, PlainFunction, RecordsPair, StreamKey,
};
use crate::state::Declaration;

/// Two streams for one operator.
pub struct ConnectedStreams<A, C, B, D> {
    first: DataStream<A, C>,
    second: DataStream<B, D>,
    /// How records of the second reach the operator.
    arrival: Partitioning,
}

/// Two keyed streams for one operator.
pub struct ConnectedKeyedStreams<K, A, C, F, B, D, G> {
    first: KeyedStream<K, A, C, F>,
    second: KeyedStream<K, B, D, G>,
}

/// A keyed stream and one that every subtask of the operator sees in full.
pub struct KeyedAndBroadcastStreams<K, A, C, F, B, D> {
    first: KeyedStream<K, A, C, F>,
    second: DataStream<B, D>,
}

impl<A: Data, C: Chain<Out = A>> DataStream<A, C> {
    /// This stream and another one, for one operator.
    pub fn connect<B: Data, D: Chain<Out = B>>(
        self,
        other: DataStream<B, D>,
    ) -> ConnectedStreams<A, C, B, D> {
        ConnectedStreams { first: self, second: other, arrival: Partitioning::Forward }
    }

    /// This stream and another one, of which every subtask of the operator sees all records.
    pub fn connect_broadcast<B: Data, D: Chain<Out = B>>(
        self,
        other: DataStream<B, D>,
    ) -> ConnectedStreams<A, C, B, D> {
        ConnectedStreams { first: self, second: other, arrival: Partitioning::Broadcast }
    }
}

impl<A, C, B, D> ConnectedStreams<A, C, B, D>
where
    A: Data,
    C: Chain<Out = A>,
    B: Data,
    D: Chain<Out = B>,
{
    /// Calls a function for every record of either stream.
    pub fn process<P>(self, function: P) -> DataStream<P::Out, impl Chain<Out = P::Out>>
    where
        P: CoProcess<First = A, Second = B>,
    {
        let operator = PlainFunction::new(function, P::declare);
        let environment = self.first.environment().clone();
        let exchange: Arc<Exchange<RecordsPair<A, B>>> = Arc::default();
        let other: Arc<Exchange<RecordsPair<A, B>>> = Arc::default();
        let (vertex, node) = environment.edit(|graph| graph.add_head("process", operator.declarations()));
        let first = self.first.send_over::<First<_, _>>(vertex, &exchange, Partitioning::Forward);
        let second = self.second.send_over::<Second<_, _>>(vertex, &other, self.arrival);
        environment.edit(|graph| graph.add_inputs(node, first.into_iter().chain(second)));
        let head = InputHead { inputs: Inputs::new([exchange, other]), operator, node };
        DataStream::new(environment, head, vertex, node)
    }
}

impl<K: StreamKey, A: Data, C: Chain<Out = A>, F: KeyOf<A, K>> KeyedStream<K, A, C, F> {
    /// This stream and another one with keys of the same type, for one operator: records with the same key meet.
    pub fn connect<B, D, G>(
        self,
        other: KeyedStream<K, B, D, G>,
    ) -> ConnectedKeyedStreams<K, A, C, F, B, D, G>
    where
        B: Data,
        D: Chain<Out = B>,
        G: KeyOf<B, K>,
    {
        ConnectedKeyedStreams { first: self, second: other }
    }

    /// This stream and another one, of which every subtask of the operator sees all records.
    pub fn connect_broadcast<B: Data, D: Chain<Out = B>>(
        self,
        other: DataStream<B, D>,
    ) -> KeyedAndBroadcastStreams<K, A, C, F, B, D> {
        KeyedAndBroadcastStreams { first: self, second: other }
    }
}

impl<K, A, C, F, B, D, G> ConnectedKeyedStreams<K, A, C, F, B, D, G>
where
    K: StreamKey,
    A: Data,
    C: Chain<Out = A>,
    F: KeyOf<A, K>,
    B: Data,
    D: Chain<Out = B>,
    G: KeyOf<B, K>,
{
    /// Calls a function for every record of either stream, with state and timers of the record's key.
    pub fn process<P>(self, function: P) -> DataStream<P::Out, impl Chain<Out = P::Out>>
    where
        P: KeyedCoProcess<K, First = A, Second = B>,
    {
        let operator = KeyedFunction::new(function, P::declare);
        let declarations = operator.declarations();
        self.then("process", declarations, operator)
    }

    pub(super) fn environment(&self) -> &Environment {
        self.first.environment()
    }

    /// Ends both chains with edges to an operator.
    pub(super) fn then<O>(
        self,
        kind: &'static str,
        states: Vec<Declaration>,
        operator: O,
    ) -> DataStream<O::Out, impl Chain<Out = O::Out>>
    where
        O: HeadOperator<KeyedPair<K, A, B>>,
    {
        let environment = self.first.environment().clone();
        let exchange: Arc<Exchange<KeyedPair<K, A, B>>> = Arc::default();
        let other: Arc<Exchange<KeyedPair<K, A, B>>> = Arc::default();
        let (vertex, node) = environment.edit(|graph| graph.add_head(kind, states));
        self.first.send_over::<_, _, First<_, _>>(vertex, node, WholeRecord, &exchange);
        self.second.send_over::<_, _, Second<_, _>>(vertex, node, WholeRecord, &other);
        let head = InputHead { inputs: Inputs::new([exchange, other]), operator, node };
        DataStream::new(environment, head, vertex, node)
    }
}

impl<K, A, C, F, B, D> KeyedAndBroadcastStreams<K, A, C, F, B, D>
where
    K: StreamKey,
    A: Data,
    C: Chain<Out = A>,
    F: KeyOf<A, K>,
    B: Data,
    D: Chain<Out = B>,
{
    /// Calls a function for every record of either stream.
    pub fn process<P>(self, function: P) -> DataStream<P::Out, impl Chain<Out = P::Out>>
    where
        P: KeyedBroadcastProcess<K, In = A, Broadcast = B>,
    {
        let operator = KeyedFunction::new(function, P::declare);
        let environment = self.first.environment().clone();
        let exchange: Arc<Exchange<KeyedAndBroadcast<K, A, B>>> = Arc::default();
        let other: Arc<Exchange<KeyedAndBroadcast<K, A, B>>> = Arc::default();
        let (vertex, node) = environment.edit(|graph| graph.add_head("process", operator.declarations()));
        self.first.send_over::<_, _, First<_, _>>(vertex, node, WholeRecord, &exchange);
        let second = self.second.send_over::<Second<_, _>>(vertex, &other, Partitioning::Broadcast);
        environment.edit(|graph| graph.add_inputs(node, second));
        let head = InputHead { inputs: Inputs::new([exchange, other]), operator, node };
        DataStream::new(environment, head, vertex, node)
    }
}
