//! Passes some records on.

use super::chain::Operator;
use super::stage::{Signal, Stage};
use crate::data::{Data, EventTime};
use crate::error::Result;
use crate::tasks::{Blame, TaskContext};

#[derive(Clone)]
pub(crate) struct Filter<F>(pub(crate) F);

pub(crate) struct FilterStage<F, E> {
    keep: F,
    blame: Blame,
    next: E,
}

impl<T, F> Operator<T> for Filter<F>
where
    T: Data,
    F: for<'a> FnMut(&'a T::Ref<'a>) -> bool + Clone + Send + 'static,
{
    type Out = T;
    type Stage<E: Stage<T> + 'static> = FilterStage<F, E>;

    fn stage<E: Stage<T> + 'static>(
        self,
        context: &TaskContext,
        node: usize,
        next: E,
    ) -> Result<FilterStage<F, E>> {
        Ok(FilterStage { keep: self.0, blame: context.blame(node), next })
    }
}

impl<T, F, E> Stage<T> for FilterStage<F, E>
where
    T: Data,
    F: for<'a> FnMut(&'a T::Ref<'a>) -> bool + Send,
    E: Stage<T>,
{
    #[inline]
    fn push(&mut self, record: T::Ref<'_>, time: EventTime) -> Result<()> {
        let record = T::shorten(record);
        let keep = &mut self.keep;
        if self.blame.on(|| keep(&record)) { self.next.push(record, time) } else { Ok(()) }
    }

    fn signal(&mut self, signal: &mut Signal<'_>) -> Result<()> {
        self.next.signal(signal)
    }
}
