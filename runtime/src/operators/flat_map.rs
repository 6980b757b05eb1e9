//! One record in, any number out.

use std::marker::PhantomData;

use super::chain::Operator;
use super::out::Out;
use super::stage::{Signal, Stage};
use crate::data::{Data, EventTime};
use crate::error::Result;
use crate::tasks::{Blame, TaskContext};

pub(crate) struct FlatMap<F, O> {
    pub(crate) function: F,
    pub(crate) result: PhantomData<fn() -> O>,
}

impl<F: Clone, O> Clone for FlatMap<F, O> {
    fn clone(&self) -> Self {
        Self { function: self.function.clone(), result: PhantomData }
    }
}

pub(crate) struct FlatMapStage<F, O, E> {
    function: F,
    result: PhantomData<fn() -> O>,
    blame: Blame,
    next: E,
}

impl<T, F, O> Operator<T> for FlatMap<F, O>
where
    T: Data,
    O: Data,
    F: for<'a> FnMut(&'a T::Ref<'a>, &mut Out<'_, O>) + Clone + Send + 'static,
{
    type Out = O;
    type Stage<E: Stage<O> + 'static> = FlatMapStage<F, O, E>;

    fn stage<E: Stage<O> + 'static>(
        self,
        context: &TaskContext,
        node: usize,
        next: E,
    ) -> Result<FlatMapStage<F, O, E>> {
        Ok(FlatMapStage { function: self.function, result: PhantomData, blame: context.blame(node), next })
    }
}

impl<T, F, O, E> Stage<T> for FlatMapStage<F, O, E>
where
    T: Data,
    O: Data,
    F: for<'a> FnMut(&'a T::Ref<'a>, &mut Out<'_, O>) + Send,
    E: Stage<O>,
{
    #[inline]
    fn push(&mut self, record: T::Ref<'_>, time: EventTime) -> Result<()> {
        let record = T::shorten(record);
        let mut out = Out::new(&mut self.next, time);
        let function = &mut self.function;
        self.blame.on(|| function(&record, &mut out));
        out.finish()
    }

    fn signal(&mut self, signal: &mut Signal<'_>) -> Result<()> {
        self.next.signal(signal)
    }
}
