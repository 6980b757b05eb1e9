//! When what a record tells of happened.

/// The event time of a record, in ms since 1970. A record has none until it is given one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct EventTime(i64);

impl EventTime {
    /// No event time.
    pub const NONE: Self = Self(i64::MIN);

    /// This many ms since 1970. The earliest number there is stands for none.
    #[inline]
    pub fn at(ms: i64) -> Self {
        Self(ms)
    }

    /// In ms since 1970; `None` if there is none.
    #[inline]
    pub fn ms(self) -> Option<i64> {
        (self != Self::NONE).then_some(self.0)
    }
}

/// The event times of a batch of records. It is empty while none of them has one.
#[derive(Debug, Default)]
pub struct EventTimes(Vec<EventTime>);

impl EventTimes {
    /// Notes the time of the record at `index`, which is the last one.
    #[inline]
    pub fn push(&mut self, index: usize, time: EventTime) {
        if time != EventTime::NONE || !self.0.is_empty() {
            self.0.resize(index, EventTime::NONE);
            self.0.push(time);
        }
    }

    /// The time of a record.
    #[inline]
    pub fn get(&self, index: usize) -> EventTime {
        self.0.get(index).copied().unwrap_or(EventTime::NONE)
    }

    /// Forgets all times and keeps the memory.
    pub fn clear(&mut self) {
        self.0.clear();
    }
}
