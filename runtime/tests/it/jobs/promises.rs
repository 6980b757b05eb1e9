//! What happens in which order around a checkpoint, and what a job does when one fails.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use spt_runtime::config::PendingOutput;
use spt_runtime::job::{CheckpointStatus, JobState, Subtask};
use spt_runtime::operators::{Process, ProcessContext};
use spt_runtime::sinks::{Sink, SinkWriter, Start};
use spt_runtime::{
    Environment, Error, ErrorKind, JobControl, JobHandle, JobOptions, Out, RestoreOptions, Result,
};

use super::collect::Collect;
use super::failure::{fragile, restarting, start};
use super::leash::Leash;
use super::word_count::{at, counted, word_count};

fn with_checkpoints(dir: &Path) -> JobOptions {
    JobOptions { checkpoint_dir: Some(dir.to_owned()), ..at(1) }
}

/// Checkpoints that are whole, below the folder of all jobs.
fn whole(dir: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for job in std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()) {
        for entry in std::fs::read_dir(job).unwrap().map(|entry| entry.unwrap()) {
            if entry.path().join("manifest.json").exists() {
                found.push(entry.file_name().into_string().unwrap());
            }
        }
    }
    found.sort();
    found
}

/// A sink that writes down what it is asked, and which checkpoints are whole then. It fails to commit when told to.
#[derive(Clone)]
struct Witness {
    checkpoints: PathBuf,
    seen: Arc<Mutex<Vec<String>>>,
    fuse: Arc<AtomicBool>,
}

impl Witness {
    fn new(checkpoints: &Path) -> Self {
        std::fs::create_dir_all(checkpoints).unwrap();
        Self { checkpoints: checkpoints.to_owned(), seen: Arc::default(), fuse: Arc::default() }
    }

    fn saw(&self, what: &str) {
        let mut seen = self.seen.lock().unwrap();
        // Of records, the first is enough.
        if what == "write" && seen.last().is_some_and(|last| last.starts_with("write")) {
            return;
        }
        seen.push(format!("{what}, whole: {}", whole(&self.checkpoints).join(" ")));
    }

    /// What it saw since it was asked last.
    fn told(&self) -> Vec<String> {
        std::mem::take(&mut self.seen.lock().unwrap())
    }
}

impl Sink<i64> for Witness {
    type Writer = Self;
    type Committable = u64;

    fn name(&self) -> &'static str {
        "witness"
    }

    fn is_exactly_once(&self) -> bool {
        true
    }

    fn writer(&self, _: &Subtask) -> Result<Self> {
        self.saw("open");
        Ok(self.clone())
    }

    fn commit(&self, outputs: &[u64]) -> Result<()> {
        self.saw(&format!("commit {outputs:?}"));
        if self.fuse.swap(false, Ordering::SeqCst) {
            return Err(Error::failed("the database is away"));
        }
        Ok(())
    }

    fn recover(&self, _: &Start, pending: &[u64]) -> Result<()> {
        self.saw(&format!("recover {pending:?}"));
        Ok(())
    }
}

impl SinkWriter<i64> for Witness {
    type Committable = u64;

    fn write(&mut self, _: i64) -> Result<()> {
        self.saw("write");
        Ok(())
    }

    fn flush(&mut self) -> Result<()> {
        Ok(())
    }

    fn prepare(&mut self, checkpoint: u64) -> Result<Vec<u64>> {
        self.saw(&format!("prepare {checkpoint}"));
        Ok(vec![checkpoint])
    }
}

fn witnessed(numbers: &Leash, witness: &Witness, options: JobOptions) -> JobHandle {
    let env = Environment::new();
    env.source(numbers.clone()).uid("numbers").sink(witness.clone()).uid("witness");
    env.start("witnessed", options).unwrap()
}

