//! Snapshots of a running job: when one begins, when it is whole, what follows from its success or failure.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use spt_format::{Savepoint, SavepointKind, Workers, processors};

use super::attempt::Attempt;
use super::in_flight::{InFlight, Purpose};
use super::job::Coordinator;
use super::now_ms;
use super::request::no_store;
use super::run::{Ending, Run};
use super::store::Store;
use super::writer::{Job, Outcome};
use crate::config::ClaimMode;
use crate::error::{Error, ErrorKind, Result};
use crate::job::{CheckpointRecord, CheckpointStatus, note};
use crate::savepoint::{Draft, Restored};
use crate::tasks::{Blame, Command, OperatorInfo};

impl Coordinator {
    /// Gives up a snapshot that takes too long.
    pub(super) fn give_up_late(&mut self, run: &mut Run) -> Option<Ending> {
        let limit = self.options.checkpoint_timeout;
        let is_late = |in_flight: &&InFlight| in_flight.started.elapsed() > limit;
        let what = run.in_flight.as_ref().filter(is_late)?.give_up()?;
        let late = run.in_flight.take()?;
        self.abandon_writer(run);
        let error = late.failure(Error::failed(format!("{what} after {limit:?}")));
        self.snapshot_failed(run, late, error)
    }

    /// Waits no longer for the thread that writes what was given up. It holds that snapshot's memory until it ends.
    fn abandon_writer(&mut self, run: &mut Run) {
        self.abandoned = run.writer.take().or(self.abandoned.take());
    }

    /// Of what was given up, nothing is being written any more: memory is held by one such snapshot at most.
    fn may_write(&mut self) -> bool {
        self.abandoned.take_if(|writer| writer.is_finished());
        self.abandoned.is_none()
    }

    /// What became of a snapshot that is being written when the attempt ends. It is given up where it is late.
    pub(super) fn last_outcomes(&mut self, run: &mut Run) -> Vec<Outcome> {
        let limit = self.options.checkpoint_timeout;
        let writing = run.in_flight.as_ref().filter(|_| run.writer.is_some());
        let outcome = writing.and_then(|in_flight| {
            let left = limit.saturating_sub(in_flight.started.elapsed());
            match run.outcomes.1.recv_timeout(left) {
                Ok(outcome) => Some(outcome),
                Err(_) if in_flight.give_up().is_some() => None,
                // It is whole, and only its output is still being committed.
                Err(_) => run.outcomes.1.recv().ok(),
            }
        });
        if outcome.is_none() {
            self.abandon_writer(run);
        }
        run.join_writer();
        outcome.into_iter().chain(run.outcomes.1.try_iter()).collect()
    }

    /// Begins the next snapshot if none is under way, or writes the one that is whole.
    pub(super) fn next_snapshot(&mut self, run: &mut Run) -> Option<Ending> {
        if run.in_flight.is_none() && run.is_running {
            match self.next_purpose(run) {
                Some(purpose) => self.trigger(run, purpose),
                None if run.attempt.is_finished() => return Some(commit_last(&run.attempt)),
                None => return None,
            }
        }
        let may_write = self.may_write();
        let in_flight = run.in_flight.as_mut().filter(|in_flight| may_write && in_flight.is_ready())?;
        let encoders = match encoders(&mut self.encoders) {
            Ok(encoders) => encoders,
            Err(error) => return Some(Ending::Failed(error)),
        };
        let job = Job {
            id: in_flight.id,
            path: in_flight.path.clone(),
            draft: Draft {
                savepoint: catalogue(&self.template, &self.operators, in_flight, &run.attempt),
                snapshots: in_flight.take_parts(),
                carried: self.carried.clone(),
                encoders,
            },
            permit: in_flight.begin_writing(),
            commits: in_flight.purpose.commits(),
            subsumed: match (&self.store, in_flight.purpose.is_savepoint()) {
                (Some(store), false) => store.subsumed(),
                _ => Vec::new(),
            },
        };
        match job.spawn(run.outcomes.0.clone()) {
            Ok(writer) => run.writer = Some(writer),
            Err(error) => return Some(Ending::Failed(error)),
        }
        None
    }

