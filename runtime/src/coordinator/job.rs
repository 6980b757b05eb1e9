//! The coordinator's loop.

use std::collections::VecDeque;
use std::num::NonZero;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, select, unbounded};
use spt_format::{Savepoint, SavepointKind};

use super::attempt::{Attempt, TaskState};
use super::in_flight::{InFlight, Purpose};
use super::now_ms;
use super::request::Request;
use super::restart::Restarts;
use super::shared::Shared;
use super::store::Store;
use super::writer::{Job, Outcome};
use crate::config::RetainedCheckpoints;
use crate::error::{Error, ErrorKind, Result};
use crate::graph::Graph;
use crate::job::{CheckpointRecord, CheckpointStatus, JobOptions, JobState};
use crate::savepoint::{Carried, Draft, Restored};
use crate::sinks::Start;
use crate::tasks::{Command, Event, OperatorInfo, StartContext, TaskId};

/// How often the loop looks at the clock when nothing happens.
const TICK: Duration = Duration::from_millis(100);

/// How an attempt ended.
enum Ending {
    /// The input has ended, or the job was stopped with a savepoint.
    Finished,
    Cancelled,
    Failed(Error),
}

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
    /// The catalogue of each snapshot, but for what is new in it.
    pub(super) template: Savepoint,
    pub(super) next_checkpoint: u64,
    /// Whoever asked for the end is told once the job is over.
    pub(super) farewell: Option<(Purpose, PathBuf)>,
}

