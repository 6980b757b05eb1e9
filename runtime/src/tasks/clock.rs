//! What time it is, and when a task wants to be told.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use crate::state::now_ms;

/// The time of day as operators see it: processing time.
#[derive(Clone, Default)]
pub struct Clock(Option<Arc<AtomicI64>>);

impl Clock {
    /// The system's.
    pub fn system() -> Self {
        Self(None)
    }

    /// One that stands still until it is [set](Clock::set): for tests.
    pub fn manual(ms: i64) -> Self {
        Self(Some(Arc::new(AtomicI64::new(ms))))
    }

    /// Now, in ms since 1970.
    #[inline]
    pub fn now_ms(&self) -> i64 {
        self.0.as_ref().map_or_else(now_ms, |time| time.load(Ordering::Relaxed))
    }

    /// Sets a manual clock, for all that have a copy of it. The system's clock stays as it is.
    pub fn set(&self, ms: i64) {
        if let Some(time) = &self.0 {
            time.store(ms, Ordering::Relaxed);
        }
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "manual clock" } else { "system clock" })
    }
}

/// How often a task looks at a clock that a test sets.
const LOOK: Duration = Duration::from_millis(5);

/// How often it looks at the system's, which may jump while the task sleeps.
const LOOK_AT_SYSTEM: Duration = Duration::from_secs(1);

/// When the operators of a task want to be told the time: it goes off once, at the earliest of their wishes.
///
/// It also goes off when the clock has stepped back. Then nothing is due, and whoever wished for a time that was
/// near, and is far now, wishes anew.
#[derive(Debug, Clone)]
pub(crate) struct Alarm {
    clock: Clock,
    due: Arc<AtomicI64>,
    /// What the clock said when it was last looked at.
    seen: Arc<AtomicI64>,
    begin: Instant,
}

impl Alarm {
    pub(crate) fn new(clock: Clock) -> Self {
        let seen = Arc::new(AtomicI64::new(clock.now_ms()));
        Self { clock, due: Arc::new(AtomicI64::new(i64::MAX)), seen, begin: Instant::now() }
    }

    /// Wishes for a [tick](crate::operators::Signal::Tick) at this time, in ms since 1970.
    pub(crate) fn wish(&self, ms: i64) {
        self.due.fetch_min(ms, Ordering::Relaxed);
    }

    /// Now, in ms since 1970.
    pub(crate) fn now_ms(&self) -> i64 {
        self.clock.now_ms()
    }

    /// Milliseconds that have passed, whatever became of the system's clock meanwhile: only differences mean something.
    pub(crate) fn elapsed_ms(&self) -> i64 {
        match &self.clock.0 {
            Some(_) => self.now_ms(),
            None => i64::try_from(self.begin.elapsed().as_millis()).unwrap_or(i64::MAX),
        }
    }

    /// Goes off if it is time: operators that want another one have to wish anew.
    #[inline]
    pub(crate) fn ring(&self) -> Option<i64> {
        let due = self.due.load(Ordering::Relaxed);
        if due == i64::MAX {
            return None;
        }
        let now = self.clock.now_ms();
        let stepped_back = now < self.seen.swap(now, Ordering::Relaxed);
        (due <= now || stepped_back).then(|| {
            self.due.store(i64::MAX, Ordering::Relaxed);
            now
        })
    }

    /// How long nobody needs to look.
    pub(crate) fn pause(&self) -> Option<Duration> {
        let due = self.due.load(Ordering::Relaxed);
        let left = || Duration::from_millis(due.saturating_sub(self.clock.now_ms()).max(0).cast_unsigned());
        let longest = if self.clock.0.is_some() { LOOK } else { LOOK_AT_SYSTEM };
        (due != i64::MAX).then(|| left().min(longest))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alarm_goes_off_once_at_the_earliest_wish() {
        let clock = Clock::manual(100);
        let alarm = Alarm::new(clock.clone());
        assert_eq!((alarm.ring(), alarm.pause()), (None, None));
        alarm.wish(300);
        alarm.wish(200);
        alarm.wish(250);
        assert_eq!(alarm.ring(), None);
        clock.set(220);
        assert_eq!((alarm.ring(), alarm.ring()), (Some(220), None));
    }

    #[test]
    fn a_clock_that_steps_back_has_wishes_made_anew() {
        let clock = Clock::manual(1_000);
        let alarm = Alarm::new(clock.clone());
        alarm.wish(1_200);
        assert_eq!(alarm.ring(), None);
        clock.set(400);
        assert_eq!((alarm.ring(), alarm.ring()), (Some(400), None));
        alarm.wish(600);
        clock.set(599);
        assert_eq!(alarm.ring(), None);
        clock.set(9_000);
        assert_eq!(alarm.ring(), Some(9_000));
    }

    #[test]
    fn nobody_sleeps_for_long_by_a_clock_that_may_jump() {
        let alarm = Alarm::new(Clock::system());
        alarm.wish(alarm.now_ms() + 86_400_000);
        assert!(alarm.pause().unwrap() <= Duration::from_secs(1));
        // What has passed is measured by no clock that anybody sets.
        assert!(alarm.elapsed_ms() < 60_000);
    }
}
