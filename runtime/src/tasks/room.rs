//! How many records a source emits before the runtime looks again whether there is a barrier: as many as pass in a moment.
//!
//! ```text
//! room   1  2  4  8 … 1024           doubled by each poll that used it and was quick
//!                       └──► 3       cut to what a moment allows by one that was slow
//! ```

use std::time::Duration;

/// What a poll should take at most.
const MOMENT: Duration = Duration::from_millis(10);
/// Records of a poll, however quick they are.
const MOST: u64 = 1024;

/// The records that the next poll should emit at most.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Room(u64);

impl Room {
    /// Nothing is known yet of how quick the operators are: one record shows it.
    pub(crate) fn new() -> Self {
        Self(1)
    }

    /// Records, at least one.
    pub(crate) fn records(self) -> u64 {
        self.0
    }

    /// So many records took so long.
    pub(crate) fn learn(&mut self, emitted: u64, took: Duration) {
        if took > MOMENT {
            let allowed = emitted as f64 * MOMENT.as_secs_f64() / took.as_secs_f64();
            self.0 = (allowed as u64).clamp(1, self.0);
        } else if emitted >= self.0 && took <= MOMENT / 2 {
            self.0 = (self.0 * 2).min(MOST);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quick_records_get_room_and_slow_ones_what_a_moment_allows() {
        let mut room = Room::new();
        let polls = (0..20).map(|_| {
            let emitted = room.records();
            room.learn(emitted, Duration::from_micros(emitted));
            emitted
        });
        assert_eq!(polls.collect::<Vec<_>>()[..12], [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 1024]);
        room.learn(1024, Duration::from_millis(1024));
        assert_eq!(room.records(), 10);
        room.learn(10, Duration::from_secs(60));
        assert_eq!(room.records(), 1);
    }

    #[test]
    fn a_poll_that_did_not_use_its_room_says_nothing() {
        let mut room = Room(8);
        room.learn(3, Duration::ZERO);
        room.learn(8, MOMENT);
        assert_eq!(room.records(), 8);
        room.learn(0, Duration::from_secs(1));
        assert_eq!(room.records(), 1);
    }
}
