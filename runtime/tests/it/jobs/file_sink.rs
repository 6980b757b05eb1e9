//! The file sink in real jobs: every record is visible once, whatever interrupts them.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use spt_format::{ColumnarReader, SavepointSource};
use spt_runtime::config::{NonRestored, PendingOutput, RestartStrategy};
use spt_runtime::job::JobState;
use spt_runtime::sinks::{Discard, FileSink, Lines};
use spt_runtime::{Environment, JobControl, JobHandle, JobOptions, RestoreOptions, Result};

use super::leash::Leash;
use super::script::Script;
use super::word_count::at;

const NUMBERS: i64 = 24_000;

/// Longer than anything takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// Numbers into files. Fails when it is told to.
fn copy(numbers: &Leash, output: &Path, fuse: &Arc<AtomicBool>) -> Environment {
    let env = Environment::new();
    let fuse = Arc::clone(fuse);
    env.source(numbers.clone())
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

/// A job that has read some of the numbers, and will not come to their end.
fn some(output: &Path) -> JobHandle {
    let job = copy(&Leash::new(0..NUMBERS), output, &Arc::default()).start("numbers", at(2)).unwrap();
    until(|| job.status().vertices[0].records_in > 0);
    job
}

/// A savepoint of such a job, which was cancelled then.
fn saved(output: &Path, savepoints: &Path) -> PathBuf {
    let job = some(output);
    let path = job.savepoint(Some(savepoints)).unwrap();
    job.cancel().unwrap();
    path
}

/// The job that goes on from there, to the end.
fn rest(output: &Path, options: JobOptions) -> Result<JobState> {
    let numbers = Leash::new(0..NUMBERS);
    numbers.let_go();
    copy(&numbers, output, &Arc::default()).start("numbers", options)?.wait()
}

fn from(path: &Path) -> JobOptions {
    JobOptions { restore: Some(RestoreOptions::new(path)), ..at(3) }
}

fn until(is_so: impl Fn() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < end, "waited in vain");
        std::thread::sleep(Duration::from_millis(2));
    }
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

#[test]
fn failures_between_checkpoints_neither_lose_nor_repeat_output() {
    let (output, checkpoints) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (numbers, fuse) = (Leash::new(0..NUMBERS), Arc::default());
    let options = JobOptions {
        checkpoint_dir: Some(checkpoints.path().to_owned()),
        checkpoint_interval: Some(Duration::from_millis(40)),
        restart: RestartStrategy::FixedDelay { attempts: 9, delay: Duration::from_millis(5) },
        ..at(2)
    };
    let job = copy(&numbers, output.path(), &fuse).start("numbers", options).unwrap();
    for failures in 1..=3 {
        let before = job.checkpoints().counts.completed;
        until(|| job.checkpoints().counts.completed > before);
        fuse.store(true, Ordering::SeqCst);
        until(|| job.status().restarts == failures);
    }
    numbers.let_go();
    assert_eq!(job.wait().unwrap(), JobState::Finished);
    assert_eq!(visible(output.path()), all());
}

#[test]
fn a_stop_commits_and_another_parallelism_goes_on() {
    let (output, savepoints) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let job = some(output.path());
    let path = job.stop(Some(savepoints.path()), false).unwrap();
    let before = visible(output.path()).len();
    assert!(before > 0 && before < all().len(), "{before} before the stop");
    rest(output.path(), from(&path)).unwrap();
    assert_eq!(visible(output.path()), all());
}

#[test]
fn a_savepoint_commits_nothing_and_whoever_starts_from_it_does() {
    let (output, savepoints) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let job = some(output.path());
    let path = job.savepoint(Some(savepoints.path())).unwrap();
    assert!(visible(output.path()).is_empty());
    job.cancel().unwrap();
    rest(output.path(), from(&path)).unwrap();
    assert_eq!(visible(output.path()), all());
}

/// What is said of a start of the job from there.
fn said(output: &Path, path: &Path) -> String {
    let job = copy(&Leash::new(0..NUMBERS), output, &Arc::default()).start("numbers", from(path)).unwrap();
    job.cancel().unwrap();
    job.notes().join("\n")
}

