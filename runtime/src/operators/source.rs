//! The front of a chain that begins with a source: deals out splits, opens the reader.

use std::sync::{Arc, Mutex, PoisonError};

use super::chain::Chain;
use super::stage::Stage;
use crate::error::{Error, Result};
use crate::graph::Graph;
use crate::savepoint::{Elements, StateSlot, deal};
use crate::sources::{Discovered, Source, discover};
use crate::tasks::{Room, SourceTask, StartContext, Task, TaskContext};

/// A source in the graph.
pub struct SourceHead<S: Source> {
    source: S,
    node: usize,
    /// What each subtask reads, decided once at every start.
    assigned: Shares<S::Split>,
}

/// What one subtask reads: splits it begins with, and those that are found for it while the job runs.
type Assigned<T> = (Vec<T>, Discovered<T>);

/// What each subtask reads, until it has taken it.
type Shares<T> = Arc<Mutex<Vec<Option<Assigned<T>>>>>;

impl<S: Source> Clone for SourceHead<S> {
    fn clone(&self) -> Self {
        Self { source: self.source.clone(), node: self.node, assigned: Arc::clone(&self.assigned) }
    }
}

impl<S: Source> SourceHead<S> {
    pub(crate) fn new(source: S, node: usize) -> Self {
        Self { source, node, assigned: Arc::default() }
    }

    fn slot(&self) -> StateSlot {
        StateSlot { operator: self.node, state: 0 }
    }

    /// Decides what each subtask reads: what the snapshot remembers, and what is new since.
    pub(crate) fn assign(&self, context: &StartContext) -> Result<()> {
        let parallelism = context.parallelism(self.node);
        let blame = context.blame(self.node);
        let assigned = blame.on_result(|| {
            let splits = match context.restored_elements::<S::Split>(self.slot())? {
                Some(elements) => self.assign_again(elements, parallelism)?,
                None => deal(self.source.splits(parallelism)?, parallelism),
            };
            let discovered = discover(&self.source, splits.concat(), parallelism, &blame)?;
            Ok(splits.into_iter().zip(discovered).map(Some).collect())
        })?;
        *self.assigned.lock().unwrap_or_else(PoisonError::into_inner) = assigned;
        Ok(())
    }

    fn assign_again(&self, elements: Elements<S::Split>, parallelism: u32) -> Result<Vec<Vec<S::Split>>> {
        let known: Vec<_> = elements.all().cloned().collect();
        let new = deal(self.source.new_splits(&known)?, parallelism);
        let is_rescaled = elements.parallelism() != parallelism as usize;
        let rescaled = is_rescaled.then(|| self.source.rescale(&known, parallelism)).flatten();
        let mut assigned = rescaled.unwrap_or_else(|| elements.for_subtasks(parallelism));
        for (splits, new) in assigned.iter_mut().zip(new) {
            splits.extend(new);
        }
        Ok(assigned)
    }

    fn take(&self, subtask: u32) -> Result<Assigned<S::Split>> {
        let mut assigned = self.assigned.lock().unwrap_or_else(PoisonError::into_inner);
        let taken = assigned.get_mut(subtask as usize).and_then(Option::take);
        taken.ok_or_else(|| Error::failed("a subtask was given no splits"))
    }
}

impl<S: Source> Chain for SourceHead<S> {
    type Out = S::Item;
    type Detached = Self;

    fn last(&self) -> usize {
        self.node
    }

    fn has_side_outputs(&self) -> bool {
        false
    }

    fn detach(self, _: &mut Graph, vertex: usize) -> (Self, usize) {
        (self, vertex)
    }

    fn build<E: Stage<S::Item> + 'static>(self, context: &TaskContext, end: E) -> Result<Box<dyn Task>> {
        let blame = context.blame(self.node);
        let (splits, discovered) = self.take(context.index())?;
        let reader = blame.on_result(|| self.source.reader(&context.subtask(self.node), splits))?;
        Ok(Box::new(SourceTask {
            reader,
            discovered,
            chain: end,
            slot: self.slot(),
            blame,
            metrics: context.metrics(),
            counters: context.counters(self.node),
            flush_interval: context.flush_interval(),
            alarm: context.alarm(),
            hold: context.hold().unwrap_or_default(),
            room: Room::new(),
        }))
    }
}
