//! The rows of one key group.

use spt_format::KeyGroup;

use super::index::{Free, Index};
use super::pages::{Page, Pages};

/// Bytes that are read from memory at once.
const CACHE_LINE: usize = 64;

/// Index and rows. All of it lies in one cache line, since every record reads it.
#[repr(align(64))]
pub(super) struct Group<A, C> {
    index: Index,
    rows: Pages<A, C>,
    /// Behind a pointer: only who adds or removes a row reads it.
    vacant: Box<Vacant>,
}

/// Slots that rows were removed from, to be used again before new ones.
#[derive(Default)]
struct Vacant(Vec<u32>);

/// The pages of a key group at one moment.
pub(super) struct FrozenGroup<A, C> {
    pub(super) number: KeyGroup,
    pub(super) pages: Vec<Page<A, C>>,
    pub(super) len: usize,
}

impl<A: Clone, C: Clone> Group<A, C> {
    pub(super) fn with_capacity(rows: usize) -> Self {
        const { assert!(size_of::<Self>() == CACHE_LINE, "what every record reads is one cache line") };
        Self { index: Index::with_capacity(rows), rows: Pages::with_capacity(rows), vacant: Box::default() }
    }

    pub(super) fn len(&self) -> usize {
        self.rows.slots() as usize - self.vacant.0.len()
    }

    #[inline]
    pub(super) fn find(&self, tag: u32, is_it: impl Fn(&A) -> bool) -> Option<u32> {
        self.index.find(tag, |slot| self.address(slot).is_some_and(&is_it))
    }

    #[inline]
    pub(super) fn prefetch_entry(&self, tag: u32) {
        self.index.prefetch(tag);
    }

    /// Asks for the row that [`Group::guess`] gives.
    #[inline]
    pub(super) fn prefetch_row(&self, tag: u32) {
        if let Some(slot) = self.index.find(tag, |_| true) {
            self.rows.prefetch(slot);
        }
    }

    /// The first row with this tag, whoever's it is.
    #[inline]
    pub(super) fn guess(&mut self, tag: u32) -> Option<(&A, &mut C)> {
        self.rows.get_mut(self.index.find(tag, |_| true)?)
    }

    #[inline]
    pub(super) fn address(&self, slot: u32) -> Option<&A> {
        self.rows.get(slot).map(|(address, _)| address)
    }

    #[inline]
    pub(super) fn cell(&self, slot: u32) -> Option<&C> {
        self.rows.get(slot).map(|(_, cell)| cell)
    }

    #[inline]
    pub(super) fn cell_mut(&mut self, slot: u32) -> Option<&mut C> {
        self.rows.get_mut(slot).map(|(_, cell)| cell)
    }

    /// The slot of a row, or else where the index has room for it.
    #[inline]
    pub(super) fn locate(&mut self, tag: u32, is_it: impl Fn(&A) -> bool) -> Result<u32, Free> {
        self.index.locate(tag, |slot| self.rows.get(slot).is_some_and(|(address, _)| is_it(address)))
    }

    /// Adds a row where [`Group::locate`] has just found that it is not there yet, and says in which slot.
    #[inline]
    pub(super) fn fill(&mut self, free: Free, tag: u32, address: A, cell: C) -> u32 {
        let row = (address, cell);
        let slot = match self.vacant.0.pop() {
            Some(slot) => {
                self.rows.put(slot, row);
                slot
            }
            None => self.rows.push(row),
        };
        self.index.fill(free, tag, slot);
        slot
    }

    pub(super) fn remove(&mut self, tag: u32, slot: u32) -> Option<C> {
        self.index.remove(tag, slot);
        let cell = self.rows.take(slot)?;
        self.vacant.0.push(slot);
        Some(cell)
    }

    /// Slots, addresses and cells.
    pub(super) fn iter(&self) -> impl Iterator<Item = (u32, &A, &C)> {
        (0..self.rows.slots()).filter_map(|slot| {
            let (address, cell) = self.rows.get(slot)?;
            Some((slot, address, cell))
        })
    }

    /// Slots and addresses of the rows that `wanted` says yes to.
    pub(super) fn select(&self, mut wanted: impl FnMut(&A, &C) -> bool) -> Vec<(u32, A)> {
        let rows = self.iter().filter(|(_, address, cell)| wanted(address, cell));
        rows.map(|(slot, address, _)| (slot, address.clone())).collect()
    }

    pub(super) fn freeze(&mut self, number: KeyGroup) -> FrozenGroup<A, C> {
        FrozenGroup { number, pages: self.rows.freeze(), len: self.len() }
    }

    pub(super) fn bytes(&self) -> usize {
        self.index.bytes() + self.rows.bytes()
    }
}
