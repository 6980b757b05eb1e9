//! The same lines over and over, shared by all subtasks: a source that costs next to nothing.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use spt_runtime::job::Subtask;
use spt_runtime::sources::{Poll, Source, SourceReader};
use spt_runtime::{Out, Result};

pub const WORDS_PER_LINE: usize = 10;
const POOL_LINES: u64 = 1 << 16;
/// Lines between two polls of the runtime.
const POLL_LINES: usize = 256;
/// Keys are numbers of so many bits, in the digits of base 36.
const KEY_BITS: u32 = 40;

#[derive(Clone)]
pub struct Pool {
    pub lines: Arc<[String]>,
    total: u64,
    /// Of the lines only every so manieth is sent.
    pub every: Arc<AtomicUsize>,
    /// No line is sent whose number in the stream is not below this.
    pub gate: Arc<AtomicU64>,
}

impl Pool {
    fn new(lines: Vec<String>, total: u64) -> Self {
        let every = Arc::new(AtomicUsize::new(1));
        Self { lines: lines.into(), total, every, gate: Arc::new(AtomicU64::new(u64::MAX)) }
    }

    /// So many lines whose words follow a logarithmic distribution: few are frequent, most are rare.
    pub fn of_lines(vocabulary: u64, total: u64) -> Self {
        let word = |number: u64| {
            let uniform = (mix(number + 0x9e37_79b9_7f4a_7c15) >> 11) as f64 / (1u64 << 53) as f64;
            format!("word{}", ((vocabulary as f64).powf(uniform) - 1.0) as u64)
        };
        let each = WORDS_PER_LINE as u64;
        let lines = (0..POOL_LINES).map(|line| line_of((line * each..(line + 1) * each).map(word)));
        Self::new(lines.collect(), total)
    }

    /// Lines with each of so many keys once, in random order, sent for longer than anybody waits.
    pub fn of_keys(keys: u64) -> Self {
        let numbers: Vec<u64> = (0..keys).collect();
        let lines = numbers.chunks(WORDS_PER_LINE).map(|line| line_of(line.iter().copied().map(key)));
        Self::new(lines.collect(), u64::MAX)
    }
}

fn line_of(words: impl Iterator<Item = String>) -> String {
    words.collect::<Vec<_>>().join(" ")
}

/// `word-` and a number; other numbers give other keys.
fn key(number: u64) -> String {
    let mut rest = scatter(number);
    let mut digits = Vec::new();
    while rest > 0 || digits.is_empty() {
        digits.push(b"0123456789abcdefghijklmnopqrstuvwxyz"[(rest % 36) as usize]);
        rest /= 36;
    }
    digits.reverse();
    format!("word-{}", String::from_utf8(digits).unwrap())
}

/// A bijection of the numbers below 2^[`KEY_BITS`]: each step can be undone.
fn scatter(mut number: u64) -> u64 {
    for factor in [0xbf58_476d_1ce4_e5b9, 0x94d0_49bb_1331_11eb] {
        number = (number ^ (number >> (KEY_BITS / 2))).wrapping_mul(factor) & ((1 << KEY_BITS) - 1);
    }
    number ^ (number >> (KEY_BITS / 2))
}

fn mix(mut number: u64) -> u64 {
    number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

impl Source for Pool {
    type Item = String;
    /// The number of the next line, and how far it is to the one after it.
    type Split = (u64, u64);
    type Reader = PoolReader;

    fn name(&self) -> &'static str {
        "pool"
    }

    fn is_replayable(&self) -> bool {
        true
    }

    fn splits(&self, parallelism: u32) -> Result<Vec<(u64, u64)>> {
        Ok((0..parallelism).map(|first| (first.into(), parallelism.into())).collect())
    }

    fn reader(&self, _: &Subtask, splits: Vec<(u64, u64)>) -> Result<PoolReader> {
        Ok(PoolReader { pool: self.clone(), splits })
    }
}

pub struct PoolReader {
    pool: Pool,
    splits: Vec<(u64, u64)>,
}

impl SourceReader for PoolReader {
    type Item = String;
    type Split = (u64, u64);

    fn poll(&mut self, out: &mut Out<'_, String>) -> Result<Poll> {
        let Pool { lines, total, every, gate } = &self.pool;
        let (end, every) = (gate.load(Ordering::Relaxed).min(*total), every.load(Ordering::Relaxed));
        let Some((next, step)) = self.splits.iter_mut().find(|(next, _)| *next < end) else {
            return Ok(if end < *total { Poll::Idle(Duration::from_millis(1)) } else { Poll::End });
        };
        let [mut place, ahead] = [*next, *step].map(|lines_on| lines_on as usize * every % lines.len());
        for _ in 0..POLL_LINES {
            if *next >= end {
                break;
            }
            out.emit(lines[place].as_str());
            *next += *step;
            // Without a division, which takes as long as a word.
            place += ahead;
            if place >= lines.len() {
                place -= lines.len();
            }
        }
        Ok(Poll::Ready)
    }

    fn splits(&self) -> Vec<(u64, u64)> {
        self.splits.clone()
    }
}
