//! A job's graph: how it is written down, what it is made of, and how it is shown.
//!
//! ```text
//! Environment ─► DataStream ─ map, filter, … ─► key_by ─► KeyedStream ─ sum, … ─► DataStream ─► sink
//!                      each adds an operator to Graph; a sink or an exchange ends the chain's recipe
//! ```

mod connected;
mod environment;
mod ids;
mod keyed_stream;
mod plan;
mod resolve;
mod routes;
mod stream;
mod windowed;

pub use connected::{ConnectedKeyedStreams, ConnectedStreams, KeyedAndBroadcastStreams};
pub use environment::Environment;
pub use keyed_stream::KeyedStream;
pub(crate) use resolve::{parallelism_of_vertices, resolve};
pub use stream::{DataStream, StreamSink};
pub use windowed::{WindowedPair, WindowedStream};

use std::collections::BTreeSet;
use std::sync::Arc;

use spt_format::Partitioning;

use crate::data::Data;
use crate::error::{Error, Result};
use crate::exchange::{AnyExchange, Exchange, Lane, Only, Pattern, Records, RecordsOutput, Route};
use crate::operators::{Chain, Counted, SideStage};
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
    pub(crate) inputs: Vec<Input>,
    pub(crate) states: Vec<Declaration>,
    /// A sink whose output waits in snapshots to be committed.
    pub(crate) has_pending_output: bool,
    /// Set by its author.
    pub(crate) max_parallelism: Option<u32>,
}

impl NodeSpec {
    /// The uid, or the name of an operator without one.
    pub(crate) fn label(&self) -> &str {
        self.uid.as_deref().unwrap_or(&self.name)
    }

    /// Refuses two states of one name.
    fn check(&self) -> Result<()> {
        let mut names = BTreeSet::new();
        match self.states.iter().find(|state| !names.insert(state.state.name.as_str())) {
            None => Ok(()),
            Some(twice) => Err(Error::refused(format!(
                "operator {} has two states called {:?}; timers are kept in \"timers\" and \"watermark\"",
                self.label(),
                twice.state.name
            ))),
        }
    }
}

/// What an operator reads.
#[derive(Debug, Clone)]
pub(crate) struct Input {
    /// The operator that emits it.
    pub(crate) node: usize,
    /// The side output that it comes by; none for the main one.
    pub(crate) tag: Option<Arc<str>>,
    /// How records travel.
    pub(crate) partitioning: Partitioning,
}

/// Operators that run in one thread per subtask.
#[derive(Default)]
pub(crate) struct Vertex {
    /// Set by its author, or by a source or sink that can be used in but one way.
    pub(crate) parallelism: Option<u32>,
    /// There is no other way.
    pub(crate) is_fixed: bool,
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
    exchange: Arc<dyn AnyExchange>,
    partitioning: Partitioning,
}

impl Connection {
    /// Makes the links between this many subtasks. Records that would stay in their subtask go round where there
    /// are not as many behind.
    pub(crate) fn open(&self, upstream: u32, downstream: u32) {
        let is_forward = self.partitioning == Partitioning::Forward && upstream == downstream;
        self.exchange.open(upstream, downstream, if is_forward { Pattern::Pairs } else { Pattern::All });
    }
}

/// A way out of an operator that is not its main one.
pub(crate) struct SideOutput {
    pub(crate) node: usize,
    tag: Arc<str>,
    exchange: Arc<dyn SideExchange>,
}

impl SideOutput {
    pub(crate) fn new<T: Data>(node: usize, tag: Arc<str>, exchange: Arc<Exchange<Records<T>>>) -> Self {
        Self { node, tag, exchange }
    }

    /// The sending end in one subtask.
    pub(crate) fn open(&self, context: &TaskContext) -> (Arc<str>, Box<dyn SideStage>) {
        (Arc::clone(&self.tag), self.exchange.open(context, self.node))
    }
}

/// The edge of a side output, whatever its records are.
trait SideExchange: Send + Sync {
    fn open(&self, context: &TaskContext, node: usize) -> Box<dyn SideStage>;
}

impl<T: Data> SideExchange for Exchange<Records<T>> {
    fn open(&self, context: &TaskContext, node: usize) -> Box<dyn SideStage> {
        let output = RecordsOutput::<T, Only<Records<T>>>::new(self, context, Route::InTurn);
        Box::new(Counted::out_of(context, node, output))
    }
}

/// A job as its program wrote it down.
#[derive(Default)]
pub struct Graph {
    pub(crate) nodes: Vec<NodeSpec>,
    pub(crate) vertices: Vec<Vertex>,
    pub(crate) connections: Vec<Connection>,
    pub(crate) side_outputs: Arc<Vec<SideOutput>>,
    /// What may refuse a start, and changes nothing.
    pub(crate) checks: Vec<StartHook>,
    /// What runs once all checks have passed.
    pub(crate) hooks: Vec<StartHook>,
    /// What its author did that makes no sense.
    mistakes: Vec<String>,
    pub(crate) parallelism: Option<u32>,
    pub(crate) max_parallelism: Option<u32>,
}

impl Graph {
    pub(crate) fn add_vertex(&mut self) -> usize {
        self.vertices.push(Vertex::default());
        self.vertices.len() - 1
    }

    /// Notes what makes no sense: the job is refused when it starts.
    pub(crate) fn refuse(&mut self, mistake: String) {
        self.mistakes.push(mistake);
    }

