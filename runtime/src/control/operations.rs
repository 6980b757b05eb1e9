//! Requests that take a while: each gets an id at once, and its outcome is asked for later.
//!
//! An outcome is kept until it was fetched, also while the job's process ends: `stop` is answered by a process
//! that waits a moment for its client before it goes.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Requests that may be under way at once.
const MAX_RUNNING: usize = 16;
/// Outcomes that are kept; beyond that the oldest go first.
const MAX_KEPT: usize = 256;

/// What became of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Progress {
    Pending,
    /// The savepoint is there.
    Done(PathBuf),
    Failed(String),
}

/// Whether a request was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Admission {
    /// It has been started, or had been: the same id means the same request, sent again.
    Taken,
    /// Too many are under way.
    Full,
}

/// All requests of one endpoint.
#[derive(Debug, Clone, Default)]
pub(super) struct Operations(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    entries: Mutex<Entries>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Entries {
    /// Counts the requests, so that the oldest is known.
    next: u64,
    by_id: BTreeMap<String, Entry>,
}

#[derive(Debug)]
struct Entry {
    number: u64,
    progress: Progress,
    fetched: bool,
}

impl Operations {
    /// Starts `work` in a thread of its own.
    pub(super) fn start(
        &self,
        id: &str,
        work: impl FnOnce() -> Result<PathBuf, String> + Send + 'static,
    ) -> Admission {
        let mut entries = self.lock();
        if entries.by_id.contains_key(id) {
            return Admission::Taken;
        }
        if entries.running() >= MAX_RUNNING {
            return Admission::Full;
        }
        let (operations, name) = (self.clone(), id.to_owned());
        let spawned = std::thread::Builder::new()
            .name("request".to_owned())
            .spawn(move || operations.finish(&name, run(work)));
        if spawned.is_err() {
            return Admission::Full;
        }
        entries.add(id);
        Admission::Taken
    }

    /// What became of this request, if it is known.
    pub(super) fn fetch(&self, id: &str) -> Option<Progress> {
        let mut entries = self.lock();
        let entry = entries.by_id.get_mut(id)?;
        entry.fetched = entry.progress != Progress::Pending;
        let progress = entry.progress.clone();
        self.0.changed.notify_all();
        Some(progress)
    }

    /// Waits until every outcome is there and was fetched, at most this long.
    pub(super) fn settle(&self, patience: Duration) {
        let until = Instant::now() + patience;
        let mut entries = self.lock();
        while entries.by_id.values().any(|entry| !entry.fetched) {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            let waited = self.0.changed.wait_timeout(entries, left);
            entries = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn finish(&self, id: &str, progress: Progress) {
        if let Some(entry) = self.lock().by_id.get_mut(id) {
            entry.progress = progress;
        }
        self.0.changed.notify_all();
    }

    /// A thread that panicked while it held the lock has left nothing half-done: every change is one step.
    fn lock(&self) -> MutexGuard<'_, Entries> {
        self.0.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entries {
    fn running(&self) -> usize {
        self.by_id.values().filter(|entry| entry.progress == Progress::Pending).count()
    }

    fn add(&mut self, id: &str) {
        let entry = Entry { number: self.next, progress: Progress::Pending, fetched: false };
        self.next += 1;
        self.by_id.insert(id.to_owned(), entry);
        while self.by_id.len() > MAX_KEPT {
            let ended = self.by_id.iter().filter(|(_, entry)| entry.progress != Progress::Pending);
            let Some(oldest) = ended.min_by_key(|(_, entry)| entry.number).map(|(id, _)| id.clone()) else {
                return;
            };
            self.by_id.remove(&oldest);
        }
    }
}

/// A request that panics has failed; its client must not wait for ever.
fn run(work: impl FnOnce() -> Result<PathBuf, String>) -> Progress {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(Ok(path)) => Progress::Done(path),
        Ok(Err(error)) => Progress::Failed(error),
        Err(_) => Progress::Failed("the request panicked, see the job's log".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn done(operations: &Operations, id: &str) -> Progress {
        loop {
            match operations.fetch(id).unwrap() {
                Progress::Pending => std::thread::sleep(Duration::from_millis(1)),
                progress => return progress,
            }
        }
    }

    #[test]
    fn an_outcome_is_there_once_the_work_is_done() {
        let operations = Operations::default();
        let (go, wait) = std::sync::mpsc::channel();
        operations.start("a", move || wait.recv().map_err(|error| error.to_string()));
        assert_eq!(operations.fetch("a"), Some(Progress::Pending));
        go.send(PathBuf::from("/s")).unwrap();
        assert_eq!(done(&operations, "a"), Progress::Done("/s".into()));
        assert_eq!(operations.fetch("b"), None);
    }

    #[test]
    fn a_request_sent_twice_runs_once() {
        let operations = Operations::default();
        assert_eq!(operations.start("a", || Err("first".into())), Admission::Taken);
        assert_eq!(operations.start("a", || Err("second".into())), Admission::Taken);
        assert_eq!(done(&operations, "a"), Progress::Failed("first".into()));
    }

    #[test]
    fn work_that_panics_has_failed() {
        let operations = Operations::default();
        operations.start("a", || panic!("on purpose"));
        assert!(matches!(done(&operations, "a"), Progress::Failed(_)));
    }

    #[test]
    fn too_many_at_once_are_turned_away_and_old_outcomes_forgotten() {
        let operations = Operations::default();
        let (go, wait) = crossbeam_channel::unbounded::<()>();
        for number in 0..MAX_RUNNING {
            let wait = wait.clone();
            let started = operations.start(&number.to_string(), move || {
                wait.recv().map(|()| "/s".into()).map_err(|_| String::new())
            });
            assert_eq!(started, Admission::Taken);
        }
        assert_eq!(operations.start("more", || Err(String::new())), Admission::Full);
        drop(go);
        done(&operations, "0");
        for number in 0..2 * MAX_KEPT {
            let id = format!("x{number}");
            while operations.start(&id, || Err(String::new())) == Admission::Full {
                std::thread::sleep(Duration::from_millis(1));
            }
        }
        assert!(operations.lock().by_id.len() <= MAX_KEPT);
        assert_eq!(operations.fetch("x0"), None);
    }

    #[test]
    fn the_end_waits_until_outcomes_were_fetched_but_not_for_ever() {
        let operations = Operations::default();
        operations.start("a", || Err("no".into()));
        let start = Instant::now();
        operations.settle(Duration::from_millis(50));
        assert!(start.elapsed() >= Duration::from_millis(50));
        done(&operations, "a");
        let start = Instant::now();
        operations.settle(Duration::from_secs(60));
        assert!(start.elapsed() < Duration::from_secs(60));
    }
}
