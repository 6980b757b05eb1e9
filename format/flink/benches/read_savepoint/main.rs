//! Reading a savepoint of Flink beside a plain read of the same bytes.
//!
//! ```text
//! cargo bench -p spt-flink --bench read_savepoint -- PATH             measures it
//! cargo bench -p spt-flink --bench read_savepoint -- PATH TIMES DIR   first writes it to DIR, TIMES as large
//! ```
//!
//! Every way of reading runs in a process of its own, in turns. Prints medians: the time that passed, opening
//! included, and the time on all processors (the figure to compare on a busy machine), rows and bytes per second
//! by the first, the time to the first rows of a state, and the largest resident memory.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    missing_docs,
    reason = "a benchmark talks and may stop"
)]

mod grow;

use std::fs::{self, File};
use std::io::Read;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};
use spt_flink::FlinkSource;
use spt_format::{SavepointSource, Scan, StateRef};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const WAYS: [&str; 7] = [
    "plain read",
    "count, 1 thread",
    "count",
    "scan, 1 thread",
    "scan",
    "scan in order, 1 thread",
    "scan in order",
];
const ROUNDS: usize = 5;
/// A savepoint of more bytes than this is read once.
const LARGE_BYTES: u64 = 1 << 30;

fn main() {
    // `cargo bench` passes `--bench`.
    let arguments: Vec<String> =
        std::env::args().skip(1).filter(|argument| !argument.starts_with("--")).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        // As one of all benches there is nothing to read.
        [] => println!("usage: cargo bench -p spt-flink --bench read_savepoint -- PATH [TIMES DIR]"),
        [path] => measure(path),
        ["way", number, path] => run(number.parse().unwrap(), Path::new(path)),
        [path, times, folder] => {
            grow::grow(Path::new(path), times.parse().unwrap(), Path::new(folder));
            measure(folder);
        }
        _ => panic!("PATH [TIMES DIR]"),
    }
}

/// All ways in turns, so that a busy machine disturbs all alike.
fn measure(path: &str) {
    let bytes = FlinkSource::open(path).unwrap().savepoint().bytes;
    let rounds = if bytes > LARGE_BYTES { 1 } else { ROUNDS };
    let mut samples: [Vec<[u64; 5]>; WAYS.len()] = Default::default();
    for _ in 0..rounds {
        for (way, samples) in samples.iter_mut().enumerate() {
            let output = Command::new(std::env::current_exe().unwrap())
                .args(["way", &way.to_string(), path])
                .output()
                .unwrap();
            let text = String::from_utf8(output.stdout).unwrap();
            let figures: Vec<u64> = text.split_whitespace().map(|figure| figure.parse().unwrap()).collect();
            samples.push(figures.try_into().unwrap());
        }
    }
    println!("{:.1} MB, {} cores, medians of {rounds}", bytes as f64 / 1e6, cores());
    println!(
        "{:26}{:>10}{:>10}{:>12}{:>10}{:>12}{:>10}",
        "", "s", "cpu s", "M rows/s", "MB/s", "1st row ms", "peak MiB"
    );
    for (way, samples) in WAYS.iter().zip(samples) {
        let [rows, wall, processor, first, peak] = [0, 1, 2, 3, 4].map(|figure| {
            let mut figures: Vec<u64> = samples.iter().map(|sample| sample[figure]).collect();
            figures.sort_unstable();
            figures[figures.len() / 2] as f64
        });
        let (wall, processor) = (wall / 1e6, processor / 1e6);
        println!(
            "{way:26}{wall:10.3}{processor:10.3}{:12.2}{:10.0}{:12.1}{:10.0}",
            rows / wall / 1e6,
            bytes as f64 / wall / 1e6,
            first / 1e3,
            peak / 1024.0,
        );
    }
}

/// Reads in one way, and prints rows, microseconds, microseconds on processors, microseconds to the first row
/// (0 where there is none) and the largest resident KiB.
fn run(way: usize, path: &Path) {
    let begin = Instant::now();
    let open = |threads| FlinkSource::options().threads(threads).open(path).unwrap();
    let sorted = |sorted| Scan { sorted, ahead: true, ..Scan::default() };
    let (rows, first) = match way {
        0 => (plain(path), Duration::ZERO),
        1 => (count(&open(1), 1), Duration::ZERO),
        2 => (count(&open(cores()), cores()), Duration::ZERO),
        3 => read(&open(1), &sorted(false)),
        4 => read(&open(cores()), &sorted(false)),
        5 => read(&open(1), &sorted(true)),
        _ => read(&open(cores()), &sorted(true)),
    };
    let wall = begin.elapsed().as_micros();
    let processor = clock_gettime(ClockId::ProcessCPUTime);
    let processor = processor.tv_sec as u128 * 1_000_000 + processor.tv_nsec as u128 / 1000;
    println!("{rows} {wall} {processor} {} {}", first.as_micros(), peak_kib());
}

fn cores() -> usize {
    std::thread::available_parallelism().unwrap().get()
}

fn peak_kib() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

/// Every byte of every file of the folder, front to back; no rows.
fn plain(path: &Path) -> u64 {
    let mut buffer = vec![0; 256 << 10];
    for file in fs::read_dir(path).unwrap() {
        let mut file = File::open(file.unwrap().path()).unwrap();
        while file.read(&mut buffer).unwrap() > 0 {}
    }
    0
}

fn places(source: &FlinkSource) -> impl Iterator<Item = StateRef> {
    source.savepoint().states().map(|(place, _, _)| place)
}

/// Segments are counted by whichever thread is free.
fn count(source: &FlinkSource, threads: usize) -> u64 {
    let segments = |place| (0..source.segments(place).unwrap().len()).map(move |segment| (place, segment));
    let work: Vec<_> = places(source).flat_map(segments).collect();
    let (next, rows) = (AtomicUsize::new(0), AtomicU64::new(0));
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while let Some((place, segment)) = work.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let scan = Scan { segments: Some(*segment..segment + 1), ..Scan::default() };
                    rows.fetch_add(source.count(*place, &scan).unwrap().0, Ordering::Relaxed);
                }
            });
        }
    });
    rows.into_inner()
}

/// Rows, and the longest time to the first of a state.
fn read(source: &FlinkSource, scan: &Scan) -> (u64, Duration) {
    let (mut rows, mut first) = (0, Duration::ZERO);
    for place in places(source) {
        let begin = Instant::now();
        let mut batches = source.scan(place, scan).unwrap();
        let Some(batch) = batches.next() else { continue };
        first = first.max(begin.elapsed());
        rows += batch.unwrap().num_rows() as u64;
        rows += batches.count_rows().unwrap().0;
    }
    (rows, first)
}
