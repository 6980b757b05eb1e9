//! The rows of one keyed state in one subtask: by key group an index and a slab of copy-on-write pages.
//!
//! ```text
//! KeyedTable ── Group 17 ── index   tag ──► slot                 never in a snapshot: it is rebuilt on restore
//!            │           └─ rows    slot ──► (key, ns), cell     cells copied page by page while a snapshot is held
//!            └─ Group 18 …
//! ```
//!
//! [`KeyedTable::freeze`] clones page pointers; [`Frozen`] turns them into sorted rows on another thread.

use spt_format::{KeyGroup, KeyGroupRange};

use super::arena::KeyArena;
use super::cell::Cell;
use super::key::{Key, Place};
use crate::error::Result;

mod address;
mod entries;
mod frozen;
mod group;
mod index;
mod pages;
mod restore;
mod sorted;
#[cfg(test)]
mod tests;

pub use frozen::{Batches, Frozen};

use address::{Address, scoped};
use group::Group;

/// Rows that are looked up ahead of their use: few enough that what they touch is still at hand then.
const AHEAD_ROWS: usize = 128;
/// Rows from which on a table is too large for the caches of one processor, roughly: what is needed soon is asked for.
const FAR_ROWS: usize = 1 << 14;

/// A keyed state's rows: one cell per key and namespace. The namespace `()` is none.
pub struct KeyedTable<K: Key, C, N: Key = ()> {
    range: KeyGroupRange,
    groups: Vec<Group<Address<K, N>, C>>,
    rows: usize,
}

impl<K: Key, C: Cell, N: Key> KeyedTable<K, C, N> {
    /// An empty table of a subtask that owns these key groups.
    pub fn new(range: KeyGroupRange) -> Self {
        Self::with_rows(range, |_| 0)
    }

    /// An empty table with room for the rows that each key group will have.
    pub fn with_rows(range: KeyGroupRange, rows: impl Fn(KeyGroup) -> usize) -> Self {
        const { assert!(!K::NULLABLE, "the key of a state cannot be an option: the column `key` holds no nulls") };
        let groups = range.iter().map(|group| Group::with_capacity(rows(KeyGroup(group)))).collect();
        Self { range, groups, rows: 0 }
    }

    /// The key groups it holds.
    pub fn range(&self) -> KeyGroupRange {
        self.range
    }

    /// Keys and namespaces in it.
    pub fn len(&self) -> usize {
        self.rows
    }

    /// It holds nothing.
    pub fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// Bytes of index and pages, without what keys and cells own elsewhere.
    pub fn bytes(&self) -> usize {
        self.groups.iter().map(Group::bytes).sum()
    }

    /// The cell of a key and namespace. A key of another subtask's key group has none.
    #[inline]
    pub fn get(&self, place: Place, key: &K::Borrowed, namespace: &N) -> Option<&C> {
        let group = self.group(place.group)?;
        let slot = group.find(scoped(place.tag, namespace), |held| held.is(key, namespace))?;
        group.cell(slot)
    }

    /// The same, to be changed.
    #[inline]
    pub fn get_mut(&mut self, place: Place, key: &K::Borrowed, namespace: &N) -> Option<&mut C> {
        let slot = self.slot(place, key, namespace)?;
        self.cell_mut(slot)
    }

    /// The cell of a key and namespace, made by `first` if there is none. `None` means that another subtask
    /// owns the key group.
    #[inline]
    pub fn get_or_insert_with(
        &mut self,
        place: Place,
        key: &K::Borrowed,
        namespace: &N,
        first: impl FnOnce() -> C,
    ) -> Option<&mut C> {
        let slot = self.slot_or_insert_with(place, key, namespace, first)?;
        self.cell_mut(slot)
    }

    /// Sets the cell of a key and namespace, and gives back the one it had.
    pub fn put(&mut self, place: Place, key: &K::Borrowed, namespace: &N, cell: C) -> Option<C> {
        if let Some(held) = self.get_mut(place, key, namespace) {
            return Some(std::mem::replace(held, cell));
        }
        self.get_or_insert_with(place, key, namespace, || cell);
        None
    }

    /// Takes the cell of a key and namespace out.
    pub fn remove(&mut self, place: Place, key: &K::Borrowed, namespace: &N) -> Option<C> {
        self.remove_slot(self.slot(place, key, namespace)?)
    }

