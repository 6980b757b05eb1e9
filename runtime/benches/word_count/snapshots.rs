//! Savepoints, checkpoints and restores of the job with many keys.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use spt_runtime::{JobControl, JobHandle, JobOptions, RestoreOptions};

use crate::devour::{Pauses, Span};
use crate::pool::Pool;
use crate::words::Bytewise;
use crate::{options, word_count};

/// Savepoints of so many keys, each counted once, while the job waits for input; then while it goes on counting; then a
/// restore, until the first record has passed. Savepoints stay in `dir`.
pub fn keys(keys: u64, dir: &Path) {
    let source = Pool::of_keys(keys);
    source.gate.store(source.lines.len() as u64, Ordering::Relaxed);
    let pauses = Arc::new(Pauses::default());
    let job = word_count::<Bytewise>(source.clone(), Arc::clone(&pauses), options());
    await_words(&job, keys);
    for _ in 0..3 {
        savepoint("idle job", &job, dir);
    }
    // And the positions of the source in two subtasks.
    assert_eq!(job.checkpoints().latest_savepoint.unwrap().rows, keys + 2);
    source.gate.store(u64::MAX, Ordering::Relaxed);
    await_words(&job, 2 * keys);
    let mut path = PathBuf::new();
    for _ in 0..3 {
        let alone = watch(&job, &pauses, &mut || std::thread::sleep(Duration::from_secs(2)));
        println!("{alone}, alone");
        let during = watch(&job, &pauses, &mut || path = savepoint("running job", &job, dir));
        println!("{during}, meanwhile");
    }
    job.cancel().unwrap();
    restores(&path, keys);
}

/// Restores of a savepoint that [`keys`] took of so many keys.
pub fn restores(path: &Path, keys: u64) {
    let source = Pool::of_keys(keys);
    for _ in 0..3 {
        restore(path, source.clone(), keys);
    }
}

/// Takes a savepoint, and says what it took.
fn savepoint(what: &str, job: &JobHandle, dir: &Path) -> PathBuf {
    let (begin, processor) = (Instant::now(), on_processor());
    let path = job.savepoint(Some(dir)).unwrap();
    let (took, processor) = (begin.elapsed(), on_processor() - processor);
    let record = job.checkpoints().latest_savepoint.unwrap();
    println!(
        "savepoint, {what}: {} rows, {} bytes, {took:.2?} ({processor:.2?} on the processors), {:.2} M rows/s",
        record.rows,
        record.bytes,
        rate(record.rows, took)
    );
    path
}

fn restore(path: &Path, source: Pool, keys: u64) {
    let pauses = Arc::new(Pauses::default());
    let options = JobOptions { restore: Some(RestoreOptions::new(path.to_owned())), ..options() };
    let (begin, processor) = (Instant::now(), on_processor());
    let job = word_count::<Bytewise>(source, Arc::clone(&pauses), options);
    while !pauses.is_reached.load(Ordering::Relaxed) {
        std::thread::sleep(Duration::from_micros(100));
    }
    let (took, processor) = (begin.elapsed(), on_processor() - processor);
    println!(
        "restore, to the first record: {took:.2?} ({processor:.2?} on the processors), {:.2} M rows/s",
        rate(keys, took)
    );
    job.cancel().unwrap();
}

/// A tenth of the keys, some in every page, is rewritten over and over while a savepoint is taken.
pub fn barrier(keys: u64) {
    let dir = tempfile::tempdir().unwrap();
    let source = Pool::of_keys(keys);
    let pauses = Arc::new(Pauses::default());
    let job = word_count::<Bytewise>(source.clone(), Arc::clone(&pauses), options());
    await_words(&job, 2 * keys);
    source.every.store(10, Ordering::Relaxed);
    await_words(&job, words(&job) + keys);
    for _ in 0..3 {
        let alone = watch(&job, &pauses, &mut || std::thread::sleep(Duration::from_secs(2)));
        println!("{alone}, alone");
        reset_peak();
        let before = memory("VmRSS:");
        let during = watch(&job, &pauses, &mut || drop(savepoint("running job", &job, dir.path())));
        println!(
            "{during}, meanwhile: {:.2} of the throughput; at the barrier {:?}; memory {} MB, at its peak {} MB",
            during.rate / alone.rate,
            pauses.barrier(),
            before >> 10,
            memory("VmHWM:") >> 10
        );
    }
    job.cancel().unwrap();
}

/// Throughput with a checkpoint each second and without, in short turns of one job: the machine changes less in between.
pub fn checkpoints(keys: u64) {
    let dir = tempfile::tempdir().unwrap();
    let options = JobOptions { checkpoint_dir: Some(dir.path().to_owned()), ..options() };
    let pauses = Arc::new(Pauses::default());
    let job = word_count::<Bytewise>(Pool::of_keys(keys), Arc::clone(&pauses), options);
    await_words(&job, 4 * keys);
    let each_second = |take: bool| {
        let second = || {
            let begin = Instant::now();
            if take {
                job.checkpoint().unwrap();
            }
            std::thread::sleep(Duration::from_secs(1).saturating_sub(begin.elapsed()));
        };
        watch(&job, &pauses, &mut || (0..4).for_each(|_| second()))
    };
    let mut ratios = Vec::new();
    for _ in 0..12 {
        let (without, with) = (each_second(false), each_second(true));
        let ratio = with.rate / without.rate;
        println!("{without}, without; {with}, with a checkpoint each second: {ratio:.3}");
        ratios.push(ratio);
    }
    ratios.sort_by(f64::total_cmp);
    println!(
        "with a checkpoint each second: {:.3} of the throughput without (median)",
        ratios[ratios.len() / 2]
    );
    job.cancel().unwrap();
}

/// Words that a job has counted.
fn words(job: &JobHandle) -> u64 {
    job.status().vertices[1].records_in
}

/// Waits until a job has counted so many words since it began.
fn await_words(job: &JobHandle, enough: u64) {
    while words(job) < enough {
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// What was seen of a job while something was done.
struct Seen {
    /// Million words a second.
    rate: f64,
    /// The longest time without output.
    pause: Span,
}

impl std::fmt::Display for Seen {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:.1} M words/s, longest pause {:?}", self.rate, self.pause)
    }
}

fn watch(job: &JobHandle, pauses: &Pauses, work: &mut dyn FnMut()) -> Seen {
    let words = || job.status().vertices[1].records_in;
    pauses.output();
    pauses.barrier();
    let (before, begin) = (words(), Instant::now());
    work();
    Seen { rate: rate(words() - before, begin.elapsed()), pause: pauses.output() }
}

/// Millions a second.
fn rate(count: u64, took: Duration) -> f64 {
    count as f64 / took.as_secs_f64() / 1e6
}

/// How long all threads of this process have been on a processor.
fn on_processor() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// A line of this process's status, in kB.
fn memory(line: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let found = status.lines().find_map(|found| found.strip_prefix(line)).unwrap();
    found.trim().trim_end_matches(" kB").parse().unwrap()
}

/// The peak of memory is that from now on.
fn reset_peak() {
    std::fs::write("/proc/self/clear_refs", "5").unwrap();
}
