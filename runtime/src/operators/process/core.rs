//! What every operator with a keyed function does: keeps its tables and timers, and answers signals.

use spt_format::StateKind;

use super::context::{FiredTimer, KeyedContext, ProcessContext};
use super::watermark::WatermarkState;
use crate::data::{Data, EventTime};
use crate::error::Result;
use crate::operators::side_output::SideOutputs;
use crate::operators::stage::{Signal, Stage};
use crate::operators::states::{OpenOperator, OpenTable, OperatorTables, StateSet, States, Tables};
use crate::savepoint::{KeyedPart, Snapshot, StateSlot};
use crate::state::{Declaration, Domain, Key, Place, Places, TimerCell, Timers};
use crate::tasks::{Alarm, Blame, TaskContext};

/// The name of the timers of a function, as a state and as a service.
const TIMERS: &str = "timers";

/// What a keyed function declared, in the order of the operator's states: keyed states, states of the operator,
/// timers and their watermark.
pub(crate) struct Declared<K> {
    keyed: StateSet<OpenTable<K>>,
    operator: StateSet<OpenOperator>,
    has_timers: bool,
}

impl<K> Clone for Declared<K> {
    fn clone(&self) -> Self {
        Self { keyed: self.keyed.clone(), operator: self.operator.clone(), has_timers: self.has_timers }
    }
}

impl<K: Key> Declared<K> {
    pub(super) fn new(states: States<K>) -> Self {
        let (keyed, operator, has_timers) = states.into_parts();
        Self { keyed, operator, has_timers }
    }

    /// What the plan says of them.
    pub(crate) fn declarations(&self) -> Vec<Declaration> {
        let timers = || {
            [Declaration::keyed::<K, TimerCell, ()>(TIMERS, StateKind::Timer), WatermarkState::declaration()]
        };
        let timers = self.has_timers.then(timers).into_iter().flatten();
        self.keyed.declarations().chain(self.operator.declarations()).chain(timers).collect()
    }
}

/// The state of a keyed function in one subtask, and the way out of it.
pub(crate) struct KeyedCore<K: Key, E> {
    tables: Tables<K>,
    operator: OperatorTables,
    timers: Option<(Timers<K>, StateSlot)>,
    watermark: WatermarkState,
    places: Places,
    alarm: Alarm,
    blame: Blame,
    side: SideOutputs,
    next: E,
}

impl<K: Key, E> KeyedCore<K, E> {
    /// Restores what was declared.
    pub(super) fn open(declared: &Declared<K>, context: &TaskContext, node: usize, next: E) -> Result<Self> {
        let blame = context.blame(node);
        blame.on_result(|| {
            let slot = |state| StateSlot { operator: node, state };
            let after_keyed = declared.keyed.len();
            let after_all = after_keyed + declared.operator.len();
            let timers = match declared.has_timers {
                true => Some((context.timers(slot(after_all), TIMERS)?, slot(after_all))),
                false => None,
            };
            let core = Self {
                tables: Tables::open(&declared.keyed, context, node)?,
                operator: OperatorTables::open(&declared.operator, context, slot(after_keyed))?,
                timers,
                watermark: WatermarkState::open(context, slot(after_all + 1))?,
                places: Places::new(context.subtask(node).max_parallelism),
                alarm: context.alarm(),
                blame: context.blame(node),
                side: context.side_outputs(node),
                next,
            };
            core.wish();
            Ok(core)
        })
    }

    /// Calls the function for a key.
    #[inline]
    pub(super) fn call<O: Data>(
        &mut self,
        place: Place,
        key: &K::Borrowed,
        time: EventTime,
        function: impl FnOnce(&mut KeyedContext<'_, K, O>) -> Result<()>,
    ) -> Result<()>
    where
        E: Stage<O>,
    {
        let watermark = self.watermark.now();
        let plain = ProcessContext::new(
            &mut self.next,
            &mut self.side,
            &mut self.operator,
            &self.alarm,
            time,
            watermark,
        );
        let timers = self.timers.as_mut().map(|(timers, _)| timers);
        let mut context = KeyedContext { plain, place, key, tables: &mut self.tables, timers };
        let called = self.blame.on_result(|| function(&mut context));
        called.and(context.plain.finish())
    }

    /// Calls the function for no key.
    pub(super) fn call_without_key<O: Data>(
        &mut self,
        time: EventTime,
        function: impl FnOnce(&mut ProcessContext<'_, O>) -> Result<()>,
    ) -> Result<()>
    where
        E: Stage<O>,
    {
        let watermark = self.watermark.now();
        let mut context = ProcessContext::new(
            &mut self.next,
            &mut self.side,
            &mut self.operator,
            &self.alarm,
            time,
            watermark,
        );
        let called = self.blame.on_result(|| function(&mut context));
        called.and(context.finish())
    }

    /// Answers a signal: fires timers, adds to a snapshot, passes it on.
    pub(super) fn signal<O: Data>(
        &mut self,
        signal: &mut Signal<'_>,
        on_timer: impl FnMut(FiredTimer, &mut KeyedContext<'_, K, O>) -> Result<()>,
    ) -> Result<()>
    where
        E: Stage<O>,
    {
        match signal {
            Signal::Watermark(watermark) => {
                self.watermark.advance(*watermark);
                self.fire(Domain::Event, watermark.0, on_timer)?;
            }
            Signal::Tick(now) => {
                self.tables.tick(*now, &self.alarm);
                self.fire(Domain::Processing, *now, on_timer)?;
                self.wish();
            }
            Signal::Barrier(_, snapshot) | Signal::End(snapshot) => self.keep(snapshot),
            Signal::Flush | Signal::Idle(_) | Signal::Split(_) | Signal::Committed(_) => {}
        }
        self.side.signal(signal)?;
        self.next.signal(signal)
    }

    /// Fires what is due, earliest first; timers that are set meanwhile and are due fire too.
    fn fire<O: Data>(
        &mut self,
        domain: Domain,
        now: i64,
        mut on_timer: impl FnMut(FiredTimer, &mut KeyedContext<'_, K, O>) -> Result<()>,
    ) -> Result<()>
    where
        E: Stage<O>,
    {
        while let Some(timer) = self.timers.as_mut().and_then(|(timers, _)| timers.pop_due(domain, now)) {
            let place = self.places.of::<K>(timer.key.borrow());
            let time = match domain {
                Domain::Event => EventTime::at(timer.timestamp),
                Domain::Processing => EventTime::NONE,
            };
            let fired = FiredTimer { domain, timestamp: timer.timestamp };
            self.call(place, timer.key.borrow(), time, |context| on_timer(fired, context))?;
        }
        Ok(())
    }

    /// Wants to be told the time when the next timer is due.
    fn wish(&self) {
        if let Some(due) = self.timers.as_ref().and_then(|(timers, _)| timers.next(Domain::Processing)) {
            self.alarm.wish(due);
        }
    }

    fn keep(&mut self, snapshot: &mut Snapshot) {
        self.tables.keep(snapshot);
        self.operator.keep(snapshot);
        if let Some((timers, slot)) = &mut self.timers {
            snapshot.keep(*slot, KeyedPart(timers.freeze()));
            self.watermark.keep(snapshot);
        }
    }
}
