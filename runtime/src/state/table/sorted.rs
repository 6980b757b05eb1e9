//! The rows of a frozen key group in the model's order.

use std::cmp::Ordering;

use super::address::Address;
use super::group::FrozenGroup;
use super::pages::row_of;
use crate::state::key::Key;

/// Rows that are looked up together, so that cache misses of neighbours overlap.
const AHEAD_ROWS: usize = 128;

/// An iterator over sorted rows.
pub(super) struct Sorted<'a, K: Key, C, N> {
    group: &'a FrozenGroup<Address<K, N>, C>,
    slots: std::vec::IntoIter<u32>,
    ahead: std::vec::IntoIter<(&'a Address<K, N>, &'a C)>,
}

impl<'a, K: Key, C, N: Key> Sorted<'a, K, C, N> {
    pub(super) fn of(group: &'a FrozenGroup<Address<K, N>, C>) -> Self {
        Self { group, slots: sorted_slots(group).into_iter(), ahead: Vec::new().into_iter() }
    }
}

impl<'a, K: Key, C, N: Key> Iterator for Sorted<'a, K, C, N> {
    type Item = (&'a Address<K, N>, &'a C);

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(row) = self.ahead.next() {
            return Some(row);
        }
        let FrozenGroup { addresses, cells, .. } = self.group;
        let slots = self.slots.by_ref().take(AHEAD_ROWS);
        let rows = slots.filter_map(|slot| row_of(addresses, slot).zip(row_of(cells, slot)));
        self.ahead = rows.collect::<Vec<_>>().into_iter();
        self.ahead.next()
    }
}

/// The used slots: by eight bytes of the key first, which mostly decide.
fn sorted_slots<K: Key, C, N: Key>(group: &FrozenGroup<Address<K, N>, C>) -> Vec<u32> {
    let skip = common_prefix(group);
    let mut slots = Vec::with_capacity(group.len);
    slots.extend(group.addresses().map(|(slot, address)| (K::sort_prefix(address.key(), skip), slot)));
    slots.sort_unstable_by_key(|(prefix, _)| *prefix);
    for ties in slots.chunk_by_mut(|(a, _), (b, _)| a == b).filter(|ties| ties.len() > 1) {
        ties.sort_unstable_by(|(_, a), (_, b)| {
            let [a, b] = [a, b].map(|slot| row_of(&group.addresses, *slot));
            a.zip(b).map_or(Ordering::Equal, |(a, b)| a.order(b))
        });
    }
    slots.into_iter().map(|(_, slot)| slot).collect()
}

fn common_prefix<K: Key, C, N: Key>(group: &FrozenGroup<Address<K, N>, C>) -> usize {
    let mut addresses = group.addresses();
    let Some((_, first)) = addresses.next() else { return 0 };
    let mut shared = usize::MAX;
    for (_, address) in addresses {
        shared = shared.min(K::common_prefix(first.key(), address.key()));
        if shared == 0 {
            break;
        }
    }
    if shared == usize::MAX { 0 } else { shared }
}
