//! Words per second at parallelism 2, from lines in memory to one output record per word; and the same job's
//! savepoint and restore with many keys, with the longest pause of its output.
//!
//! `cargo bench -p spt-runtime --bench word_count [-- words|keys [KEYS [DIR]]]`. Savepoints stay in DIR. A pause
//! is also given in time on the processor, which a busy machine does not lengthen.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a measurement ends where it cannot go on"
)]

use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
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
    if matches!(what, "all" | "keys") {
        let scratch = tempfile::tempdir().unwrap();
        let dir = arguments.get(2).map_or(scratch.path().to_owned(), PathBuf::from);
        keys(arguments.get(1).map_or(5_000_000, |keys| keys.parse().unwrap()), &dir);
    }
}

fn words(vocabulary: u64, lines: u64) {
    let source = Pool { lines: pool(vocabulary), total: lines };
    let begin = Instant::now();
    let options = JobOptions { parallelism: Some(2), ..JobOptions::default() };
    word_count(source, Arc::default(), options).wait().unwrap();
    let rate = (lines * WORDS_PER_LINE) as f64 / begin.elapsed().as_secs_f64();
    println!("vocabulary {vocabulary}: {:.1} M words/s at parallelism 2", rate / 1e6);
}

fn keys(keys: u64, dir: &Path) {
    let lines = (0..keys / WORDS_PER_LINE).map(|line| {
        let words = (0..WORDS_PER_LINE)
            .map(|word| format!("key-{:08}", mix(line * WORDS_PER_LINE + word) % (keys * 4)));
        words.collect::<Vec<_>>().join(" ")
    });
    let source = Pool { lines: lines.collect(), total: u64::MAX >> 1 };
    let options = JobOptions { parallelism: Some(2), ..JobOptions::default() };
    let pauses = Arc::new(Pauses::default());
    let job = word_count(source.clone(), Arc::clone(&pauses), options.clone());
    let words = || job.status().vertices[1].records_in;
    while words() < 2 * keys {
        std::thread::sleep(Duration::from_millis(20));
    }
    let watch = |what: &str, work: &mut dyn FnMut()| {
        pauses.take();
        let (before, begin) = (words(), Instant::now());
        work();
        let took = begin.elapsed();
        let rate = (words() - before) as f64 / took.as_secs_f64() / 1e6;
        let (wall, processor) = pauses.take();
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
        .flat_map(|line, out| out.extend(line.split_whitespace()))
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
        Ok(PoolReader { lines: Arc::clone(&self.lines), splits })
    }
}

struct PoolReader {
    lines: Arc<[String]>,
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
        for line in *next..stop {
            out.emit(self.lines[line as usize % self.lines.len()].as_str());
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
