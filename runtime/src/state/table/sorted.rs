//! The rows of a frozen key group in the model's order.
//!
//! ```text
//! key      word-0a1b2c3d    what all keys share says nothing, and so do bits in which no two prefixes differ
//!               └ prefix ┘
//! sorted   [ the prefix's first bits | the row's slot ]      numbers of 64 bits; rows that tie are compared whole
//! ```

use std::cmp::Ordering;

use super::address::Address;
use super::group::FrozenGroup;
use super::pages::Slab;
use crate::state::key::Key;

/// How long before its use a row is asked for, in rows: memory answers within what the rows between take.
const PREFETCH_ROWS: usize = 24;

/// An iterator over sorted rows.
pub(super) struct Sorted<'a, K: Key, C, N> {
    rows: Slab<'a, Address<K, N>, C>,
    /// Of the rows that are left.
    slots: std::vec::IntoIter<u64>,
}

impl<'a, K: Key, C, N: Key> Sorted<'a, K, C, N> {
    /// Sorts by the addresses, which are read from end to end.
    pub(super) fn of(group: &'a FrozenGroup<Address<K, N>, C>) -> Self {
        let rows = Slab::of(&group.pages);
        let slots = order(&rows, group.len).into_iter();
        Self { rows, slots }
    }
}

impl<'a, K: Key, C, N: Key> Iterator for Sorted<'a, K, C, N> {
    type Item = (&'a Address<K, N>, &'a C);

    /// The next row. Since rows lie anywhere, a later one is asked for at the same time.
    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        if let Some(later) = self.slots.as_slice().get(PREFETCH_ROWS) {
            self.rows.prefetch(*later);
        }
        self.rows.get(self.slots.next()?)
    }
}

/// The slots in the order of their rows, of which there are `len`.
fn order<K: Key, C, N: Key>(rows: &Slab<'_, Address<K, N>, C>, len: usize) -> Vec<u64> {
    let skip = common_prefix(rows);
    let mut order = Vec::with_capacity(len);
    rows.iter().for_each(|(_, address, _)| order.push(K::sort_prefix(address.key(), skip)));
    let first = order.first().copied().unwrap_or_default();
    let shared_bits = order.iter().fold(0, |differ, prefix| differ | (prefix ^ first)).leading_zeros();
    let slot_bits = u64::BITS - (rows.slots() as u64).leading_zeros();
    let slot_mask = (1 << slot_bits) - 1;
    let mut prefixes = order.iter_mut();
    rows.iter().for_each(|(slot, ..)| {
        if let Some(prefix) = prefixes.next() {
            *prefix = prefix.checked_shl(shared_bits).unwrap_or(0) & !slot_mask | slot;
        }
    });
    order.sort_unstable();
    for ties in order.chunk_by_mut(|a, b| a >> slot_bits == b >> slot_bits).filter(|ties| ties.len() > 1) {
        ties.sort_unstable_by(|a, b| {
            let [a, b] = [a, b].map(|row| rows.get(row & slot_mask));
            a.zip(b).map_or(Ordering::Equal, |((a, _), (b, _))| a.order(b))
        });
    }
    order.iter_mut().for_each(|slot| *slot &= slot_mask);
    order
}

/// Leading bytes that all keys share.
fn common_prefix<K: Key, C, N: Key>(rows: &Slab<'_, Address<K, N>, C>) -> usize {
    let mut keys = rows.iter().map(|(_, address, _)| address.key());
    let Some(first) = keys.next() else { return 0 };
    let mut shared = usize::MAX;
    for key in keys {
        shared = shared.min(K::common_prefix(first, key));
        if shared == 0 {
            break;
        }
    }
    if shared == usize::MAX { 0 } else { shared }
}
