//! A source for tests: the job cannot reach its end before the test lets it, however busy the machine is.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use spt_runtime::job::Subtask;
use spt_runtime::sources::{Poll, Sequence, Source, SourceReader, Span};
use spt_runtime::{Out, Result};

/// Numbers that a subtask emits in one go at its start, and again and again once it was let go.
const SOME: i64 = 1_000;
/// Between two numbers on the leash.
const PAUSE: Duration = Duration::from_millis(5);

/// The numbers of a range. Each subtask emits some at once, and then one at a time, slowly, until it is let go.
/// Copies share the leash.
#[derive(Clone)]
pub(super) struct Leash {
    numbers: Sequence,
    is_off: Arc<AtomicBool>,
    parallelism: Option<u32>,
}

impl Leash {
    pub(super) fn new(range: std::ops::Range<i64>) -> Self {
        Self { numbers: Sequence::new(range), is_off: Arc::default(), parallelism: None }
    }

    /// Read by one subtask, so that the numbers come in order.
    pub(super) fn one(range: std::ops::Range<i64>) -> Self {
        Self { parallelism: Some(1), ..Self::new(range) }
    }

    /// From now on, and after every restart, as fast as the numbers are taken.
    pub(super) fn let_go(&self) {
        self.is_off.store(true, Ordering::SeqCst);
    }
}

impl Source for Leash {
    type Item = i64;
    type Split = Span;
    type Reader = LeashReader;

    fn name(&self) -> &'static str {
        self.numbers.name()
    }

    fn is_replayable(&self) -> bool {
        true
    }

    fn parallelism(&self) -> Option<u32> {
        self.parallelism
    }

    fn splits(&self, parallelism: u32) -> Result<Vec<Span>> {
        self.numbers.splits(parallelism)
    }

    fn reader(&self, _: &Subtask, splits: Vec<Span>) -> Result<LeashReader> {
        Ok(LeashReader { splits, is_off: Arc::clone(&self.is_off), next: SOME })
    }
}

pub(super) struct LeashReader {
    splits: Vec<Span>,
    is_off: Arc<AtomicBool>,
    /// Numbers to emit when it is polled next.
    next: i64,
}

impl SourceReader for LeashReader {
    type Item = i64;
    type Split = Span;

    fn poll(&mut self, out: &mut Out<'_, i64>) -> Result<Poll> {
        let Some(span) = self.splits.iter_mut().find(|span| span.next < span.end) else {
            return Ok(Poll::End);
        };
        let is_off = self.is_off.load(Ordering::SeqCst);
        let count = if is_off { SOME } else { std::mem::replace(&mut self.next, 1) };
        let first = span.next;
        span.next = span.end.min(first + count);
        out.extend(first..span.next);
        Ok(if is_off { Poll::Ready } else { Poll::Idle(PAUSE) })
    }

    fn splits(&self) -> Vec<Span> {
        self.splits.clone()
    }
}
