//! The front of a chain behind an exchange without keys: takes the records out of their batches.

use std::marker::PhantomData;
use std::sync::Arc;

use super::chain::NO_OPERATOR;
use super::input::{HeadOperator, InputHead};
use super::stage::{Signal, Stage};
use crate::data::Data;
use crate::error::Result;
use crate::exchange::{Exchange, Inputs, Records};
use crate::tasks::{Head, TaskContext};

/// Records of other tasks.
pub type RecordsHead<T> = InputHead<Records<T>, Unpack<T>>;

impl<T: Data> RecordsHead<T> {
    /// What comes over these edges.
    pub(crate) fn over(edges: impl IntoIterator<Item = Arc<Exchange<Records<T>>>>) -> Self {
        Self { inputs: Inputs::new(edges), operator: Unpack::default(), node: NO_OPERATOR }
    }
}

/// Pushes the records of each batch.
pub struct Unpack<T>(PhantomData<fn(T)>);

impl<T> Clone for Unpack<T> {
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl<T> Default for Unpack<T> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

/// An [`Unpack`] in one subtask.
pub struct UnpackHead<E>(E);

impl<T: Data> HeadOperator<Records<T>> for Unpack<T> {
    type Out = T;
    type Head<E: Stage<T> + 'static> = UnpackHead<E>;

    fn head<E: Stage<T> + 'static>(self, _: &TaskContext, _: usize, next: E) -> Result<UnpackHead<E>> {
        Ok(UnpackHead(next))
    }
}

impl<T: Data, E: Stage<T>> Head<Records<T>> for UnpackHead<E> {
    fn feed(&mut self, batch: &Records<T>) -> Result<()> {
        batch.entries().try_for_each(|(record, time)| self.0.push(record, time))
    }

    fn signal(&mut self, signal: &mut Signal<'_>) -> Result<()> {
        self.0.signal(signal)
    }
}
