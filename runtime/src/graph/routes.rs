//! How streams are partitioned, brought together and divided: the edges between vertices.

use std::sync::Arc;

use spt_format::Partitioning;

use super::environment::Environment;
use super::stream::DataStream;
use super::{Input, SideOutput};
use crate::data::Data;
use crate::exchange::{Exchange, Lane, Only, Records, Route};
use crate::operators::{Chain, NO_OPERATOR, OutputTag, RecordsHead, Tee, Then};

impl<T: Data, C: Chain<Out = T>> DataStream<T, C> {
    /// Ends the chain, and sends each record to the next subtask in turn. What follows has the job's parallelism.
    pub fn rebalance(self) -> DataStream<T, RecordsHead<T>> {
        self.partition(Partitioning::Rebalance)
    }

    /// Ends the chain, and sends each record to any subtask.
    pub fn shuffle(self) -> DataStream<T, RecordsHead<T>> {
        self.partition(Partitioning::Shuffle)
    }

    /// Ends the chain, and sends all records to the first subtask.
    pub fn global(self) -> DataStream<T, RecordsHead<T>> {
        self.partition(Partitioning::Global)
    }

    /// Ends the chain, and sends every record to every subtask.
    pub fn broadcast(self) -> DataStream<T, RecordsHead<T>> {
        self.partition(Partitioning::Broadcast)
    }

    /// Ends the chain, and hands each record to a thread of its own in the same subtask. Where what follows has
    /// another parallelism, records go round.
    pub fn forward(self) -> DataStream<T, RecordsHead<T>> {
        self.partition(Partitioning::Forward)
    }

    fn partition(self, partitioning: Partitioning) -> DataStream<T, RecordsHead<T>> {
        let environment = self.environment.clone();
        let next = environment.edit(|graph| graph.add_vertex());
        let (inputs, edge) = self.send(next, partitioning);
        DataStream::behind(environment, next, inputs, [edge])
    }

    /// The records of this stream and of others, in no particular order.
    pub fn union<D: Chain<Out = T>>(self, other: DataStream<T, D>) -> DataStream<T, RecordsHead<T>> {
        let environment = self.environment.clone();
        let next = environment.edit(|graph| graph.add_vertex());
        let (mut inputs, edge) = self.send(next, Partitioning::Forward);
        let (more, other) = other.send(next, Partitioning::Forward);
        inputs.extend(more);
        DataStream::behind(environment, next, inputs, [edge, other])
    }

    /// The stream twice: both have all records.
    pub fn tee(self) -> (DataStream<T, impl Chain<Out = T>>, DataStream<T, RecordsHead<T>>) {
        let Self { environment, chain, vertex, last, inputs, .. } = self;
        let exchange: Arc<Exchange<Records<T>>> = Arc::default();
        let next = environment.edit(|graph| {
            let next = graph.add_vertex();
            graph.connect(vertex, next, Arc::clone(&exchange) as _, Partitioning::Forward);
            next
        });
        let copy = DataStream::behind(environment.clone(), next, inputs.clone(), [Arc::clone(&exchange)]);
        let chain = Then { before: chain, operator: Tee { exchange }, node: NO_OPERATOR };
        (DataStream::from_parts(environment, chain, vertex, last, inputs), copy)
    }

    /// What the last operator emits under this tag. Process functions and windows have side outputs; a job that
    /// takes one from any other operator is refused.
    pub fn side_output<U: Data>(&self, tag: &OutputTag<U>) -> DataStream<U, RecordsHead<U>> {
        let exchange: Arc<Exchange<Records<U>>> = Arc::default();
        let next = self.environment.edit(|graph| {
            let next = graph.add_vertex();
            graph.connect(self.vertex, next, Arc::clone(&exchange) as _, Partitioning::Forward);
            match self.last {
                Some(node) if self.chain.has_side_outputs() => {
                    graph.add_side_output(SideOutput::new(node, tag.id(), Arc::clone(&exchange)));
                }
                _ => graph.refuse_side_output(self.last, tag.name()),
            }
            next
        });
        let inputs = self.inputs.iter().map(|input| Input { tag: Some(tag.id()), ..input.clone() }).collect();
        DataStream::behind(self.environment.clone(), next, inputs, [exchange])
    }

    /// Ends the chain with an edge to this vertex. Gives what the next operator reads, and the edge.
    fn send(self, to: usize, partitioning: Partitioning) -> (Vec<Input>, Arc<Exchange<Records<T>>>) {
        let exchange = Arc::default();
        let inputs = self.send_over::<Only<Records<T>>>(to, &exchange, partitioning);
        (inputs, exchange)
    }

    /// Ends the chain with this edge to this vertex. Gives what the next operator reads.
    pub(crate) fn send_over<L: Lane<Part = Records<T>>>(
        self,
        to: usize,
        exchange: &Arc<Exchange<L::Batch>>,
        partitioning: Partitioning,
    ) -> Vec<Input> {
        let Self { environment, chain, vertex, inputs, .. } = self;
        environment.edit(|graph| {
            graph.finish_with_output::<C, L>(vertex, chain, exchange, Route::from(partitioning));
            graph.connect(vertex, to, Arc::clone(exchange) as _, partitioning);
        });
        inputs.into_iter().map(|input| Input { partitioning, ..input }).collect()
    }
}

impl<T: Data> DataStream<T, RecordsHead<T>> {
    /// What comes over these edges.
    fn behind(
        environment: Environment,
        vertex: usize,
        inputs: Vec<Input>,
        edges: impl IntoIterator<Item = Arc<Exchange<Records<T>>>>,
    ) -> Self {
        let chain = RecordsHead::over(edges);
        DataStream::from_parts(environment, chain, vertex, None, inputs)
    }
}
