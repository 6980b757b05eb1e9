//! Words per second at parallelism 2, from lines in memory to one output record per word; and the same job's
//! savepoint and restore with many keys, with the longest pause of its output.
//!
//! `cargo bench -p spt-runtime --bench word_count [-- words | keys [KEYS [DIR]] | barrier [KEYS] | checkpoints [KEYS]]`.
//! Savepoints stay in DIR. `barrier` rewrites a tenth of the keys while a savepoint is taken, with the peak of memory;
//! `checkpoints` compares the throughput with a checkpoint each second with that without. A pause is also given in time
//! on the processor, which a busy machine does not lengthen.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a measurement ends where it cannot go on"
)]

use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};
use spt_runtime::job::Subtask;
use spt_runtime::sinks::{Sink, SinkWriter, Start};
use spt_runtime::sources::{Poll, Source, SourceReader};
use spt_runtime::{Data, Environment, JobControl, JobHandle, JobOptions, Out, RestoreOptions, Result};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const WORDS_PER_LINE: u64 = 10;
const POOL_LINES: u64 = 1 << 16;
/// Records between two looks at the clock.
const LOOK_EVERY: u32 = 1024;

fn main() {
    let arguments: Vec<String> =
        std::env::args().skip(1).filter(|argument| !argument.starts_with("--")).collect();
    let what = arguments.first().map_or("all", String::as_str);
    if matches!(what, "all" | "words") {
        for vocabulary in [1_000, 100_000] {
            words(vocabulary, 6_000_000);
        }
    }
    let number = arguments.get(1).map(|keys| keys.parse().unwrap());
    if what == "barrier" {
        let sizes = number.map_or(vec![100_000, 1_000_000, 10_000_000], |keys| vec![keys]);
        sizes.into_iter().for_each(barrier);
    }
    if what == "checkpoints" {
        checkpoints(number.unwrap_or(500_000));
    }
    if matches!(what, "all" | "keys") {
        let scratch = tempfile::tempdir().unwrap();
        let dir = arguments.get(2).map_or(scratch.path().to_owned(), PathBuf::from);
        keys(number.unwrap_or(5_000_000), &dir);
    }
}

fn words(vocabulary: u64, lines: u64) {
    let source = Pool { total: lines, ..Pool::new(pool(vocabulary)) };
    let begin = Instant::now();
    let options = JobOptions { parallelism: Some(2), ..JobOptions::default() };
    word_count(source, Arc::default(), options).wait().unwrap();
    let rate = (lines * WORDS_PER_LINE) as f64 / begin.elapsed().as_secs_f64();
    println!("vocabulary {vocabulary}: {:.1} M words/s at parallelism 2", rate / 1e6);
}

/// Lines of so many words, nearly all of them different.
fn many_keys(keys: u64) -> Pool {
    let lines = (0..keys / WORDS_PER_LINE).map(|line| {
        let words = (0..WORDS_PER_LINE)
            .map(|word| format!("key-{:08}", mix(line * WORDS_PER_LINE + word) % (keys * 4)));
        words.collect::<Vec<_>>().join(" ")
    });
    Pool::new(lines.collect())
}

