//! One attempt: takes in what happens, one thing after the other, until it ends.

use std::collections::VecDeque;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, select, unbounded};

use super::attempt::{Attempt, TaskState};
use super::in_flight::{InFlight, Purpose};
use super::job::Coordinator;
use super::request::{Request, no_store, not_running};
use super::restart::Restarts;
use super::writer::Outcome;
use crate::error::Error;
use crate::job::{CheckpointRecord, CheckpointStatus, JobState};
use crate::tasks::{Command, Event, TaskId};

/// How often the loop looks at the clock when nothing happens.
const TICK: Duration = Duration::from_millis(100);

/// How an attempt ended.
pub(super) enum Ending {
    /// The input has ended, or the job was stopped with a savepoint.
    Finished,
    Cancelled,
    /// Its process is shut down.
    Suspended,
    Failed(Error),
}

/// What one attempt keeps track of.
pub(super) struct Run {
    pub(super) attempt: Attempt,
    pub(super) in_flight: Option<InFlight>,
    pub(super) waiting: VecDeque<Purpose>,
    pub(super) outcomes: (Sender<Outcome>, Receiver<Outcome>),
    pub(super) writer: Option<JoinHandle<()>>,
    /// When the next periodic checkpoint is due.
    pub(super) due: Option<Instant>,
    pub(super) failed_in_a_row: u32,
    pub(super) is_running: bool,
}

impl Coordinator {
    pub(super) fn attempt(&mut self, number: u32, restarts: &mut Restarts) -> Ending {
        let started = self
            .context(number)
            .and_then(|context| Attempt::start(&self.graph, &context, &self.shared.metrics));
        let attempt = match started {
            Ok(attempt) => attempt,
            Err(error) => return Ending::Failed(error),
        };
        self.shared.reset_finished();
        let mut run = Run::new(attempt);
        let ending = loop {
            if let Some(ending) = self.step(&mut run, restarts) {
                break ending;
            }
        };
        self.end(run, ending)
    }

    /// Takes in one thing that happened, and does what follows from it.
    fn step(&mut self, run: &mut Run, restarts: &mut Restarts) -> Option<Ending> {
        select! {
            recv(run.attempt.events) -> event => match event {
                Ok((task, event)) => {
                    if let Some(ending) = self.happened(run, task, event) {
                        return Some(ending);
                    }
                }
                // Every task has ended, and nothing more will be heard of them.
                Err(_) => run.attempt.events = crossbeam_channel::never(),
            },
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
            run.due =
                self.options.checkpoint_interval.and_then(|interval| Instant::now().checked_add(interval));
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
            Request::Suspend(reply) => {
                reply.send(Ok(()));
                return Some(Ending::Suspended);
            }
        }
        None
    }

    /// Ends what is left of an attempt.
    fn end(&mut self, mut run: Run, mut ending: Ending) -> Ending {
        run.attempt.end();
        // A checkpoint that was being written may be whole: then it is what the next start goes back to.
        for outcome in self.last_outcomes(&mut run) {
            if let Some(Ending::Finished) = self.written(&mut run, outcome) {
                // The job was to end behind it, and its output is visible: another start would write it again.
                ending = Ending::Finished;
            }
        }
        if let Some(in_flight) = run.in_flight.take() {
            let failure = Some(why_not(&ending).full());
            let record = in_flight.record(CheckpointStatus::Failed);
            self.shared.checkpoint_ended(CheckpointRecord { failure, ..record });
            run.waiting.push_front(in_flight.purpose);
        }
        run.waiting.into_iter().for_each(|purpose| purpose.answer(Err(why_not(&ending))));
        ending
    }
}

/// Why a snapshot is not taken any more once an attempt has ended.
fn why_not(ending: &Ending) -> Error {
    match ending {
        Ending::Finished => not_running(JobState::Finished),
        Ending::Cancelled => not_running(JobState::Canceled),
        Ending::Suspended => not_running(JobState::Suspended),
        Ending::Failed(error) => Error::failed("the job failed before it was taken").caused_by(error.full()),
    }
}

impl Run {
    fn new(attempt: Attempt) -> Self {
        Self {
            attempt,
            in_flight: None,
            waiting: VecDeque::new(),
            outcomes: unbounded(),
            writer: None,
            due: None,
            failed_in_a_row: 0,
            is_running: false,
        }
    }

    /// Waits for the thread that writes a snapshot.
    pub(super) fn join_writer(&mut self) {
        if let Some(writer) = self.writer.take() {
            let _ = writer.join();
        }
    }
}
