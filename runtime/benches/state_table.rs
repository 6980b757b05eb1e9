//! What a keyed table costs, alone and while a snapshot of it is written on another thread.
//!
//! Figures in parentheses, and those of snapshots and restore, count the time on the processor only.
//!
//! `cargo bench -p spt-runtime --bench state_table -- [KEYS…] [long]`; 10⁶ and 10⁷ keys if none are given. They are texts of 20
//! bytes, which lie in the table's rows; those of 37 that `long` asks for lie elsewhere.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::indexing_slicing,
    reason = "a benchmark reports, and ends where something is wrong"
)]

use std::fmt::Write;
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};
use spt_format::{KeyGroupRange, StateKind, StateSchema};
use spt_runtime::Result;
use spt_runtime::state::{BatchUpdate, Frozen, KeyArena, KeyedTable, Places, State, TextArena};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const GROUPS: u32 = 128;
const BATCH: u64 = 1024;
const UPDATES: u64 = 4_000_000;

/// A bijection of 64 bits: keys in random order, none twice.
fn mix(mut bits: u64) -> u64 {
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

/// A moment, and how long the thread has been on the processor: what is left on a machine that others use.
struct Clock(Instant, Duration);

impl Clock {
    fn now() -> Self {
        let on_processor = clock_gettime(ClockId::ThreadCPUTime);
        Self(Instant::now(), Duration::new(on_processor.tv_sec as u64, on_processor.tv_nsec as u32))
    }

    /// Time since, and time on the processor since.
    fn elapsed(&self) -> (Duration, Duration) {
        let now = Self::now();
        (now.0 - self.0, now.1 - self.1)
    }
}

/// Time spent in batches, and the longest.
#[derive(Default)]
struct Timing {
    total: Duration,
    on_processor: Duration,
    longest: Duration,
    longest_on_processor: Duration,
    rows: u64,
}

impl Timing {
    fn add(&mut self, rows: u64, (time, on_processor): (Duration, Duration)) {
        self.rows += rows;
        self.total += time;
        self.on_processor += on_processor;
        self.longest = self.longest.max(time);
        self.longest_on_processor = self.longest_on_processor.max(on_processor);
    }

    fn print(&self, what: &str) {
        let rate = |time: Duration| self.rows as f64 / 1e6 / time.as_secs_f64();
        println!(
            "  {what:<42} {:6.1} M/s ({:.1} on the processor), longest batch of {BATCH} {:.1?} ({:.1?})",
            rate(self.total),
            rate(self.on_processor),
            self.longest,
            self.longest_on_processor
        );
    }
}

struct Count;

impl BatchUpdate<String, i64> for Count {
    fn first(&mut self, _: usize) -> Result<i64> {
        Ok(1)
    }

    fn add(&mut self, _: usize, count: &mut i64) -> Result<()> {
        *count += 1;
        Ok(())
    }

    fn emit(&mut self, _: usize, _: &str, _: &i64) -> Result<()> {
        Ok(())
    }
}

/// Adds one to the counts of keys, batch by batch; only the receiving side is timed.
fn update(table: &mut KeyedTable<String, i64>, keys: impl Iterator<Item = u64>, digits: usize) -> Timing {
    let (mut timing, mut arena, mut places) = (Timing::default(), TextArena::default(), Vec::new());
    let (mut text, all) = (String::new(), Places::new(GROUPS));
    let mut keys = keys.peekable();
    while keys.peek().is_some() {
        arena.clear();
        places.clear();
        for key in keys.by_ref().take(BATCH as usize) {
            text.clear();
            write!(text, "word{:0digits$x}", mix(key)).unwrap();
            arena.push(&text);
            places.push(all.of::<String>(&text));
        }
        let start = Clock::now();
        table.update_batch(&places, &arena, &mut Count).unwrap();
        timing.add(places.len() as u64, start.elapsed());
    }
    timing
}

/// Resident memory in MiB.
fn resident() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    statm.split(' ').nth(1).unwrap().parse::<u64>().unwrap() / 256
}