    fn next_purpose(&self, run: &mut Run) -> Option<Purpose> {
        if let Some(purpose) = run.waiting.pop_front() {
            return Some(purpose);
        }
        if run.attempt.is_finished() {
            return self.store.is_some().then_some(Purpose::Final);
        }
        let is_due = self.store.is_some() && run.due.is_some_and(|due| due <= Instant::now());
        is_due.then_some(Purpose::Checkpoint(None))
    }

    fn trigger(&mut self, run: &mut Run, purpose: Purpose) {
        let id = self.next_checkpoint;
        let path = match (&purpose, &self.store) {
            (Purpose::Savepoint(path, _) | Purpose::Stop(path, _) | Purpose::Drain(path, _), _) => {
                path.clone()
            }
            (_, Some(store)) => store.path(id),
            (_, None) => return purpose.answer(Err(no_store())),
        };
        self.next_checkpoint += 1;
        let in_flight = InFlight::new(id, purpose, path, run.attempt.tasks());
        self.shared.checkpoint_began(in_flight.record(CheckpointStatus::InProgress));
        run.attempt.tell_sources(match in_flight.barrier() {
            Some(barrier) => Command::Trigger(barrier),
            None => Command::Drain,
        });
        run.in_flight = Some(in_flight);
    }

    /// A snapshot was written, or was not.
    pub(super) fn written(&mut self, run: &mut Run, outcome: Outcome) -> Option<Ending> {
        let in_flight = run.in_flight.take_if(|in_flight| in_flight.id == outcome.id)?;
        run.join_writer();
        let committed = match outcome.written {
            Ok(committed) => committed,
            Err(error) => {
                let error = in_flight.failure(error);
                return self.snapshot_failed(run, in_flight, error);
            }
        };
        let record = CheckpointRecord {
            bytes: committed.bytes,
            rows: committed.rows,
            ..in_flight.record(CheckpointStatus::Completed)
        };
        log(&record);
        self.shared.checkpoint_ended(record);
        self.shared.states(committed.states);
        if !in_flight.purpose.is_savepoint() {
            self.checkpoint_completed(run, &in_flight);
        }
        if let Err(error) = outcome.committed {
            return Some(self.commit_failed(in_flight, error));
        }
        if !in_flight.purpose.is_savepoint() {
            self.store.iter_mut().for_each(Store::forget_subsumed);
        }
        if in_flight.purpose.commits() {
            run.attempt.tell_all(Command::Committed(in_flight.id));
        }
        let ends = matches!(in_flight.purpose, Purpose::Stop(..) | Purpose::Drain(..) | Purpose::Final);
        if ends {
            run.attempt.end();
        }
        let InFlight { purpose, path, .. } = in_flight;
        if !ends {
            purpose.answer(Ok(path));
            return None;
        }
        self.farewell = Some((purpose, path));
        Some(Ending::Finished)
    }

    fn checkpoint_completed(&mut self, run: &mut Run, in_flight: &InFlight) {
        if let Some(store) = &mut self.store {
            store.complete(in_flight.id, in_flight.path.clone());
        }
        run.failed_in_a_row = 0;
        if let Some((path, ClaimMode::NoClaim)) = self.origin.take() {
            note(&format!("this job no longer needs {}", path.display()));
        }
        self.schedule(run, in_flight.started);
        if self.carried.is_some()
            && let Ok(restored) = Restored::again(&in_flight.path, &self.operators, None)
        {
            // What is carried is read from the newest checkpoint: older ones go.
            self.carried = restored.carried();
        }
    }

    /// When the next periodic checkpoint is due, after one that began at `started`. A time beyond all clocks never
    /// comes.
    fn schedule(&self, run: &mut Run, started: Instant) {
        let earliest = Instant::now().checked_add(self.options.checkpoint_min_pause);
        let due = |interval| Some(started.checked_add(interval)?.max(earliest?));
        run.due = self.options.checkpoint_interval.and_then(due);
    }

    fn commit_failed(&self, in_flight: InFlight, error: Error) -> Ending {
        let path = in_flight.path.display().to_string();
        let answer = Error::new(ErrorKind::CommitFailed { path }).caused_by(error.full());
        in_flight.purpose.answer(Err(answer));
        Ending::Failed(error)
    }

