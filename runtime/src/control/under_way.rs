//! Answers that are being made and written: a process does not end in the middle of one.
//!
//! The outcome of a request counts as fetched before it is on its way, and a cancelled job may be gone before the
//! answer to the cancel is: whoever asked would hear of neither.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Counts answers under way.
#[derive(Debug, Default)]
pub(super) struct UnderWay {
    count: Mutex<usize>,
    changed: Condvar,
}

/// One of them, until it is dropped.
#[derive(Debug)]
pub(super) struct Answer<'a>(&'a UnderWay);

impl UnderWay {
    /// An answer begins, before anything is done that may end the process.
    pub(super) fn begin(&self) -> Answer<'_> {
        *self.lock() += 1;
        Answer(self)
    }

    /// Waits until none is under way, at most this long.
    pub(super) fn settle(&self, patience: Duration) {
        // Late is late: there is nothing to do about it.
        drop(self.changed.wait_timeout_while(self.lock(), patience, |count| *count > 0));
    }

    fn lock(&self) -> MutexGuard<'_, usize> {
        self.count.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Answer<'_> {
    fn drop(&mut self) {
        *self.0.lock() -= 1;
        self.0.changed.notify_all();
    }
}
