//! Range deletions: `[start, end)` of user keys loses everything older than a sequence number.
//!
//! Flink writes them when it takes over the files of a job of another parallelism and cuts away the key
//! groups that are not its own.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;

use bytes::Bytes;
use spt_format::{Error, Result};

use super::entries::Entries;
use super::key::{EntryKind, InternalKey};

/// Everything in `[start, end)` that is older than `sequence` is gone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct RangeDeletion {
    pub(super) start: Vec<u8>,
    /// Not part of the range.
    pub(super) end: Vec<u8>,
    pub(super) sequence: u64,
}

impl RangeDeletion {
    /// Decodes a block whose keys are (start, sequence) and whose values are ends.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`](spt_format::ErrorKind::Invalid) if an entry is of another kind.
    pub(super) fn decode_all(block: Bytes, sequence: Option<u64>) -> Result<Vec<Self>> {
        let mut entries = Entries::new(block)?;
        let mut deletions = Vec::new();
        while entries.advance()? {
            let key = InternalKey::parse(entries.key())?;
            if key.kind != EntryKind::RangeDeletion {
                return Err(Error::invalid(format!("a {:?} stands among the range deletions", key.kind)));
            }
            deletions.push(Self {
                start: key.user_key.to_vec(),
                end: entries.value().to_vec(),
                sequence: sequence.unwrap_or(key.sequence),
            });
        }
        Ok(deletions)
    }

    /// Cuts the range down to `[smallest, end)`: where its own table may hold data.
    ///
    /// A range that was split over several tables stands whole in each of them. Beyond its table's
    /// boundaries it says nothing any more: another table may have finished with it and given newer
    /// entries the sequence number 0.
    pub(super) fn within(mut self, smallest: &[u8], end: &[u8]) -> Option<Self> {
        if self.start.as_slice() < smallest {
            self.start = smallest.to_vec();
        }
        if self.end.as_slice() > end {
            self.end = end.to_vec();
        }
        (self.start < self.end).then_some(self)
    }
}

/// The range deletions over a position that only moves forward. Each is looked at a constant number of times.
#[derive(Default)]
pub(super) struct RangeDeletions {
    /// Ranges that may begin after the position: nearest start first.
    ahead: BinaryHeap<Reverse<ByStart>>,
    /// Ranges that began: newest first. Those that ended stay until they come to the top.
    begun: BinaryHeap<BySequence>,
}

impl RangeDeletions {
    pub(super) fn add(&mut self, deletions: impl IntoIterator<Item = RangeDeletion>) {
        self.ahead.extend(deletions.into_iter().map(|deletion| Reverse(ByStart(deletion))));
    }

    /// Moves to `key`. Entries of this key below the sequence number returned are gone.
    pub(super) fn newest_over(&mut self, key: &[u8]) -> u64 {
        while self.ahead.peek().is_some_and(|Reverse(next)| next.0.start.as_slice() <= key) {
            if let Some(Reverse(ByStart(deletion))) = self.ahead.pop() {
                self.begun.push(BySequence(deletion));
            }
        }
        while self.begun.peek().is_some_and(|newest| newest.0.end.as_slice() <= key) {
            self.begun.pop();
        }
        self.begun.peek().map_or(0, |newest| newest.0.sequence)
    }
}

struct ByStart(RangeDeletion);
struct BySequence(RangeDeletion);

macro_rules! ordered_by {
    ($type:ident, $($field:ident)+) => {
        impl Ord for $type {
            fn cmp(&self, other: &Self) -> Ordering {
                Ordering::Equal$(.then_with(|| self.0.$field.cmp(&other.0.$field)))+
            }
        }
        impl PartialOrd for $type {
            fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
                Some(self.cmp(other))
            }
        }
        impl PartialEq for $type {
            fn eq(&self, other: &Self) -> bool {
                self.cmp(other).is_eq()
            }
        }
        impl Eq for $type {}
    };
}

ordered_by!(ByStart, start);
ordered_by!(BySequence, sequence);

#[cfg(test)]
mod tests {
    use super::*;

    fn deletion(start: &str, end: &str, sequence: u64) -> RangeDeletion {
        RangeDeletion { start: start.into(), end: end.into(), sequence }
    }

    #[test]
    fn newest_over_a_key_is_that_of_the_ranges_it_lies_in() {
        let mut deletions = RangeDeletions::default();
        deletions.add([deletion("b", "e", 5), deletion("c", "d", 9), deletion("x", "z", 1)]);
        let found =
            ["a", "b", "c", "cz", "d", "e", "w", "x", "z"].map(|key| deletions.newest_over(key.as_bytes()));
        assert_eq!(found, [0, 5, 9, 9, 5, 0, 0, 1, 0]);
    }

    #[test]
    fn a_range_is_cut_to_its_table() {
        let range = deletion("b", "x", 5);
        assert_eq!(range.clone().within(b"d", b"f"), Some(deletion("d", "f", 5)));
        assert_eq!(range.clone().within(b"a", b"z"), Some(range.clone()));
        assert_eq!(range.within(b"x", b"z"), None);
    }
}
