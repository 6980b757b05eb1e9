//! One record in, one record out.

use std::marker::PhantomData;

use super::chain::Operator;
use super::stage::{Signal, Stage};
use crate::data::{Data, EventTime, Record};
use crate::error::Result;
use crate::tasks::{Blame, TaskContext};

/// The result owns what it is made of.
pub(crate) struct Map<F, R> {
    pub(crate) function: F,
    pub(crate) result: PhantomData<fn() -> R>,
}

/// The result may borrow from the record.
pub(crate) struct MapTo<F, O> {
    pub(crate) function: F,
    pub(crate) result: PhantomData<fn() -> O>,
}

impl<F: Clone, R> Clone for Map<F, R> {
    fn clone(&self) -> Self {
        Self { function: self.function.clone(), result: PhantomData }
    }
}

impl<F: Clone, O> Clone for MapTo<F, O> {
    fn clone(&self) -> Self {
        Self { function: self.function.clone(), result: PhantomData }
    }
}

pub(crate) struct MapStage<F, R, E> {
    function: F,
    result: PhantomData<fn() -> R>,
    blame: Blame,
    next: E,
}

pub(crate) struct MapToStage<F, O, E> {
    function: F,
    result: PhantomData<fn() -> O>,
    blame: Blame,
    next: E,
}

impl<T, F, R> Operator<T> for Map<F, R>
where
    T: Data,
    R: Record + 'static,
    F: for<'a> FnMut(&'a T::Ref<'a>) -> R + Clone + Send + 'static,
{
    type Out = R::Data;
    type Stage<E: Stage<R::Data> + 'static> = MapStage<F, R, E>;

    fn stage<E: Stage<R::Data> + 'static>(
        self,
        context: &TaskContext,
        node: usize,
        next: E,
    ) -> Result<MapStage<F, R, E>> {
        Ok(MapStage { function: self.function, result: PhantomData, blame: context.blame(node), next })
    }
}

impl<T, F, R, E> Stage<T> for MapStage<F, R, E>
where
    T: Data,
    R: Record,
    F: for<'a> FnMut(&'a T::Ref<'a>) -> R + Send,
    E: Stage<R::Data>,
{
    #[inline(always)]
    fn push(&mut self, record: T::Ref<'_>, time: EventTime) -> Result<()> {
        let record = T::shorten(record);
        let function = &mut self.function;
        let result = self.blame.on(|| function(&record));
        result.lend(|result| self.next.push(result, time))
    }

    fn signal(&mut self, signal: &mut Signal<'_>) -> Result<()> {
        self.next.signal(signal)
    }
}

impl<T, F, O> Operator<T> for MapTo<F, O>
where
    T: Data,
    O: Data,
    F: for<'a> FnMut(&'a T::Ref<'a>) -> O::Ref<'a> + Clone + Send + 'static,
{
    type Out = O;
    type Stage<E: Stage<O> + 'static> = MapToStage<F, O, E>;

    fn stage<E: Stage<O> + 'static>(
        self,
        context: &TaskContext,
        node: usize,
        next: E,
    ) -> Result<MapToStage<F, O, E>> {
        Ok(MapToStage { function: self.function, result: PhantomData, blame: context.blame(node), next })
    }
}

impl<T, F, O, E> Stage<T> for MapToStage<F, O, E>
where
    T: Data,
    O: Data,
    F: for<'a> FnMut(&'a T::Ref<'a>) -> O::Ref<'a> + Send,
    E: Stage<O>,
{
    #[inline(always)]
    fn push(&mut self, record: T::Ref<'_>, time: EventTime) -> Result<()> {
        let record = T::shorten(record);
        let function = &mut self.function;
        let result = self.blame.on(|| function(&record));
        self.next.push(result, time)
    }

    fn signal(&mut self, signal: &mut Signal<'_>) -> Result<()> {
        self.next.signal(signal)
    }
}
