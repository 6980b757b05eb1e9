//! How operators nest: a recipe is written down when the graph is built, and each subtask builds a chain from it.
//!
//! ```text
//! recipe   Then<Then<SourceHead, FlatMap>, Map>       written front to back
//! chain    SourceTask { FlatMapStage { MapStage { Output } } }    built back to front, one type, one loop
//! ```

use super::stage::Stage;
use crate::data::Data;
use crate::error::Result;
use crate::tasks::{Task, TaskContext};

/// An operator with one input that can be chained to whatever comes before it.
pub trait Operator<T: Data>: Clone + Send + 'static {
    /// What it emits.
    type Out: Data;
    /// The operator with what comes next.
    type Stage<E: Stage<Self::Out> + 'static>: Stage<T> + 'static;

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
        self.before.build(context, stage)
    }
}
