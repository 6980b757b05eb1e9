//! Gives records their event time, and makes watermarks from it.
//!
//! ```text
//! split 0   … 12  15  11        latest 15  ┐
//! split 1   … 40  41            latest 41  ├─► watermark = lowest latest − out-of-orderness − 1
//! split 2   (idle)                         ┘
//! ```

use std::collections::BTreeMap;
use std::time::Duration;

use super::chain::Operator;
use super::stage::{Signal, SplitChange, Stage, Watermark};
use crate::data::{Data, EventTime};
use crate::error::{Error, Result};
use crate::tasks::{Alarm, Blame, Hold, Member, TaskContext};

/// How watermarks follow from event times.
#[derive(Debug, Clone)]
pub struct Watermarks {
    out_of_orderness_ms: i64,
    idle_after_ms: Option<i64>,
    is_eager: bool,
    alignment: Option<Alignment>,
}

/// The group of sources that one keeps together with.
#[derive(Debug, Clone)]
struct Alignment {
    group: String,
    max_drift_ms: i64,
}

impl Watermarks {
    /// No record is older than the latest by more than this.
    pub fn bounded_out_of_orderness(bound: Duration) -> Self {
        Self { out_of_orderness_ms: ms(bound), idle_after_ms: None, is_eager: false, alignment: None }
    }

    /// Event times never fall.
    pub fn ascending() -> Self {
        Self::bounded_out_of_orderness(Duration::ZERO)
    }

    /// A split without records for this long no longer holds the others up.
    #[must_use]
    pub fn idle_after(mut self, time: Duration) -> Self {
        self.idle_after_ms = Some(ms(time));
        self
    }

    /// Keeps the source together with all others of this group: while its watermark is ahead of the slowest by more
    /// than `max_drift`, it reads nothing. Barriers pass, and who is idle or has ended holds nobody up. It is looked at
    /// as often as watermarks are made, so a source may read on for so long.
    ///
    /// Only a source can be held: nothing but operators of its chain may lie between it and the timestamps.
    #[must_use]
    pub fn aligned(mut self, group: impl Into<String>, max_drift: Duration) -> Self {
        self.alignment = Some(Alignment { group: group.into(), max_drift_ms: ms(max_drift) });
        self
    }

    /// A watermark behind every record that moves it, instead of a few times a second. It costs a batch each, and
    /// makes what is late depend on the records alone.
    #[must_use]
    pub fn after_each_record(mut self) -> Self {
        self.is_eager = true;
        self
    }
}

fn no_source() -> Error {
    Error::refused(
        "only a source can be held: give its records their time in its own chain, before any exchange",
    )
}

fn ms(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

#[derive(Clone)]
pub(crate) struct AssignTime<F> {
    pub(crate) time: F,
    pub(crate) watermarks: Watermarks,
}

pub(crate) struct AssignTimeStage<F, E> {
    time: F,
    watermarks: Watermarks,
    splits: Splits,
    interval_ms: i64,
    /// The watermark that was emitted last.
    emitted: Option<i64>,
    is_idle: bool,
    /// The source, and its place in its group.
    held: Option<(Hold, Member)>,
    alarm: Alarm,
    blame: Blame,
    next: E,
}

impl<T, F> Operator<T> for AssignTime<F>
where
    T: Data,
    F: for<'a> FnMut(&'a T::Ref<'a>) -> i64 + Clone + Send + 'static,
{
    type Out = T;
    type Stage<E: Stage<T> + 'static> = AssignTimeStage<F, E>;

    fn stage<E: Stage<T> + 'static>(
        self,
        context: &TaskContext,
        node: usize,
        next: E,
    ) -> Result<AssignTimeStage<F, E>> {
        let alarm = context.alarm();
        alarm.wish(alarm.now_ms());
        let join = |alignment: &Alignment| {
            Ok((context.hold().ok_or_else(no_source)?, context.join(&alignment.group)))
        };
        let held = self.watermarks.alignment.as_ref().map(join).transpose();
        Ok(AssignTimeStage {
            time: self.time,
            watermarks: self.watermarks,
            splits: Splits::new(alarm.elapsed_ms()),
            interval_ms: ms(context.watermark_interval()).max(1),
            emitted: None,
            is_idle: false,
            held: held.map_err(|error| context.blame(node).error(error))?,
            alarm,
            blame: context.blame(node),
            next,
        })
    }
}

