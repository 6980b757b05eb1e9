//! A snapshot under way: which subtasks have given their part, which are still to come.
//!
//! Facts in, decision out: nothing here does I/O or knows a channel.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use super::now_ms;
use super::request::Reply;
use crate::error::{Error, ErrorKind, Result};
use crate::job::{CheckpointRecord, CheckpointStatus};
use crate::operators::{Barrier, BarrierKind};
use crate::savepoint::{Permit, Snapshot};
use crate::tasks::TaskId;

/// Why a snapshot is taken, and who waits for it.
#[derive(Debug)]
pub(super) enum Purpose {
    /// To recover from.
    Checkpoint(Option<Reply<PathBuf>>),
    /// A person asked; the job goes on.
    Savepoint(PathBuf, Reply<PathBuf>),
    /// A person asked; the job ends behind it.
    Stop(PathBuf, Reply<PathBuf>),
    /// A person asked; the input is declared to have ended, and the job ends with it.
    Drain(PathBuf, Reply<PathBuf>),
    /// The input has ended: the last checkpoint, which commits.
    Final,
}

impl Purpose {
    /// A person owns it.
    pub(super) fn is_savepoint(&self) -> bool {
        matches!(self, Self::Savepoint(..) | Self::Stop(..) | Self::Drain(..))
    }

    /// Pending output becomes visible once it is complete.
    pub(super) fn commits(&self) -> bool {
        !matches!(self, Self::Savepoint(..))
    }

    /// What goes into the barrier; none where the end of the input does the same.
    pub(super) fn barrier(&self) -> Option<BarrierKind> {
        match self {
            Self::Checkpoint(_) => Some(BarrierKind::Checkpoint),
            Self::Savepoint(..) => Some(BarrierKind::Savepoint),
            Self::Stop(..) => Some(BarrierKind::Stop),
            Self::Drain(..) | Self::Final => None,
        }
    }

    /// Tells whoever waits.
    pub(super) fn answer(self, answer: Result<PathBuf>) {
        match self {
            Self::Checkpoint(Some(reply))
            | Self::Savepoint(_, reply)
            | Self::Stop(_, reply)
            | Self::Drain(_, reply) => reply.send(answer),
            Self::Checkpoint(None) | Self::Final => {}
        }
    }
}

/// A snapshot that is not decided yet.
#[derive(Debug)]
pub(super) struct InFlight {
    pub(super) id: u64,
    pub(super) purpose: Purpose,
    pub(super) path: PathBuf,
    pub(super) started: Instant,
    started_ms: i64,
    missing: BTreeSet<TaskId>,
    parts: BTreeMap<TaskId, Arc<Snapshot>>,
    /// All parts are there, and it is being written.
    writing: Option<Arc<Permit>>,
}

impl InFlight {
    /// Waits for all of these tasks; of those that have ended, the last state is there already.
    pub(super) fn new(
        id: u64,
        purpose: Purpose,
        path: PathBuf,
        tasks: impl IntoIterator<Item = (TaskId, Option<Arc<Snapshot>>)>,
    ) -> Self {
        let mut in_flight = Self {
            id,
            purpose,
            path,
            started: Instant::now(),
            started_ms: now_ms(),
            missing: BTreeSet::new(),
            parts: BTreeMap::new(),
            writing: None,
        };
        for (task, last) in tasks {
            match last {
                Some(last) => drop(in_flight.parts.insert(task, last)),
                None => drop(in_flight.missing.insert(task)),
            }
        }
        in_flight
    }

    /// The barrier that asks for it.
    pub(super) fn barrier(&self) -> Option<Barrier> {
        self.purpose.barrier().map(|kind| Barrier { checkpoint: self.id, kind })
    }

    /// A task has given its part, or has ended. Only the first part of a task counts.
    pub(super) fn add(&mut self, task: TaskId, part: Arc<Snapshot>) {
        if self.missing.remove(&task) {
            self.parts.insert(task, part);
        }
    }

    /// Every part is there, and nobody writes them yet.
    pub(super) fn is_ready(&self) -> bool {
        self.missing.is_empty() && self.writing.is_none()
    }

    /// It is being written from now on.
    pub(super) fn begin_writing(&mut self) -> Arc<Permit> {
        Arc::clone(self.writing.get_or_insert_default())
    }

    /// Gives it up, unless it is whole already. What was late is told.
    pub(super) fn give_up(&self) -> Option<&'static str> {
        match &self.writing {
            Some(permit) => permit.give_up().then_some("it was not written"),
            None if self.missing.is_empty() => {
                Some("an earlier one that was given up is still being written")
            }
            None => Some("not every subtask had its part ready"),
        }
    }

    /// Takes the parts, by vertex and subtask.
    pub(super) fn take_parts(&mut self) -> Vec<(u32, Arc<Snapshot>)> {
        std::mem::take(&mut self.parts).into_iter().map(|(task, part)| (task.subtask, part)).collect()
    }

    /// `checkpoint 7`, or `savepoint`.
    pub(super) fn what(&self) -> String {
        if self.purpose.is_savepoint() { "savepoint".to_owned() } else { format!("checkpoint {}", self.id) }
    }

    /// The error of one that was not taken.
    pub(super) fn failure(&self, cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
        let path = self.path.display().to_string();
        Error::new(ErrorKind::SnapshotFailed { what: self.what(), path }).caused_by(cause)
    }

    /// What it is called in the job's statistics.
    pub(super) fn record(&self, status: CheckpointStatus) -> CheckpointRecord {
        let is_over = status != CheckpointStatus::InProgress;
        CheckpointRecord {
            id: self.id,
            status,
            is_savepoint: self.purpose.is_savepoint(),
            triggered_at_ms: self.started_ms,
            duration_ms: is_over.then(|| self.started.elapsed().as_millis() as u64),
            path: (status == CheckpointStatus::Completed).then(|| self.path.clone()),
            bytes: 0,
            rows: 0,
            failure: None,
        }
    }
}
