//! A hash table of tags and slots in one flat array: a lookup mostly reads a single cache line.
//!
//! ```text
//! place   tag's low bits, or the first one behind it that is free (linear probing)
//! entry   ┌─ tag: 32 bits ─┬─ slot: 32 bits ─┐      all ones: free
//! ```
//!
//! The array is made when the first entry comes. What is free is not zero: so all of it is written then, and lies in the cache
//! when it is filled at random.

use prefetch_index::prefetch_index;

/// A tag, and the slot that a key with this tag is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Entry(u64);

impl Entry {
    const FREE: Self = Self(u64::MAX);

    #[inline]
    fn new(tag: u32, slot: u32) -> Self {
        Self(u64::from(tag) << 32 | u64::from(slot))
    }

    #[inline]
    fn tag(self) -> u32 {
        (self.0 >> 32) as u32
    }

    #[inline]
    fn slot(self) -> u32 {
        self.0 as u32
    }
}

/// Places of the smallest table that has any.
const FIRST_PLACES: usize = 8;

/// Entries by tag. Slots are below `u32::MAX`.
#[derive(Default)]
pub(super) struct Entries {
    /// None, or a power of two; a quarter of them is free.
    places: Box<[Entry]>,
    len: u32,
    /// Places to begin with.
    first_places: u32,
}

impl Entries {
    /// Entries that this many places hold.
    pub(super) const fn rows_of(places: usize) -> usize {
        places / 4 * 3
    }

    /// Will hold this many entries without growing.
    pub(super) fn with_capacity(rows: usize) -> Self {
        Self { first_places: (rows.div_ceil(3) * 4).next_power_of_two() as u32, ..Self::default() }
    }

    pub(super) fn len(&self) -> usize {
        self.len as usize
    }

    /// Asks for the place of a tag, which is needed soon.
    #[inline]
    pub(super) fn prefetch(&self, tag: u32) {
        prefetch_index(&self.places, self.first(tag));
    }

    /// The slot of an entry with this tag that `is_it`.
    #[inline]
    pub(super) fn find(&self, tag: u32, mut is_it: impl FnMut(u32) -> bool) -> Option<u32> {
        let mut place = self.first(tag);
        loop {
            let entry = *self.places.get(place)?;
            if entry == Entry::FREE {
                return None;
            }
            if entry.tag() == tag && is_it(entry.slot()) {
                return Some(entry.slot());
            }
            place = self.after(place);
        }
    }

    /// The slot of an entry with this tag that `is_it`, or else the place for one, which there is room for.
    #[inline]
    pub(super) fn locate(&mut self, tag: u32, mut is_it: impl FnMut(u32) -> bool) -> Result<u32, usize> {
        if self.len() >= Self::rows_of(self.places.len()) {
            self.grow();
        }
        let place = self.place(tag, |entry| entry.tag() == tag && is_it(entry.slot()));
        match place.and_then(|place| self.places.get(place)) {
            Some(entry) if *entry != Entry::FREE => Ok(entry.slot()),
            _ => Err(place.unwrap_or_default()),
        }
    }

    /// Puts an entry into the place that [`Entries::locate`] has just found.
    #[inline]
    pub(super) fn fill(&mut self, place: usize, tag: u32, slot: u32) {
        if let Some(free) = self.places.get_mut(place) {
            *free = Entry::new(tag, slot);
            self.len += 1;
        }
    }

    /// Adds an entry, whether or not there is one like it.
    pub(super) fn insert(&mut self, tag: u32, slot: u32) {
        if let Err(place) = self.locate(tag, |_| false) {
            self.fill(place, tag, slot);
        }
    }

    /// Removes an entry, if it is there.
    pub(super) fn remove(&mut self, tag: u32, slot: u32) {
        let wanted = Entry::new(tag, slot);
        let Some(mut place) = self.place(tag, |entry| entry == wanted) else { return };
        if self.take(place) != wanted {
            return;
        }
        self.len -= 1;
        // Those behind it may stand there because it was in their way: put each in again, up to a free place.
        loop {
            place = self.after(place);
            match self.take(place) {
                Entry::FREE => return,
                entry => self.put(entry),
            }
        }
    }

    /// All tags and slots.
    pub(super) fn iter(&self) -> impl Iterator<Item = (u32, u32)> {
        let used = self.places.iter().filter(|entry| **entry != Entry::FREE);
        used.map(|entry| (entry.tag(), entry.slot()))
    }

    /// Bytes it takes.
    pub(super) fn bytes(&self) -> usize {
        size_of_val(self.places.as_ref())
    }

    /// The place of the first entry from the tag's place on that `is_it`, or else the first free one. A table
    /// without places has neither.
    #[inline]
    fn place(&self, tag: u32, mut is_it: impl FnMut(Entry) -> bool) -> Option<usize> {
        let mut place = self.first(tag);
        loop {
            let entry = *self.places.get(place)?;
            if entry == Entry::FREE || is_it(entry) {
                return Some(place);
            }
            place = self.after(place);
        }
    }

    /// The place of a tag.
    #[inline]
    fn first(&self, tag: u32) -> usize {
        tag as usize & self.places.len().wrapping_sub(1)
    }

    #[inline]
    fn after(&self, place: usize) -> usize {
        (place + 1) & self.places.len().wrapping_sub(1)
    }

    fn put(&mut self, entry: Entry) {
        let free = self.place(entry.tag(), |_| false);
        if let Some(place) = free.and_then(|place| self.places.get_mut(place)) {
            *place = entry;
        }
    }

    fn take(&mut self, place: usize) -> Entry {
        self.places.get_mut(place).map_or(Entry::FREE, |entry| std::mem::replace(entry, Entry::FREE))
    }

    #[cold]
    fn grow(&mut self) {
        let places = (self.places.len() * 2).max(self.first_places as usize).max(FIRST_PLACES);
        let smaller = std::mem::replace(&mut self.places, vec![Entry::FREE; places].into());
        smaller.iter().filter(|entry| **entry != Entry::FREE).for_each(|entry| self.put(*entry));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn removing_an_entry_leaves_those_it_stood_in_the_way_of() {
        // All belong into the last place of the smallest table: they stand behind each other, around its end.
        let tags = [7, 15, 23, 31, 39];
        for gone in 0..tags.len() {
            let mut entries = Entries::default();
            tags.iter().zip(0..).for_each(|(tag, slot)| entries.insert(*tag, slot));
            assert_eq!(entries.places.len(), FIRST_PLACES);
            entries.remove(tags[gone], gone as u32);
            entries.remove(tags[gone], gone as u32);
            assert_eq!(entries.len(), tags.len() - 1);
            for (slot, tag) in tags.iter().enumerate() {
                let found = entries.find(*tag, |_| true);
                assert_eq!(found, (slot != gone).then_some(slot as u32));
            }
        }
    }

    #[test]
    fn a_table_has_room_for_what_it_was_made_for() {
        for rows in [0, 1, 6, 7, 12, 13, 1000] {
            let mut entries = Entries::with_capacity(rows);
            let grown = |slot: u32| {
                let before = entries.bytes();
                entries.insert(slot, slot);
                entries.bytes() > before
            };
            assert_eq!((0..rows as u32).map(grown).filter(|grown| *grown).count(), rows.min(1));
            assert_eq!(entries.len(), rows);
            assert_eq!(entries.iter().count(), rows);
        }
    }
}
