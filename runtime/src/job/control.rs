//! What can be asked of a running job: the seam between the engine and its control endpoint.

use std::path::{Path, PathBuf};

use super::status::{Checkpoints, JobStatus};
use crate::error::Result;

/// A job that can be asked and told. Every call may come from any thread; those that wait say so.
pub trait JobControl: Send + Sync {
    /// The job now.
    fn status(&self) -> JobStatus;

    /// Its checkpoints and savepoints so far.
    fn checkpoints(&self) -> Checkpoints;

    /// The job's graph, as `PROGRAM plan` prints it: schema `spt.plan/1`.
    fn plan(&self) -> serde_json::Value;

    /// Takes a savepoint below `dir`, or below the configured folder, and waits for it. The job goes on.
    ///
    /// # Errors
    /// If no folder is known, the job does not run, or the savepoint failed.
    fn savepoint(&self, dir: Option<&Path>) -> Result<PathBuf>;

    /// Takes a savepoint and ends the job behind it, and waits for both. With `drain` the input is declared to
    /// have ended first, and the savepoint is marked as drained.
    ///
    /// # Errors
    /// As [`JobControl::savepoint`]: then the job goes on. If the savepoint is whole and its output could not
    /// be committed, the job starts again from its last checkpoint, and the error names the savepoint.
    fn stop(&self, dir: Option<&Path>, drain: bool) -> Result<PathBuf>;

    /// Ends the job without a savepoint, and waits for its end.
    ///
    /// # Errors
    /// If it has ended already.
    fn cancel(&self) -> Result<()>;
}
