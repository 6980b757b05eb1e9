//! What a vertex counts, over all of its subtasks.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

/// Counters of one vertex. They are added to once per batch.
#[derive(Debug)]
pub(crate) struct VertexMetrics {
    records_in: AtomicU64,
    records_out: AtomicU64,
    dropped_late: AtomicU64,
    /// Waited for input, all subtasks together.
    idle_us: AtomicU64,
    /// Waited for whoever takes the output.
    held_up_us: AtomicU64,
    /// The last watermark that reached a subtask; `i64::MIN` before the first.
    watermark: AtomicI64,
}

impl Default for VertexMetrics {
    fn default() -> Self {
        let [records_in, records_out, dropped_late, idle_us, held_up_us] = Default::default();
        let watermark = AtomicI64::new(i64::MIN);
        Self { records_in, records_out, dropped_late, idle_us, held_up_us, watermark }
    }
}

impl VertexMetrics {
    /// Records came in.
    pub(crate) fn received(&self, records: usize) {
        self.records_in.fetch_add(records as u64, Ordering::Relaxed);
    }

    /// Records went out.
    pub(crate) fn sent(&self, records: usize) {
        self.records_out.fetch_add(records as u64, Ordering::Relaxed);
    }

    /// A subtask had nothing to do for so long.
    pub(crate) fn idled(&self, time: Duration) {
        self.idle_us.fetch_add(time.as_micros() as u64, Ordering::Relaxed);
    }

    /// A subtask could not pass on its output for so long.
    pub(crate) fn held_up(&self, time: Duration) {
        self.held_up_us.fetch_add(time.as_micros() as u64, Ordering::Relaxed);
    }

    /// A watermark has come.
    pub(crate) fn reached(&self, watermark: i64) {
        self.watermark.store(watermark, Ordering::Relaxed);
    }

    /// Milliseconds without input, and held up by whoever takes the output.
    pub(crate) fn waits_ms(&self) -> (u64, u64) {
        (self.idle_us.load(Ordering::Relaxed) / 1000, self.held_up_us.load(Ordering::Relaxed) / 1000)
    }

    /// The last watermark, if there was one.
    pub(crate) fn watermark(&self) -> Option<i64> {
        Some(self.watermark.load(Ordering::Relaxed)).filter(|watermark| *watermark != i64::MIN)
    }

    /// A record was late for all of its windows, and nobody wanted it.
    pub(crate) fn dropped_late(&self) {
        self.dropped_late.fetch_add(1, Ordering::Relaxed);
    }

    /// Records that were too late so far.
    pub(crate) fn late(&self) -> u64 {
        self.dropped_late.load(Ordering::Relaxed)
    }

    /// Records in and out so far.
    pub(crate) fn records(&self) -> (u64, u64) {
        (self.records_in.load(Ordering::Relaxed), self.records_out.load(Ordering::Relaxed))
    }
}
