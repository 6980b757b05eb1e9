//! Splits that appear while a job runs: each is read once, whatever interrupts the job.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use spt_runtime::job::Subtask;
use spt_runtime::sources::{Poll, Source, SourceReader};
use spt_runtime::{Environment, Error, JobControl, JobOptions, Out, RestoreOptions, Result};

use super::collect::Collect;
use super::word_count::at;

/// A log of so many partitions, each of which holds the numbers 0 to 9, as `partition * 10 + number`.
#[derive(Clone, Default)]
struct Log {
    partitions: Arc<AtomicI64>,
    /// It cannot be listed any more.
    is_gone: Arc<AtomicU64>,
    completed: Arc<Mutex<Vec<u64>>>,
}

impl Log {
    fn of(partitions: i64) -> Self {
        Self { partitions: Arc::new(AtomicI64::new(partitions)), ..Self::default() }
    }
}

impl Source for Log {
    type Item = i64;
    /// A partition, and the number to read next.
    type Split = (i64, i64);
    type Reader = LogReader;

    fn name(&self) -> &'static str {
        "log"
    }

    fn is_replayable(&self) -> bool {
        true
    }

    fn discovery_interval(&self) -> Option<Duration> {
        Some(Duration::from_millis(5))
    }

    fn splits(&self, _: u32) -> Result<Vec<(i64, i64)>> {
        self.new_splits(&[])
    }

    fn new_splits(&self, known: &[(i64, i64)]) -> Result<Vec<(i64, i64)>> {
        if self.is_gone.load(Ordering::SeqCst) > 0 {
            return Err(Error::failed("the log is gone"));
        }
        let all = 0..self.partitions.load(Ordering::SeqCst);
        Ok(all.filter(|new| known.iter().all(|(old, _)| old != new)).map(|new| (new, 0)).collect())
    }

    fn reader(&self, _: &Subtask, splits: Vec<(i64, i64)>) -> Result<LogReader> {
        Ok(LogReader { splits, completed: Arc::clone(&self.completed) })
    }
}

struct LogReader {
    splits: Vec<(i64, i64)>,
    completed: Arc<Mutex<Vec<u64>>>,
}

impl SourceReader for LogReader {
    type Item = i64;
    type Split = (i64, i64);

    fn poll(&mut self, out: &mut Out<'_, i64>) -> Result<Poll> {
        let Some((partition, next)) = self.splits.iter_mut().find(|(_, next)| *next < 10) else {
            return Ok(Poll::Idle(Duration::from_millis(2)));
        };
        out.emit(*partition * 10 + *next);
        *next += 1;
        Ok(Poll::Ready)
    }

    fn add_splits(&mut self, splits: Vec<(i64, i64)>) -> Result<()> {
        self.splits.extend(splits);
        Ok(())
    }

    fn splits(&self) -> Vec<(i64, i64)> {
        self.splits.clone()
    }

    fn completed(&mut self, checkpoint: u64) -> Result<()> {
        self.completed.lock().unwrap().push(checkpoint);
        Ok(())
    }
}

fn job(log: &Log, sink: &Collect<i64>) -> Environment {
    let env = Environment::new();
    env.source(log.clone()).uid("log-001").sink(sink.clone()).uid("sink-001");
    env
}

fn sorted(sink: &Collect<i64>) -> Vec<i64> {
    let mut numbers = sink.records();
    numbers.sort_unstable();
    numbers
}

#[test]
fn partitions_that_appear_are_read_once_also_after_a_restore_at_another_parallelism() {
    let dir = tempfile::tempdir().unwrap();
    let (log, sink) = (Log::of(2), Collect::default());
    let running = job(&log, &sink).start("log", at(3)).unwrap();
    sink.wait_for(20);
    log.partitions.store(5, Ordering::SeqCst);
    sink.wait_for(50);
    let path = running.stop(Some(dir.path()), false).unwrap();
    log.partitions.store(6, Ordering::SeqCst);

    let options = JobOptions { restore: Some(RestoreOptions::new(path)), ..at(2) };
    let running = job(&log, &sink).start("log", options).unwrap();
    sink.wait_for(60);
    log.partitions.store(9, Ordering::SeqCst);
    sink.wait_for(90);
    running.cancel().unwrap();
    assert_eq!(sorted(&sink), (0..90).collect::<Vec<_>>());
}

#[test]
fn a_source_that_vanishes_while_the_job_runs_fails_it_and_is_named() {
    let (log, sink) = (Log::of(1), Collect::default());
    let running = job(&log, &sink).start("log", at(2)).unwrap();
    sink.wait_for(10);
    log.is_gone.store(1, Ordering::SeqCst);
    assert_eq!(running.wait().unwrap_err().full(), "operator log-001 failed: the log is gone");
}

#[test]
fn readers_are_told_of_complete_checkpoints() {
    let dir = tempfile::tempdir().unwrap();
    let (log, sink) = (Log::of(1), Collect::default());
    let options = JobOptions { checkpoint_dir: Some(dir.path().to_owned()), ..at(1) };
    let running = job(&log, &sink).start("log", options).unwrap();
    running.checkpoint().unwrap();
    running.savepoint(Some(dir.path())).unwrap();
    running.checkpoint().unwrap();
    let deadline = Instant::now() + Duration::from_secs(60);
    while log.completed.lock().unwrap().len() < 2 && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(2));
    }
    running.cancel().unwrap();
    assert_eq!(*log.completed.lock().unwrap(), [1, 3], "a savepoint is nothing to go back to");
}
