//! What one operator counts in one subtask.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use crate::job::OperatorCounts;

/// Counters of an operator in one subtask.
#[derive(Debug, Default)]
pub(crate) struct OperatorMetrics {
    records_in: AtomicU64,
    records_out: AtomicU64,
    dropped_late: AtomicU64,
    skipped: AtomicU64,
    input_watermark: LastWatermark,
    output_watermark: LastWatermark,
}

impl OperatorMetrics {
    /// Records came in.
    pub(crate) fn received(&self, records: u64) {
        self.records_in.fetch_add(records, Ordering::Relaxed);
    }

    /// Records went out.
    pub(crate) fn sent(&self, records: u64) {
        self.records_out.fetch_add(records, Ordering::Relaxed);
    }

    /// A record was late for all of its windows, and nobody wanted it.
    pub(crate) fn dropped_late(&self) {
        self.dropped_late.fetch_add(1, Ordering::Relaxed);
    }

    /// Records were none, and were passed over.
    pub(crate) fn skipped(&self, records: u64) {
        self.skipped.fetch_add(records, Ordering::Relaxed);
    }

    /// A watermark has come in.
    pub(crate) fn reached(&self, watermark: i64) {
        self.input_watermark.set(watermark);
    }

    /// A watermark has gone out.
    pub(crate) fn passed_on(&self, watermark: i64) {
        self.output_watermark.set(watermark);
    }

    pub(super) fn counts(&self) -> OperatorCounts {
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        OperatorCounts {
            records_in: count(&self.records_in),
            records_out: count(&self.records_out),
            late_records: count(&self.dropped_late),
            skipped_records: count(&self.skipped),
            input_watermark_ms: self.input_watermark.get(),
            output_watermark_ms: self.output_watermark.get(),
        }
    }
}

/// The watermark that came last, in ms since 1970; `i64::MIN` before the first.
#[derive(Debug)]
pub(super) struct LastWatermark(AtomicI64);

impl Default for LastWatermark {
    fn default() -> Self {
        Self(AtomicI64::new(i64::MIN))
    }
}

impl LastWatermark {
    pub(super) fn set(&self, watermark: i64) {
        self.0.store(watermark, Ordering::Relaxed);
    }

    pub(super) fn get(&self) -> Option<i64> {
        Some(self.0.load(Ordering::Relaxed)).filter(|watermark| *watermark != i64::MIN)
    }
}