/// Waits until a job has counted so many words more.
fn await_words(job: &JobHandle, more: u64) {
    let words = || job.status().vertices[1].records_in;
    let enough = words() + more;
    while words() < enough {
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A tenth of the keys is rewritten over and over while a savepoint is taken.
fn barrier(keys: u64) {
    let dir = tempfile::tempdir().unwrap();
    let source = many_keys(keys);
    let options = JobOptions { parallelism: Some(2), ..JobOptions::default() };
    let pauses = Arc::new(Pauses::default());
    let job = word_count(source.clone(), Arc::clone(&pauses), options);
    await_words(&job, 2 * keys);
    source.first.store(source.lines.len() / 10, Ordering::Relaxed);
    await_words(&job, keys);
    for _ in 0..3 {
        let alone = watch(&job, &pauses, &mut || std::thread::sleep(Duration::from_secs(2)));
        reset_peak();
        let before = memory("VmRSS:");
        let during = watch(&job, &pauses, &mut || drop(job.savepoint(Some(dir.path())).unwrap()));
        let rows = job.checkpoints().latest_savepoint.unwrap().rows;
        println!(
            "{rows} rows: {:.1} M words/s alone, {:.1} during the savepoint of {:.2?}; longest pause {:.1?} alone, {:.1?} \
             then, on the processor {:.1?}; memory {} MB, at its peak {} MB",
            alone.rate,
            during.rate,
            during.took,
            alone.pause.0,
            during.pause.0,
            during.pause.1,
            before >> 10,
            memory("VmHWM:") >> 10
        );
    }
    job.cancel().unwrap();
}

/// Throughput with a checkpoint each second and without, in turns.
fn checkpoints(keys: u64) {
    let dir = tempfile::tempdir().unwrap();
    let source = many_keys(keys);
    let with = |interval: Option<Duration>| JobOptions {
        parallelism: Some(2),
        checkpoint_dir: Some(dir.path().to_owned()),
        checkpoint_interval: interval,
        ..JobOptions::default()
    };
    for _ in 0..3 {
        let [without, with] = [None, Some(Duration::from_secs(1))].map(|interval| {
            let pauses = Arc::new(Pauses::default());
            let job = word_count(source.clone(), Arc::clone(&pauses), with(interval));
            await_words(&job, 4 * keys);
            let before = job.checkpoints().counts.completed;
            let seen = watch(&job, &pauses, &mut || std::thread::sleep(Duration::from_secs(8)));
            let taken = job.checkpoints().counts.completed - before;
            job.cancel().unwrap();
            println!(
                "{:.1} M words/s, {taken} checkpoints in 8 s, longest pause {:.1?}",
                seen.rate, seen.pause.0
            );
            seen.rate
        });
        println!("with a checkpoint each second: {:.3} of the throughput without", with / without);
    }
}

/// What was seen of a job while something was done.
struct Seen {
    took: Duration,
    /// Million words a second.
    rate: f64,
    /// Longest time between outputs, and on the processor.
    pause: (Duration, Duration),
}

fn watch(job: &JobHandle, pauses: &Pauses, work: &mut dyn FnMut()) -> Seen {
    let words = || job.status().vertices[1].records_in;
    pauses.take();
    let (before, begin) = (words(), Instant::now());
    work();
    let took = begin.elapsed();
    Seen { took, rate: (words() - before) as f64 / took.as_secs_f64() / 1e6, pause: pauses.take() }
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

fn keys(keys: u64, dir: &Path) {
    let source = many_keys(keys);
    let options = JobOptions { parallelism: Some(2), ..JobOptions::default() };
    let pauses = Arc::new(Pauses::default());
    let job = word_count(source.clone(), Arc::clone(&pauses), options.clone());
    await_words(&job, 2 * keys);
    let watch = |what: &str, work: &mut dyn FnMut()| {
        let Seen { took, rate, pause: (wall, processor) } = watch(&job, &pauses, work);
        println!("{what}: {rate:.1} M words/s; longest pause {wall:.1?}, on the processor {processor:.1?}");
        took
    };
    let mut path = PathBuf::new();
    for _ in 0..3 {
        watch("job alone", &mut || std::thread::sleep(Duration::from_secs(2)));
        let took = watch("job during the savepoint", &mut || path = job.savepoint(Some(dir)).unwrap());
        let record = job.checkpoints().latest_savepoint.unwrap();
        let rate = record.rows as f64 / took.as_secs_f64() / 1e6;
        println!("savepoint: {} rows, {} bytes, {took:.2?}, {rate:.2} M rows/s", record.rows, record.bytes);
    }
    let rows = job.checkpoints().latest_savepoint.unwrap().rows;
    job.cancel().unwrap();
    let begin = Instant::now();
    let options = JobOptions { restore: Some(RestoreOptions::new(path)), ..options };
    let job = word_count(source, pauses, options);
    let took = begin.elapsed();
    println!("restore: {took:.2?}, {:.2} M rows/s", rows as f64 / took.as_secs_f64() / 1e6);
    job.cancel().unwrap();
}

fn word_count(source: Pool, pauses: Arc<Pauses>, options: JobOptions) -> JobHandle {
    let env = Environment::new();
    env.source(source)
        .uid("stream-001")
        .flat_map(|line, out| out.extend(line.split_ascii_whitespace()))
        .uid("flatMap-001")
        .map_to::<(String, i64)>(|word| (word, 1))
        .uid("map-001")
        .key_by(|(word, _)| *word)
        .sum(|(_, n)| *n)
        .uid("sum-001")
        .sink(Devour { pauses })
        .uid("sink-001");
    env.start("wordcount", options).unwrap()
}

/// Lines whose words follow a logarithmic distribution: few are frequent, most are rare.
fn pool(vocabulary: u64) -> Arc<[String]> {
    let word = |number: u64| {
        let uniform = (mix(number + 0x9e37_79b9_7f4a_7c15) >> 11) as f64 / (1u64 << 53) as f64;
        format!("word{}", ((vocabulary as f64).powf(uniform) - 1.0) as u64)
    };
    let line = |line| {
        (0..WORDS_PER_LINE).map(|place| word(line * WORDS_PER_LINE + place)).collect::<Vec<_>>().join(" ")
    };
    (0..POOL_LINES).map(line).collect()
}

fn mix(mut number: u64) -> u64 {
    number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

/// The same lines over and over, shared by all subtasks.
#[derive(Clone)]
struct Pool {
    lines: Arc<[String]>,
    total: u64,
    /// Only the first so many lines are sent, from the time on that this is set.
    first: Arc<AtomicUsize>,
}

impl Pool {
    /// All of these lines, for longer than anybody waits.
    fn new(lines: Arc<[String]>) -> Self {
        let first = Arc::new(AtomicUsize::new(lines.len()));
        Self { lines, total: u64::MAX >> 1, first }
    }
}

impl Source for Pool {
    type Item = String;
    type Split = (u64, u64);
    type Reader = PoolReader;

    fn name(&self) -> &'static str {
        "pool"
    }

    fn is_replayable(&self) -> bool {
        true
    }

    fn splits(&self, parallelism: u32) -> Result<Vec<(u64, u64)>> {
        let parallelism = u64::from(parallelism);
        Ok((0..parallelism)
            .map(|index| (index * self.total / parallelism, (index + 1) * self.total / parallelism))
            .collect())
    }

    fn reader(&self, _: &Subtask, splits: Vec<(u64, u64)>) -> Result<PoolReader> {
        Ok(PoolReader { lines: Arc::clone(&self.lines), first: Arc::clone(&self.first), splits })
    }
}

struct PoolReader {
    lines: Arc<[String]>,
    first: Arc<AtomicUsize>,
    splits: Vec<(u64, u64)>,
}

impl SourceReader for PoolReader {
    type Item = String;
    type Split = (u64, u64);

    fn poll(&mut self, out: &mut Out<'_, String>) -> Result<Poll> {
        let Some((next, end)) = self.splits.iter_mut().find(|(next, end)| next < end) else {
            return Ok(Poll::End);
        };
        let stop = (*next + 256).min(*end);
        let first = self.first.load(Ordering::Relaxed);
        for line in *next..stop {
            out.emit(self.lines[line as usize % first].as_str());
        }
        *next = stop;
        Ok(Poll::Ready)
    }

    fn splits(&self) -> Vec<(u64, u64)> {
        self.splits.clone()
    }
}

/// The longest times between outputs of a subtask, in nanoseconds.
#[derive(Default)]
struct Pauses {
    passed: AtomicU64,
    on_processor: AtomicU64,
}

impl Pauses {
    fn note(&self, passed: Duration, on_processor: Duration) {
        self.passed.fetch_max(passed.as_nanos() as u64, Ordering::Relaxed);
        self.on_processor.fetch_max(on_processor.as_nanos() as u64, Ordering::Relaxed);
    }

    /// Time passed, and time on the processor; the next ones start from nothing.
    fn take(&self) -> (Duration, Duration) {
        let take = |longest: &AtomicU64| Duration::from_nanos(longest.swap(0, Ordering::Relaxed));
        (take(&self.passed), take(&self.on_processor))
    }
}

/// Looks at every record and keeps none.
#[derive(Clone)]
struct Devour {
    pauses: Arc<Pauses>,
}

impl<T: Data> Sink<T> for Devour {
    type Writer = DevourWriter;
    type Committable = ();

    fn name(&self) -> &'static str {
        "devour"
    }

    fn is_exactly_once(&self) -> bool {
        false
    }

    fn writer(&self, _: &Subtask) -> Result<DevourWriter> {
        Ok(DevourWriter { pauses: Arc::clone(&self.pauses), records: 0, last: None })
    }

    fn commit(&self, _: &[()]) -> Result<()> {
        Ok(())
    }

    fn recover(&self, _: &Start, _: &[()]) -> Result<()> {
        Ok(())
    }
}

struct DevourWriter {
    pauses: Arc<Pauses>,
    records: u32,
    last: Option<(Instant, Duration)>,
}

impl DevourWriter {
    #[cold]
    fn look(&mut self) {
        let time = clock_gettime(ClockId::ThreadCPUTime);
        let now = (Instant::now(), Duration::new(time.tv_sec as u64, time.tv_nsec as u32));
        if let Some(last) = self.last.replace(now) {
            self.pauses.note(now.0 - last.0, now.1 - last.1);
        }
    }
}

impl<T: Data> SinkWriter<T> for DevourWriter {
    type Committable = ();

    #[inline]
    fn write(&mut self, record: T::Ref<'_>) -> Result<()> {
        black_box(record);
        self.records = self.records.wrapping_add(1);
        if self.records.is_multiple_of(LOOK_EVERY) {
            self.look();
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<()> {
        Ok(())
    }

    fn prepare(&mut self, _: u64) -> Result<Vec<()>> {
        Ok(Vec::new())
    }
}