fn random_keys(keys: u64, updates: u64) -> impl Iterator<Item = u64> {
    (0..updates).map(move |update| mix(update ^ 0x5bd1_e995) % keys)
}

fn encode(frozen: &Frozen<String, i64, ()>) -> (u64, Duration) {
    let start = Clock::now();
    let schema = StateSchema::keyed(String::field(), i64::field()).to_arrow(StateKind::Value).unwrap();
    let batches = frozen.batches(KeyGroupRange::all(GROUPS), schema);
    (batches.map(|batch| batch.unwrap().num_rows() as u64).sum(), start.elapsed().1)
}

fn restore(frozen: &Frozen<String, i64, ()>) {
    let schema = StateSchema::keyed(String::field(), i64::field()).to_arrow(StateKind::Value).unwrap();
    let rows: Vec<_> = frozen.rows();
    let of = |group: spt_format::KeyGroup| {
        rows.binary_search_by_key(&group, |(group, _)| *group).map_or(0, |place| rows[place].1 as usize)
    };
    let mut table = KeyedTable::<String, i64>::with_rows(KeyGroupRange::all(GROUPS), of);
    let mut time = Duration::ZERO;
    for batch in frozen.batches(KeyGroupRange::all(GROUPS), schema) {
        let batch = batch.unwrap();
        let start = Clock::now();
        table.restore(&batch, GROUPS).unwrap();
        time += start.elapsed().1;
    }
    println!("  {:<42} {:6.0} ns/row", "restore, presized", time.as_nanos() as f64 / table.len() as f64);
}

fn measure(keys: u64, digits: usize) {
    println!("{keys} keys of {} bytes", 4 + digits);
    let empty = resident();
    let mut table = KeyedTable::new(KeyGroupRange::all(GROUPS));
    update(&mut table, 0..keys, digits).print("load in random order, growing");
    let loaded = resident();
    println!(
        "  {:<42} {:6} MiB, {} MiB of it index and pages",
        "memory",
        loaded - empty,
        table.bytes() >> 20
    );
    update(&mut table, random_keys(keys, UPDATES), digits).print("random updates");

    let start = Clock::now();
    let frozen = table.freeze();
    let (time, on_processor) = start.elapsed();
    println!("  {:<42} {time:.1?} ({on_processor:.1?})", "freeze");
    update(&mut table, random_keys(keys, UPDATES), digits).print("random updates, snapshot held");
    println!("  {:<42} {:6} MiB more", "memory, snapshot held", resident().saturating_sub(loaded));
    drop(frozen);

    let frozen = table.freeze();
    let before = resident();
    update(&mut table, random_keys(keys, keys / 10), digits).print("a tenth of the keys, snapshot held");
    println!("  {:<42} {:6} MiB more", "memory, a tenth rewritten", resident().saturating_sub(before));
    drop(frozen);

    let frozen = table.freeze();
    let writer = std::thread::spawn(move || {
        let (rows, time) = encode(&frozen);
        let start = Instant::now();
        drop(frozen);
        (rows, time, start.elapsed())
    });
    update(&mut table, random_keys(keys, UPDATES), digits).print("random updates, snapshot sorted meanwhile");
    let (rows, time, dropped) = writer.join().unwrap();
    println!(
        "  {:<42} {:6.1} M/s, dropped in {dropped:?}",
        "snapshot to sorted batches, meanwhile",
        rows as f64 / 1e6 / time.as_secs_f64()
    );

    let frozen = table.freeze();
    let (rows, time) = encode(&frozen);
    println!(
        "  {:<42} {:6.1} M/s",
        "snapshot to sorted batches, alone",
        rows as f64 / 1e6 / time.as_secs_f64()
    );
    drop(table);
    restore(&frozen);
}

fn main() {
    let asked: Vec<u64> = std::env::args().filter_map(|argument| argument.parse().ok()).collect();
    let keys = if asked.is_empty() { vec![1_000_000, 10_000_000] } else { asked };
    let digits = if std::env::args().any(|argument| argument == "long") { 33 } else { 16 };
    keys.into_iter().for_each(|keys| measure(keys, digits));
}