    /// Sets the subtasks of a vertex.
    pub(crate) fn set_parallelism(&mut self, vertex: usize, parallelism: u32) {
        let name = self.nodes_of(vertex).next().map(|(_, node)| node.label().to_owned()).unwrap_or_default();
        match self.vertices.get_mut(vertex) {
            Some(Vertex { is_fixed: true, parallelism: Some(fixed), .. }) if *fixed != parallelism => {
                let fixed = *fixed;
                self.refuse(format!(
                    "operator {name} has parallelism {fixed}, and cannot have {parallelism}"
                ));
            }
            Some(vertex) => vertex.parallelism = Some(parallelism),
            None => {}
        }
    }

    /// Sets the subtasks of a vertex that can have no other number.
    pub(crate) fn fix_parallelism(&mut self, vertex: usize, parallelism: Option<u32>) {
        if let (Some(vertex), Some(_)) = (self.vertices.get_mut(vertex), parallelism) {
            vertex.parallelism = parallelism;
            vertex.is_fixed = true;
        }
    }

    /// Moves an operator to another vertex.
    pub(crate) fn move_node(&mut self, node: usize, vertex: usize) {
        if let Some(node) = self.nodes.get_mut(node) {
            node.vertex = vertex;
        }
    }

    /// Something other than the next operator reads what this vertex emits.
    pub(crate) fn is_divided(&self, vertex: usize) -> bool {
        self.connections.iter().any(|connection| connection.from == vertex)
    }

    pub(crate) fn add_node(
        &mut self,
        kind: &'static str,
        vertex: usize,
        inputs: Vec<Input>,
        states: Vec<Declaration>,
    ) -> usize {
        let node = NodeSpec {
            uid: None,
            name: kind.to_owned(),
            kind,
            vertex,
            inputs,
            states,
            has_pending_output: false,
            max_parallelism: None,
        };
        self.nodes.push(node);
        self.nodes.len() - 1
    }

    /// Adds a sink, whose output is pending until it is committed if it is exactly once.
    pub(crate) fn add_sink(
        &mut self,
        kind: &'static str,
        vertex: usize,
        inputs: Vec<Input>,
        is_exactly_once: bool,
    ) -> usize {
        let added = self.add_node(kind, vertex, inputs, Vec::new());
        if let Some(node) = self.nodes.get_mut(added) {
            node.has_pending_output = is_exactly_once;
        }
        added
    }

    /// Adds an operator at the front of a vertex of its own. What it reads is added with the edges to it.
    pub(crate) fn add_head(&mut self, kind: &'static str, states: Vec<Declaration>) -> (usize, usize) {
        let vertex = self.add_vertex();
        (vertex, self.add_node(kind, vertex, Vec::new(), states))
    }

    /// Adds what an operator reads.
    pub(crate) fn add_inputs(&mut self, node: usize, inputs: impl IntoIterator<Item = Input>) {
        if let Some(node) = self.nodes.get_mut(node) {
            node.inputs.extend(inputs);
        }
    }

    /// Ends the recipe of a chain.
    pub(crate) fn finish_vertex(&mut self, vertex: usize, recipe: impl Recipe + 'static) {
        if let Some(vertex) = self.vertices.get_mut(vertex) {
            vertex.recipe = Some(Box::new(recipe));
        }
    }

    /// Ends the recipe of a chain with an output to another vertex.
    pub(crate) fn finish_with_output<C, L>(
        &mut self,
        vertex: usize,
        chain: C,
        exchange: &Arc<Exchange<L::Batch>>,
        route: Route,
    ) where
        C: Chain,
        L: Lane<Part = Records<C::Out>>,
    {
        let links = Arc::clone(exchange);
        self.finish_vertex(vertex, move |context: &TaskContext| {
            let end = RecordsOutput::<C::Out, L>::new(&links, context, route);
            let end = Counted::out_of(context, chain.last(), end);
            chain.build(context, end)
        });
    }

    /// Connects two chains.
    pub(crate) fn connect(
        &mut self,
        from: usize,
        to: usize,
        exchange: Arc<dyn AnyExchange>,
        partitioning: Partitioning,
    ) {
        self.connections.push(Connection { from, to, exchange, partitioning });
    }

    /// Adds a way out of an operator.
    pub(crate) fn add_side_output(&mut self, output: SideOutput) {
        if let Some(outputs) = Arc::get_mut(&mut self.side_outputs) {
            outputs.push(output);
        }
    }

    /// Notes that a side output is taken where there is none.
    pub(crate) fn refuse_side_output(&mut self, node: Option<usize>, tag: &str) {
        let what = match node.and_then(|node| self.nodes.get(node)) {
            Some(node) => format!("operator {}", node.label()),
            None => "a partitioning".to_owned(),
        };
        self.refuse(format!(
            "{what} has no side outputs: take {tag:?} from the process function or window that emits it, right \
             behind that"
        ));
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
        if let Some(mistake) = self.mistakes.first() {
            return Err(Error::refused(mistake.clone()));
        }
        self.nodes.iter().try_for_each(NodeSpec::check)?;
        for (index, vertex) in self.vertices.iter().enumerate() {
            if vertex.recipe.is_none() {
                let last = self.nodes_of(index).last().map_or("", |(_, node)| node.name.as_str());
                return Err(Error::refused(format!("nothing reads what operator {last} emits; add a sink")));
            }
        }
        Ok(())
    }
}
