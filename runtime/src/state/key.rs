//! Keys: what state is partitioned by, looked up by and sorted by.
//!
//! Three rules meet here. The *key hash* chooses the key group; it is fixed for ever and the same in Flink for
//! a type with a Java twin. The *order* is the model's row order, in which every snapshot is written. The
//! *tag* finds the key in memory; it is seeded per process, so that nobody can choose keys that collide.

use std::borrow::Borrow;
use std::cell::RefCell;
use std::cmp::Ordering;
use std::hash::{BuildHasher, Hash, Hasher};
use std::sync::LazyLock;

use foldhash::fast::RandomState;
use spt_format::{KeyGroup, KeyGroups, KeyHash};

use super::arena::KeyArena;
use super::column::State;
use super::held::Hold;

/// A type whose values state can be keyed by.
pub trait Key: State + Eq + Hash + Borrow<Self::Borrowed> {
    /// What a key is looked up by without owning one: `str` for `String`, the type itself for most.
    type Borrowed: ?Sized + Hold + ToOwned<Owned = Self>;
    /// Keys on their way to another thread.
    type Arena: KeyArena<Self>;
    /// The rule that [`Key::key_hash`] follows, as the savepoint names it.
    const KEY_HASH: KeyHash;

    /// The hash that chooses the key group, never Rust's own.
    fn key_hash(key: &Self::Borrowed) -> i32;

    /// [`Key::key_hash`], and into `hasher` exactly what [`Hold::hash_into`] writes: where both are of the same bytes,
    /// in one pass.
    #[inline(always)]
    fn hash_both(key: &Self::Borrowed, hasher: &mut impl Hasher) -> i32 {
        key.hash_into(hasher);
        Self::key_hash(key)
    }

    /// Appends the key bytes that `SPEC.md` defines ("Key bytes"): what `spt-1` hashes.
    fn write_key_bytes(key: &Self::Borrowed, bytes: &mut Vec<u8>);

    /// The model's row order: nulls first, strings by bytes, structs field by field.
    fn order(a: &Self::Borrowed, b: &Self::Borrowed) -> Ordering;

    /// Leading bytes that both keys share, as far as [`Key::sort_prefix`] can skip them.
    fn common_prefix(a: &Self::Borrowed, b: &Self::Borrowed) -> usize {
        let _ = (a, b);
        0
    }

    /// A number that sorts as the keys do, among keys that share `skip` leading bytes; equal numbers say nothing.
    fn sort_prefix(key: &Self::Borrowed, skip: usize) -> u64 {
        let _ = (key, skip);
        0
    }

    /// The one value of a type that has only one. As a namespace it says nothing and has no column.
    fn only() -> Option<Self> {
        None
    }
}

/// Where a key lives: computed once, by whoever sees the key first, and sent along with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// Its key group.
    pub group: KeyGroup,
    /// 32 bits of a hash that is seeded per process; never stored.
    pub tag: u32,
}

/// Finds the places of an operator's keys.
#[derive(Debug, Clone)]
pub struct Places {
    groups: KeyGroups,
    /// The process's own.
    seed: RandomState,
}

impl Places {
    /// In an operator with so many key groups.
    pub fn new(max_parallelism: u32) -> Self {
        Self { groups: KeyGroups::new(max_parallelism), seed: SEED.clone() }
    }

    /// The place of a key.
    #[inline(always)]
    pub fn of<K: Key>(&self, key: &K::Borrowed) -> Place {
        let mut hasher = self.seed.build_hasher();
        let group = self.groups.of_hash(K::hash_both(key, &mut hasher));
        Place { group, tag: tag_of(&hasher) }
    }
}

static SEED: LazyLock<RandomState> = LazyLock::new(RandomState::default);

/// A seeded hash, for memory only.
#[inline]
pub(super) fn tag<T: Hold + ?Sized>(value: &T) -> u32 {
    let mut hasher = SEED.build_hasher();
    value.hash_into(&mut hasher);
    tag_of(&hasher)
}

#[inline]
fn tag_of(hasher: &impl Hasher) -> u32 {
    (hasher.finish() >> 32) as u32
}

/// Java's hash of a `long`.
pub fn java_hash_long(number: i64) -> i32 {
    (number ^ (number.cast_unsigned() >> 32).cast_signed()) as i32
}

/// The hash `spt-1`, of keys without a Java twin: Murmur3 x86 32, seed 0, of the key bytes.
pub fn spt_hash<K: Key>(key: &K::Borrowed) -> i32 {
    thread_local! {
        static BYTES: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
    }
    BYTES.with_borrow_mut(|bytes| {
        bytes.clear();
        K::write_key_bytes(key, bytes);
        // Reading from memory cannot fail.
        murmur3::murmur3_32(&mut std::io::Cursor::new(bytes), 0).unwrap_or_default().cast_signed()
    })
}

/// Appends the key bytes of a present value that is a string or bytes: zeros escaped, two zeros at the end.
pub fn write_escaped(value: &[u8], bytes: &mut Vec<u8>) {
    bytes.push(1);
    for byte in value {
        bytes.push(*byte);
        if *byte == 0 {
            bytes.push(0xff);
        }
    }
    bytes.extend_from_slice(&[0, 0]);
}

/// Appends the key bytes of a present value of fixed size, which is big-endian, the sign bit flipped if it has one.
pub fn write_fixed(value: &[u8], bytes: &mut Vec<u8>) {
    bytes.push(1);
    bytes.extend_from_slice(value);
}

