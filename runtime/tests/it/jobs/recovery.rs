//! What a job goes on from: damaged checkpoints, starts that fail, requests that come all at once, who owns what.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use spt_runtime::config::{ClaimMode, NonRestored, RetainedCheckpoints};
use spt_runtime::job::{JobState, Subtask};
use spt_runtime::sources::{Sequence, SequenceReader, Source, Span};
use spt_runtime::{
    Environment, Error, JobControl, JobHandle, JobOptions, RestoreOptions, Result, Watermarks,
};

use super::collect::Collect;
use super::failure::{fragile, restarting, start};
use super::leash::Leash;
use super::process::{Everything, Price};
use super::word_count::{at, counted, word_count};

const NUMBERS: i64 = 30_000;

/// A job that is about to fail, and its checkpoints.
struct Doomed {
    _dir: tempfile::TempDir,
    job: JobHandle,
    sink: Collect<(String, i64)>,
    checkpoints: [PathBuf; 2],
    numbers: Leash,
    fuse: Arc<AtomicBool>,
}

impl Doomed {
    fn new() -> Self {
        Self::restarting(2)
    }

    fn restarting(times: u32) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let (numbers, fuse, sink) = (Leash::new(0..NUMBERS), Arc::default(), Collect::default());
        let options = JobOptions {
            checkpoint_dir: Some(dir.path().to_owned()),
            retained_checkpoints: 2,
            restart: restarting(times),
            ..at(2)
        };
        let job = start(&fragile(&numbers, &fuse, &sink), &sink, options);
        let checkpoints = [(); 2].map(|()| {
            sink.wait_for(sink.records().len() + 30);
            job.checkpoint().unwrap()
        });
        Self { _dir: dir, job, sink, checkpoints, numbers, fuse }
    }

    fn fail(&self) -> Result<JobState> {
        self.fuse.store(true, Ordering::SeqCst);
        self.numbers.let_go();
        self.job.wait()
    }
}

fn flip_a_byte(file: &Path) {
    let mut bytes = std::fs::read(file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(file, bytes).unwrap();
}

/// The largest data file below a checkpoint.
fn data_file(checkpoint: &Path) -> PathBuf {
    data_files(checkpoint).into_iter().max().unwrap().1
}

/// The data files below a checkpoint, and how long they are.
fn data_files(checkpoint: &Path) -> Vec<(u64, PathBuf)> {
    let mut files = Vec::new();
    let mut folders = vec![checkpoint.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap()) {
            match entry.file_type().unwrap().is_dir() {
                true => folders.push(entry.path()),
                false => files.push((entry.metadata().unwrap().len(), entry.path())),
            }
        }
    }
    files.retain(|(_, path)| path.extension().is_some_and(|extension| extension == "parquet"));
    files
}

#[test]
fn a_restart_passes_over_a_checkpoint_whose_manifest_is_damaged() {
    let doomed = Doomed::new();
    flip_a_byte(&doomed.checkpoints[1].join("manifest.json"));
    assert_eq!(doomed.fail().unwrap(), JobState::Finished);
    assert_eq!(doomed.sink.largest(), counted(0..NUMBERS));
    assert_eq!(doomed.job.checkpoints().restored.unwrap().path.as_ref(), Some(&doomed.checkpoints[0]));
    assert_eq!(doomed.job.status().restarts, 1);
}

#[test]
fn a_restart_passes_over_a_checkpoint_whose_rows_are_damaged_once_it_has_noticed() {
    let doomed = Doomed::new();
    flip_a_byte(&data_file(&doomed.checkpoints[1]));
    assert_eq!(doomed.fail().unwrap(), JobState::Finished);
    assert_eq!(doomed.sink.largest(), counted(0..NUMBERS));
    assert_eq!(doomed.job.checkpoints().restored.unwrap().path.as_ref(), Some(&doomed.checkpoints[0]));
    assert_eq!(doomed.job.status().restarts, 2);
}