    /// A snapshot was not taken. The job goes on, unless it was to end with it or too many have failed.
    fn snapshot_failed(&mut self, run: &mut Run, in_flight: InFlight, error: Error) -> Option<Ending> {
        self.shared.checkpoint_ended(CheckpointRecord {
            failure: Some(error.full()),
            ..in_flight.record(CheckpointStatus::Failed)
        });
        tracing::warn!(target: "spt", number = in_flight.id, "{}", error.full());
        self.schedule(run, in_flight.started);
        let ending = match &in_flight.purpose {
            Purpose::Savepoint(..) => None,
            Purpose::Stop(..) => {
                run.attempt.tell_all(Command::Resume(in_flight.id));
                None
            }
            // There is no way back: the input was declared to have ended.
            Purpose::Drain(..) | Purpose::Final => Some(Ending::Failed(Error::failed(error.full()))),
            Purpose::Checkpoint(_) => {
                run.failed_in_a_row += 1;
                let is_tolerable = run.failed_in_a_row <= self.options.tolerable_failed_checkpoints;
                (!is_tolerable).then(|| Ending::Failed(Error::failed(error.full())))
            }
        };
        in_flight.purpose.answer(Err(error));
        ending
    }
}

/// A checkpoint each second is a detail, a savepoint is not.
fn log(record: &CheckpointRecord) {
    let CheckpointRecord { id: number, bytes, rows, .. } = *record;
    let duration_ms = record.duration_ms.unwrap_or(0);
    let path = record.path.as_deref().unwrap_or(Path::new("")).display();
    match record.is_savepoint {
        true => tracing::info!(target: "spt", number, bytes, rows, duration_ms, %path, "savepoint completed"),
        false => {
            tracing::debug!(target: "spt", number, bytes, rows, duration_ms, %path, "checkpoint completed")
        }
    }
}

/// The input of a job without checkpoints has ended: its output becomes visible now.
fn commit_last(attempt: &Attempt) -> Ending {
    let mut last = attempt.tasks().filter_map(|(_, last)| last);
    match Blame::catch("commit", || last.try_for_each(|last| last.commit())) {
        Ok(()) => Ending::Finished,
        Err(error) => Ending::Failed(error),
    }
}

/// The threads that encode the job's snapshots: they begin with the first one and stay, or each snapshot would pay
/// for fresh memory.
fn encoders(held: &mut Option<Arc<Workers>>) -> Result<Arc<Workers>> {
    if let Some(encoders) = held {
        return Ok(Arc::clone(encoders));
    }
    let started = Workers::new(processors(), "encoder", give_way);
    let refusal = |error| Error::failed("a thread could not be started").caused_by(error);
    Ok(Arc::clone(held.insert(Arc::new(started.map_err(refusal)?))))
}

/// Where records and a snapshot want the same processor, records come first: a thread of nice 3 has half the share of
/// others. With nothing to do for them the snapshot takes no longer.
fn give_way() {
    // Elsewhere it would be the whole process. If it is not granted, the snapshot goes on as all others do.
    #[cfg(target_os = "linux")]
    let _ = rustix::process::nice(3);
}

/// The catalogue of a snapshot.
fn catalogue(
    template: &Savepoint,
    operators: &[OperatorInfo],
    in_flight: &InFlight,
    attempt: &Attempt,
) -> Savepoint {
    let mut savepoint = template.clone();
    let job = template.job.id.as_deref().unwrap_or_default();
    savepoint.id = format!("{job}-{}-{}", attempt.name(), in_flight.id);
    savepoint.created_at_ms = Some(now_ms());
    savepoint.drained = matches!(in_flight.purpose, Purpose::Drain(..));
    savepoint.kind = match in_flight.purpose.is_savepoint() {
        true => SavepointKind::Savepoint,
        false => SavepointKind::Checkpoint,
    };
    for (operator, info) in savepoint.operators.iter_mut().zip(operators) {
        operator.finished = attempt.has_finished(info.vertex);
    }
    savepoint
}