    /// Keeps the cells that `keep` says yes to, in no order. Cells it only looks at are not copied.
    pub fn retain(&mut self, mut keep: impl FnMut(&K::Borrowed, &N, &C) -> bool) {
        for group in &mut self.groups {
            let unwanted = group.select(|address, cell| !keep(address.key(), &address.namespace, cell));
            for (slot, address) in unwanted {
                self.rows -= usize::from(group.remove(address.tag(), slot).is_some());
            }
        }
    }

    /// Changes the cells of one of its key groups that `is_stale` says yes to, and removes those of which `keep` then
    /// leaves nothing. Others are not copied.
    pub fn sweep(
        &mut self,
        index: usize,
        is_stale: impl Fn(&C) -> bool,
        mut keep: impl FnMut(&mut C) -> bool,
    ) {
        let Some(group) = self.groups.get_mut(index) else { return };
        for (slot, address) in group.select(|_, cell| is_stale(cell)) {
            if !group.cell_mut(slot).is_none_or(&mut keep) {
                self.rows -= usize::from(group.remove(address.tag(), slot).is_some());
            }
        }
    }

    /// All cells, by key group, in no order within it.
    pub fn iter(&self) -> impl Iterator<Item = (&K::Borrowed, &N, &C)> {
        let rows = self.groups.iter().flat_map(Group::iter);
        rows.map(|(_, address, cell)| (address.key(), &address.namespace, cell))
    }

    /// The table as it is now. Costs a pointer per page, and a count for each that was written since the last time;
    /// from here on the cells of a page are copied before they are written, until the snapshot is dropped. Drop it on another
    /// thread: it may be the last owner of many pages.
    pub fn freeze(&mut self) -> Frozen<K, C, N> {
        let groups = self.range.iter().zip(&mut self.groups).filter(|(_, group)| group.len() > 0);
        Frozen::new(groups.map(|(number, group)| group.freeze(KeyGroup(number))).collect())
    }

    /// The index of a key group; beyond the last one if another subtask owns it.
    #[inline]
    fn group_index(&self, group: KeyGroup) -> usize {
        usize::from(group.0).wrapping_sub(usize::from(self.range.first()))
    }

    #[inline]
    fn group(&self, group: KeyGroup) -> Option<&Group<Address<K, N>, C>> {
        self.groups.get(self.group_index(group))
    }

    /// Asks for what the index says of a place, which is needed soon.
    #[inline]
    fn prefetch(&self, place: Place) {
        if let Some(group) = self.group(place.group) {
            group.prefetch_entry(place.tag);
        }
    }

    /// Asks for rows that are needed soon, and before that for what the index says of their places.
    #[inline]
    fn prefetch_rows(&self, places: &[Place]) {
        places.iter().for_each(|place| self.prefetch(*place));
        for place in places {
            if let Some(group) = self.group(place.group) {
                group.prefetch_row(place.tag);
            }
        }
    }

    #[inline]
    fn group_mut(&mut self, group: KeyGroup) -> Option<&mut Group<Address<K, N>, C>> {
        let index = self.group_index(group);
        self.groups.get_mut(index)
    }
}

/// Where a row is, until it is removed: for indexes over a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Slot {
    pub(super) group: u16,
    slot: u32,
}

impl Slot {
    /// Before every other.
    pub(super) const MIN: Self = Self { group: 0, slot: 0 };
}

impl<K: Key, C: Cell, N: Key> KeyedTable<K, C, N> {
    /// The slot of a key and namespace.
    pub(super) fn slot(&self, place: Place, key: &K::Borrowed, namespace: &N) -> Option<Slot> {
        let group = self.group(place.group)?;
        let slot = group.find(scoped(place.tag, namespace), |held| held.is(key, namespace))?;
        Some(Slot { group: place.group.0, slot })
    }

    /// The slot of a key and namespace, which gets one with the cell that `first` makes if it has none.
    #[inline]
    pub(super) fn slot_or_insert_with(
        &mut self,
        place: Place,
        key: &K::Borrowed,
        namespace: &N,
        first: impl FnOnce() -> C,
    ) -> Option<Slot> {
        let group = self.group_mut(place.group)?;
        let tag = scoped(place.tag, namespace);
        let slot = match group.locate(tag, |held| held.is(key, namespace)) {
            Ok(slot) => slot,
            Err(free) => {
                let slot = group.fill(free, tag, Address::new(key, namespace), first());
                self.rows += 1;
                slot
            }
        };
        Some(Slot { group: place.group.0, slot })
    }