#[test]
fn a_restart_waits_for_a_checkpoint_that_the_system_does_not_read() {
    let doomed = Doomed::restarting(1000);
    let file = data_file(&doomed.checkpoints[1]);
    let aside = file.with_extension("aside");
    std::fs::rename(&file, &aside).unwrap();
    // A link to itself is there, and cannot be opened.
    std::os::unix::fs::symlink(&file, &file).unwrap();
    doomed.fuse.store(true, Ordering::SeqCst);
    doomed.numbers.let_go();
    while doomed.job.status().restarts < 2 && !doomed.job.wait_for(Duration::from_millis(1)) {}
    std::fs::rename(&aside, &file).unwrap();
    assert_eq!(doomed.job.wait().unwrap(), JobState::Finished);
    assert_eq!(doomed.sink.largest(), counted(0..NUMBERS));
    assert_eq!(doomed.job.checkpoints().restored.unwrap().path.as_ref(), Some(&doomed.checkpoints[1]));
}

/// Two operators that keep all there is to keep, broadcast state and timers included, behind one that fails when it is
/// told to.
fn keeping_everything(numbers: &Leash, fuse: &Arc<AtomicBool>) -> Environment {
    let (env, fuse) = (Environment::new(), Arc::clone(fuse));
    let numbers = env.source(numbers.clone()).uid("numbers").map(move |number| {
        assert!(!fuse.swap(false, Ordering::SeqCst), "number {number} is poison");
        *number
    });
    let (numbers, copy) = numbers.assign_timestamps(|n| *n, Watermarks::ascending()).tee();
    numbers.key_by_value(|n| n % 5).process(Everything::default()).uid("everything").sink(Collect::default());
    let rates = env.collection(vec![("rate".to_owned(), 3)]).uid("rates");
    let priced = copy.key_by_value(|n| n % 5).connect_broadcast(rates).process(Price::default()).uid("price");
    priced.sink(Collect::default());
    env
}

#[test]
fn a_restart_passes_over_a_checkpoint_whichever_of_its_states_is_damaged() {
    let mut damaged = Vec::new();
    loop {
        let dir = tempfile::tempdir().unwrap();
        let (numbers, fuse) = (Leash::one(0..10_000), Arc::default());
        let options = JobOptions {
            checkpoint_dir: Some(dir.path().to_owned()),
            retained_checkpoints: 2,
            restart: restarting(2),
            ..at(2)
        };
        let job = keeping_everything(&numbers, &fuse).start("everything", options).unwrap();
        while job.status().vertices[1].records_in < 500 {
            std::thread::sleep(Duration::from_millis(1));
        }
        let [older, newest] = [(); 2].map(|()| job.checkpoint().unwrap());
        let mut files: Vec<_> = data_files(&newest).into_iter().map(|(_, path)| path).collect();
        files.sort();
        let Some(file) = files.get(damaged.len()) else {
            job.cancel().unwrap();
            break;
        };
        flip_a_byte(file);
        fuse.store(true, Ordering::SeqCst);
        numbers.let_go();
        assert_eq!(job.wait().unwrap(), JobState::Finished, "{}", file.display());
        assert_eq!(job.checkpoints().restored.unwrap().path, Some(older), "{}", file.display());
        damaged.push(file.parent().unwrap().file_name().unwrap().to_str().unwrap().to_owned());
    }
    for kind in
        ["aggregating", "broadcast", "list", "map", "operator-list", "reducing", "timer", "union", "value"]
    {
        assert!(damaged.iter().any(|state| state.starts_with(kind)), "no {kind} in {damaged:?}");
    }
}

#[test]
fn a_job_none_of_whose_checkpoints_can_be_read_fails_and_does_not_begin_anew() {
    let doomed = Doomed::new();
    doomed.checkpoints.iter().for_each(|path| std::fs::remove_file(path.join("manifest.json")).unwrap());
    let error = doomed.fail().unwrap_err().full();
    assert!(error.starts_with("none of the job's checkpoints can be read: "), "{error}");
}

/// A source that cannot say what there is to read before it was asked so many times.
#[derive(Clone)]
struct Late {
    asked: Arc<AtomicU32>,
    failures: u32,
    error: fn() -> Error,
}

impl Source for Late {
    type Item = i64;
    type Split = Span;
    type Reader = SequenceReader;

    fn name(&self) -> &'static str {
        "late"
    }

    fn is_replayable(&self) -> bool {
        true
    }

    fn splits(&self, parallelism: u32) -> Result<Vec<Span>> {
        match self.asked.fetch_add(1, Ordering::SeqCst) < self.failures {
            true => Err((self.error)()),
            false => Sequence::new(0..100).splits(parallelism),
        }
    }

    fn reader(&self, subtask: &Subtask, splits: Vec<Span>) -> Result<SequenceReader> {
        Sequence::new(0..100).reader(subtask, splits)
    }
}