fn until(is_so: impl Fn() -> bool) {
    let end = std::time::Instant::now() + Duration::from_secs(60);
    while !is_so() {
        assert!(std::time::Instant::now() < end, "waited in vain");
        std::thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn output_is_pending_before_a_checkpoint_is_whole_committed_after_and_older_ones_go_last() {
    let dir = tempfile::tempdir().unwrap();
    let (witness, numbers) = (Witness::new(&dir.path().join("checkpoints")), Leash::one(0..20_000));
    let options = with_checkpoints(&witness.checkpoints);
    let job = witnessed(&numbers, &witness, options.clone());
    until(|| witness.seen.lock().unwrap().len() == 3);
    assert_eq!(witness.told(), ["recover [], whole: ", "open, whole: ", "write, whole: "]);
    let told =
        || -> Vec<String> { witness.told().into_iter().filter(|line| !line.starts_with("write")).collect() };
    job.checkpoint().unwrap();
    assert_eq!(told(), ["prepare 1, whole: ", "commit [1], whole: chk-1"]);
    job.checkpoint().unwrap();
    assert_eq!(told(), ["prepare 2, whole: chk-1", "commit [2], whole: chk-1 chk-2"]);
    assert_eq!(whole(&witness.checkpoints), ["chk-2"]);

    // A savepoint commits nothing: what it has pending is committed with the next checkpoint.
    let savepoint = job.savepoint(Some(dir.path())).unwrap();
    assert_eq!(told(), ["prepare 3, whole: chk-2"]);
    job.checkpoint().unwrap();
    assert_eq!(told(), ["prepare 4, whole: chk-2", "commit [3, 4], whole: chk-2 chk-4"]);
    job.cancel().unwrap();
    witness.told();

    // Whoever starts from it commits that before anything is written.
    let from = |pending| {
        let restore = Some(RestoreOptions { pending, ..RestoreOptions::new(&savepoint) });
        let job = witnessed(&numbers, &witness, JobOptions { restore, ..at(1) });
        until(|| witness.seen.lock().unwrap().len() >= 3);
        job.cancel().unwrap();
        let told = witness.told().into_iter().map(|line| line.split(',').next().unwrap().to_owned());
        (told.take(3).collect::<Vec<_>>(), job.notes().join("\n"))
    };
    let (told, said) = from(None);
    assert_eq!(told, ["recover [3]", "open", "write"]);
    assert!(said.contains("operator witness had 1 output pending, which is committed now"), "{said}");
    let (told, said) = from(Some(PendingOutput::Discard));
    assert_eq!(told, ["recover []", "open", "write"]);
    assert!(said.contains("pending output is not committed: operator witness, "), "{said}");
}

#[test]
fn a_restart_goes_back_to_a_checkpoint_and_never_to_a_savepoint() {
    let dir = tempfile::tempdir().unwrap();
    let (numbers, fuse, sink) = (Leash::new(0..30_000), Arc::default(), Collect::default());
    let options = JobOptions { restart: restarting(1), ..with_checkpoints(&dir.path().join("checkpoints")) };
    let job = start(&fragile(&numbers, &fuse, &sink), &sink, options);
    let checkpoint = job.checkpoint().unwrap();
    sink.wait_for(sink.records().len() + 30);
    let savepoint = job.savepoint(Some(dir.path())).unwrap();
    fuse.store(true, Ordering::SeqCst);
    numbers.let_go();
    assert_eq!(job.wait().unwrap(), JobState::Finished);
    assert_eq!(sink.largest(), counted(0..30_000));
    assert_eq!(job.checkpoints().restored.unwrap().path, Some(checkpoint));
    assert!(savepoint.join("manifest.json").exists(), "it is its owner's");
}

#[test]
fn a_savepoint_is_named_after_its_job_in_the_folder_that_was_asked_for() {
    let dir = tempfile::tempdir().unwrap();
    let parent = dir.path().join("not there yet");
    let job = word_count(Leash::new(0..30_000), &Collect::default()).start("wordcount", at(2)).unwrap();
    let paths = [job.savepoint(Some(&parent)).unwrap(), job.stop(Some(&parent), false).unwrap()];
    assert_ne!(paths[0], paths[1]);
    for path in paths {
        let name = path.file_name().unwrap().to_str().unwrap();
        let random = name.strip_prefix(&format!("savepoint-{}-", &job.id()[..6])).unwrap();
        assert!(random.len() == 12 && random.bytes().all(|byte| byte.is_ascii_hexdigit()), "{name}");
        assert_eq!(path.parent().unwrap(), parent);
    }
}

/// Nobody can make a folder there.
const NOWHERE: &str = "/proc";

#[test]
fn a_stop_whose_savepoint_fails_lets_the_job_go_on() {
    let dir = tempfile::tempdir().unwrap();
    let (numbers, sink) = (Leash::new(0..30_000), Collect::default());
    let job = word_count(numbers.clone(), &sink).start("wordcount", at(2)).unwrap();
    sink.wait_for(3_000);
    let error = job.stop(Some(Path::new(NOWHERE)), false).unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::SnapshotFailed { .. }), "{}", error.full());
    assert!(error.full().contains(NOWHERE), "{}", error.full());
    sink.wait_for(sink.records().len() + 300);
    assert_eq!((job.status().state, job.status().restarts), (JobState::Running, 0));

    let path = job.stop(Some(dir.path()), false).unwrap();
    numbers.let_go();
    let options = JobOptions { restore: Some(RestoreOptions::new(&path)), ..at(2) };
    word_count(numbers, &sink).start("wordcount", options).unwrap().wait().unwrap();
    assert_eq!(sink.largest(), counted(0..30_000));
    assert_eq!(sink.records().len(), 90_000);
}

