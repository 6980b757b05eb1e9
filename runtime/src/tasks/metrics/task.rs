//! What one task counts: how it spends its time, and what passes the edges of its chain.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::operator::LastWatermark;
use crate::job::TaskTimes;

/// Counters of one task.
#[derive(Debug, Default)]
pub(crate) struct TaskMetrics {
    records_in: AtomicU64,
    records_out: AtomicU64,
    /// All of its time, in µs.
    lived_us: AtomicU64,
    /// Waited for input.
    idle_us: AtomicU64,
    /// Waited for whoever takes the output.
    held_up_us: AtomicU64,
    /// Did neither.
    busy_us: AtomicU64,
    watermark: LastWatermark,
}

impl TaskMetrics {
    /// Records came in.
    pub(crate) fn received(&self, records: usize) {
        self.records_in.fetch_add(records as u64, Ordering::Relaxed);
    }

    /// Records went out.
    pub(crate) fn sent(&self, records: usize) {
        self.records_out.fetch_add(records as u64, Ordering::Relaxed);
    }

    /// It had nothing to do for so long.
    pub(crate) fn idled(&self, time: Duration) {
        add(&self.idle_us, time);
    }

    /// It could not pass on its output for so long.
    pub(crate) fn held_up(&self, time: Duration) {
        add(&self.held_up_us, time);
    }

    /// So much time has passed since it last said so. What of it was said to be no waiting was work.
    pub(crate) fn lived(&self, time: Duration) {
        let lived = add(&self.lived_us, time);
        let waited = self.idle_us.load(Ordering::Relaxed) + self.held_up_us.load(Ordering::Relaxed);
        self.busy_us.fetch_max(lived.saturating_sub(waited), Ordering::Relaxed);
    }

    /// A watermark has come.
    pub(crate) fn reached(&self, watermark: i64) {
        self.watermark.set(watermark);
    }

    pub(super) fn records_in(&self) -> u64 {
        self.records_in.load(Ordering::Relaxed)
    }

    pub(super) fn records_out(&self) -> u64 {
        self.records_out.load(Ordering::Relaxed)
    }

    pub(super) fn watermark(&self) -> Option<i64> {
        self.watermark.get()
    }

    pub(super) fn times(&self) -> TaskTimes {
        let ms = |us: &AtomicU64| us.load(Ordering::Relaxed) / 1000;
        TaskTimes {
            busy_ms: ms(&self.busy_us),
            idle_ms: ms(&self.idle_us),
            backpressured_ms: ms(&self.held_up_us),
        }
    }
}

/// Adds a time; gives the sum.
fn add(sum: &AtomicU64, time: Duration) -> u64 {
    let us = time.as_micros() as u64;
    sum.fetch_add(us, Ordering::Relaxed) + us
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_task_did_not_wait_was_work_and_never_falls() {
        let metrics = TaskMetrics::default();
        metrics.idled(Duration::from_millis(30));
        metrics.held_up(Duration::from_millis(20));
        metrics.lived(Duration::from_millis(90));
        let times = TaskTimes { busy_ms: 40, idle_ms: 30, backpressured_ms: 20 };
        assert_eq!(metrics.times(), times);
        metrics.idled(Duration::from_millis(100));
        metrics.lived(Duration::from_millis(50));
        assert_eq!(metrics.times().busy_ms, 40);
    }
}
