//! What lies between an operator and whatever comes next in its chain: counts the records that pass.
//!
//! ```text
//! chain     flatMap ─► Counted ─► map ─► Counted ─► exchange
//!                         │                 └ out of map
//!                         └ out of flatMap, into map
//! ```
//!
//! A record costs one addition to a plain number; shared counters are told at every signal. A flush comes every few
//! milliseconds, also while records flow without a pause.

use std::sync::Arc;

use super::stage::{Signal, Stage};
use crate::data::{Data, EventTime};
use crate::error::Result;
use crate::tasks::{OperatorMetrics, TaskContext};

/// A way from one operator to the next, or to the end of a chain.
pub(crate) struct Counted<E> {
    /// Records that the counters have not been told of.
    passed: u64,
    out_of: Arc<OperatorMetrics>,
    into: Option<Arc<OperatorMetrics>>,
    next: E,
}

impl<E> Counted<E> {
    /// From one operator into another. Whatever is no operator is not counted for.
    pub(crate) fn between(context: &TaskContext, from: usize, to: usize, next: E) -> Self {
        Self { into: Some(context.counters(to)), ..Self::out_of(context, from, next) }
    }

    /// Out of an operator, and of the chain.
    pub(crate) fn out_of(context: &TaskContext, from: usize, next: E) -> Self {
        Self { passed: 0, out_of: context.counters(from), into: None, next }
    }

    fn tell(&mut self) {
        let passed = std::mem::take(&mut self.passed);
        self.out_of.sent(passed);
        self.into.iter().for_each(|into| into.received(passed));
    }
}

impl<T: Data, E: Stage<T>> Stage<T> for Counted<E> {
    #[inline(always)]
    fn push(&mut self, record: T::Ref<'_>, time: EventTime) -> Result<()> {
        self.passed += 1;
        self.next.push(record, time)
    }

    fn signal(&mut self, signal: &mut Signal<'_>) -> Result<()> {
        self.tell();
        if let Signal::Watermark(watermark) = signal {
            self.out_of.passed_on(watermark.0);
            self.into.iter().for_each(|into| into.reached(watermark.0));
        }
        self.next.signal(signal)
    }
}
