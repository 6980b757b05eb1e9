//! A task whose chain begins behind an exchange.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::clock::Alarm;
use super::command::{Command, Event};
use super::metrics::{OperatorMetrics, TaskMetrics};
use super::thread::{Ending, Task, TaskPorts};
use crate::error::Result;
use crate::exchange::{Batch, Gate, Input};
use crate::operators::{Barrier, Signal};
use crate::savepoint::Snapshot;

/// The first operator of a chain behind an exchange, and everything chained to it.
pub trait Head<B>: Send {
    /// Takes a batch.
    ///
    /// # Errors
    /// If the operator, or one behind it, failed.
    fn feed(&mut self, batch: &B) -> Result<()>;

    /// As [`Stage::signal`](crate::operators::Stage::signal).
    ///
    /// # Errors
    /// As [`Head::feed`].
    fn signal(&mut self, signal: &mut Signal<'_>) -> Result<()>;
}

/// Feeds a chain from a gate.
pub(crate) struct InputTask<B, H> {
    pub(crate) gate: Gate<B>,
    pub(crate) head: H,
    pub(crate) metrics: Arc<TaskMetrics>,
    /// What its first operator counts.
    pub(crate) counters: Arc<OperatorMetrics>,
    pub(crate) flush_interval: Duration,
    pub(crate) alarm: Alarm,
}

impl<B: Batch, H: Head<B>> Task for InputTask<B, H> {
    fn run(mut self: Box<Self>, ports: &TaskPorts) -> Result<Ending> {
        let mut flushed = Instant::now();
        loop {
            let mut input = self.gate.try_next()?;
            if matches!(input, Input::Nothing) || flushed.elapsed() >= self.flush_interval {
                self.head.signal(&mut Signal::Flush)?;
                self.metrics.lived(flushed.elapsed());
                flushed = Instant::now();
            }
            if matches!(input, Input::Nothing) {
                let pause = if self.gate.is_held() { None } else { self.alarm.pause() };
                let since = Instant::now();
                input = self.gate.next(pause)?;
                self.metrics.idled(since.elapsed());
            }
            ports.check()?;
            // Behind the barrier that the job stops with, no timer fires.
            if !self.gate.is_held()
                && let Some(now) = self.alarm.ring()
            {
                self.head.signal(&mut Signal::Tick(now))?;
            }
            match input {
                Input::Batch(batch, link) => self.feed(batch, link)?,
                Input::Watermark(watermark) => {
                    self.metrics.reached(watermark.0);
                    self.counters.reached(watermark.0);
                    self.head.signal(&mut Signal::Watermark(watermark))?;
                }
                Input::Idle(is_idle) => self.head.signal(&mut Signal::Idle(is_idle))?,
                Input::Barrier(barrier) => self.snapshot(barrier, ports)?,
                Input::End => return (*self).finish(),
                Input::Command(Command::Committed(checkpoint)) => {
                    self.head.signal(&mut Signal::Committed(checkpoint))?;
                }
                Input::Command(Command::Resume(checkpoint)) => self.gate.resume(checkpoint),
                Input::Command(Command::Exit) => return Ok(Ending::Exited),
                // What else there is, is said to sources.
                Input::Command(_) | Input::Nothing => {}
            }
        }
    }
}

impl<B: Batch, H: Head<B>> InputTask<B, H> {
    fn feed(&mut self, batch: B, link: usize) -> Result<()> {
        self.metrics.received(batch.len());
        self.counters.received(batch.len() as u64);
        self.head.feed(&batch)?;
        self.gate.recycle(batch, link);
        Ok(())
    }

    fn snapshot(&mut self, barrier: Barrier, ports: &TaskPorts) -> Result<()> {
        let mut snapshot = Snapshot::new(barrier.checkpoint);
        self.head.signal(&mut Signal::Barrier(barrier, &mut snapshot))?;
        ports.report(Event::Acknowledged(barrier.checkpoint, snapshot));
        Ok(())
    }

    fn finish(mut self) -> Result<Ending> {
        let mut snapshot = Snapshot::last();
        self.head.signal(&mut Signal::End(&mut snapshot))?;
        Ok(Ending::Finished(snapshot))
    }
}