impl<T, F, E> Stage<T> for AssignTimeStage<F, E>
where
    T: Data,
    F: for<'a> FnMut(&'a T::Ref<'a>) -> i64 + Send,
    E: Stage<T>,
{
    #[inline]
    fn push(&mut self, record: T::Ref<'_>, _: EventTime) -> Result<()> {
        let record = T::shorten(record);
        let time = &mut self.time;
        let time = self.blame.on(|| time(&record));
        if self.is_idle {
            self.set_idle(false)?;
        }
        self.splits.saw(time);
        self.next.push(record, EventTime::at(time))?;
        if self.watermarks.is_eager { self.emit() } else { Ok(()) }
    }

    /// Watermarks of those before it are not passed on, but for the last: their input has ended.
    fn signal(&mut self, signal: &mut Signal<'_>) -> Result<()> {
        match signal {
            Signal::Watermark(Watermark(time)) if *time < i64::MAX => Ok(()),
            Signal::Watermark(_) => {
                self.held = None;
                if self.is_idle {
                    // Of who is idle, nobody would look at the last watermark either.
                    self.set_idle(false)?;
                }
                self.next.signal(signal)
            }
            Signal::Idle(_) => Ok(()),
            Signal::Split(change) => {
                self.splits.change(*change, self.alarm.elapsed_ms());
                Ok(())
            }
            Signal::Tick(now) => {
                self.tick(*now)?;
                self.next.signal(signal)
            }
            _ => self.next.signal(signal),
        }
    }
}

impl<F, E> AssignTimeStage<F, E> {
    fn tick<T: Data>(&mut self, now: i64) -> Result<()>
    where
        E: Stage<T>,
    {
        self.alarm.wish(now.saturating_add(self.interval_ms));
        if self.held.as_ref().is_some_and(|(hold, _)| hold.is_held()) {
            self.splits.stay_awake();
        }
        self.splits.tick(self.alarm.elapsed_ms(), self.watermarks.idle_after_ms);
        self.emit()?;
        self.align();
        if self.splits.is_idle() && !self.is_idle { self.set_idle(true) } else { Ok(()) }
    }

    /// Holds the source if it is too far ahead, lets it go on if it is not.
    fn align(&self) {
        if let (Some((hold, member)), Some(alignment)) = (&self.held, &self.watermarks.alignment) {
            let watermark = (!self.splits.is_idle()).then(|| self.emitted.unwrap_or(i64::MIN));
            hold.set(member.is_ahead(watermark, alignment.max_drift_ms));
        }
    }

    fn set_idle<T: Data>(&mut self, is_idle: bool) -> Result<()>
    where
        E: Stage<T>,
    {
        self.is_idle = is_idle;
        self.next.signal(&mut Signal::Idle(is_idle))
    }

    /// Emits the watermark, if it has moved.
    fn emit<T: Data>(&mut self) -> Result<()>
    where
        E: Stage<T>,
    {
        let Some(latest) = self.splits.lowest_latest() else { return Ok(()) };
        let time = latest.saturating_sub(self.watermarks.out_of_orderness_ms).saturating_sub(1);
        if self.emitted.is_some_and(|emitted| time <= emitted) {
            return Ok(());
        }
        self.emitted = Some(time);
        self.next.signal(&mut Signal::Watermark(Watermark(time)))
    }
}

/// What is known of the splits that the subtask reads.
#[derive(Debug)]
struct Splits {
    /// By number: those that the source says it reads, and that have not ended.
    reading: BTreeMap<usize, Split>,
    current: usize,
    /// What stands for the subtask while it reads none of them: all records of a source that does not speak of
    /// splits, and what is left of those that have ended.
    rest: Split,
}

#[derive(Debug, Clone)]
struct Split {
    /// The latest event time so far.
    latest: Option<i64>,
    /// It had records since the last tick.
    is_fresh: bool,
    /// When it was last seen to have records, by a clock that does not jump.
    active_ms: i64,
    is_idle: bool,
}

impl Split {
    fn new(now: i64) -> Self {
        Self { latest: None, is_fresh: false, active_ms: now, is_idle: false }
    }
}

impl Splits {
    fn new(now: i64) -> Self {
        Self { reading: BTreeMap::new(), current: 0, rest: Split::new(now) }
    }