/// The rule for a key of two parts: Java's, if both have a Java twin.
pub const fn both(a: KeyHash, b: KeyHash) -> KeyHash {
    match (a, b) {
        (KeyHash::Java1, KeyHash::Java1) => KeyHash::Java1,
        _ => KeyHash::Spt1,
    }
}

/// [`Key::common_prefix`] of keys that sort by their bytes.
#[inline]
pub fn common_prefix_of_bytes(a: &[u8], b: &[u8]) -> usize {
    let (heads, rest) = a.as_chunks::<8>();
    let (others, other_rest) = b.as_chunks::<8>();
    for (place, (head, other)) in heads.iter().zip(others).enumerate() {
        let differ = u64::from_le_bytes(*head) ^ u64::from_le_bytes(*other);
        if differ != 0 {
            return place * 8 + differ.trailing_zeros() as usize / 8;
        }
    }
    // Of the longer one the eight bytes that follow are compared with what is left of the other.
    let shared = heads.len().min(others.len());
    let rest = heads.get(shared).map_or(rest, |head| head);
    let other_rest = others.get(shared).map_or(other_rest, |head| head);
    shared * 8 + rest.iter().zip(other_rest).take_while(|(a, b)| a == b).count()
}

/// [`Key::sort_prefix`] of keys that sort by their bytes: the eight after `skip`, zeros where they end.
#[inline]
pub fn sort_prefix_of_bytes(key: &[u8], skip: usize) -> u64 {
    let rest = key.get(skip..).unwrap_or_default();
    match rest.first_chunk::<8>() {
        Some(bytes) => u64::from_be_bytes(*bytes),
        None => {
            let mut bytes = [0; 8];
            bytes.iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
            u64::from_be_bytes(bytes)
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::state::Uuid;

    /// Values printed by Flink 2.3 for `hashCode` and the key group of max parallelism 128 and 32768.
    fn assert_flink<K: Key>(key: K, hash: i32, groups: [u16; 2]) {
        assert_eq!(K::KEY_HASH, KeyHash::Java1);
        assert_eq!(K::key_hash(key.borrow()), hash);
        let found = [128, 32768].map(|max| Places::new(max).of::<K>(key.borrow()).group.0);
        assert_eq!(found, groups);
        assert_eq!(Places::new(128).of::<K>(key.borrow()).tag, tag(key.borrow()));
    }

    #[test]
    fn key_groups_are_those_of_flink() {
        assert_flink("hello".to_owned(), 99_162_322, [35, 31395]);
        assert_flink("a😀".to_owned(), 1_866_116, [94, 15454]);
        assert_flink(String::new(), 0, [94, 31198]);
        assert_flink(42i64, 42, [29, 28189]);
        assert_flink(42i32, 42, [29, 28189]);
        assert_flink(-1i64, 0, [94, 31198]);
        assert_flink(-7i32, -7, [33, 15777]);
        assert_flink(-5i8, -5, [80, 12112]);
        assert_flink('a', 97, [81, 19409]);
        assert_flink(true, 1231, [77, 11725]);
        assert_flink(false, 1237, [3, 32003]);
        assert_flink(("a".to_owned(), 1i64), 3008, [29, 29853]);
        assert_flink(("a".to_owned(), None::<i32>, 2i32), 93219, [104, 5096]);
    }

    #[test]
    fn a_tag_is_made_of_every_byte() {
        let text = "whoever knows a text by its tag has read all of it";
        let places = Places::new(128);
        let mut tags: Vec<_> = (0..=text.len()).map(|end| places.of::<String>(&text[..end]).tag).collect();
        assert!(tags.iter().zip(0..).all(|(found, end)| *found == tag(&text[..end])));
        for place in 0..text.len() {
            let mut other = text.as_bytes().to_vec();
            other[place] ^= 1;
            tags.push(tag(str::from_utf8(&other).unwrap()));
        }
        let distinct: HashSet<_> = tags.iter().collect();
        assert_eq!(distinct.len(), tags.len());
    }

    #[test]
    fn a_uuid_hashes_as_in_java() {
        // new UUID(1, 2).hashCode() of a JDK.
        assert_eq!(Uuid::key_hash(&Uuid(((1u128 << 64) | 2).to_be_bytes())), 3);
    }

    #[test]
    fn bytes_share_what_comes_before_the_first_that_differ() {
        let text = b"what two keys begin with, and how long";
        for length in 0..text.len() {
            for other in 0..text.len() {
                assert_eq!(common_prefix_of_bytes(&text[..length], &text[..other]), length.min(other));
            }
            let mut changed = text.to_vec();
            changed[length] ^= 0x80;
            assert_eq!(common_prefix_of_bytes(text, &changed), length);
        }
    }

    #[test]
    fn sort_prefixes_agree_with_the_order() {
        let words = ["", "a", "a\u{0}", "aa", "aaaaaaaab", "aaaaaaaac", "b", "é", "😀"];
        for pair in words.windows(2) {
            assert_eq!(String::order(pair[0], pair[1]), Ordering::Less);
            assert!(String::sort_prefix(pair[0], 0) <= String::sort_prefix(pair[1], 0), "{pair:?}");
        }
        assert!(String::sort_prefix("aaaaaaaab", 8) < String::sort_prefix("aaaaaaaac", 8));
        let numbers = [i64::MIN, -1, 0, 1, i64::MAX];
        assert!(numbers.is_sorted_by_key(|number| i64::sort_prefix(number, 0)));
    }
}
