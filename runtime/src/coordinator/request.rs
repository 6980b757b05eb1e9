//! What the job's owner asks for.

use std::path::PathBuf;

use crossbeam_channel::Sender;

use crate::error::{Error, ErrorKind, Result};
use crate::job::JobState;

/// Where the answer goes. Nobody may be waiting for it any more.
#[derive(Debug)]
pub(super) struct Reply<T>(pub(super) Sender<Result<T>>);

impl<T> Reply<T> {
    pub(super) fn send(self, answer: Result<T>) {
        let _ = self.0.send(answer);
    }
}

/// From the handle to the coordinator.
#[derive(Debug)]
pub(super) enum Request {
    /// Take a savepoint at this path and go on.
    Savepoint(PathBuf, Reply<PathBuf>),
    /// Take a savepoint at this path and end behind it.
    Stop { path: PathBuf, drain: bool, reply: Reply<PathBuf> },
    /// Take a checkpoint now.
    Checkpoint(Reply<PathBuf>),
    /// End now.
    Cancel(Reply<()>),
    /// End now, and keep what another process can go on from.
    Suspend(Reply<()>),
}

/// Says no to a request that came too late or too early.
pub(super) fn refuse(request: Request, state: JobState) {
    let error = not_running(state);
    match request {
        Request::Savepoint(_, reply) | Request::Stop { reply, .. } | Request::Checkpoint(reply) => {
            reply.send(Err(error));
        }
        Request::Cancel(reply) | Request::Suspend(reply) => reply.send(Err(error)),
    }
}

/// The job is not in a state to do what was asked.
pub(super) fn not_running(state: JobState) -> Error {
    Error::new(ErrorKind::NotRunning { status: state.name().to_owned() })
}

/// A checkpoint has nowhere to go.
pub(super) fn no_store() -> Error {
    Error::refused("no folder for checkpoints: set execution.checkpointing.dir (SPT_CHECKPOINT_DIR)")
}
