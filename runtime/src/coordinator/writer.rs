//! Completes a snapshot on a thread of its own: writes it, commits its output, deletes what it subsumes.

use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;

use crossbeam_channel::Sender;
use spt_format::{Committed, failpoint};

use super::store::delete;
use crate::error::{Error, Result};
use crate::savepoint::{Draft, Permit, Snapshot, write};
use crate::tasks::Blame;

/// A snapshot to complete.
pub(super) struct Job {
    pub(super) id: u64,
    pub(super) path: PathBuf,
    pub(super) draft: Draft,
    /// It may be given up while it is written.
    pub(super) permit: Arc<Permit>,
    /// Commit what is pending in it.
    pub(super) commits: bool,
    /// Checkpoints to delete once it is complete.
    pub(super) subsumed: Vec<PathBuf>,
}

/// What became of it.
pub(super) struct Outcome {
    pub(super) id: u64,
    /// It is whole; or why not.
    pub(super) written: Result<Committed>,
    /// Its output is visible, if it was to be.
    pub(super) committed: Result<()>,
}

impl Job {
    /// Starts the thread; the outcome is sent.
    ///
    /// # Errors
    /// If the system gives no thread.
    pub(super) fn spawn(self, outcomes: Sender<Outcome>) -> Result<JoinHandle<()>> {
        let thread = std::thread::Builder::new().name(format!("snapshot {}", self.id));
        let run = move || {
            // The coordinator is gone only if the process is about to be.
            let _ = outcomes.send(self.run());
        };
        thread.spawn(run).map_err(|error| Error::failed("a thread could not be started").caused_by(error))
    }

    /// Write, then commit, then delete: in this order, or output could be lost.
    fn run(self) -> Outcome {
        let snapshots: Vec<Arc<Snapshot>> =
            self.draft.snapshots.iter().map(|(_, snapshot)| Arc::clone(snapshot)).collect();
        let written = Blame::catch("snapshot", || {
            failpoint("snapshot.before-write")?;
            let written = write(&self.path, self.draft, &self.permit)?;
            // What was given up meanwhile must not be found by anybody.
            self.permit.whole().inspect_err(|_| delete(&self.path))?;
            Ok(written)
        });
        let mut committed = Ok(());
        if written.is_ok() && self.commits {
            committed = Blame::catch("commit", || {
                failpoint("commit.before")?;
                snapshots.iter().try_for_each(|snapshot| snapshot.commit())?;
                Ok(failpoint("commit.after")?)
            });
        }
        if written.is_ok() && committed.is_ok() {
            self.subsumed.iter().for_each(|path| delete(path));
        }
        Outcome { id: self.id, written, committed }
    }
}