    /// Key and namespace of a slot.
    pub(super) fn address(&self, slot: Slot) -> Option<&Address<K, N>> {
        self.group(KeyGroup(slot.group))?.address(slot.slot)
    }

    /// The cell of a slot, to be changed.
    #[inline]
    pub(super) fn cell_mut(&mut self, slot: Slot) -> Option<&mut C> {
        self.group_mut(KeyGroup(slot.group))?.cell_mut(slot.slot)
    }

    /// Removes the row of a slot.
    pub(super) fn remove_slot(&mut self, slot: Slot) -> Option<C> {
        let tag = self.address(slot)?.tag();
        let cell = self.group_mut(KeyGroup(slot.group))?.remove(tag, slot.slot)?;
        self.rows -= 1;
        Some(cell)
    }

    /// All cells with their slots.
    pub(super) fn slots(&self) -> impl Iterator<Item = (Slot, &C)> {
        self.range.iter().zip(&self.groups).flat_map(|(number, group)| {
            group.iter().map(move |(slot, _, cell)| (Slot { group: number, slot }, cell))
        })
    }
}

/// What becomes of the records of a batch, each of which has a key.
pub trait BatchUpdate<K: Key, C> {
    /// The cell of a key that has none, with this record in it.
    ///
    /// # Errors
    /// If the record cannot be taken in.
    fn first(&mut self, index: usize) -> Result<C>;

    /// Takes a record into the cell of its key.
    ///
    /// # Errors
    /// If the record cannot be taken in.
    fn add(&mut self, index: usize, cell: &mut C) -> Result<()>;

    /// Passes on what the cell holds with the record in it.
    ///
    /// # Errors
    /// If something downstream failed.
    fn emit(&mut self, index: usize, key: &K::Borrowed, cell: &C) -> Result<()>;
}

impl<K: Key, C: Cell> KeyedTable<K, C> {
    /// Updates the cells of a batch of keys, in order. A key that belongs to another subtask is passed over.
    ///
    /// What a large table would be waited for one by one is asked for ahead, so many at a time that the answers stay
    /// near.
    ///
    /// # Errors
    /// The first failure of `update`; the records behind it are left out.
    pub fn update_batch(
        &mut self,
        places: &[Place],
        keys: &K::Arena,
        update: &mut impl BatchUpdate<K, C>,
    ) -> Result<()> {
        let mut index = 0;
        for places in places.chunks(AHEAD_ROWS) {
            if self.rows >= FAR_ROWS {
                self.prefetch_rows(places);
            }
            for place in places {
                self.update(index, *place, keys, update)?;
                index += 1;
            }
        }
        Ok(())
    }

    #[inline]
    fn update(
        &mut self,
        index: usize,
        place: Place,
        keys: &K::Arena,
        update: &mut impl BatchUpdate<K, C>,
    ) -> Result<()> {
        let Some(group) = self.group_mut(place.group) else { return Ok(()) };
        let guess = group.guess(place.tag).map(|(address, cell)| (address.key(), cell));
        match guess.filter(|(key, _)| keys.is(index, key)) {
            Some((key, cell)) => {
                update.add(index, cell)?;
                update.emit(index, key, cell)
            }
            None => self.update_elsewhere(index, place, keys, update),
        }
    }

    /// The key is new, or another one has the same tag.
    #[cold]
    fn update_elsewhere(
        &mut self,
        index: usize,
        place: Place,
        keys: &K::Arena,
        update: &mut impl BatchUpdate<K, C>,
    ) -> Result<()> {
        let Some(key) = keys.get(index) else { return Ok(()) };
        let Some(group) = self.group_mut(place.group) else { return Ok(()) };
        let slot = match group.locate(place.tag, |held| held.is(key, &())) {
            Ok(slot) => {
                if let Some(cell) = group.cell_mut(slot) {
                    update.add(index, cell)?;
                }
                slot
            }
            Err(free) => {
                let slot = group.fill(free, place.tag, Address::new(key, &()), update.first(index)?);
                self.rows += 1;
                slot
            }
        };
        let cell = self.group(place.group).and_then(|group| group.cell(slot));
        cell.map_or(Ok(()), |cell| update.emit(index, key, cell))
    }
}
