//! What a vertex counts, over all of its subtasks.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counters of one vertex. They are added to once per batch.
#[derive(Debug, Default)]
pub(crate) struct VertexMetrics {
    records_in: AtomicU64,
    records_out: AtomicU64,
    dropped_late: AtomicU64,
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
