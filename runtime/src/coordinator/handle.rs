//! A running job in the hands of whoever started it.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::{Sender, bounded};
use serde_json::Value;

use super::request::{Reply, Request};
use super::shared::Shared;
use crate::control::new_id;
use crate::error::{Error, ErrorKind, Result};
use crate::folders;
use crate::job::{Checkpoints, JobControl, JobState, JobStatus};

/// A job that was started. Copies mean the same job; dropping them all lets it run on.
#[derive(Clone)]
pub struct JobHandle {
    shared: Arc<Shared>,
    requests: Sender<Request>,
    id: String,
    savepoint_dir: Option<PathBuf>,
    /// What was said of the job's start.
    notes: Arc<[String]>,
}

impl JobHandle {
    pub(super) fn new(
        shared: Arc<Shared>,
        requests: Sender<Request>,
        id: String,
        savepoint_dir: Option<PathBuf>,
        notes: Vec<String>,
    ) -> Self {
        Self { shared, requests, id, savepoint_dir, notes: notes.into() }
    }

    /// The job's id, 32 hex digits.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Waits until the job is over: finished, stopped or cancelled.
    ///
    /// # Errors
    /// Why it failed, if it did.
    pub fn wait(&self) -> Result<JobState> {
        self.shared.wait()
    }

    /// Waits at most so long; whether the job is over.
    pub fn wait_for(&self, time: Duration) -> bool {
        self.shared.wait_for(time)
    }

    /// Ends the job, keeps its checkpoints whatever is configured for a cancelled one, and waits for its end.
    ///
    /// # Errors
    /// If it has ended already.
    pub fn suspend(&self) -> Result<()> {
        self.ask(Request::Suspend)?;
        self.shared.wait_until_over();
        Ok(())
    }

    /// What a person should know of how the job was started: state that was left behind, fields that were renamed.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// Takes a checkpoint now and waits for it.
    ///
    /// # Errors
    /// If no folder for checkpoints is configured, the job does not run, or the checkpoint failed.
    pub fn checkpoint(&self) -> Result<PathBuf> {
        self.ask(Request::Checkpoint)
    }

    fn ask<T>(&self, request: impl FnOnce(Reply<T>) -> Request) -> Result<T> {
        let (reply, answer) = bounded(1);
        let over = || Error::new(ErrorKind::NotRunning { status: self.status().state.name().to_owned() });
        self.requests.send(request(Reply(reply))).map_err(|_| over())?;
        answer.recv().unwrap_or_else(|_| Err(over()))
    }

    /// The path of a new savepoint, below a folder that is made if it is not there.
    fn savepoint_path(&self, dir: Option<&Path>) -> Result<PathBuf> {
        let parent = dir.or(self.savepoint_dir.as_deref()).ok_or_else(|| {
            Error::refused(
                "no folder for savepoints: name one, or set execution.checkpointing.savepoint-dir \
                 (SPT_SAVEPOINT_DIR)",
            )
        })?;
        folders::make(parent).map_err(|error| {
            Error::failed(format!("{} cannot be made", parent.display())).caused_by(error)
        })?;
        let random = new_id()?;
        let [job, random] = [(&self.id, 6), (&random, 12)].map(|(id, digits)| id.get(..digits).unwrap_or(id));
        let parent = std::path::absolute(parent)?;
        Ok(parent.join(format!("savepoint-{job}-{random}")))
    }
}

impl JobControl for JobHandle {
    fn status(&self) -> JobStatus {
        self.shared.status()
    }

    fn checkpoints(&self) -> Checkpoints {
        self.shared.checkpoints()
    }

    fn plan(&self) -> Value {
        serde_json::to_value(&self.shared.plan).unwrap_or_default()
    }

    fn savepoint(&self, dir: Option<&Path>) -> Result<PathBuf> {
        let path = self.savepoint_path(dir)?;
        self.ask(|reply| Request::Savepoint(path, reply))
    }

    fn stop(&self, dir: Option<&Path>, drain: bool) -> Result<PathBuf> {
        let path = self.savepoint_path(dir)?;
        self.ask(|reply| Request::Stop { path, drain, reply })
    }

    fn cancel(&self) -> Result<()> {
        self.ask(Request::Cancel)?;
        self.shared.wait_until_over();
        Ok(())
    }
}
