//! The rows of a frozen key group in the model's order.
//!
//! ```text
//! key      word-0a1b2c3d    what all keys share says nothing, and so do bits in which no two prefixes differ
//!               └ prefix ┘
//! sorted   [ the prefix's first bits | the row's number ]    numbers of 64 bits; rows that tie are compared whole
//! ```

use std::cmp::Ordering;

use super::address::Address;
use super::group::FrozenGroup;
use super::pages::rows_of;
use crate::state::key::Key;

/// An iterator over sorted rows.
pub(super) struct Sorted<'a, K: Key, C, N> {
    addresses: Vec<&'a Address<K, N>>,
    cells: Vec<&'a C>,
    order: std::vec::IntoIter<u64>,
    /// The bits of the order's numbers that are a row's.
    row_mask: u64,
}

impl<'a, K: Key, C, N: Key> Sorted<'a, K, C, N> {
    /// Reads the pages from end to end, once: what comes after finds the rows at hand. A slot has an address and a
    /// cell, or neither.
    pub(super) fn of(group: &'a FrozenGroup<Address<K, N>, C>) -> Self {
        let addresses = rows_of(&group.addresses, group.len);
        let cells = rows_of(&group.cells, group.len);
        let row_bits = u64::BITS - (addresses.len() as u64).leading_zeros();
        let row_mask = (1 << row_bits) - 1;
        let order = order(&addresses, row_bits, row_mask).into_iter();
        Self { addresses, cells, order, row_mask }
    }
}

impl<'a, K: Key, C, N: Key> Iterator for Sorted<'a, K, C, N> {
    type Item = (&'a Address<K, N>, &'a C);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let row = (self.order.next()? & self.row_mask) as usize;
        Some((*self.addresses.get(row)?, *self.cells.get(row)?))
    }
}

/// The rows' numbers in the low bits, in the order of the rows.
fn order<K: Key, N: Key>(rows: &[&Address<K, N>], row_bits: u32, row_mask: u64) -> Vec<u64> {
    let skip = common_prefix(rows);
    let mut order: Vec<u64> = rows.iter().map(|address| K::sort_prefix(address.key(), skip)).collect();
    let first = order.first().copied().unwrap_or_default();
    let shared_bits = order.iter().fold(0, |differ, prefix| differ | (prefix ^ first)).leading_zeros();
    for (row, prefix) in order.iter_mut().enumerate() {
        *prefix = prefix.checked_shl(shared_bits).unwrap_or(0) & !row_mask | row as u64;
    }
    order.sort_unstable();
    for ties in order.chunk_by_mut(|a, b| a >> row_bits == b >> row_bits).filter(|ties| ties.len() > 1) {
        ties.sort_unstable_by(|a, b| {
            let [a, b] = [a, b].map(|row| rows.get((row & row_mask) as usize));
            a.zip(b).map_or(Ordering::Equal, |(a, b)| a.order(b))
        });
    }
    order
}

/// Leading bytes that all keys share.
fn common_prefix<K: Key, N: Key>(rows: &[&Address<K, N>]) -> usize {
    let Some((first, rest)) = rows.split_first() else { return 0 };
    let mut shared = usize::MAX;
    for address in rest {
        shared = shared.min(K::common_prefix(first.key(), address.key()));
        if shared == 0 {
            break;
        }
    }
    if shared == usize::MAX { 0 } else { shared }
}
