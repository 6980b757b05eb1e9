//! Gives records their event time, and makes watermarks from it.
//!
//! ```text
//! split 0   … 12  15  11        latest 15  ┐
//! split 1   … 40  41            latest 41  ├─► watermark = lowest latest − out-of-orderness − 1
//! split 2   (idle)                         ┘
//! ```

use std::time::Duration;

use super::chain::Operator;
use super::stage::{Signal, SplitChange, Stage, Watermark};
use crate::data::{Data, EventTime};
use crate::error::Result;
use crate::tasks::{Alarm, Blame, TaskContext};

/// How watermarks follow from event times.
#[derive(Debug, Clone)]
pub struct Watermarks {
    out_of_orderness_ms: i64,
    idle_after_ms: Option<i64>,
    is_eager: bool,
}

impl Watermarks {
    /// No record is older than the latest by more than this.
    pub fn bounded_out_of_orderness(bound: Duration) -> Self {
        Self { out_of_orderness_ms: ms(bound), idle_after_ms: None, is_eager: false }
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

    /// A watermark behind every record that moves it, instead of a few times a second. It costs a batch each, and
    /// makes what is late depend on the records alone.
    #[must_use]
    pub fn after_each_record(mut self) -> Self {
        self.is_eager = true;
        self
    }
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
        Ok(AssignTimeStage {
            time: self.time,
            watermarks: self.watermarks,
            splits: Splits::new(alarm.now_ms()),
            interval_ms: ms(context.watermark_interval()).max(1),
            emitted: None,
            is_idle: false,
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

    /// Watermarks of those before it are not passed on, but for the last.
    fn signal(&mut self, signal: &mut Signal<'_>) -> Result<()> {
        match signal {
            Signal::Watermark(Watermark(time)) if *time < i64::MAX => Ok(()),
            Signal::Idle(_) => Ok(()),
            Signal::Split(change) => {
                self.splits.change(*change, self.alarm.now_ms());
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
        self.splits.tick(now, self.watermarks.idle_after_ms);
        self.emit()?;
        if self.splits.is_idle() && !self.is_idle { self.set_idle(true) } else { Ok(()) }
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

/// What is known of each split of the subtask. Records of a source that does not speak of splits are all of one.
#[derive(Debug)]
struct Splits {
    splits: Vec<Option<Split>>,
    /// The one that is read.
    current: usize,
}

#[derive(Debug, Clone)]
struct Split {
    /// The latest event time so far.
    latest: Option<i64>,
    /// It had records since the last tick.
    is_fresh: bool,
    /// When it was last seen to have records.
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
        Self { splits: vec![Some(Split::new(now))], current: 0 }
    }

    #[inline]
    fn saw(&mut self, time: i64) {
        if let Some(Some(split)) = self.splits.get_mut(self.current) {
            split.latest = split.latest.max(Some(time));
            split.is_fresh = true;
            split.is_idle = false;
        }
    }

    fn change(&mut self, change: SplitChange, now: i64) {
        match change {
            SplitChange::Reads(index) => {
                if index >= self.splits.len() {
                    self.splits.resize(index + 1, None);
                }
                self.current = index;
                if let Some(split) = self.splits.get_mut(index) {
                    split.get_or_insert_with(|| Split::new(now));
                }
            }
            SplitChange::Ends(index) => {
                if let Some(split) = self.splits.get_mut(index) {
                    *split = None;
                }
            }
        }
    }

    fn tick(&mut self, now: i64, idle_after: Option<i64>) {
        for split in self.splits.iter_mut().flatten() {
            if std::mem::take(&mut split.is_fresh) {
                split.active_ms = now;
            }
            split.is_idle = idle_after.is_some_and(|time| now.saturating_sub(split.active_ms) >= time);
        }
    }

    /// There are splits, and all of them are idle.
    fn is_idle(&self) -> bool {
        let mut splits = self.splits.iter().flatten().peekable();
        splits.peek().is_some() && splits.all(|split| split.is_idle)
    }

    /// The lowest of the latest times of the splits that are not idle; `None` while one of them has had no record.
    fn lowest_latest(&self) -> Option<i64> {
        self.splits.iter().flatten().filter(|split| !split.is_idle).map(|split| split.latest).min().flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_slowest_split_decides_until_it_ends_or_is_idle() {
        let mut splits = Splits::new(0);
        splits.saw(10);
        splits.change(SplitChange::Reads(1), 0);
        assert_eq!(splits.lowest_latest(), None);
        splits.saw(30);
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
}