/// What one attempt keeps track of.
struct Run {
    attempt: Attempt,
    in_flight: Option<InFlight>,
    waiting: VecDeque<Purpose>,
    outcomes: (Sender<Outcome>, Receiver<Outcome>),
    writer: Option<JoinHandle<()>>,
    /// When the next periodic checkpoint is due.
    due: Option<Instant>,
    failed_in_a_row: u32,
    is_running: bool,
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
                Ending::Failed(error) => {
                    self.shared.failed(&error);
                    let has_run = self.shared.status().state != JobState::Created;
                    let pause = if has_run { restarts.after_failure() } else { None };
                    let Some(pause) = pause else { break (JobState::Failed, Some(error)) };
                    self.shared.enter(JobState::Restarting);
                    if self.pause(pause) {
                        break (JobState::Canceled, None);
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

    /// Waits before the next start; whether the job was cancelled meanwhile.
    fn pause(&self, pause: Duration) -> bool {
        let end = Instant::now() + pause;
        loop {
            match self.requests.recv_deadline(end) {
                Ok(Request::Cancel(reply)) => {
                    reply.send(Ok(()));
                    return true;
                }
                Ok(request) => refuse(request, JobState::Restarting),
                Err(RecvTimeoutError::Timeout) => return false,
                Err(RecvTimeoutError::Disconnected) => {
                    std::thread::sleep(end.saturating_duration_since(Instant::now()));
                    return false;
                }
            }
        }
    }

    fn attempt(&mut self, number: u32, restarts: &mut Restarts) -> Ending {
        let started = self
            .context(number)
            .and_then(|context| Attempt::start(&self.graph, &context, &self.shared.metrics));
        let attempt = match started {
            Ok(attempt) => attempt,
            Err(error) => return Ending::Failed(error),
        };
        self.shared.reset_finished();
        let mut run = Run {
            attempt,
            in_flight: None,
            waiting: VecDeque::new(),
            outcomes: unbounded(),
            writer: None,
            due: None,
            failed_in_a_row: 0,
            is_running: false,
        };
        let ending = loop {
            if let Some(ending) = self.step(&mut run, restarts) {
                break ending;
            }
        };
        self.end(run, ending)
    }

    /// What the next start begins with.
    fn context(&mut self, number: u32) -> Result<StartContext> {
        if let Some((_, path)) = self.store.as_ref().and_then(Store::latest).filter(|_| number > 0) {
            let restored = Restored::again(path, &self.operators)?;
            self.carried = restored.carried();
            self.restored = Some(Arc::new(restored));
        }
        if let Some(restored) = &self.restored {
            self.shared.restored(restored.record());
        }
        let restored_checkpoint = self.restored.as_ref().and_then(|restored| restored.checkpoint);
        let is_own = self
            .restored
            .as_ref()
            .is_some_and(|restored| restored.savepoint().job.id.as_deref() == Some(self.job_id.as_str()));
        Ok(StartContext {
            start: Start {
                job_id: self.job_id.clone(),
                attempt: number,
                restored_checkpoint,
                is_new_job: self.restored.is_some() && !is_own,
            },
            operators: Arc::clone(&self.operators),
            restored: self.restored.clone(),
            first_checkpoint: self.next_checkpoint,
            flush_interval: self.options.flush_interval,
        })
    }

    /// Takes in one thing that happened, and does what follows from it.
    fn step(&mut self, run: &mut Run, restarts: &mut Restarts) -> Option<Ending> {
        select! {
            recv(run.attempt.events) -> event => {
                let (_, task, event) = event.ok()?;
                if let Some(ending) = self.happened(run, task, event) {
                    return Some(ending);
                }
            }
            recv(self.requests) -> request => match request {
                Ok(request) => {
                    if let Some(ending) = self.asked(run, request) {
                        return Some(ending);
                    }
                }
                // Every handle is gone: nobody will ask any more, and the job runs on.
                Err(_) => self.requests = crossbeam_channel::never(),
            },
            recv(run.outcomes.1) -> outcome => {
                if let Some(ending) = self.written(run, outcome.ok()?) {
                    return Some(ending);
                }
            }
            default(self.patience(run)) => {}
        }
        if !run.is_running && run.attempt.is_running() {
            run.is_running = true;
            run.due = self.options.checkpoint_interval.map(|interval| Instant::now() + interval);
            restarts.running();
            run.attempt.tell_sources(Command::Go);
            self.shared.enter(JobState::Running);
        }
        self.give_up_late(run).or_else(|| self.next_snapshot(run))
    }

    fn patience(&self, run: &Run) -> Duration {
        let due = run.due.map(|due| due.saturating_duration_since(Instant::now()));
        due.filter(|_| run.in_flight.is_none()).unwrap_or(TICK).min(TICK)
    }

    fn happened(&mut self, run: &mut Run, task: TaskId, event: Event) -> Option<Ending> {
        match event {
            Event::Ready => run.attempt.enter(task, TaskState::Running),
            Event::Acknowledged(id, snapshot) => {
                if let Some(in_flight) = run.in_flight.as_mut().filter(|in_flight| in_flight.id == id) {
                    in_flight.add(task, Arc::new(snapshot));
                }
            }
            Event::Finished(snapshot) => {
                let last = Arc::new(snapshot);
                run.attempt.enter(task, TaskState::Finished(Arc::clone(&last)));
                self.shared.vertex(task.vertex, |vertex| vertex.finished += 1);
                if let Some(in_flight) = &mut run.in_flight {
                    in_flight.add(task, last);
                }
            }
            Event::Failed(error) => return Some(Ending::Failed(error)),
            // Others are gone, and say why; this event only comes first.
            Event::Exited => run.attempt.enter(task, TaskState::Gone),
        }
        None
    }

    fn asked(&mut self, run: &mut Run, request: Request) -> Option<Ending> {
        match request {
            Request::Savepoint(path, reply) => run.waiting.push_back(Purpose::Savepoint(path, reply)),
            Request::Stop { path, drain: false, reply } => run.waiting.push_back(Purpose::Stop(path, reply)),
            Request::Stop { path, drain: true, reply } => run.waiting.push_back(Purpose::Drain(path, reply)),
            Request::Checkpoint(reply) if self.store.is_none() => reply.send(Err(no_store())),
            Request::Checkpoint(reply) => run.waiting.push_back(Purpose::Checkpoint(Some(reply))),
            Request::Cancel(reply) => {
                self.shared.enter(JobState::Cancelling);
                reply.send(Ok(()));
                return Some(Ending::Cancelled);
            }
        }
        None
    }

    /// Gives up a snapshot that takes too long.
    fn give_up_late(&mut self, run: &mut Run) -> Option<Ending> {
        let is_late = |in_flight: &mut InFlight| {
            !in_flight.is_writing && in_flight.started.elapsed() > self.options.checkpoint_timeout
        };
        let late = run.in_flight.take_if(is_late)?;
        let limit = self.options.checkpoint_timeout;
        let error =
            late.failure(Error::failed(format!("not every subtask had its part ready after {limit:?}")));
        self.snapshot_failed(run, late, error)
    }

    /// Begins the next snapshot if none is under way, or writes the one that is whole.
    fn next_snapshot(&mut self, run: &mut Run) -> Option<Ending> {
        if run.in_flight.is_none() && run.is_running {
            match self.next_purpose(run) {
                Some(purpose) => self.trigger(run, purpose),
                None if run.attempt.is_finished() => return Some(commit_last(&run.attempt)),
                None => return None,
            }
        }
        let in_flight =
            run.in_flight.as_mut().filter(|in_flight| in_flight.is_whole() && !in_flight.is_writing)?;
        in_flight.is_writing = true;
        let job = Job {
            id: in_flight.id,
            path: in_flight.path.clone(),
            draft: draft(&self.template, self.carried.clone(), in_flight, &run.attempt),
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
    fn written(&mut self, run: &mut Run, outcome: Outcome) -> Option<Ending> {
        let in_flight = run.in_flight.take_if(|in_flight| in_flight.id == outcome.id)?;
        self.join_writer(run);
        let committed = match outcome.written {
            Ok(committed) => committed,
            Err(error) => {
                let error = in_flight.failure(error);
                return self.snapshot_failed(run, in_flight, error);
            }
        };
        self.shared.checkpoint_ended(CheckpointRecord {
            bytes: committed.bytes,
            rows: committed.rows,
            ..in_flight.record(CheckpointStatus::Completed)
        });
        if !in_flight.purpose.is_savepoint() {
            self.checkpoint_completed(run, &in_flight);
        }
        if let Err(error) = outcome.committed {
            return Some(self.commit_failed(in_flight, error));
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
        self.schedule(run, in_flight.started);
        if self.carried.is_some()
            && let Ok(restored) = Restored::again(&in_flight.path, &self.operators)
        {
            // What is carried is read from the newest checkpoint: older ones go.
            self.carried = restored.carried();
        }
    }

    /// When the next periodic checkpoint is due, after one that began at `started`.
    fn schedule(&self, run: &mut Run, started: Instant) {
        let earliest = Instant::now() + self.options.checkpoint_min_pause;
        run.due = self.options.checkpoint_interval.map(|interval| (started + interval).max(earliest));
    }

    fn commit_failed(&self, in_flight: InFlight, error: Error) -> Ending {
        let path = in_flight.path.display().to_string();
        if in_flight.purpose.is_savepoint() {
            let answer = Error::new(ErrorKind::CommitFailed { path }).caused_by(error.full());
            in_flight.purpose.answer(Err(answer));
        }
        Ending::Failed(error)
    }

    /// A snapshot was not taken. The job goes on, unless it was to end with it or too many have failed.
    fn snapshot_failed(&mut self, run: &mut Run, in_flight: InFlight, error: Error) -> Option<Ending> {
        self.shared.checkpoint_ended(CheckpointRecord {
            failure: Some(error.full()),
            ..in_flight.record(CheckpointStatus::Failed)
        });
        self.schedule(run, in_flight.started);
        let ending = match &in_flight.purpose {
            Purpose::Savepoint(..) => None,
            Purpose::Stop(..) => {
                run.attempt.tell_sources(Command::Resume);
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

    /// Ends what is left of an attempt.
    fn end(&mut self, mut run: Run, ending: Ending) -> Ending {
        run.attempt.end();
        self.join_writer(&mut run);
        // A checkpoint that was being written may be whole: then it is what the next start goes back to.
        while let Ok(outcome) = run.outcomes.1.try_recv() {
            if self.written(&mut run, outcome).is_some() {
                break;
            }
        }
        let status = self.shared.status().state;
        for purpose in run.in_flight.into_iter().map(|in_flight| in_flight.purpose).chain(run.waiting) {
            purpose.answer(Err(not_running(status)));
        }
        ending
    }

    fn join_writer(&self, run: &mut Run) {
        if let Some(writer) = run.writer.take() {
            let _ = writer.join();
        }
    }
}

/// The input of a job without checkpoints has ended: its output becomes visible now.
fn commit_last(attempt: &Attempt) -> Ending {
    let mut last = attempt.tasks().filter_map(|(_, last)| last);
    match last.try_for_each(|last| last.commit()) {
        Ok(()) => Ending::Finished,
        Err(error) => Ending::Failed(error),
    }
}

/// What a snapshot is written from.
fn draft(
    template: &Savepoint,
    carried: Option<Carried>,
    in_flight: &mut InFlight,
    attempt: &Attempt,
) -> Draft {
    let mut savepoint = template.clone();
    let job = template.job.id.as_deref().unwrap_or_default();
    savepoint.id = format!("{job}-{}", in_flight.id);
    savepoint.created_at_ms = Some(now_ms());
    savepoint.drained = matches!(in_flight.purpose, Purpose::Drain(..));
    savepoint.kind = match in_flight.purpose.is_savepoint() {
        true => SavepointKind::Savepoint,
        false => SavepointKind::Checkpoint,
    };
    for (index, operator) in savepoint.operators.iter_mut().enumerate() {
        operator.finished = attempt.has_finished(index);
    }
    let threads = std::thread::available_parallelism().map_or(1, NonZero::get);
    Draft { savepoint, snapshots: in_flight.take_parts(), carried, threads }
}

fn no_store() -> Error {
    Error::refused("no folder for checkpoints: set execution.checkpointing.dir (SPT_CHECKPOINT_DIR)")
}

fn not_running(state: JobState) -> Error {
    Error::new(ErrorKind::NotRunning { status: state.name().to_owned() })
}

fn refuse(request: Request, state: JobState) {
    let error = not_running(state);
    match request {
        Request::Savepoint(_, reply) | Request::Stop { reply, .. } | Request::Checkpoint(reply) => {
            reply.send(Err(error));
        }
        Request::Cancel(reply) => reply.send(Err(error)),
    }
}
