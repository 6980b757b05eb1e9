//! What a job says of itself, kept where its handle can read it.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use spt_format::{CommittedState, Plan};

use super::now_ms;
use crate::error::{Error, Result};
use crate::job::{CheckpointRecord, CheckpointStatus, Checkpoints, JobState, JobStatus, VertexStatus};
use crate::tasks::JobMetrics;

/// Checkpoints that are remembered.
const HISTORY: usize = 32;

/// A job's public face.
pub(super) struct Shared {
    pub(super) plan: Plan,
    pub(super) metrics: Arc<JobMetrics>,
    face: Mutex<Face>,
    changed: Condvar,
}

struct Face {
    status: JobStatus,
    checkpoints: Checkpoints,
    /// Why the job failed for good.
    failure: Option<Error>,
    /// Nothing of the job is left: threads are joined, locks given up.
    is_over: bool,
    /// Records have flowed.
    has_run: bool,
}

impl Shared {
    pub(super) fn new(plan: Plan, status: JobStatus, metrics: JobMetrics) -> Self {
        let face = Face {
            status,
            checkpoints: Checkpoints::default(),
            failure: None,
            is_over: false,
            has_run: false,
        };
        Self { plan, metrics: Arc::new(metrics), face: Mutex::new(face), changed: Condvar::new() }
    }

    fn face(&self) -> MutexGuard<'_, Face> {
        self.face.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The job now, its counters read.
    pub(super) fn status(&self) -> JobStatus {
        let mut status = self.face().status.clone();
        self.metrics.tell(&mut status);
        status
    }

    pub(super) fn checkpoints(&self) -> Checkpoints {
        self.face().checkpoints.clone()
    }

    pub(super) fn enter(&self, state: JobState) {
        let mut face = self.face();
        tracing::debug!(target: "spt", job = face.status.id, state = state.name(), "job state");
        face.status.state = state;
        face.status.changed_at_ms = now_ms();
        face.has_run |= state == JobState::Running;
        if state == JobState::Restarting {
            face.status.restarts += 1;
        }
        if state.is_final() {
            face.status.ended_at_ms = Some(now_ms());
        }
        self.changed.notify_all();
    }

    /// Notes why an attempt failed.
    pub(super) fn failed(&self, error: &Error) {
        self.face().status.failure = Some(error.full());
    }

    /// The job is over; `failure` is why, if it failed.
    pub(super) fn end(&self, failure: Option<Error>) {
        let mut face = self.face();
        face.failure = failure;
        face.is_over = true;
        self.changed.notify_all();
    }

    pub(super) fn vertex(&self, index: usize, change: impl FnOnce(&mut VertexStatus)) {
        if let Some(vertex) = self.face().status.vertices.get_mut(index) {
            change(vertex);
        }
    }

    /// Every vertex begins anew.
    pub(super) fn reset_finished(&self) {
        self.face().status.vertices.iter_mut().for_each(|vertex| vertex.finished = 0);
    }

    /// Records have flowed, in this start or an earlier one.
    pub(super) fn has_run(&self) -> bool {
        self.face().has_run
    }

    /// Waits until the job runs, or will not; whether it has run. It may be over by then.
    pub(super) fn wait_until_running(&self) -> bool {
        let face = self.changed.wait_while(self.face(), |face| !face.has_run && !face.is_over);
        face.unwrap_or_else(PoisonError::into_inner).has_run
    }

    /// Waits until the job is over, and takes its failure.
    ///
    /// # Errors
    /// If the job failed; for whoever waits second, without its cause.
    pub(super) fn wait(&self) -> Result<JobState> {
        let face = self.changed.wait_while(self.face(), |face| !face.is_over);
        let mut face = face.unwrap_or_else(PoisonError::into_inner);
        match (face.failure.take(), face.status.state) {
            (Some(error), _) => Err(error),
            (None, JobState::Failed) => {
                Err(Error::failed(face.status.failure.clone().unwrap_or_else(|| "the job failed".to_owned())))
            }
            (None, state) => Ok(state),
        }
    }

    /// Waits until the job is over, whatever came of it.
    pub(super) fn wait_until_over(&self) {
        drop(self.changed.wait_while(self.face(), |face| !face.is_over));
    }

    /// Waits at most so long for the job to be over.
    pub(super) fn wait_for(&self, time: Duration) -> bool {
        let waited = self.changed.wait_timeout_while(self.face(), time, |face| !face.is_over);
        let (face, _) = waited.unwrap_or_else(PoisonError::into_inner);
        face.is_over
    }

    pub(super) fn restored(&self, record: CheckpointRecord) {
        let mut face = self.face();
        face.checkpoints.counts.restored += 1;
        face.checkpoints.restored = Some(record);
    }

    pub(super) fn checkpoint_began(&self, record: CheckpointRecord) {
        let checkpoints = &mut self.face().checkpoints;
        checkpoints.counts.total += 1;
        checkpoints.counts.in_progress += 1;
        checkpoints.history.insert(0, record);
        checkpoints.history.truncate(HISTORY);
    }

    /// What the newest snapshot holds.
    pub(super) fn states(&self, states: Vec<CommittedState>) {
        self.face().checkpoints.states = states;
    }

    pub(super) fn checkpoint_ended(&self, record: CheckpointRecord) {
        let checkpoints = &mut self.face().checkpoints;
        checkpoints.counts.in_progress = checkpoints.counts.in_progress.saturating_sub(1);
        let latest = match (record.status, record.is_savepoint) {
            (CheckpointStatus::Failed, _) => {
                checkpoints.counts.failed += 1;
                &mut checkpoints.latest_failed
            }
            (_, is_savepoint) => {
                checkpoints.counts.completed += 1;
                checkpoints.completed_ms += record.duration_ms.unwrap_or(0);
                checkpoints.completed_bytes += record.bytes;
                if is_savepoint {
                    &mut checkpoints.latest_savepoint
                } else {
                    &mut checkpoints.latest_completed
                }
            }
        };
        *latest = Some(record.clone());
        if let Some(entry) = checkpoints.history.iter_mut().find(|entry| entry.id == record.id) {
            *entry = record;
        }
    }
}