#[test]
fn only_what_was_not_visible_before_is_said_to_be_committed() {
    let (output, savepoints) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let path = saved(output.path(), savepoints.path());
    let first = said(output.path(), &path);
    let is_said = first.contains("operator files-001 had ") && first.contains(" committed now (not with");
    assert!(is_said, "{first}");
    assert!(!said(output.path(), &path).contains("committed"), "they are visible already");

    let job = some(output.path());
    let path = job.stop(Some(savepoints.path()), false).unwrap();
    let after = said(output.path(), &path);
    assert!(!after.contains("committed"), "{after}");
}

#[test]
fn pending_output_that_is_to_be_discarded_stays_hidden() {
    let (output, savepoints) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let path = saved(output.path(), savepoints.path());
    let mut options = from(&path);
    options.restore.as_mut().unwrap().pending = Some(PendingOutput::Discard);
    rest(output.path(), options).unwrap();
    let found = visible(output.path());
    assert!(!found.is_empty() && found.len() < all().len(), "{} numbers", found.len());
    assert!(found.windows(2).all(|pair| pair[0] < pair[1]), "some number is there twice");
}

#[test]
fn pending_output_of_a_sink_that_is_gone_refuses_the_start_until_it_is_left_behind() {
    let (output, savepoints) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let path = saved(output.path(), savepoints.path());
    let start = |restore: RestoreOptions| {
        let (numbers, env) = (Leash::new(0..NUMBERS), Environment::new());
        numbers.let_go();
        env.source(numbers).uid("numbers-001").sink(Discard).uid("other-001");
        let job = env.start("numbers", JobOptions { restore: Some(restore), ..at(2) })?;
        job.wait().map(|_| job)
    };
    let refusal = start(RestoreOptions::new(&path)).err().unwrap();
    assert!(refusal.is_refusal(), "{refusal:?}");
    for part in ["operator files-001, output that is pending", "-n files-001", "--pending discard"] {
        assert!(refusal.to_string().contains(part), "{refusal}");
    }
    let non_restored = NonRestored::Allow(vec!["files-001".to_owned()]);
    let job = start(RestoreOptions { non_restored, ..RestoreOptions::new(&path) }).unwrap();
    let notes = job.notes().join("\n");
    assert!(notes.contains("left behind: operator files-001, output that is pending"), "{notes}");
    assert!(!notes.contains("committed"), "{notes}");
    let pending = Some(PendingOutput::Discard);
    start(RestoreOptions { pending, ..RestoreOptions::new(&path) }).unwrap();
}

#[test]
fn pending_output_that_is_gone_refuses_the_start() {
    let (output, savepoints) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let path = saved(output.path(), savepoints.path());
    for file in std::fs::read_dir(output.path()).unwrap() {
        std::fs::remove_file(file.unwrap().path()).unwrap();
    }
    let restart = RestartStrategy::FixedDelay { attempts: 1, delay: 2 * PATIENCE };
    let begun = Instant::now();
    let error = rest(output.path(), JobOptions { restart, ..from(&path) }).unwrap_err();
    assert!(error.is_refusal(), "{error:?}");
    assert!(begun.elapsed() < PATIENCE, "it was tried again");
    for part in ["operator files-001 failed", "neither pending", "--pending discard"] {
        assert!(error.full().contains(part), "{part}: {}", error.full());
    }
}

