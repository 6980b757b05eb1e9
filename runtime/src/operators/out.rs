//! What a closure or a source emits records with.

use super::stage::{Signal, SplitChange, Stage};
use crate::data::{Data, EventTime, Record};
use crate::error::Result;

/// The way out of an operator: hands records to whatever comes next.
pub struct Out<'next, T: Data> {
    next: &'next mut dyn Stage<T>,
    /// What records get that are emitted without a time of their own.
    time: EventTime,
    /// The first failure downstream; nothing is passed on after it.
    failure: Result<()>,
    emitted: u64,
    skipped: u64,
    /// Records that a source should emit at most.
    room: u64,
}

impl<'next, T: Data> Out<'next, T> {
    /// A way into `next` for records of this time.
    #[inline]
    pub fn new(next: &'next mut dyn Stage<T>, time: EventTime) -> Self {
        Self { next, time, failure: Ok(()), emitted: 0, skipped: 0, room: u64::MAX }
    }

    /// For a source that should emit at most this many records.
    pub(crate) fn with_room(self, room: u64) -> Self {
        Self { room, ..self }
    }

    /// Emits a record: owned, borrowed, or a tuple of either.
    #[inline]
    pub fn emit(&mut self, record: impl Record<Data = T>) {
        record.lend(|record| self.emit_ref(record));
    }

    /// Emits the view of a record.
    #[inline]
    pub fn emit_ref(&mut self, record: T::Ref<'_>) {
        self.emit_ref_at(record, self.time);
    }

    /// Emits a record with this event time, in ms since 1970.
    #[inline]
    pub fn emit_at(&mut self, record: impl Record<Data = T>, ms: i64) {
        record.lend(|record| self.emit_ref_at(record, EventTime::at(ms)));
    }

    /// Emits the view of a record with its event time.
    #[inline]
    pub(crate) fn emit_ref_at(&mut self, record: T::Ref<'_>, time: EventTime) {
        if self.failure.is_ok() {
            self.failure = self.next.push(record, time);
            self.emitted += 1;
        }
    }

    /// What a source with several splits says before it reads another one, and after the last record of one:
    /// watermarks are made for each split.
    pub fn split(&mut self, change: SplitChange) {
        if self.failure.is_ok() {
            self.failure = self.next.signal(&mut Signal::Split(change));
        }
    }

    /// Emits records one after the other.
    #[inline]
    pub fn extend<R: Record<Data = T>>(&mut self, records: impl IntoIterator<Item = R>) {
        for record in records {
            self.emit(record);
        }
    }

    /// Records that a source should still emit before its poll returns: as many as pass in a moment, at least one when the
    /// poll begins. Barriers, and signals that end the job, wait for the end of a poll, and for a source that emits more.
    pub fn room(&self) -> u64 {
        self.room.saturating_sub(self.emitted)
    }

    /// Records emitted so far.
    pub fn emitted(&self) -> u64 {
        self.emitted
    }

    /// What a source says of things it read that were no records, and passed over.
    pub fn skip(&mut self, records: u64) {
        self.skipped += records;
    }

    /// Records passed over so far.
    pub(crate) fn skipped(&self) -> u64 {
        self.skipped
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
