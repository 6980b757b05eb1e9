//! What a closure or a source emits records with.

use super::stage::Stage;
use crate::data::{Data, Record};
use crate::error::Result;

/// The way out of an operator: hands records to whatever comes next.
pub struct Out<'next, T: Data> {
    next: &'next mut dyn Stage<T>,
    /// The first failure downstream; nothing is passed on after it.
    failure: Result<()>,
    emitted: u64,
}

impl<'next, T: Data> Out<'next, T> {
    /// A way into `next`.
    #[inline]
    pub fn new(next: &'next mut dyn Stage<T>) -> Self {
        Self { next, failure: Ok(()), emitted: 0 }
    }

    /// Emits a record: owned, borrowed, or a tuple of either.
    #[inline]
    pub fn emit(&mut self, record: impl Record<Data = T>) {
        record.lend(|record| self.emit_ref(record));
    }

    /// Emits the view of a record.
    #[inline]
    pub fn emit_ref(&mut self, record: T::Ref<'_>) {
        if self.failure.is_ok() {
            self.failure = self.next.push(record);
            self.emitted += 1;
        }
    }

    /// Emits records one after the other.
    #[inline]
    pub fn extend<R: Record<Data = T>>(&mut self, records: impl IntoIterator<Item = R>) {
        for record in records {
            self.emit(record);
        }
    }

    /// Records emitted so far.
    pub fn emitted(&self) -> u64 {
        self.emitted
    }

    /// Something downstream has failed: emitting more is of no use.
    pub fn has_failed(&self) -> bool {
        self.failure.is_err()
    }

    /// What became of the emitted records.
    ///
    /// # Errors
    /// The first failure downstream.
    #[inline]
    pub fn finish(self) -> Result<()> {
        self.failure
    }
}
