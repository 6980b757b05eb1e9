//! A job's graph: how it is written down, what it is made of, and how it is shown.
//!
//! ```text
//! Environment ─► DataStream ─ map, filter, … ─► key_by ─► KeyedStream ─ sum, … ─► DataStream ─► sink
//!                      each adds an operator to Graph; a sink or an exchange ends the chain's recipe
//! ```

mod environment;
mod ids;
mod keyed_stream;
mod plan;
mod resolve;
mod stream;

pub use environment::Environment;
pub use keyed_stream::KeyedStream;
pub(crate) use resolve::resolve;
pub use stream::{DataStream, StreamSink};

use std::sync::Arc;

use spt_format::Partitioning;

use crate::error::{Error, Result};
use crate::exchange::AnyExchange;
use crate::state::Declaration;
use crate::tasks::{StartContext, Task, TaskContext};

/// An operator of the graph.
pub(crate) struct NodeSpec {
    pub(crate) uid: Option<String>,
    /// A name for people: what it does, unless its author named it.
    pub(crate) name: String,
    /// What it does: part of the id of an operator without a uid.
    pub(crate) kind: &'static str,
    /// The chain it runs in.
    pub(crate) vertex: usize,
    /// Operators it reads from, and how records travel.
    pub(crate) inputs: Vec<(usize, Partitioning)>,
    pub(crate) states: Vec<Declaration>,
    /// Set by its author.
    pub(crate) max_parallelism: Option<u32>,
}

impl NodeSpec {
    /// The uid, or the name of an operator without one.
    pub(crate) fn label(&self) -> &str {
        self.uid.as_deref().unwrap_or(&self.name)
    }
}

/// Operators that run in one thread per subtask.
pub(crate) struct Vertex {
    /// Set by its author, or by a source that has but one way to be read.
    pub(crate) parallelism: Option<u32>,
    /// Builds the task of a subtask; missing while the chain has no end.
    pub(crate) recipe: Option<Box<dyn Recipe>>,
}

/// What makes the tasks of a vertex, at every start anew.
pub(crate) trait Recipe: Send {
    /// A function that builds the task inside its thread.
    fn instantiate(&self) -> BuildTask;
}

/// Builds a task in its thread.
pub(crate) type BuildTask = Box<dyn FnOnce(&TaskContext) -> Result<Box<dyn Task>> + Send>;

impl<F> Recipe for F
where
    F: FnOnce(&TaskContext) -> Result<Box<dyn Task>> + Clone + Send + 'static,
{
    fn instantiate(&self) -> BuildTask {
        Box::new(self.clone())
    }
}

/// What runs once at every start, before any task is built.
pub(crate) type StartHook = Box<dyn Fn(&StartContext) -> Result<()> + Send>;

/// A connection between two chains.
pub(crate) struct Connection {
    pub(crate) from: usize,
    pub(crate) to: usize,
    pub(crate) exchange: Arc<dyn AnyExchange>,
}

/// A job as its program wrote it down.
#[derive(Default)]
pub(crate) struct Graph {
    pub(crate) nodes: Vec<NodeSpec>,
    pub(crate) vertices: Vec<Vertex>,
    pub(crate) connections: Vec<Connection>,
    pub(crate) hooks: Vec<StartHook>,
    pub(crate) parallelism: Option<u32>,
    pub(crate) max_parallelism: Option<u32>,
}

impl Graph {
    pub(crate) fn add_vertex(&mut self, parallelism: Option<u32>) -> usize {
        self.vertices.push(Vertex { parallelism, recipe: None });
        self.vertices.len() - 1
    }

    pub(crate) fn add_node(
        &mut self,
        kind: &'static str,
        vertex: usize,
        inputs: Vec<(usize, Partitioning)>,
        states: Vec<Declaration>,
    ) -> usize {
        let node = NodeSpec {
            uid: None,
            name: kind.to_owned(),
            kind,
            vertex,
            inputs,
            states,
            max_parallelism: None,
        };
        self.nodes.push(node);
        self.nodes.len() - 1
    }

    /// Ends the recipe of a chain.
    pub(crate) fn finish_vertex(&mut self, vertex: usize, recipe: impl Recipe + 'static) {
        if let Some(vertex) = self.vertices.get_mut(vertex) {
            vertex.recipe = Some(Box::new(recipe));
        }
    }

    /// Connects two chains.
    pub(crate) fn connect(&mut self, from: usize, to: usize, exchange: Arc<dyn AnyExchange>) {
        self.connections.push(Connection { from, to, exchange });
    }

    /// Operators of a vertex, in order.
    pub(crate) fn nodes_of(&self, vertex: usize) -> impl Iterator<Item = (usize, &NodeSpec)> {
        self.nodes.iter().enumerate().filter(move |(_, node)| node.vertex == vertex)
    }

    /// Refuses a graph that cannot run.
    pub(crate) fn check(&self) -> Result<()> {
        if self.nodes.is_empty() {
            return Err(Error::refused("the job has no operators"));
        }
        for (index, vertex) in self.vertices.iter().enumerate() {
            if vertex.recipe.is_none() {
                let last = self.nodes_of(index).last().map_or("", |(_, node)| node.name.as_str());
                return Err(Error::refused(format!("nothing reads what operator {last} emits; add a sink")));
            }
        }
        Ok(())
    }
}