    #[inline]
    fn saw(&mut self, time: i64) {
        let split = self.reading.get_mut(&self.current).unwrap_or(&mut self.rest);
        split.latest = split.latest.max(Some(time));
        split.is_fresh = true;
        split.is_idle = false;
    }

    fn change(&mut self, change: SplitChange, now: i64) {
        match change {
            SplitChange::Reads(number) => {
                self.current = number;
                self.reading.entry(number).or_insert_with(|| Split::new(now));
            }
            SplitChange::Ends(number) => {
                let Some(ended) = self.reading.remove(&number) else { return };
                let latest = self.rest.latest.max(ended.latest);
                self.rest = Split { latest, ..Split::new(now) };
            }
        }
    }

    fn tick(&mut self, now: i64, idle_after: Option<i64>) {
        for split in self.reading.values_mut().chain([&mut self.rest]) {
            if std::mem::take(&mut split.is_fresh) {
                split.active_ms = now;
            }
            split.is_idle = idle_after.is_some_and(|time| now.saturating_sub(split.active_ms) >= time);
        }
    }

    /// Who is held has no records and is not idle.
    fn stay_awake(&mut self) {
        self.reading.values_mut().chain([&mut self.rest]).for_each(|split| split.is_fresh = true);
    }

    /// The splits that the watermark goes by.
    fn counted(&self) -> impl Iterator<Item = &Split> {
        let rest = self.reading.is_empty().then_some(&self.rest);
        self.reading.values().chain(rest)
    }

    /// All splits are idle.
    fn is_idle(&self) -> bool {
        self.counted().all(|split| split.is_idle)
    }

    /// The lowest of the latest times of the splits that are not idle; `None` while one of them has had no record.
    fn lowest_latest(&self) -> Option<i64> {
        self.counted().filter(|split| !split.is_idle).map(|split| split.latest).min().flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The splits 0 and 1, each with a record of this time.
    fn two(first: i64, second: i64) -> Splits {
        let mut splits = Splits::new(0);
        for (number, time) in [(0, first), (1, second)] {
            splits.change(SplitChange::Reads(number), 0);
            splits.saw(time);
        }
        splits
    }

    #[test]
    fn the_slowest_split_decides_until_it_ends_or_is_idle() {
        let mut splits = two(10, 30);
        splits.saw(20);
        assert_eq!(splits.lowest_latest(), Some(10));
        splits.tick(100, Some(50));
        splits.saw(40);
        splits.tick(151, Some(50));
        assert_eq!((splits.lowest_latest(), splits.is_idle()), (Some(40), false));
        splits.tick(300, Some(50));
        assert!(splits.is_idle());
        splits.change(SplitChange::Reads(0), 300);
        splits.saw(11);
        assert_eq!((splits.lowest_latest(), splits.is_idle()), (Some(11), false));
        splits.change(SplitChange::Ends(0), 300);
        splits.change(SplitChange::Reads(1), 300);
        splits.saw(12);
        assert_eq!(splits.lowest_latest(), Some(40));
    }

    #[test]
    fn a_split_without_records_holds_the_watermark_and_whatever_number_it_has_no_other_does() {
        let mut splits = Splits::new(0);
        assert_eq!(splits.lowest_latest(), None);
        splits.change(SplitChange::Reads(7), 0);
        splits.saw(10);
        assert_eq!(splits.lowest_latest(), Some(10));
        splits.change(SplitChange::Reads(8), 0);
        assert_eq!(splits.lowest_latest(), None);
    }

    #[test]
    fn when_all_splits_have_ended_their_latest_time_is_left_and_the_subtask_falls_idle() {
        let mut splits = two(50, 30);
        splits.change(SplitChange::Ends(0), 100);
        assert_eq!(splits.lowest_latest(), Some(30));
        splits.change(SplitChange::Ends(1), 100);
        assert_eq!(splits.lowest_latest(), Some(50));
        splits.tick(149, Some(50));
        assert!(!splits.is_idle());
        splits.tick(150, Some(50));
        assert!(splits.is_idle());
        splits.change(SplitChange::Reads(2), 160);
        splits.saw(60);
        assert_eq!((splits.lowest_latest(), splits.is_idle()), (Some(60), false));
    }
}
