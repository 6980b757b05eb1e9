//! What must not hang, lie or stop a job: panics outside of tasks, leftovers of a killed process, output that is
//! taken away.

use std::path::Path;
use std::time::Duration;

use spt_format::{ColumnarReader, SavepointSource};
use spt_runtime::job::{CheckpointStatus, JobState, Subtask};
use spt_runtime::sinks::{FileSink, Lines, Sink, SinkWriter, Start};
use spt_runtime::sources::{Sequence, SequenceReader, Source, Span};
use spt_runtime::{Environment, Error, ErrorKind, JobControl, JobHandle, JobOptions, RestoreOptions, Result};

use super::collect::Collect;
use super::word_count::{at, word_count};

fn endless() -> Sequence {
    Sequence::new(0..i64::MAX).per_second(1_000.0)
}

fn with_checkpoints(dir: &Path) -> JobOptions {
    JobOptions { checkpoint_dir: Some(dir.to_owned()), ..at(2) }
}

/// A source that panics when it is asked what there is to read.
#[derive(Clone)]
struct Panicking;

impl Source for Panicking {
    type Item = i64;
    type Split = Span;
    type Reader = SequenceReader;

    fn name(&self) -> &'static str {
        "panicking"
    }

    fn is_replayable(&self) -> bool {
        true
    }

    #[expect(clippy::panic, reason = "what is tested")]
    fn splits(&self, _: u32) -> Result<Vec<Span>> {
        panic!("nothing to read")
    }

    fn reader(&self, subtask: &Subtask, splits: Vec<Span>) -> Result<SequenceReader> {
        endless().reader(subtask, splits)
    }
}

#[test]
fn a_source_that_panics_while_the_job_starts_is_named_by_the_failure() {
    let env = Environment::new();
    env.source(Panicking).uid("panicking-001").sink(Collect::default());
    let error = env.start("panics", at(1)).err().unwrap();
    assert_eq!(error.full(), "operator panicking-001 failed: panicked: nothing to read");
}

/// A sink that cannot do one of the two things that a checkpoint asks of it.
#[derive(Clone, Copy)]
enum Broken {
    Prepare,
    Commit,
}

impl Sink<i64> for Broken {
    type Writer = Self;
    type Committable = ();

    fn name(&self) -> &'static str {
        "broken"
    }

    fn is_exactly_once(&self) -> bool {
        true
    }

    fn writer(&self, _: &Subtask) -> Result<Self> {
        Ok(*self)
    }

    #[expect(clippy::panic, reason = "what is tested")]
    fn commit(&self, _: &[()]) -> Result<()> {
        panic!("no commit today")
    }

    fn recover(&self, _: &Start, _: &[()]) -> Result<()> {
        Ok(())
    }
}

impl SinkWriter<i64> for Broken {
    type Committable = ();

    fn write(&mut self, _: i64) -> Result<()> {
        Ok(())
    }

    fn flush(&mut self) -> Result<()> {
        Ok(())
    }

    fn prepare(&mut self, _: u64) -> Result<Vec<()>> {
        match self {
            Self::Prepare => Err(Error::failed("the disk is full")),
            Self::Commit => Ok(vec![()]),
        }
    }
}

/// A job with a broken sink, and what its first checkpoint says.
fn first_checkpoint(sink: Broken) -> (JobHandle, Error) {
    let dir = tempfile::tempdir().unwrap();
    let env = Environment::new();
    env.source(endless()).uid("numbers").sink(sink).uid("broken-001");
    let job = env.start("broken", with_checkpoints(dir.path())).unwrap();
    let error = job.checkpoint().unwrap_err();
    assert!(job.wait_for(Duration::from_secs(60)), "the job hangs");
    assert_eq!(job.status().state, JobState::Failed);
    (job, error)
}

#[test]
fn a_commit_that_panics_fails_the_job_and_the_checkpoint_is_named() {
    let (job, error) = first_checkpoint(Broken::Commit);
    assert!(matches!(error.kind(), ErrorKind::CommitFailed { .. }), "{}", error.full());
    let failure = job.wait().unwrap_err();
    assert_eq!(failure.full(), "operator broken-001 failed: panicked: no commit today");
}

#[test]
fn whoever_waits_for_a_checkpoint_is_told_what_failed_meanwhile() {
    let (job, error) = first_checkpoint(Broken::Prepare);
    assert!(error.full().contains("operator broken-001 failed: the disk is full"), "{}", error.full());
    let checkpoints = job.checkpoints();
    assert_eq!((checkpoints.counts.in_progress, checkpoints.counts.failed), (0, 1));
    assert_eq!(checkpoints.history[0].status, CheckpointStatus::Failed);
}

fn finished(path: &Path) -> Vec<bool> {
    let reader = ColumnarReader::options().open(path).unwrap();
    reader.savepoint().operators.iter().map(|operator| operator.finished).collect()
}

#[test]
fn a_snapshot_says_of_an_operator_that_it_has_finished_only_if_it_has() {
    let dir = tempfile::tempdir().unwrap();
    let job = word_count(endless(), &Collect::default()).start("wordcount", at(2)).unwrap();
    let path = job.savepoint(Some(dir.path())).unwrap();
    job.cancel().unwrap();
    assert_eq!(finished(&path), [false; 5]);

    let bounded = word_count(Sequence::new(0..100), &Collect::default());
    let job = bounded.start("wordcount", with_checkpoints(dir.path())).unwrap();
    job.wait().unwrap();
    assert_eq!(finished(&job.checkpoints().latest_completed.unwrap().path.unwrap()), [true; 5]);
}

#[test]
fn what_a_killed_process_left_of_a_checkpoint_does_not_stop_the_next_process() {
    let dir = tempfile::tempdir().unwrap();
    let counting = || word_count(endless(), &Collect::default());
    let options = JobOptions {
        job_id: Some("0123456789abcdef0123456789abcdef".to_owned()),
        ..with_checkpoints(dir.path())
    };
    let job = counting().start("wordcount", options.clone()).unwrap();
    let path = job.checkpoint().unwrap();
    job.cancel().unwrap();
    std::fs::create_dir(path.with_file_name("chk-2")).unwrap();
    std::fs::write(path.with_file_name("chk-2").join("half"), "a checkpoint").unwrap();

    let job = counting()
        .start("wordcount", JobOptions { restore: Some(RestoreOptions::new(&path)), ..options })
        .unwrap();
    assert!(job.checkpoint().unwrap().ends_with("chk-3"));
    job.cancel().unwrap();
}

#[test]
fn committed_output_of_a_source_that_has_ended_may_be_taken_away() {
    let dir = tempfile::tempdir().unwrap();
    let (ended, output) = (dir.path().join("ended"), dir.path().join("endless"));
    let env = Environment::new();
    for (name, source, folder) in [("a", Sequence::new(0..10), &ended), ("b", endless(), &output)] {
        env.source(source).uid(name).sink(FileSink::<Lines>::new(folder)).uid(format!("{name}-files"));
    }
    let job = env.start("two", JobOptions { parallelism: Some(1), ..with_checkpoints(dir.path()) }).unwrap();
    while job.status().vertices[0].finished == 0 {
        std::thread::sleep(Duration::from_millis(1));
    }
    job.checkpoint().unwrap();
    let parts: Vec<_> = std::fs::read_dir(&ended).unwrap().map(|part| part.unwrap().path()).collect();
    assert_eq!(parts.len(), 1, "{parts:?}");
    std::fs::remove_file(&parts[0]).unwrap();
    job.checkpoint().unwrap();
    job.cancel().unwrap();
}