/// What becomes of a job whose source is late, and how often the source was asked.
fn start_late(failures: u32, error: fn() -> Error) -> (Result<JobState>, u32) {
    let source = Late { asked: Arc::default(), failures, error };
    let env = Environment::new();
    env.source(source.clone()).uid("late-001").sink(Collect::default());
    let options = JobOptions { restart: restarting(2), ..at(2) };
    let result = env.start("late", options).and_then(|job| job.wait());
    (result, source.asked.load(Ordering::SeqCst))
}

#[test]
fn a_first_start_that_fails_is_tried_again_as_configured() {
    let away = || Error::failed("the server is away");
    let (result, asked) = start_late(2, away);
    assert_eq!((result.unwrap(), asked), (JobState::Finished, 3));
    let (result, asked) = start_late(3, away);
    assert_eq!(result.unwrap_err().full(), "operator late-001 failed: the server is away");
    assert_eq!(asked, 3);
}

#[test]
fn a_first_start_that_is_refused_is_not_tried_again() {
    let (result, asked) = start_late(1, || Error::refused("the folder is not writable"));
    assert!(result.unwrap_err().full().contains("not writable"));
    assert_eq!(asked, 1);
}

fn endless() -> Environment {
    word_count(Sequence::new(0..i64::MAX).per_second(1_000.0), &Collect::default())
}

#[test]
fn a_savepoint_that_cannot_be_read_is_not_tried_again() {
    let dir = tempfile::tempdir().unwrap();
    let job = endless().start("wordcount", at(2)).unwrap();
    let path = job.stop(Some(dir.path()), false).unwrap();
    flip_a_byte(&data_file(&path));
    let options =
        JobOptions { restore: Some(RestoreOptions::new(&path)), restart: restarting(1000), ..at(2) };
    let error = endless().start("wordcount", options).err().unwrap().full();
    assert!(error.contains(&format!("{} cannot be read back: ", path.display())), "{error}");
}

#[test]
fn every_request_is_answered_however_many_come_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let options = JobOptions {
        checkpoint_dir: Some(dir.path().join("checkpoints")),
        checkpoint_interval: Some(Duration::from_millis(5)),
        ..at(2)
    };
    let job = endless().start("wordcount", options).unwrap();
    let ask = |number: usize| {
        let (job, dir) = (job.clone(), dir.path().to_owned());
        std::thread::spawn(move || match number % 3 {
            0 => job.checkpoint().unwrap(),
            _ => job.savepoint(Some(&dir)).unwrap(),
        })
    };
    let asked: Vec<_> = (0..12).map(ask).collect();
    let mut paths: Vec<_> = asked.into_iter().map(|asked| asked.join().unwrap()).collect();
    paths.sort();
    paths.dedup();
    assert_eq!(paths.len(), 12);
    let savepoints = paths.iter().filter(|path| path.starts_with(dir.path().join("checkpoints")));
    assert_eq!(savepoints.count(), 4);

    // Those that come too late are answered too.
    let (stop, late) = (job.clone(), job.clone());
    let path = dir.path().to_owned();
    let stopping = std::thread::spawn(move || stop.stop(Some(&path), false).unwrap());
    while late.savepoint(Some(dir.path())).is_ok() {}
    stopping.join().unwrap();
    assert_eq!(job.wait().unwrap(), JobState::Finished);
}

#[test]
fn a_claimed_savepoint_counts_as_a_checkpoint_and_goes_with_them() {
    let dir = tempfile::tempdir().unwrap();
    let path = endless().start("wordcount", at(2)).unwrap().stop(Some(dir.path()), false).unwrap();
    let claim = |claim, retained_checkpoints| JobOptions {
        restore: Some(RestoreOptions { claim, ..RestoreOptions::new(&path) }),
        checkpoint_dir: Some(dir.path().join("checkpoints")),
        retained_checkpoints,
        ..at(2)
    };
    let job = endless().start("wordcount", claim(ClaimMode::NoClaim, 1)).unwrap();
    (0..3).for_each(|_| drop(job.checkpoint().unwrap()));
    job.cancel().unwrap();
    assert!(path.exists(), "it is somebody else's");

    let job = endless().start("wordcount", claim(ClaimMode::Claim, 2)).unwrap();
    job.checkpoint().unwrap();
    assert!(path.exists(), "it is one of two");
    job.checkpoint().unwrap();
    assert!(!path.exists());
    job.cancel().unwrap();
}

