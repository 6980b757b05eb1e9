//! Numbers in order, at a given pace.

use std::ops::Range;
use std::time::{Duration, Instant};

use super::reading::Reading;
use super::span::Span;
use super::{Poll, Source, SourceReader};
use crate::data::Data;
use crate::error::Result;
use crate::job::Subtask;
use crate::operators::Out;

/// The longest pause between two polls.
const PAUSE: Duration = Duration::from_millis(10);

/// The numbers from a start to before an end, divided among the subtasks.
#[derive(Debug, Clone)]
pub struct Sequence {
    start: i64,
    end: i64,
    per_second: Option<f64>,
}

impl Sequence {
    /// The numbers of this range, as fast as they are taken.
    pub fn new(range: Range<i64>) -> Self {
        Self { start: range.start, end: range.end, per_second: None }
    }

    /// The same numbers, this many a second by all subtasks together. Nothing above zero is no pace.
    #[must_use]
    pub fn per_second(mut self, rate: f64) -> Self {
        self.per_second = (rate > 0.0 && rate.is_finite()).then_some(rate);
        self
    }
}

impl Source for Sequence {
    type Item = i64;
    type Split = Span;
    type Reader = SequenceReader;

    fn name(&self) -> &'static str {
        "sequence"
    }

    fn is_replayable(&self) -> bool {
        true
    }

    fn splits(&self, parallelism: u32) -> Result<Vec<Span>> {
        Ok(Span::divide(self.start, self.end, parallelism))
    }

    /// Each subtask has its part of the pace, so that each must have its part of the numbers.
    fn rescale(&self, splits: &[Span], parallelism: u32) -> Option<Vec<Vec<Span>>> {
        Span::divide_again(splits, parallelism)
    }

    fn reader(&self, subtask: &Subtask, splits: Vec<Span>) -> Result<SequenceReader> {
        let pace = self.per_second.map(|rate| Pace {
            per_second: rate / f64::from(subtask.parallelism.max(1)),
            since: Instant::now(),
            emitted: 0.0,
        });
        Ok(SequenceReader { splits, reading: Reading::default(), pace })
    }
}

/// Reads parts of a [`Sequence`].
#[derive(Debug)]
pub struct SequenceReader {
    splits: Vec<Span>,
    reading: Reading,
    pace: Option<Pace>,
}

impl SequenceReader {
    /// The numbers that are due now, or what there is to do instead. Says of which split they are.
    pub(super) fn due<T: Data>(&mut self, out: &mut Out<'_, T>) -> Result<Range<i64>, Poll> {
        let split = Span::first_left(&self.splits);
        self.reading.turn_to(split, out);
        let Some(span) = split.and_then(|split| self.splits.get_mut(split)) else { return Err(Poll::End) };
        let room = out.room();
        let allowed = self.pace.as_mut().map_or(room, |pace| pace.allowed(room));
        if allowed == 0 {
            return Err(Poll::Idle(self.pace.as_ref().map_or(PAUSE, Pace::pause)));
        }
        let range = span.take(allowed);
        if let Some(pace) = &mut self.pace {
            pace.emitted += (range.end - range.start) as f64;
        }
        Ok(range)
    }
}

impl SourceReader for SequenceReader {
    type Item = i64;
    type Split = Span;

    fn poll(&mut self, out: &mut Out<'_, i64>) -> Result<Poll> {
        Ok(match self.due(out) {
            Ok(range) => {
                out.extend(range);
                Poll::Ready
            }
            Err(instead) => instead,
        })
    }

    fn splits(&self) -> Vec<Span> {
        self.splits.clone()
    }
}

/// So many numbers a second, on average since the start: what was missed in a pause is made up for.
#[derive(Debug)]
struct Pace {
    per_second: f64,
    since: Instant,
    emitted: f64,
}

impl Pace {
    /// Numbers that may be emitted now, at most `room`.
    fn allowed(&mut self, room: u64) -> u64 {
        let due = self.since.elapsed().as_secs_f64() * self.per_second - self.emitted;
        (due as u64).min(room)
    }

    /// Until the next number is due.
    fn pause(&self) -> Duration {
        let next = Duration::try_from_secs_f64((self.emitted + 1.0) / self.per_second).unwrap_or(PAUSE);
        next.saturating_sub(self.since.elapsed()).min(PAUSE)
    }
}
