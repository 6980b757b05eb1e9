//! A task's thread: builds the chain, runs it, and reports how it ended.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use crossbeam_channel::{Receiver, Sender};

use super::blame::Blame;
use super::command::{Command, Event, TaskId};
use super::halted;
use crate::error::{Error, ErrorKind, Result};
use crate::savepoint::Snapshot;

/// A chain that is ready to run in its thread.
pub trait Task {
    /// Runs until the input ends or the coordinator says so.
    ///
    /// # Errors
    /// If an operator fails; or `Halted`, if the rest of the job is gone.
    fn run(self: Box<Self>, ports: &TaskPorts) -> Result<Ending>;
}

/// How a task ended.
pub enum Ending {
    /// It has read all of its input.
    Finished(Snapshot),
    /// It was told to.
    Exited,
}

/// How a task and the coordinator reach each other.
#[derive(Clone)]
pub struct TaskPorts {
    pub(crate) id: TaskId,
    pub(crate) commands: Receiver<Command>,
    pub(crate) events: Sender<(TaskId, Event)>,
    /// The attempt is over: end without finishing what is queued.
    pub(crate) halt: Arc<AtomicBool>,
}

impl TaskPorts {
    /// Tells the coordinator. If it is gone, the task will notice by its commands.
    pub(crate) fn report(&self, event: Event) {
        let _ = self.events.send((self.id, event));
    }

    /// The attempt goes on.
    ///
    /// # Errors
    /// `Halted`, if it does not.
    pub(crate) fn check(&self) -> Result<()> {
        if self.halt.load(Ordering::Relaxed) { Err(halted()) } else { Ok(()) }
    }
}

/// Starts the thread of a task. `build` runs in it, and with it the restore of the task's state.
///
/// # Errors
/// If the system gives no thread.
pub(crate) fn spawn(
    name: &str,
    ports: TaskPorts,
    build: impl FnOnce(&TaskPorts) -> Result<Box<dyn Task>> + Send + 'static,
) -> Result<JoinHandle<()>> {
    let chain = name.to_owned();
    let run = move || {
        let result = catch_unwind(AssertUnwindSafe(|| {
            let task = build(&ports)?;
            ports.report(Event::Ready);
            task.run(&ports)
        }));
        ports.report(match result {
            Ok(Ok(Ending::Finished(snapshot))) => Event::Finished(snapshot),
            Ok(Ok(Ending::Exited)) => Event::Exited,
            Ok(Err(error)) if matches!(error.kind(), ErrorKind::Halted) => Event::Exited,
            Ok(Err(error)) => Event::Failed(error),
            Err(payload) => Event::Failed(Blame::of_panic(payload.as_ref(), &chain)),
        });
    };
    let thread = std::thread::Builder::new().name(name.to_owned()).spawn(run);
    thread.map_err(|error| Error::failed("a thread could not be started").caused_by(error))
}
