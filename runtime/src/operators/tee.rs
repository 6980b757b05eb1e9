//! Copies every record to another task on its way.

use std::sync::Arc;

use super::chain::Operator;
use super::stage::{Signal, Stage};
use crate::data::{Data, EventTime};
use crate::error::Result;
use crate::exchange::{Exchange, Only, Records, RecordsOutput, Route};
use crate::tasks::TaskContext;

/// Where the copies go.
pub struct Tee<T: Data> {
    pub(crate) exchange: Arc<Exchange<Records<T>>>,
}

impl<T: Data> Clone for Tee<T> {
    fn clone(&self) -> Self {
        Self { exchange: Arc::clone(&self.exchange) }
    }
}

/// A [`Tee`] in one subtask.
pub struct TeeStage<T: Data, E> {
    copies: RecordsOutput<T, Only<Records<T>>>,
    next: E,
}

impl<T: Data> Operator<T> for Tee<T> {
    type Out = T;
    type Stage<E: Stage<T> + 'static> = TeeStage<T, E>;

    fn stage<E: Stage<T> + 'static>(
        self,
        context: &TaskContext,
        _: usize,
        next: E,
    ) -> Result<TeeStage<T, E>> {
        Ok(TeeStage { copies: RecordsOutput::new(&self.exchange, context, Route::InTurn), next })
    }
}

impl<T: Data, E: Stage<T>> Stage<T> for TeeStage<T, E> {
    #[inline]
    fn push(&mut self, record: T::Ref<'_>, time: EventTime) -> Result<()> {
        self.copies.push(record, time)?;
        self.next.push(record, time)
    }

    fn signal(&mut self, signal: &mut Signal<'_>) -> Result<()> {
        Stage::<T>::signal(&mut self.copies, signal)?;
        self.next.signal(signal)
    }
}
