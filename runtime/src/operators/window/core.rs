//! What every operator with windows does: finds the windows of a record, and fires and forgets them in time.

use std::sync::Arc;

use spt_format::StateKind;

use super::assign::{Windows, cover, touch};
use super::contents::Contents;
use crate::data::EventTime;
use crate::error::{Error, Result};
use crate::operators::input::StreamKey;
use crate::operators::out::Out;
use crate::operators::process::WatermarkState;
use crate::operators::side_output::SideOutputs;
use crate::operators::stage::{Signal, Stage};
use crate::savepoint::{KeyedPart, Snapshot, StateSlot};
use crate::state::{Declaration, Domain, KeyedTable, ListCell, Place, Places, TimeWindow, TimerCell, Timers};
use crate::tasks::{Alarm, Blame, OperatorMetrics, TaskContext};

/// The name of the windows' timers, as a state and as a service.
const TIMERS: &str = "window-timers";

/// The windows of an operator, and how long they wait for late records.
#[derive(Debug, Clone, Copy)]
pub(crate) struct WindowTerms {
    pub(crate) windows: Windows,
    pub(crate) lateness_ms: i64,
}

impl WindowTerms {
    /// The states that come behind those of the contents: timers, watermark, and the sessions of each key.
    pub(crate) fn declarations<K: StreamKey>(self) -> impl Iterator<Item = Declaration> {
        let sessions = || Declaration::keyed::<K, ListCell<TimeWindow>, ()>("sessions", StateKind::List);
        let timers = Declaration::keyed::<K, TimerCell, TimeWindow>(TIMERS, StateKind::Timer);
        let sessions = self.windows.is_session().then(sessions);
        [timers, WatermarkState::declaration()].into_iter().chain(sessions)
    }

    fn domain(self) -> Domain {
        if self.windows.is_processing { Domain::Processing } else { Domain::Event }
    }

    /// When the contents of a window are forgotten. Windows of the time of day wait for nothing.
    fn end_of_life(self, window: TimeWindow) -> i64 {
        match self.windows.is_processing {
            true => window.last(),
            false => window.last().saturating_add(self.lateness_ms),
        }
    }
}

/// The windows of one subtask, and the way out.
pub(crate) struct WindowCore<K: StreamKey, E> {
    terms: WindowTerms,
    timers: Timers<K, TimeWindow>,
    /// The sessions of each key, none of which touch.
    sessions: Option<KeyedTable<K, ListCell<TimeWindow>>>,
    watermark: WatermarkState,
    /// Where the timers are among the operator's states; watermark and sessions follow.
    slot: StateSlot,
    places: Places,
    alarm: Alarm,
    pub(super) blame: Blame,
    pub(super) side: SideOutputs,
    counters: Arc<OperatorMetrics>,
    next: E,
}

impl<K: StreamKey, E> WindowCore<K, E> {
    /// Restores the windows. `first` is where the operator's states begin that are not contents.
    pub(super) fn open(terms: WindowTerms, context: &TaskContext, first: StateSlot, next: E) -> Result<Self> {
        let node = first.operator;
        let slot = |offset| StateSlot { state: first.state + offset, ..first };
        let sessions = terms.windows.is_session().then(|| context.keyed_table(slot(2))).transpose()?;
        let core = Self {
            terms,
            timers: context.timers(first, TIMERS)?,
            sessions,
            watermark: WatermarkState::open(context, slot(1))?,
            slot: first,
            places: Places::new(context.subtask(node).max_parallelism),
            alarm: context.alarm(),
            blame: context.blame(node),
            side: context.side_outputs(node),
            counters: context.counters(node),
            next,
        };
        core.wish();
        Ok(core)
    }

