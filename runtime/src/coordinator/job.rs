//! The coordinator: a job from its first start to its end.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError};
use spt_format::{Savepoint, Workers};

use super::in_flight::Purpose;
use super::request::{Request, refuse};
use super::restart::Restarts;
use super::run::Ending;
use super::shared::Shared;
use super::store::Store;
use crate::config::{ClaimMode, RetainedCheckpoints};
use crate::control::new_id;
use crate::error::{Error, ErrorKind, Result};
use crate::graph::{Graph, parallelism_of_vertices};
use crate::job::{JobOptions, JobState, Notes, note};
use crate::savepoint::{Carried, Restored};
use crate::sinks::Start;
use crate::tasks::{OperatorInfo, StartContext};

/// A longer pause before a restart is none that anybody lives to see end: 100 years.
const LONGEST_PAUSE: Duration = Duration::from_secs(100 * 365 * 86_400);

/// Everything a running job is run with.
pub(super) struct Coordinator {
    pub(super) shared: Arc<Shared>,
    pub(super) graph: Graph,
    pub(super) operators: Arc<Vec<OperatorInfo>>,
    pub(super) options: JobOptions,
    pub(super) job_id: String,
    pub(super) requests: Receiver<Request>,
    /// Where its checkpoints go, if it has any.
    pub(super) store: Option<Store>,
    /// What the job was started from.
    pub(super) restored: Option<Arc<Restored>>,
    pub(super) carried: Option<Carried>,
    /// The savepoint that the job began with, until its first checkpoint replaces it.
    pub(super) origin: Option<(PathBuf, ClaimMode)>,
    /// Snapshots whose rows could not be read.
    pub(super) unreadable: BTreeSet<PathBuf>,
    /// The catalogue of each snapshot, but for what is new in it.
    pub(super) template: Savepoint,
    pub(super) next_checkpoint: u64,
    /// They encode snapshots, from the first one on.
    pub(super) encoders: Option<Arc<Workers>>,
    /// Writes a snapshot that was given up.
    pub(super) abandoned: Option<JoinHandle<()>>,
    /// Whoever asked for the end is told once the job is over.
    pub(super) farewell: Option<(Purpose, PathBuf)>,
    /// What is said of its start.
    pub(super) notes: Notes,
}

impl Coordinator {
    /// Runs the job to its end.
    pub(super) fn run(mut self) {
        let mut restarts = Restarts::new(self.options.restart.clone());
        let mut number = 0;
        let (state, failure) = loop {
            match self.attempt(number, &mut restarts) {
                Ending::Finished => break (JobState::Finished, None),
                Ending::Cancelled => break (JobState::Canceled, None),
                Ending::Suspended => break (JobState::Suspended, None),
                Ending::Failed(error) => {
                    let error = if self.shared.has_run() { error } else { error.of_start() };
                    self.shared.failed(&error);
                    self.unreadable.extend(error.unreadable().map(PathBuf::from));
                    let is_hopeless = !self.shared.has_run() && error.is_hopeless();
                    let pause = if is_hopeless { None } else { restarts.after_failure() };
                    let Some(pause) = pause else { break (JobState::Failed, Some(error)) };
                    note(&format!("the job failed, and starts again in {pause:.1?}: {}", error.full()));
                    self.shared.enter(JobState::Restarting);
                    if let Some(state) = self.pause(pause) {
                        break (state, None);
                    }
                    number += 1;
                }
            }
        };
        self.close(state, failure);
    }

    fn close(mut self, state: JobState, failure: Option<Error>) {
        if state == JobState::Canceled && self.options.retention == RetainedCheckpoints::Delete {
            self.store.iter_mut().for_each(Store::delete_all);
        }
        // The folder's lock is given up before anyone is told that the job is over.
        self.store = None;
        self.shared.enter(state);
        self.shared.end(failure);
        if let Some((purpose, path)) = self.farewell.take() {
            purpose.answer(Ok(path));
        }
        while let Ok(request) = self.requests.try_recv() {
            refuse(request, state);
        }
    }

    /// Waits before the next start, or ends as it was asked to meanwhile.
    fn pause(&self, pause: Duration) -> Option<JobState> {
        let end = Instant::now() + pause.min(LONGEST_PAUSE);
        loop {
            match self.requests.recv_deadline(end) {
                Ok(Request::Cancel(reply)) => {
                    reply.send(Ok(()));
                    return Some(JobState::Canceled);
                }
                Ok(Request::Suspend(reply)) => {
                    reply.send(Ok(()));
                    return Some(JobState::Suspended);
                }
                Ok(request) => refuse(request, JobState::Restarting),
                Err(RecvTimeoutError::Timeout) => return None,
                Err(RecvTimeoutError::Disconnected) => {
                    std::thread::sleep(end.saturating_duration_since(Instant::now()));
                    return None;
                }
            }
        }
    }

    /// Back to the newest checkpoint that is not damaged; before the first one, to what the job began with.
    fn go_back(&mut self) -> Result<()> {
        let mut failure = None;
        for path in self.store.iter().flat_map(Store::newest_first) {
            let held = self.restored.as_ref().filter(|restored| restored.path == path).cloned();
            let restored = match held {
                _ if self.unreadable.contains(path) => {
                    let noticed = Error::failed("its rows could not be read");
                    Err(Error::new(ErrorKind::Unreadable { path: path.display().to_string() })
                        .caused_by(noticed))
                }
                Some(held) => Ok(held),
                None => Restored::again(path, &self.operators, self.options.restore.as_ref()).map(Arc::new),
            };
            match restored {
                Ok(restored) => {
                    if failure.is_some() {
                        note(&format!(
                            "the job goes back to {}: output that was committed since then is written again",
                            path.display()
                        ));
                    }
                    self.carried = restored.carried();
                    self.restored = Some(restored);
                    return Ok(());
                }
                Err(error) if !error.is_hopeless() => return Err(error),
                Err(error) => {
                    note(&format!("cannot go back: {}", error.full()));
                    failure = Some(error);
                }
            }
        }
        match failure {
            None => Ok(()),
            Some(error) => Err(Error::failed("none of the job's checkpoints can be read").caused_by(error)),
        }
    }

    /// What the next start begins with.
    pub(super) fn context(&mut self, number: u32) -> Result<StartContext> {
        if number > 0 {
            self.go_back()?;
        }
        if let Some(restored) = &self.restored {
            self.shared.restored(restored.record());
        }
        let restored_checkpoint = self.restored.as_ref().and_then(|restored| restored.checkpoint);
        let restored_job = self.restored.as_ref().and_then(|restored| restored.savepoint().job.id.clone());
        Ok(StartContext {
            start: Start {
                job_id: self.job_id.clone(),
                attempt: attempt_name()?,
                restored_checkpoint,
                restored_job,
            },
            is_first: number == 0,
            operators: Arc::clone(&self.operators),
            restored: self.restored.clone(),
            first_checkpoint: self.next_checkpoint,
            flush_interval: self.options.flush_interval,
            watermark_interval: self.options.watermark_interval,
            clock: self.options.clock.clone(),
            alignments: Arc::default(),
            vertices: Arc::new(parallelism_of_vertices(&self.graph, &self.options)),
            side_outputs: Arc::clone(&self.graph.side_outputs),
            notes: self.notes.clone(),
        })
    }
}

/// A name for one start of the job. Numbers would begin anew with each process, and what another process of the same
/// job wrote would be taken for its own.
fn attempt_name() -> Result<String> {
    let mut name = new_id()?;
    name.truncate(8);
    Ok(name)
}