#[test]
fn a_drain_whose_savepoint_fails_starts_the_job_again_from_its_checkpoint() {
    let dir = tempfile::tempdir().unwrap();
    let (numbers, sink) = (Leash::new(0..30_000), Collect::default());
    let options = JobOptions { restart: restarting(1), ..with_checkpoints(dir.path()) };
    let job = word_count(numbers.clone(), &sink).start("wordcount", options).unwrap();
    sink.wait_for(3_000);
    let checkpoint = job.checkpoint().unwrap();
    let error = job.stop(Some(Path::new(NOWHERE)), true).unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::SnapshotFailed { .. }), "{}", error.full());
    until(|| job.status().restarts == 1 && job.status().state == JobState::Running);
    assert_eq!(job.checkpoints().restored.unwrap().path, Some(checkpoint));
    numbers.let_go();
    assert_eq!(job.wait().unwrap(), JobState::Finished);
    assert_eq!(sink.largest(), counted(0..30_000));
}

#[test]
fn a_stop_that_cannot_commit_names_its_savepoint_and_the_job_starts_again_from_its_checkpoint() {
    let dir = tempfile::tempdir().unwrap();
    let (witness, numbers) = (Witness::new(&dir.path().join("checkpoints")), Leash::one(0..20_000));
    let options = JobOptions { restart: restarting(1), ..with_checkpoints(&witness.checkpoints) };
    let job = witnessed(&numbers, &witness, options);
    let checkpoint = job.checkpoint().unwrap();
    witness.fuse.store(true, Ordering::SeqCst);
    let error = job.stop(Some(&dir.path().join("savepoints")), false).unwrap_err();
    let ErrorKind::CommitFailed { path } = error.kind() else { panic!("{}", error.full()) };
    assert!(error.full().contains("operator witness failed: the database is away"), "{}", error.full());
    assert!(Path::new(path).join("manifest.json").exists(), "it is whole");
    until(|| job.status().restarts == 1 && job.status().state == JobState::Running);
    assert_eq!(job.checkpoints().restored.unwrap().path, Some(checkpoint));
    numbers.let_go();
    assert_eq!(job.wait().unwrap(), JobState::Finished);
}

/// Takes a job's folder of checkpoints away, and puts it back.
struct Taken(PathBuf);

impl Taken {
    fn away(path: PathBuf) -> Self {
        std::fs::rename(&path, path.with_extension("away")).unwrap();
        // A file is in its place, so that nobody can make it anew.
        std::fs::write(&path, "").unwrap();
        Self(path)
    }

    fn put_back(self) {
        std::fs::remove_file(&self.0).unwrap();
        std::fs::rename(self.0.with_extension("away"), &self.0).unwrap();
    }
}

#[test]
fn so_many_checkpoints_in_a_row_may_fail_and_one_more_fails_the_job() {
    let dir = tempfile::tempdir().unwrap();
    let options = JobOptions { tolerable_failed_checkpoints: 2, ..with_checkpoints(dir.path()) };
    let job = word_count(Leash::new(0..30_000), &Collect::default()).start("wordcount", options).unwrap();
    let folder = dir.path().join(job.id());
    let fail = || {
        let error = job.checkpoint().unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::SnapshotFailed { .. }), "{}", error.full());
        assert!(error.full().contains(&folder.display().to_string()), "{}", error.full());
    };
    for _ in 0..2 {
        let taken = Taken::away(folder.clone());
        (0..2).for_each(|_| fail());
        assert_eq!(job.status().state, JobState::Running);
        taken.put_back();
        // One that works, and they count from the beginning.
        job.checkpoint().unwrap();
    }
    let _taken = Taken::away(folder.clone());
    (0..3).for_each(|_| fail());
    let failure = job.wait().unwrap_err().full();
    assert!(failure.starts_with("checkpoint ") && failure.contains(" failed: "), "{failure}");
    assert_eq!(job.checkpoints().counts.failed, 7);
}