/// A savepoint that was taken after the last checkpoint has a number that the next process of the job gives out again:
/// then the output of one must not pass for that of the other.
#[test]
fn output_of_one_process_is_not_taken_for_that_of_another() {
    let (output, checkpoints) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let start = |numbers: &Script<i64>, restore: Option<&Path>| {
        let env = Environment::new();
        let files = FileSink::<Lines>::new(output.path());
        env.source(numbers.clone()).uid("numbers-001").sink(files).uid("files-001");
        let options = JobOptions {
            job_id: Some("a".repeat(32)),
            checkpoint_dir: Some(checkpoints.path().to_owned()),
            restore: restore.map(RestoreOptions::new),
            ..at(1)
        };
        env.start("numbers", options)
    };
    let one = Script::new((10..20).collect());
    let job = start(&one, None).unwrap();
    one.read_to(3);
    let checkpoint = job.checkpoint().unwrap();
    one.read_to(6);
    let savepoint = job.savepoint(Some(checkpoints.path())).unwrap();
    job.suspend().unwrap();
    job.wait().unwrap();

    // Other numbers, and as many bytes.
    let two = Script::new((20..30).collect());
    let job = start(&two, Some(&checkpoint)).unwrap();
    two.read_to(6);
    let again = job.checkpoint().unwrap();
    let id = |path| ColumnarReader::options().open(path).unwrap().savepoint().id.clone();
    let [savepoint_id, checkpoint_id] = [&savepoint, &again].map(id);
    assert!(savepoint_id.ends_with("-2") && checkpoint_id.ends_with("-2") && savepoint_id != checkpoint_id);
    job.cancel().unwrap();
    job.wait().unwrap();
    assert_eq!(visible(output.path()), [10, 11, 12, 23, 24, 25]);

    let error = start(&one, Some(&savepoint)).err().unwrap();
    assert!(error.is_refusal() && error.full().contains("neither pending"), "{error:?}");
}

#[test]
fn another_folder_needs_what_is_pending_to_be_discarded() {
    let (output, savepoints) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let path = some(output.path()).stop(Some(savepoints.path()), false).unwrap();
    let other = output.path().join("other");
    let error = rest(&other, from(&path)).unwrap_err();
    assert!(error.is_refusal() && error.full().contains("--pending discard"), "{error:?}");
    let mut options = from(&path);
    options.restore.as_mut().unwrap().pending = Some(PendingOutput::Discard);
    rest(&other, options).unwrap();
    let mut both = [visible(output.path()), visible(&other)].concat();
    both.sort_unstable();
    assert_eq!(both, all());
}

#[test]
fn a_start_that_one_sink_refuses_makes_nothing_visible_in_another() {
    let (dir, savepoints) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let folders = ["one", "two"].map(|name| dir.path().join(name));
    let start = |numbers: &Leash, options: JobOptions| {
        let env = Environment::new();
        let (one, two) = env.source(numbers.clone()).uid("numbers-001").tee();
        one.sink(FileSink::<Lines>::new(&folders[0])).uid("one-001");
        two.sink(FileSink::<Lines>::new(&folders[1])).uid("two-001");
        env.start("numbers", options)
    };
    let job = start(&Leash::new(0..NUMBERS), at(2)).unwrap();
    until(|| job.status().vertices[0].records_in > 0);
    let path = job.savepoint(Some(savepoints.path())).unwrap();
    job.cancel().unwrap();

    let numbers = Leash::new(0..NUMBERS);
    numbers.let_go();
    let aside = dir.path().join("aside");
    std::fs::rename(&folders[1], &aside).unwrap();
    std::fs::write(&folders[1], "").unwrap();
    let error = start(&numbers, from(&path)).err().unwrap().full();
    assert!(error.starts_with("operator two-001 failed: "), "{error}");
    assert!(visible(&folders[0]).is_empty());

    std::fs::remove_file(&folders[1]).unwrap();
    std::fs::rename(&aside, &folders[1]).unwrap();
    start(&numbers, from(&path)).unwrap().wait().unwrap();
    folders.iter().for_each(|folder| assert_eq!(visible(folder), all()));
}

#[test]
fn a_folder_that_cannot_be_written_fails_the_start_by_the_sinks_name() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("a file");
    std::fs::write(&file, "").unwrap();
    // In the place of a folder, above one, and where nobody can make one, not even root.
    for output in [file.clone(), file.join("below"), "/proc/output".into()] {
        let error = copy(&Leash::new(0..NUMBERS), &output, &Arc::default()).start("numbers", at(2));
        let error = error.err().unwrap();
        assert!(error.is_refusal(), "{error:?}");
        let error = error.full();
        assert!(error.starts_with("operator files-001 failed: "), "{error}");
        assert!(error.contains(&output.display().to_string()), "{error}");
    }
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1, "nothing was made");
}