#[test]
fn a_checkpoint_of_a_job_that_still_runs_is_not_claimed() {
    let dir = tempfile::tempdir().unwrap();
    let options = || JobOptions { checkpoint_dir: Some(dir.path().to_owned()), ..at(2) };
    let job = endless().start("wordcount", options()).unwrap();
    let path = job.checkpoint().unwrap();
    let start = |claim| {
        let restore = Some(RestoreOptions { claim, ..RestoreOptions::new(&path) });
        endless().start("heir", JobOptions { restore, ..options() })
    };
    let refusal = start(ClaimMode::Claim).err().unwrap();
    assert!(refusal.is_refusal() && refusal.full().contains("still runs"), "{refusal:?}");
    start(ClaimMode::NoClaim).unwrap().cancel().unwrap();
    job.suspend().unwrap();
    job.wait().unwrap();
    start(ClaimMode::Claim).unwrap().cancel().unwrap();
}

#[test]
fn a_restart_goes_back_to_a_claimed_savepoint_on_the_terms_of_the_start() {
    let dir = tempfile::tempdir().unwrap();
    let job = word_count(Leash::new(0..NUMBERS), &Collect::default()).start("wordcount", at(2)).unwrap();
    // Drained, and with counts that the next job leaves behind.
    let path = job.stop(Some(dir.path()), true).unwrap();
    let (numbers, fuse): (_, Arc<AtomicBool>) = (Leash::new(0..NUMBERS), Arc::default());
    let (env, blown) = (Environment::new(), Arc::clone(&fuse));
    env.source(numbers.clone())
        .uid("stream-001")
        .map(move |number| {
            assert!(!blown.swap(false, Ordering::SeqCst), "number {number} is poison");
            *number
        })
        .sink(Collect::default());
    let restore = RestoreOptions {
        claim: ClaimMode::Claim,
        non_restored: NonRestored::AllowAll,
        allow_drained: true,
        ..RestoreOptions::new(&path)
    };
    let options = JobOptions {
        restore: Some(restore),
        checkpoint_dir: Some(dir.path().join("checkpoints")),
        retained_checkpoints: 2,
        restart: restarting(1),
        ..at(2)
    };
    let job = env.start("heirs", options).unwrap();
    flip_a_byte(&job.checkpoint().unwrap().join("manifest.json"));
    fuse.store(true, Ordering::SeqCst);
    numbers.let_go();
    assert_eq!(job.wait().unwrap(), JobState::Finished);
    assert_eq!(job.checkpoints().restored.unwrap().path, Some(path));
}

#[test]
fn a_cancelled_job_deletes_its_checkpoints_if_it_is_to_and_a_suspended_one_never_does() {
    let dir = tempfile::tempdir().unwrap();
    let options = JobOptions {
        checkpoint_dir: Some(dir.path().to_owned()),
        retention: RetainedCheckpoints::Delete,
        ..at(2)
    };
    let job = endless().start("wordcount", options.clone()).unwrap();
    let path = job.checkpoint().unwrap();
    job.suspend().unwrap();
    assert_eq!(job.wait().unwrap(), JobState::Suspended);
    let options = JobOptions { restore: Some(RestoreOptions::new(&path)), ..options };
    let job = endless().start("wordcount", options).unwrap();
    let next = job.checkpoint().unwrap();
    job.cancel().unwrap();
    assert!(path.exists() && !next.exists());
}

#[test]
fn a_start_from_a_checkpoint_that_is_not_the_newest_is_said() {
    let dir = tempfile::tempdir().unwrap();
    let options =
        JobOptions { checkpoint_dir: Some(dir.path().to_owned()), retained_checkpoints: 2, ..at(2) };
    let job = endless().start("wordcount", options.clone()).unwrap();
    let paths = [(); 2].map(|()| job.checkpoint().unwrap());
    job.cancel().unwrap();
    let notes = |path: &Path| {
        let options = JobOptions { restore: Some(RestoreOptions::new(path)), ..at(2) };
        let job = endless().start("wordcount", options).unwrap();
        job.cancel().unwrap();
        job.notes().join("\n")
    };
    let said = notes(&paths[0]);
    assert!(said.contains("chk-2 is newer") && said.contains("written again"), "{said}");
    assert_eq!(notes(&paths[1]), "");
}
