//! The file sink in real jobs: every record is visible once, whatever interrupts them.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use spt_runtime::config::{PendingOutput, RestartStrategy};
use spt_runtime::job::JobState;
use spt_runtime::sinks::{FileSink, Lines};
use spt_runtime::sources::Sequence;
use spt_runtime::{Environment, JobControl, JobHandle, JobOptions, RestoreOptions};

use super::word_count::at;

const NUMBERS: i64 = 24_000;

/// Numbers into files. Fails when it is told to.
fn numbers(output: &Path, fuse: &Arc<AtomicBool>) -> Environment {
    let env = Environment::new();
    let fuse = Arc::clone(fuse);
    env.source(Sequence::new(0..NUMBERS).per_second(30_000.0))
        .uid("numbers-001")
        .map(move |number| {
            assert!(!fuse.swap(false, Ordering::SeqCst), "number {number} is poison");
            *number
        })
        .uid("map-001")
        .sink(FileSink::<Lines>::new(output))
        .uid("files-001");
    env
}

fn start(output: &Path, options: JobOptions) -> JobHandle {
    numbers(output, &Arc::default()).start("numbers", options).unwrap()
}

fn from(path: &Path) -> JobOptions {
    JobOptions { restore: Some(RestoreOptions::new(path)), ..at(3) }
}

/// What a reader of the folder finds, sorted.
fn visible(output: &Path) -> Vec<i64> {
    let files = std::fs::read_dir(output).unwrap().map(|file| file.unwrap().path());
    let parts = files.filter(|path| path.file_name().unwrap().to_str().unwrap().starts_with("part-"));
    let texts: Vec<_> = parts.map(|path| std::fs::read_to_string(path).unwrap()).collect();
    let mut numbers: Vec<i64> =
        texts.iter().flat_map(|text| text.lines()).map(|line| line.parse().unwrap()).collect();
    numbers.sort_unstable();
    numbers
}

fn all() -> Vec<i64> {
    (0..NUMBERS).collect()
}

fn a_while() {
    std::thread::sleep(Duration::from_millis(250));
}

#[test]
fn failures_between_checkpoints_neither_lose_nor_repeat_output() {
    let (output, checkpoints) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let fuse = Arc::default();
    let options = JobOptions {
        checkpoint_dir: Some(checkpoints.path().to_owned()),
        checkpoint_interval: Some(Duration::from_millis(40)),
        restart: RestartStrategy::FixedDelay { attempts: 9, delay: Duration::from_millis(5) },
        ..at(2)
    };
    let job = numbers(output.path(), &fuse).start("numbers", options).unwrap();
    for _ in 0..3 {
        std::thread::sleep(Duration::from_millis(130));
        fuse.store(true, Ordering::SeqCst);
    }
    assert_eq!(job.wait().unwrap(), JobState::Finished);
    assert!(job.status().restarts >= 2, "{} restarts", job.status().restarts);
    assert_eq!(visible(output.path()), all());
}

#[test]
fn a_stop_commits_and_another_parallelism_goes_on() {
    let (output, savepoints) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let job = start(output.path(), at(2));
    a_while();
    let path = job.stop(Some(savepoints.path()), false).unwrap();
    let before = visible(output.path()).len();
    assert!(before > 0 && before < all().len(), "{before} before the stop");
    start(output.path(), from(&path)).wait().unwrap();
    assert_eq!(visible(output.path()), all());
}

#[test]
fn a_savepoint_commits_nothing_and_whoever_starts_from_it_does() {
    let (output, savepoints) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let job = start(output.path(), at(2));
    a_while();
    let path = job.savepoint(Some(savepoints.path())).unwrap();
    assert!(visible(output.path()).is_empty());
    job.cancel().unwrap();
    start(output.path(), from(&path)).wait().unwrap();
    assert_eq!(visible(output.path()), all());
}

#[test]
fn pending_output_that_is_to_be_discarded_stays_hidden() {
    let (output, savepoints) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let job = start(output.path(), at(2));
    a_while();
    let path = job.savepoint(Some(savepoints.path())).unwrap();
    job.cancel().unwrap();
    let mut options = from(&path);
    options.restore.as_mut().unwrap().pending = Some(PendingOutput::Discard);
    start(output.path(), options).wait().unwrap();
    let found = visible(output.path());
    assert!(!found.is_empty() && found.len() < all().len(), "{} numbers", found.len());
    assert!(found.windows(2).all(|pair| pair[0] < pair[1]), "some number is there twice");
}

#[test]
fn pending_output_that_is_gone_refuses_the_start() {
    let (output, savepoints) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let job = start(output.path(), at(2));
    a_while();
    let path = job.savepoint(Some(savepoints.path())).unwrap();
    job.cancel().unwrap();
    for file in std::fs::read_dir(output.path()).unwrap() {
        std::fs::remove_file(file.unwrap().path()).unwrap();
    }
    let error = numbers(output.path(), &Arc::default()).start("numbers", from(&path)).err().unwrap();
    assert!(error.full().contains("neither pending"), "{}", error.full());
    assert!(error.full().contains("files-001"), "{}", error.full());
}
