//! The front of a chain behind an exchange without keys.

use std::sync::Arc;

use super::chain::Chain;
use super::stage::{Signal, Stage};
use crate::data::{Column, Data};
use crate::error::Result;
use crate::exchange::{Exchange, Gate, Records};
use crate::tasks::{Head, InputTask, Task, TaskContext};

/// Records of another task.
pub struct RecordsHead<T: Data> {
    pub(crate) exchange: Arc<Exchange<Records<T>>>,
}

impl<T: Data> Clone for RecordsHead<T> {
    fn clone(&self) -> Self {
        Self { exchange: Arc::clone(&self.exchange) }
    }
}

/// Pushes the records of each batch.
struct Unpack<E>(E);

impl<T: Data, E: Stage<T>> Head<Records<T>> for Unpack<E> {
    fn feed(&mut self, batch: &Records<T>) -> Result<()> {
        let records = (0..batch.0.len()).filter_map(|index| batch.0.get(index));
        records.into_iter().try_for_each(|record| self.0.push(record))
    }

    fn signal(&mut self, signal: &mut Signal<'_>) -> Result<()> {
        self.0.signal(signal)
    }
}

impl<T: Data> Chain for RecordsHead<T> {
    type Out = T;

    fn build<E: Stage<T> + 'static>(self, context: &TaskContext, end: E) -> Result<Box<dyn Task>> {
        let gate = Gate::new(self.exchange.inputs(context.index()), context.commands());
        Ok(Box::new(InputTask {
            gate,
            head: Unpack(end),
            metrics: context.metrics(),
            flush_interval: context.flush_interval(),
        }))
    }
}
