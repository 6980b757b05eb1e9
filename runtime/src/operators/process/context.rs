//! What a function sees and can do while it is called.

use crate::data::{Data, EventTime, Record};
use crate::error::Result;
use crate::operators::out::Out;
use crate::operators::side_output::{OutputTag, SideOutputs};
use crate::operators::stage::Stage;
use crate::operators::states::{KeyedAccess, OperatorAccess, OperatorTables, Scope, Tables};
use crate::state::{Domain, Key, Place, Timers};
use crate::tasks::Alarm;

/// A timer that has come due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FiredTimer {
    /// The clock it waited for.
    pub domain: Domain,
    /// When it was set for, in ms since 1970.
    pub timestamp: i64,
}

/// What any function can do: emit, and look at the time.
pub struct ProcessContext<'a, O: Data> {
    out: Out<'a, O>,
    side: &'a mut SideOutputs,
    /// The first failure of a side output.
    failure: Result<()>,
    time: EventTime,
    watermark: Option<i64>,
    alarm: &'a Alarm,
    tables: &'a mut OperatorTables,
}

impl<'a, O: Data> ProcessContext<'a, O> {
    pub(super) fn new(
        next: &'a mut dyn Stage<O>,
        side: &'a mut SideOutputs,
        tables: &'a mut OperatorTables,
        alarm: &'a Alarm,
        time: EventTime,
        watermark: Option<i64>,
    ) -> Self {
        Self { out: Out::new(next, time), side, failure: Ok(()), time, watermark, alarm, tables }
    }

    /// Emits a record with the event time of the one at hand.
    #[inline]
    pub fn emit(&mut self, record: impl Record<Data = O>) {
        self.out.emit(record);
    }

    /// Emits a record with this event time, in ms since 1970.
    pub fn emit_at(&mut self, record: impl Record<Data = O>, ms: i64) {
        self.out.emit_at(record, ms);
    }

    /// Emits a record to a side output. If nobody reads it, the record is gone.
    pub fn emit_to<T: Data>(&mut self, tag: &OutputTag<T>, record: impl Record<Data = T>) {
        if self.failure.is_ok() {
            self.failure = self.side.emit(tag, record, self.time);
        }
    }

    /// The event time of the record or timer at hand, in ms since 1970.
    pub fn timestamp(&self) -> Option<i64> {
        self.time.ms()
    }

    /// No record before it follows, in ms since 1970.
    pub fn watermark(&self) -> Option<i64> {
        self.watermark
    }

    /// The time of day, in ms since 1970.
    pub fn now_ms(&self) -> i64 {
        self.alarm.now_ms()
    }

    /// What became of what was emitted.
    pub(super) fn finish(self) -> Result<()> {
        self.out.finish().and(self.failure)
    }
}

impl<O: Data> OperatorAccess for ProcessContext<'_, O> {
    fn operator_tables(&self) -> &OperatorTables {
        self.tables
    }

    fn operator_tables_mut(&mut self) -> &mut OperatorTables {
        self.tables
    }
}

/// What a function of a keyed stream can do: the same, and keep state and set timers for the key at hand.
pub struct KeyedContext<'a, K: Key, O: Data> {
    pub(super) plain: ProcessContext<'a, O>,
    pub(super) place: Place,
    pub(super) key: &'a K::Borrowed,
    pub(super) tables: &'a mut Tables<K>,
    pub(super) timers: Option<&'a mut Timers<K>>,
}

impl<K: Key, O: Data> KeyedContext<'_, K, O> {
    /// The key at hand.
    pub fn key(&self) -> &K::Borrowed {
        self.key
    }

    /// As [`ProcessContext::emit`].
    #[inline]
    pub fn emit(&mut self, record: impl Record<Data = O>) {
        self.plain.emit(record);
    }

    /// As [`ProcessContext::emit_at`].
    pub fn emit_at(&mut self, record: impl Record<Data = O>, ms: i64) {
        self.plain.emit_at(record, ms);
    }

    /// As [`ProcessContext::emit_to`].
    pub fn emit_to<T: Data>(&mut self, tag: &OutputTag<T>, record: impl Record<Data = T>) {
        self.plain.emit_to(tag, record);
    }

    /// As [`ProcessContext::timestamp`].
    pub fn timestamp(&self) -> Option<i64> {
        self.plain.timestamp()
    }

    /// As [`ProcessContext::watermark`].
    pub fn watermark(&self) -> Option<i64> {
        self.plain.watermark()
    }

    /// As [`ProcessContext::now_ms`].
    pub fn now_ms(&self) -> i64 {
        self.plain.now_ms()
    }

    /// Sets a timer for the key at hand: it fires once the watermark reaches this time, in ms since 1970. Setting
    /// it twice is setting it once.
    pub fn set_event_timer(&mut self, ms: i64) {
        self.set(Domain::Event, ms);
    }

    /// The same for the time of day.
    pub fn set_processing_timer(&mut self, ms: i64) {
        self.set(Domain::Processing, ms);
        self.plain.alarm.wish(ms);
    }

    /// Deletes a timer of the key at hand.
    pub fn delete_event_timer(&mut self, ms: i64) {
        self.delete(Domain::Event, ms);
    }

    /// Deletes a timer of the key at hand.
    pub fn delete_processing_timer(&mut self, ms: i64) {
        self.delete(Domain::Processing, ms);
    }

    fn set(&mut self, domain: Domain, ms: i64) {
        let (place, key) = (self.place, self.key);
        self.timers_mut().set(domain, ms, place, key, &());
    }

    fn delete(&mut self, domain: Domain, ms: i64) {
        let (place, key) = (self.place, self.key);
        self.timers_mut().delete(domain, ms, place, key, &());
    }

    #[expect(clippy::expect_used, reason = "a mistake in the program; the operator is blamed")]
    fn timers_mut(&mut self) -> &mut Timers<K> {
        self.timers.as_mut().expect("this function declared no timers: call `states.timers()`")
    }
}

impl<K: Key, O: Data> KeyedAccess for KeyedContext<'_, K, O> {
    type Key = K;

    #[inline]
    fn scope(&mut self) -> Scope<'_, K> {
        Scope::new(self.place, self.key, self.tables, self.plain.alarm)
    }
}

impl<K: Key, O: Data> OperatorAccess for KeyedContext<'_, K, O> {
    fn operator_tables(&self) -> &OperatorTables {
        self.plain.tables
    }

    fn operator_tables_mut(&mut self) -> &mut OperatorTables {
        self.plain.tables
    }
}
