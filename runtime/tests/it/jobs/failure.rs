//! Operators that fail: the job starts again from its last checkpoint, or says who failed.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use spt_runtime::config::RestartStrategy;
use spt_runtime::job::JobState;
use spt_runtime::{Environment, ErrorKind, JobControl, JobHandle, JobOptions, RestoreOptions};

use super::collect::Collect;
use super::leash::Leash;
use super::word_count::{at, counted, words_of};

const NUMBERS: i64 = 30_000;

/// A word count that panics when it is told to.
pub(super) fn fragile(numbers: &Leash, fuse: &Arc<AtomicBool>, sink: &Collect<(String, i64)>) -> Environment {
    let env = Environment::new();
    let fuse = Arc::clone(fuse);
    env.source(numbers.clone())
        .uid("stream-001")
        .flat_map(move |number, out| {
            assert!(!fuse.swap(false, Ordering::SeqCst), "number {number} is poison");
            out.extend(words_of(*number));
        })
        .uid("flatMap-001")
        .map_to::<(String, i64)>(|word| (word, 1))
        .uid("map-001")
        .key_by(|(word, _)| *word)
        .sum(|(_, n)| *n)
        .uid("sum-001")
        .sink(sink.clone());
    env
}

pub(super) fn restarting(times: u32) -> RestartStrategy {
    RestartStrategy::FixedDelay { attempts: times, delay: Duration::from_millis(10) }
}

/// Starts a job, and waits until it has counted some more words.
pub(super) fn start(env: &Environment, sink: &Collect<(String, i64)>, options: JobOptions) -> JobHandle {
    let before = sink.records().len();
    let job = env.start("wordcount", options).unwrap();
    sink.wait_for(before + 3_000);
    job
}

#[test]
fn counts_stay_exact_when_an_operator_fails_after_a_checkpoint() {
    let dir = tempfile::tempdir().unwrap();
    let (numbers, fuse, sink) = (Leash::new(0..NUMBERS), Arc::default(), Collect::default());
    let options = JobOptions { checkpoint_dir: Some(dir.path().to_owned()), restart: restarting(1), ..at(2) };
    let job = start(&fragile(&numbers, &fuse, &sink), &sink, options);
    let before = job.checkpoint().unwrap();
    fuse.store(true, Ordering::SeqCst);
    numbers.let_go();
    assert_eq!(job.wait().unwrap(), JobState::Finished);
    assert_eq!(sink.largest(), counted(0..NUMBERS));
    assert_eq!(job.status().restarts, 1);
    assert_eq!(job.checkpoints().restored.unwrap().path, Some(before));
    let failure = job.status().failure.unwrap();
    assert!(failure.starts_with("operator flatMap-001 failed: panicked: number "), "{failure}");
}

#[test]
fn a_failure_before_the_first_checkpoint_goes_back_to_the_restored_savepoint() {
    let dir = tempfile::tempdir().unwrap();
    let (numbers, fuse, sink) = (Leash::new(0..NUMBERS), Arc::default(), Collect::default());
    let job = start(&fragile(&numbers, &fuse, &sink), &sink, at(2));
    let path = job.stop(Some(dir.path()), false).unwrap();

    let options = JobOptions { restore: Some(RestoreOptions::new(&path)), restart: restarting(1), ..at(1) };
    let job = start(&fragile(&numbers, &fuse, &sink), &sink, options);
    fuse.store(true, Ordering::SeqCst);
    numbers.let_go();
    assert_eq!(job.wait().unwrap(), JobState::Finished);
    assert_eq!(sink.largest(), counted(0..NUMBERS));
    assert_eq!(job.checkpoints().counts.restored, 2);
}

#[test]
fn without_a_restart_the_job_fails_and_names_the_operator() {
    let (numbers, fuse, sink) = (Leash::new(0..NUMBERS), Arc::default(), Collect::default());
    let job = start(&fragile(&numbers, &fuse, &sink), &sink, at(2));
    fuse.store(true, Ordering::SeqCst);
    numbers.let_go();
    let error = job.wait().unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::OperatorFailed { operator } if operator == "flatMap-001"));
    assert_eq!(job.status().state, JobState::Failed);
    let refused = job.savepoint(Some(std::env::temp_dir().as_path())).unwrap_err();
    assert!(matches!(refused.kind(), ErrorKind::NotRunning { .. }), "{refused}");
}

#[test]
fn a_sum_that_does_not_fit_fails_with_its_operator() {
    let env = Environment::new();
    env.sequence(0..10).key_by_value(|_| 0i64).sum(|_| 100i8).uid("small").sink(Collect::default());
    // So soon that the start itself may tell.
    let error = env.start("overflow", JobOptions::default()).and_then(|job| job.wait()).unwrap_err();
    assert_eq!(error.full(), "operator small failed: the sum does not fit its type");
}
