//! Where a job begins: sources are added to it, and it is executed.

use std::cell::RefCell;
use std::ops::Range;
use std::path::PathBuf;
use std::rc::Rc;

use spt_format::StateKind;

use super::stream::DataStream;
use super::{Graph, NodeSpec};
use crate::data::{Data, Record};
use crate::error::{Error, Result};
use crate::operators::{Chain, SourceHead};
use crate::sources::{Collection, Generator, Sequence, SocketText, Source, TextFiles};
use crate::state::Declaration;

/// A job in the making. Copies mean the same job.
#[derive(Clone, Default)]
pub struct Environment {
    graph: Rc<RefCell<Graph>>,
}

impl Environment {
    /// An empty job.
    pub fn new() -> Self {
        Self::default()
    }

    /// Subtasks of every operator, unless the job's options say otherwise.
    pub fn set_parallelism(&self, parallelism: u32) -> &Self {
        self.graph.borrow_mut().parallelism = Some(parallelism);
        self
    }

    /// Key groups of every operator. Leave it unset to go on with those of a savepoint.
    pub fn set_max_parallelism(&self, max_parallelism: u32) -> &Self {
        self.graph.borrow_mut().max_parallelism = Some(max_parallelism);
        self
    }

    /// A stream of what a source reads.
    pub fn source<S: Source>(&self, source: S) -> DataStream<S::Item, SourceHead<S>> {
        let mut graph = self.graph.borrow_mut();
        let vertex = graph.add_vertex();
        graph.fix_parallelism(vertex, source.parallelism());
        let states = vec![Declaration::per_subtask::<S::Split>("splits", StateKind::OperatorList)];
        let node = graph.add_node(source.name(), vertex, Vec::new(), states);
        let head = SourceHead::new(source, node);
        let assign = head.clone();
        graph.checks.push(Box::new(move |context| assign.assign(context)));
        drop(graph);
        DataStream::new(self.clone(), head, vertex, node)
    }

    /// Lines that a server at `host:port` sends. Not replayable, see [`SocketText`].
    ///
    /// # Errors
    /// If the address has no port.
    pub fn socket_text_stream(&self, address: &str) -> Result<DataStream<String, SourceHead<SocketText>>> {
        match address.rsplit_once(':') {
            Some((host, port)) if !host.is_empty() && port.parse::<u16>().is_ok() => {
                Ok(self.source(SocketText::new(address)))
            }
            _ => Err(Error::refused(format!("{address:?} is not HOST:PORT"))),
        }
    }

    /// Lines of a text file, or of the files in a folder.
    pub fn text_files(&self, path: impl Into<PathBuf>) -> DataStream<String, SourceHead<TextFiles>> {
        self.source(TextFiles::new(path))
    }

    /// Records that are in memory.
    pub fn collection<T: Data + Sync>(
        &self,
        records: impl IntoIterator<Item = T>,
    ) -> DataStream<T, SourceHead<Collection<T>>> {
        self.source(Collection::new(records))
    }

    /// The numbers of a range, in order.
    pub fn sequence(&self, range: Range<i64>) -> DataStream<i64, SourceHead<Sequence>> {
        self.source(Sequence::new(range))
    }

    /// What a function makes of the numbers of a range, in order. See [`Generator`] for a pace.
    pub fn generate<R: Record + 'static>(
        &self,
        range: Range<i64>,
        make: impl Fn(i64) -> R + Clone + Send + 'static,
    ) -> DataStream<R::Data, impl Chain<Out = R::Data>> {
        self.source(Generator::new(range, make))
    }

    /// Changes what an operator is called; `what` is called in vain where no operator is.
    pub(crate) fn name_node(&self, what: &str, node: Option<usize>, change: impl FnOnce(&mut NodeSpec)) {
        self.edit(|graph| match node.and_then(|node| graph.nodes.get_mut(node)) {
            Some(node) => change(node),
            None => graph
                .refuse(format!("`{what}` names an operator; put it behind one, not behind a partitioning")),
        });
    }

    pub(crate) fn edit<R>(&self, edit: impl FnOnce(&mut Graph) -> R) -> R {
        edit(&mut self.graph.borrow_mut())
    }

    /// Takes the graph out; what is left is an empty job.
    pub(crate) fn take(&self) -> Graph {
        self.graph.take()
    }
}
