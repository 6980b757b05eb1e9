//! When a file is closed and the next one begun.

use std::time::{Duration, Instant};

/// A file ends at every checkpoint, and earlier if it is large or old.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Rolling {
    pub(super) max_bytes: Option<u64>,
    pub(super) max_age: Option<Duration>,
}

impl Rolling {
    /// A file of so many bytes, begun then, should end.
    pub(super) fn is_due(&self, bytes: u64, begun: Instant) -> bool {
        self.max_bytes.is_some_and(|max| bytes >= max)
            || self.max_age.is_some_and(|max| begun.elapsed() >= max)
    }
}
