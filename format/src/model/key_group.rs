//! Which key belongs to which key group, and which subtask owns it: Flink's rules, to the bit.
//!
//! # Source
//! Flink, `KeyGroupRangeAssignment` and `MathUtils.murmurHash`.

use std::fmt;
use std::num::NonZeroU32;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// The largest max parallelism, and so the largest number of key groups.
pub const MAX_PARALLELISM_LIMIT: u32 = 1 << 15;

/// The number of a key group, below its operator's max parallelism.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct KeyGroup(pub u16);

impl KeyGroup {
    /// The key group of a key with this hash.
    ///
    /// # Panics
    /// Never; a `max_parallelism` of 0 counts as 1.
    #[inline]
    pub fn of_hash(hash: i32, max_parallelism: u32) -> Self {
        KeyGroups::new(max_parallelism).of_hash(hash)
    }
}

/// All key groups of an operator: what keys are dealt out to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyGroups {
    count: NonZeroU32,
}

impl KeyGroups {
    /// As many as the max parallelism, which is at least 1 and at most [`MAX_PARALLELISM_LIMIT`].
    pub const fn new(max_parallelism: u32) -> Self {
        let count =
            if max_parallelism < MAX_PARALLELISM_LIMIT { max_parallelism } else { MAX_PARALLELISM_LIMIT };
        match NonZeroU32::new(count) {
            Some(count) => Self { count },
            None => Self { count: NonZeroU32::MIN },
        }
    }

    /// The key group of a key with this hash.
    #[inline]
    pub fn of_hash(self, hash: i32) -> KeyGroup {
        let code = flink_murmur(hash).cast_unsigned();
        // Most often a power of two: then no division is needed.
        let group =
            if self.count.is_power_of_two() { code & (self.count.get() - 1) } else { code % self.count };
        KeyGroup(group as u16)
    }
}

impl fmt::Display for KeyGroup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A contiguous range of key groups, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "[u16; 2]", try_from = "[u16; 2]")]
pub struct KeyGroupRange {
    first: u16,
    last: u16,
}

impl KeyGroupRange {
    /// From `first` to `last`, both included.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`](crate::ErrorKind::Invalid) if `last` is below `first`.
    pub fn new(first: u16, last: u16) -> Result<Self> {
        if last < first {
            return Err(Error::invalid(format!("key-group range {first} to {last} is empty")));
        }
        Ok(Self { first, last })
    }

    /// All key groups of an operator.
    pub fn all(max_parallelism: u32) -> Self {
        Self { first: 0, last: (max_parallelism.clamp(1, MAX_PARALLELISM_LIMIT) - 1) as u16 }
    }

    /// What subtask `index` of `parallelism` owns; `None` where a subtask owns nothing.
    pub fn of_subtask(index: u32, parallelism: u32, max_parallelism: u32) -> Option<Self> {
        let (index, parallelism, groups) =
            (u64::from(index), u64::from(parallelism), u64::from(max_parallelism));
        let first = (index * groups).div_ceil(parallelism);
        let end = ((index + 1) * groups).div_ceil(parallelism);
        (first < end).then(|| Self { first: first as u16, last: (end - 1) as u16 })
    }

    /// The first key group.
    pub fn first(self) -> u16 {
        self.first
    }

    /// The last key group, included.
    pub fn last(self) -> u16 {
        self.last
    }

    /// How many key groups there are, at least one.
    #[expect(clippy::len_without_is_empty, reason = "a range is never empty")]
    pub fn len(self) -> usize {
        usize::from(self.last - self.first) + 1
    }

    /// The group lies inside.
    pub fn contains(self, group: u16) -> bool {
        (self.first..=self.last).contains(&group)
    }

    /// What both ranges hold.
    pub fn intersection(self, other: Self) -> Option<Self> {
        Self::new(self.first.max(other.first), self.last.min(other.last)).ok()
    }

    /// The smallest range that holds both.
    #[must_use]
    pub fn union(self, other: Self) -> Self {
        Self { first: self.first.min(other.first), last: self.last.max(other.last) }
    }

