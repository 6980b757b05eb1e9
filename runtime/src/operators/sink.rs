//! The end of a chain that leaves the job: writes records, prepares at barriers, keeps what is pending.

use std::marker::PhantomData;
use std::sync::atomic::{AtomicBool, Ordering};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use spt_format::failpoint;

use super::stage::{Signal, Stage};
use crate::data::{Data, EventTime};
use crate::error::{Error, Result};
use crate::savepoint::{Commit, Snapshot};
use crate::sinks::{Sink, SinkWriter, Start};
use crate::tasks::{Blame, OperatorInfo, StartContext, TaskContext};

/// A committable, and the snapshot it was prepared for.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Pending<C> {
    checkpoint: u64,
    output: C,
}

/// A sink at the end of a chain.
pub(crate) struct SinkStage<T: Data, S: Sink<T>> {
    sink: S,
    writer: S::Writer,
    node: usize,
    blame: Blame,
    /// Prepared, and not known to be committed.
    pending: Vec<Pending<S::Committable>>,
    /// The snapshot that was prepared last.
    prepared: u64,
    records: PhantomData<fn(T)>,
}

impl<T: Data, S: Sink<T>> SinkStage<T, S> {
    /// Opens the sink in one subtask.
    pub(crate) fn open(sink: S, context: &TaskContext, node: usize) -> Result<Self> {
        let blame = context.blame(node);
        let writer = blame.on_result(|| sink.writer(&context.subtask(node)))?;
        let prepared = context.first_checkpoint().saturating_sub(1);
        Ok(Self { sink, writer, node, blame, pending: Vec::new(), prepared, records: PhantomData })
    }

    /// Adds what is pending to a snapshot.
    fn prepare(&mut self, checkpoint: u64, snapshot: &mut Snapshot) -> Result<()> {
        failpoint("sink.before-prepare")?;
        let outputs = self.blame.on_result(|| self.writer.prepare(checkpoint))?;
        failpoint("sink.after-prepare")?;
        self.prepared = checkpoint;
        self.pending.extend(outputs.into_iter().map(|output| Pending { checkpoint, output }));
        for pending in &self.pending {
            let output = serde_json::to_value(pending).map_err(|error| {
                self.blame.error(Error::failed("pending output is no JSON").caused_by(error))
            })?;
            snapshot.pend(self.node, output);
        }
        if !self.pending.is_empty() {
            let outputs = self.pending.iter().map(|pending| pending.output.clone()).collect();
            let commit = SinkCommit {
                sink: self.sink.clone(),
                outputs,
                blame: self.blame.clone(),
                is_done: AtomicBool::new(false),
                records: PhantomData,
            };
            snapshot.on_complete(commit);
        }
        Ok(())
    }
}

impl<T: Data, S: Sink<T>> Stage<T> for SinkStage<T, S> {
    #[inline]
    fn push(&mut self, record: T::Ref<'_>, _: EventTime) -> Result<()> {
        let writer = &mut self.writer;
        self.blame.on_result(|| writer.write(record))
    }

    fn signal(&mut self, signal: &mut Signal<'_>) -> Result<()> {
        match signal {
            Signal::Flush => self.blame.on_result(|| self.writer.flush()),
            Signal::Barrier(barrier, snapshot) => self.prepare(barrier.checkpoint, snapshot),
            Signal::End(snapshot) => {
                self.blame.on_result(|| self.writer.flush())?;
                self.prepare(self.prepared + 1, snapshot)
            }
            Signal::Committed(checkpoint) => {
                self.pending.retain(|pending| pending.checkpoint > *checkpoint);
                Ok(())
            }
            Signal::Watermark(_) | Signal::Idle(_) | Signal::Split(_) | Signal::Tick(_) => Ok(()),
        }
    }
}

/// Makes a snapshot's output of one subtask visible.
struct SinkCommit<T: Data, S: Sink<T>> {
    sink: S,
    outputs: Vec<S::Committable>,
    blame: Blame,
    is_done: AtomicBool,
    records: PhantomData<fn(T)>,
}

impl<T: Data, S: Sink<T>> Commit for SinkCommit<T, S> {
    /// The last snapshot of a subtask that has ended is part of every later one: what it has committed once may
    /// have been taken away since.
    fn commit(&self) -> Result<()> {
        if !self.is_done.load(Ordering::Acquire) {
            self.blame.on_result(|| self.sink.commit(&self.outputs))?;
            self.is_done.store(true, Ordering::Release);
        }
        Ok(())
    }
}

/// Before any sink commits: whether this one can.
pub(crate) fn check<T: Data, S: Sink<T>>(sink: &S, node: usize, context: &StartContext) -> Result<()> {
    with_pending(node, context, |start, pending| sink.check(start, pending))
}

/// Before the first record: commits what the snapshot holds, aborts the rest.
pub(crate) fn recover<T: Data, S: Sink<T>>(sink: &S, node: usize, context: &StartContext) -> Result<()> {
    with_pending(node, context, |start, pending| {
        // Of another job's output: it is visible from now on, whatever becomes of that job.
        let told = start.is_new_job() && !pending.is_empty();
        let hidden = told.then(|| sink.still_pending(pending)).flatten();
        sink.recover(start, pending)?;
        match hidden {
            Some(hidden) => say_committed(node, context, hidden, ""),
            // After a failed start nobody knows any more what that has committed.
            None if told && context.is_first => {
                say_committed(node, context, pending.len(), " unless it was before");
            }
            None => {}
        }
        Ok(())
    })
}

fn say_committed(node: usize, context: &StartContext, count: usize, unless: &str) {
    let label = context.operator(node).map_or("", OperatorInfo::label);
    let outputs = match count {
        0 => return,
        1 => "output pending, which is",
        _ => "outputs pending, which are",
    };
    let text =
        format!("operator {label} had {count} {outputs} committed now{unless} (not with --pending discard)");
    context.notes.say(text);
}

/// Goes on with what the snapshot holds of a sink's output.
fn with_pending<O: DeserializeOwned>(
    node: usize,
    context: &StartContext,
    next: impl FnOnce(&Start, &[O]) -> Result<()>,
) -> Result<()> {
    let blame = context.blame(node);
    let parse = |value: &serde_json::Value| serde_json::from_value::<Pending<O>>(value.clone());
    let pending = context.pending(node).map(parse).collect::<Result<Vec<_>, _>>().map_err(|error| {
        blame.error(Error::failed("pending output in the savepoint is not this sink's").caused_by(error))
    })?;
    let outputs: Vec<_> = pending.into_iter().map(|pending| pending.output).collect();
    blame.on_result(|| next(context.start(), &outputs))
}