    /// Puts a record of this time into its windows; `false` if it is late for all of them. A record that falls
    /// between windows is not late.
    #[inline]
    pub(super) fn put<C: Contents<K>>(
        &mut self,
        place: Place,
        key: &K::Borrowed,
        time: EventTime,
        contents: &mut C,
        mut add: impl FnMut(&mut C, &TimeWindow) -> Result<()>,
    ) -> Result<bool>
    where
        E: Stage<C::Out>,
    {
        let time = match (self.terms.windows.is_processing, time.ms()) {
            (true, _) => self.alarm.now_ms(),
            (false, Some(time)) => time,
            (false, None) => {
                return Err(self.blame.error(Error::failed(
                    "a record has no event time; give it one with `assign_timestamps` before the window",
                )));
            }
        };
        let mut is_in_time = !self.is_late(time);
        for window in self.terms.windows.of(time) {
            let Some(window) = self.admit(place, key, window, contents)? else { continue };
            is_in_time = true;
            let is_new = !contents.has(place, key, &window);
            let added = self.blame.on_result(|| add(contents, &window));
            added?;
            if is_new {
                self.watch(place, key, window);
            }
            if self.is_over(window) {
                self.fire(place, key, window, contents)?;
            }
        }
        Ok(is_in_time)
    }

    /// A record was late for all of its windows, and nobody reads those.
    pub(super) fn drop_late(&self) {
        self.counters.dropped_late();
    }

    /// The window that a record goes into: the session it makes one with others, or the window itself. `None` if its
    /// contents are gone.
    fn admit<C: Contents<K>>(
        &mut self,
        place: Place,
        key: &K::Borrowed,
        window: TimeWindow,
        contents: &mut C,
    ) -> Result<Option<TimeWindow>> {
        let Some(sessions) = &mut self.sessions else {
            return Ok((!self.is_gone(window)).then_some(window));
        };
        let held = sessions.get(place, key, &());
        let touching: Vec<_> =
            held.into_iter().flat_map(ListCell::iter).copied().filter(|held| touch(*held, window)).collect();
        let merged = touching.iter().fold(window, |merged, held| cover(merged, *held));
        if touching == [merged] {
            return Ok(Some(merged));
        }
        if is_gone(self.terms, &self.watermark, merged) {
            return Ok(None);
        }
        if let Some(sessions) = sessions.get_or_insert_with(place, key, &(), ListCell::default) {
            sessions.retain(|held| !touching.contains(held));
            sessions.push(merged);
        }
        for absorbed in touching.iter().filter(|held| **held != merged) {
            self.blame.on_result(|| contents.merge(place, key, absorbed, &merged))?;
            self.unwatch(place, key, *absorbed);
        }
        if !touching.is_empty() {
            self.watch(place, key, merged);
        }
        Ok(Some(merged))
    }

    /// The watermark has passed the record, and the lateness too.
    ///
    /// # Source
    /// Flink (2.1), `WindowOperator.isElementLate`.
    fn is_late(&self, time: i64) -> bool {
        let end_of_life = time.saturating_add(self.terms.lateness_ms);
        !self.terms.windows.is_processing && self.watermark.now().is_some_and(|now| end_of_life <= now)
    }

    fn is_gone(&self, window: TimeWindow) -> bool {
        is_gone(self.terms, &self.watermark, window)
    }

    /// The watermark has passed the window, so that each further record makes a new result.
    fn is_over(&self, window: TimeWindow) -> bool {
        !self.terms.windows.is_processing && self.watermark.now().is_some_and(|now| window.last() <= now)
    }

    /// Sets the timers of a window: for its result, and for its end.
    fn watch(&mut self, place: Place, key: &K::Borrowed, window: TimeWindow) {
        let domain = self.terms.domain();
        if !self.is_over(window) {
            self.timers.set(domain, window.last(), place, key, &window);
        }
        self.timers.set(domain, self.terms.end_of_life(window), place, key, &window);
        if domain == Domain::Processing {
            self.alarm.wish(window.end);
        }
    }

