//! What the job's owner asks for.

use std::path::PathBuf;

use crossbeam_channel::Sender;

use crate::error::Result;

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
}
