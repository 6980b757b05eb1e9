//! How operators nest: a recipe is written down when the graph is built, and each subtask builds a chain from it.
//!
//! ```text
//! recipe   Then<Then<SourceHead, FlatMap>, Map>       written front to back
//! chain    SourceTask { FlatMapStage { MapStage { Output } } }    built back to front, one type, one loop
//! ```

use std::sync::Arc;

use spt_format::Partitioning;

use super::counted::Counted;
use super::records::RecordsHead;
use super::stage::Stage;
use crate::data::Data;
use crate::error::Result;
use crate::exchange::{Exchange, Only, Records, Route};
use crate::graph::Graph;
use crate::tasks::{Task, TaskContext};

/// Stands for the index of an operator where there is none in the graph.
pub(crate) const NO_OPERATOR: usize = usize::MAX;

/// An operator with one input that can be chained to whatever comes before it.
pub trait Operator<T: Data>: Clone + Send + 'static {
    /// What it emits.
    type Out: Data;
    /// The operator with what comes next.
    type Stage<E: Stage<Self::Out> + 'static>: Stage<T> + 'static;
    /// It sends records and signals to side outputs as well. Nothing else does: such an output would never end.
    const HAS_SIDE_OUTPUTS: bool = false;

    /// Builds the operator of one subtask. `node` is its index in the graph.
    fn stage<E: Stage<Self::Out> + 'static>(
        self,
        context: &TaskContext,
        node: usize,
        next: E,
    ) -> Result<Self::Stage<E>>;
}

/// A recipe for the front of a chain.
pub trait Chain: Clone + Send + 'static {
    /// What it emits.
    type Out: Data;

    /// Builds the task of one subtask, whose chain ends in `end`.
    ///
    /// # Errors
    /// If state cannot be restored, or a source not be opened.
    #[doc(hidden)]
    fn build<E: Stage<Self::Out> + 'static>(self, context: &TaskContext, end: E) -> Result<Box<dyn Task>>;

    /// The index of the operator whose records come out.
    #[doc(hidden)]
    fn last(&self) -> usize;

    /// That operator has side outputs.
    #[doc(hidden)]
    fn has_side_outputs(&self) -> bool;

    /// The chain with its last operator at the front of a vertex of its own.
    #[doc(hidden)]
    type Detached: Chain<Out = Self::Out>;

    /// Puts the last operator of `vertex` at the front of a vertex, if it is not there already. What came before
    /// it stays where it is. Gives the vertex it is in.
    #[doc(hidden)]
    fn detach(self, graph: &mut Graph, vertex: usize) -> (Self::Detached, usize);
}

/// A chain, and an operator behind it.
#[derive(Clone)]
pub struct Then<C, O> {
    pub(crate) before: C,
    pub(crate) operator: O,
    pub(crate) node: usize,
}

impl<C: Chain, O: Operator<C::Out>> Chain for Then<C, O> {
    type Out = O::Out;

    fn build<E: Stage<O::Out> + 'static>(self, context: &TaskContext, end: E) -> Result<Box<dyn Task>> {
        let stage = self.operator.stage(context, self.node, end)?;
        // What is no operator emits what it takes: that is counted behind it.
        let from = if self.node == NO_OPERATOR { NO_OPERATOR } else { self.before.last() };
        let stage = Counted::between(context, from, self.node, stage);
        self.before.build(context, stage)
    }

    fn last(&self) -> usize {
        if self.node == NO_OPERATOR { self.before.last() } else { self.node }
    }

    fn has_side_outputs(&self) -> bool {
        if self.node == NO_OPERATOR { self.before.has_side_outputs() } else { O::HAS_SIDE_OUTPUTS }
    }

    type Detached = Then<RecordsHead<C::Out>, O>;

    fn detach(self, graph: &mut Graph, vertex: usize) -> (Self::Detached, usize) {
        let next = graph.add_vertex();
        let exchange: Arc<Exchange<Records<C::Out>>> = Arc::default();
        graph.finish_with_output::<_, Only<_>>(vertex, self.before, &exchange, Route::InTurn);
        graph.connect(vertex, next, Arc::clone(&exchange) as _, Partitioning::Forward);
        graph.move_node(self.node, next);
        let before = RecordsHead::over([exchange]);
        (Then { before, operator: self.operator, node: self.node }, next)
    }
}