    /// The groups in order.
    pub fn iter(self) -> std::ops::RangeInclusive<u16> {
        self.first..=self.last
    }
}

impl From<KeyGroupRange> for [u16; 2] {
    fn from(range: KeyGroupRange) -> Self {
        [range.first, range.last]
    }
}

impl TryFrom<[u16; 2]> for KeyGroupRange {
    type Error = Error;

    fn try_from([first, last]: [u16; 2]) -> Result<Self> {
        Self::new(first, last)
    }
}

impl fmt::Display for KeyGroupRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.first == self.last {
            write!(f, "{}", self.first)
        } else {
            write!(f, "{}..{}", self.first, self.last)
        }
    }
}

/// The subtask that owns a key group.
pub fn operator_index(group: KeyGroup, parallelism: u32, max_parallelism: u32) -> u32 {
    (u64::from(group.0) * u64::from(parallelism) / u64::from(max_parallelism.max(1))) as u32
}

/// The max parallelism of an operator whose author set none.
pub fn default_max_parallelism(parallelism: u32) -> u32 {
    let parallelism = parallelism.min(MAX_PARALLELISM_LIMIT);
    (parallelism + parallelism / 2).next_power_of_two().clamp(128, MAX_PARALLELISM_LIMIT)
}

/// One round of Murmur3-32 over a hash, made non-negative.
#[inline]
pub fn flink_murmur(hash: i32) -> i32 {
    let mut code = hash.cast_unsigned();
    code = code.wrapping_mul(0xcc9e_2d51).rotate_left(15).wrapping_mul(0x1b87_3593);
    code = code.rotate_left(13).wrapping_mul(5).wrapping_add(0xe654_6b64);
    code ^= 4;
    code ^= code >> 16;
    code = code.wrapping_mul(0x85eb_ca6b);
    code ^= code >> 13;
    code = code.wrapping_mul(0xc2b2_ae35);
    code ^= code >> 16;
    // Java negates what is negative; the one number without a negation becomes 0.
    (code.cast_signed().unsigned_abs() & i32::MAX.cast_unsigned()).cast_signed()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_group_has_one_owner_whatever_the_parallelism() {
        for max_parallelism in [1, 5, 127, 128, 300, 32768] {
            for parallelism in (1..=9).filter(|parallelism| *parallelism <= max_parallelism) {
                let mut next = 0;
                for index in 0..parallelism {
                    let range = KeyGroupRange::of_subtask(index, parallelism, max_parallelism).unwrap();
                    assert_eq!(u32::from(range.first()), next);
                    for group in range.iter() {
                        assert_eq!(operator_index(KeyGroup(group), parallelism, max_parallelism), index);
                    }
                    next = u32::from(range.last()) + 1;
                }
                assert_eq!(next, max_parallelism);
            }
        }
    }

    #[test]
    fn default_max_parallelism_is_flinks() {
        let cases = [(1, 128), (85, 128), (86, 256), (171, 256), (172, 512), (30_000, 32768), (32768, 32768)];
        for (parallelism, expected) in cases {
            assert_eq!(default_max_parallelism(parallelism), expected, "parallelism {parallelism}");
        }
    }

    #[test]
    fn a_group_is_the_remainder_whether_or_not_it_needs_a_division() {
        for max_parallelism in [0, 1, 2, 3, 100, 127, 128, 129, 32768, 32769, u32::MAX] {
            for hash in [0, 1, -1, i32::MIN, i32::MAX, 97, 99_162_322] {
                let count = max_parallelism.clamp(1, MAX_PARALLELISM_LIMIT);
                let expected = flink_murmur(hash).cast_unsigned() % count;
                assert_eq!(u32::from(KeyGroup::of_hash(hash, max_parallelism).0), expected);
            }
        }
    }

    #[test]
    fn murmur_is_never_negative() {
        for hash in [0, 1, -1, i32::MIN, i32::MAX, 97, 0x7fff_0000] {
            assert!(flink_murmur(hash) >= 0);
        }
    }
}