    fn unwatch(&mut self, place: Place, key: &K::Borrowed, window: TimeWindow) {
        let domain = self.terms.domain();
        self.timers.delete(domain, window.last(), place, key, &window);
        self.timers.delete(domain, self.terms.end_of_life(window), place, key, &window);
    }

    fn fire<C: Contents<K>>(
        &mut self,
        place: Place,
        key: &K::Borrowed,
        window: TimeWindow,
        contents: &mut C,
    ) -> Result<()>
    where
        E: Stage<C::Out>,
    {
        let mut out = Out::new(&mut self.next, EventTime::at(window.last()));
        let fired = self.blame.on_result(|| contents.fire(place, key, window, &mut out));
        fired.and(out.finish())
    }

    /// Answers a signal: fires and forgets windows, adds to a snapshot, passes it on.
    pub(super) fn signal<C: Contents<K>>(&mut self, signal: &mut Signal<'_>, contents: &mut C) -> Result<()>
    where
        E: Stage<C::Out>,
    {
        match signal {
            Signal::Watermark(watermark) => {
                self.watermark.advance(*watermark);
                self.pass(Domain::Event, watermark.0, contents)?;
            }
            Signal::Tick(now) => {
                // A window is over when its last millisecond is: until then records still fall into it.
                self.pass(Domain::Processing, now.saturating_sub(1), contents)?;
                self.wish();
            }
            Signal::Barrier(_, snapshot) | Signal::End(snapshot) => self.keep(snapshot, contents),
            Signal::Flush | Signal::Idle(_) | Signal::Split(_) | Signal::Committed(_) => {}
        }
        self.side.signal(signal)?;
        self.next.signal(signal)
    }

    /// Everything up to `now` has passed.
    fn pass<C: Contents<K>>(&mut self, domain: Domain, now: i64, contents: &mut C) -> Result<()>
    where
        E: Stage<C::Out>,
    {
        while let Some(timer) = self.timers.pop_due(domain, now) {
            let (key, window) = (timer.key.borrow(), timer.namespace);
            let place = self.places.of::<K>(key);
            if timer.timestamp == window.last() {
                self.fire(place, key, window, contents)?;
            }
            let end_of_life = self.terms.end_of_life(window);
            if timer.timestamp >= end_of_life {
                contents.purge(place, key, &window);
                self.forget_session(place, key, window);
            } else if contents.has(place, key, &window) {
                // It is set, unless the window comes from a savepoint of a job that waited less long.
                self.timers.set(domain, end_of_life, place, key, &window);
            }
        }
        Ok(())
    }

    fn forget_session(&mut self, place: Place, key: &K::Borrowed, window: TimeWindow) {
        let Some(sessions) = &mut self.sessions else { return };
        let Some(held) = sessions.get_mut(place, key, &()) else { return };
        held.retain(|held| *held != window);
        if held.is_empty() {
            sessions.remove(place, key, &());
        }
    }

    /// Wants to be told the time when the next window of the time of day is over.
    fn wish(&self) {
        if let Some(due) = self.timers.next(Domain::Processing) {
            self.alarm.wish(due.saturating_add(1));
        }
    }

    fn keep<C: Contents<K>>(&mut self, snapshot: &mut Snapshot, contents: &mut C) {
        contents.keep(snapshot);
        let slot = |offset| StateSlot { state: self.slot.state + offset, ..self.slot };
        snapshot.keep(self.slot, KeyedPart(self.timers.freeze()));
        self.watermark.keep(snapshot);
        if let Some(sessions) = &mut self.sessions {
            snapshot.keep(slot(2), KeyedPart(sessions.freeze()));
        }
    }
}

/// The contents of a window are forgotten by now.
fn is_gone(terms: WindowTerms, watermark: &WatermarkState, window: TimeWindow) -> bool {
    let now = watermark.now().filter(|_| !terms.windows.is_processing);
    now.is_some_and(|now| terms.end_of_life(window) <= now)
}