#[test]
fn between_the_end_of_a_checkpoint_and_the_next_is_at_least_the_pause() {
    let dir = tempfile::tempdir().unwrap();
    let options = JobOptions {
        checkpoint_interval: Some(Duration::from_millis(1)),
        checkpoint_min_pause: Duration::from_millis(60),
        ..with_checkpoints(dir.path())
    };
    let job = word_count(Leash::new(0..30_000), &Collect::default()).start("wordcount", options).unwrap();
    until(|| job.checkpoints().counts.completed >= 5);
    job.cancel().unwrap();
    let mut records = job.checkpoints().history;
    records.retain(|record| record.status == CheckpointStatus::Completed);
    records.reverse();
    let begins_and_ends = records.iter().map(|record| {
        (record.triggered_at_ms, record.triggered_at_ms + record.duration_ms.unwrap().cast_signed())
    });
    let times: Vec<_> = begins_and_ends.collect();
    // Two clocks that count milliseconds.
    assert!(times.windows(2).all(|pair| pair[1].0 - pair[0].1 >= 58), "{times:?}");
}

/// Does not like one number: it fails, or panics.
#[derive(Clone)]
struct Sour {
    panics: bool,
    failed: Arc<AtomicU32>,
}

impl Process<i64> for Sour {
    type Out = i64;

    fn process(&mut self, number: i64, context: &mut ProcessContext<'_, i64>) -> Result<()> {
        if number == 7 {
            self.failed.fetch_add(1, Ordering::SeqCst);
            assert!(!self.panics, "number {number} is sour");
            return Err(Error::failed(format!("number {number} is sour")));
        }
        context.emit(number);
        Ok(())
    }
}

#[test]
fn an_operator_that_fails_again_and_again_fails_the_job_by_its_name_after_the_last_restart() {
    for panics in [false, true] {
        let (env, failed) = (Environment::new(), Arc::new(AtomicU32::new(0)));
        env.sequence(0..1_000)
            .uid("numbers")
            .flat_map(|n, out: &mut Out<'_, i64>| out.emit(*n))
            .uid("innocent")
            .process(Sour { panics, failed: Arc::clone(&failed) })
            .uid("sour")
            .sink(Collect::default());
        let job = env.start("sour", JobOptions { restart: restarting(2), ..at(2) });
        // So soon that the start itself may tell.
        let error = job.and_then(|job| job.wait()).unwrap_err().full();
        assert!(
            error.starts_with("operator sour failed: ") && error.ends_with("number 7 is sour"),
            "{error}"
        );
        assert_eq!(failed.load(Ordering::SeqCst), 3, "once, and after each of two restarts");
    }
}

#[test]
fn a_checkpoint_whose_barriers_do_not_all_arrive_in_time_is_given_up_and_the_next_is_taken() {
    let (dir, sink) = (tempfile::tempdir().unwrap(), Collect::default());
    let (env, is_stuck) = (Environment::new(), Arc::new(AtomicBool::new(false)));
    let stuck = Arc::clone(&is_stuck);
    env.source(Leash::new(0..30_000))
        .uid("numbers")
        .rebalance()
        .map(move |number| {
            while stuck.load(Ordering::SeqCst) {
                std::thread::sleep(Duration::from_millis(1));
            }
            *number
        })
        .uid("stuck")
        .sink(sink.clone());
    let options = JobOptions {
        checkpoint_timeout: Duration::from_millis(300),
        tolerable_failed_checkpoints: 1,
        ..with_checkpoints(dir.path())
    };
    let job = env.start("stuck", options).unwrap();
    sink.wait_for(100);
    is_stuck.store(true, Ordering::SeqCst);
    // A record comes every 5 ms, and the barrier is behind it.
    std::thread::sleep(Duration::from_millis(30));
    let error = job.checkpoint().unwrap_err().full();
    let place = dir.path().join(job.id()).join("chk-1");
    let expected = "failed: not every subtask had its part ready after 300ms";
    assert_eq!(error, format!("checkpoint 1 in {} {expected}", place.display()));
    assert_eq!((job.status().state, job.checkpoints().counts.failed), (JobState::Running, 1));
    is_stuck.store(false, Ordering::SeqCst);
    assert!(job.checkpoint().unwrap().ends_with("chk-2"));
    assert_eq!((job.status().restarts, whole(dir.path())), (0, vec!["chk-2".to_owned()]));
    job.cancel().unwrap();
}
