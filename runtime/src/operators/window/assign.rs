//! Which windows a record belongs to.

use std::time::Duration;

use crate::state::TimeWindow;

/// How time is divided into windows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Windows {
    pub(super) shape: Shape,
    /// Windows of the time of day, not of event time.
    pub(super) is_processing: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// Windows of `size` that begin every `slide`, shifted by `offset`; all in ms, the first two above 0.
    Aligned { size: i64, slide: i64, offset: i64 },
    /// Windows that end when no record has come for `gap` ms.
    Session { gap: i64 },
}

/// Windows that one record may be in: a day that slides by a second, and no more.
const MOST_WINDOWS: i64 = 86_400;

fn ms(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

/// A length of time that is not nothing.
fn length(duration: Duration) -> i64 {
    ms(duration).max(1)
}

impl Windows {
    /// Windows of this size, one behind the other. Times are whole milliseconds, and one at the least.
    pub fn tumbling(size: Duration) -> Self {
        Self::sliding(size, size)
    }

    /// Windows of this size, of which one begins every `slide`: a record is in each that covers it.
    pub fn sliding(size: Duration, slide: Duration) -> Self {
        let shape = Shape::Aligned { size: length(size), slide: length(slide), offset: 0 };
        Self { shape, is_processing: false }
    }

    /// Windows of activity: one ends when no record of the key has come for `gap`.
    pub fn session(gap: Duration) -> Self {
        Self { shape: Shape::Session { gap: length(gap) }, is_processing: false }
    }

    /// Shifts windows that are aligned: with an offset of an hour, days begin at one.
    #[must_use]
    pub fn offset(mut self, by: Duration) -> Self {
        if let Shape::Aligned { offset, .. } = &mut self.shape {
            *offset = ms(by);
        }
        self
    }

    /// Windows of the time of day at which a record is seen, instead of its event time.
    #[must_use]
    pub fn of_processing_time(mut self) -> Self {
        self.is_processing = true;
        self
    }

    /// Why nobody can want such windows: each record would be copied into more than there is memory for.
    pub(crate) fn refusal(self) -> Option<String> {
        let Shape::Aligned { size, slide, .. } = self.shape else { return None };
        (size / slide > MOST_WINDOWS).then(|| {
            format!(
                "windows of {size} ms that begin every {slide} ms put each record into {}, at most {MOST_WINDOWS} \
                 are possible; begin one less often",
                size / slide
            )
        })
    }

    pub(super) fn is_session(self) -> bool {
        matches!(self.shape, Shape::Session { .. })
    }

    /// The windows of a record; for sessions the one that it would be alone in.
    pub(super) fn of(self, time: i64) -> impl Iterator<Item = TimeWindow> {
        let (last, slide, size) = match self.shape {
            Shape::Aligned { size, slide, offset } => {
                (time.saturating_sub(time.wrapping_sub(offset).rem_euclid(slide)), slide, size)
            }
            Shape::Session { gap } => (time, gap, gap),
        };
        let starts = std::iter::successors(Some(last), move |start| start.checked_sub(slide));
        let windows = starts.map(move |start| TimeWindow { start, end: start.saturating_add(size) });
        windows.take_while(move |window| window.end > time)
    }
}

/// The windows overlap or touch: sessions like that are one.
pub(super) fn touch(a: TimeWindow, b: TimeWindow) -> bool {
    a.start <= b.end && b.start <= a.end
}

/// The window that covers both.
pub(super) fn cover(a: TimeWindow, b: TimeWindow) -> TimeWindow {
    TimeWindow { start: a.start.min(b.start), end: a.end.max(b.end) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn windows(windows: Windows, time: i64) -> Vec<(i64, i64)> {
        windows.of(time).map(|window| (window.start, window.end)).collect()
    }

    #[test]
    fn a_record_is_in_every_window_that_covers_it() {
        let ten = Duration::from_millis(10);
        assert_eq!(windows(Windows::tumbling(ten), 19), [(10, 20)]);
        assert_eq!(windows(Windows::tumbling(ten), -1), [(-10, 0)]);
        assert_eq!(windows(Windows::tumbling(ten).offset(Duration::from_millis(3)), 12), [(3, 13)]);
        assert_eq!(windows(Windows::tumbling(ten).offset(Duration::ZERO), 12), [(10, 20)]);
        let sliding = Windows::sliding(ten, Duration::from_millis(4));
        assert_eq!(windows(sliding, 13), [(12, 22), (8, 18), (4, 14)]);
        assert_eq!(windows(sliding, 11), [(8, 18), (4, 14)]);
        assert_eq!(windows(Windows::session(ten), 7), [(7, 17)]);
        let gaps = Windows::sliding(Duration::from_millis(2), ten);
        assert_eq!((windows(gaps, 11), windows(gaps, 15)), (vec![(10, 12)], vec![]));
    }

    #[test]
    fn the_ends_of_time_are_no_trouble() {
        for time in [i64::MIN + 1, i64::MAX - 1] {
            for shape in [Windows::tumbling(Duration::MAX), Windows::session(Duration::from_secs(1))] {
                assert!(shape.of(time).count() <= 1);
            }
        }
    }
}
