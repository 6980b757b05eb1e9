//! From a tag to a slot: hash tables that never grow beyond a size that can be rehashed unnoticed.
//!
//! ```text
//! tag ─ top `depth` bits ─► directory ─► table of at most SPLIT_ROWS entries
//! ```
//!
//! A table that is full is split by one more bit of the tag (extendible hashing), which costs about a
//! millisecond; a single table of 10⁷ keys took 2.3 seconds to double.

use super::entries::Entries;

/// Entries above which a table is split: what 2¹⁶ places hold.
const SPLIT_ROWS: usize = Entries::rows_of(1 << 16);
/// Bits of the tag that may choose a table. Tags that are equal beyond them share a table that just grows.
const MAX_DEPTH: u32 = 16;

/// The tags of one key group.
pub(super) enum Index {
    /// As long as one table suffices.
    Single(Entries),
    Split(Box<Directory>),
}

impl Index {
    /// An index that holds this many entries without growing.
    pub(super) fn with_capacity(rows: usize) -> Self {
        match rows {
            0..=SPLIT_ROWS => Self::Single(Entries::with_capacity(rows)),
            _ => Self::Split(Box::new(Directory::with_capacity(rows))),
        }
    }

    /// Asks for where a tag is found, which is needed soon.
    #[inline]
    pub(super) fn prefetch(&self, tag: u32) {
        if let Some(entries) = self.entries(tag) {
            entries.prefetch(tag);
        }
    }

    /// The slot of an entry with this tag that `is_it`.
    #[inline]
    pub(super) fn find(&self, tag: u32, is_it: impl FnMut(u32) -> bool) -> Option<u32> {
        self.entries(tag)?.find(tag, is_it)
    }

    /// The slot of an entry with this tag that `is_it`, or else where one belongs, which there is room for.
    #[inline]
    pub(super) fn locate(&mut self, tag: u32, is_it: impl FnMut(u32) -> bool) -> Result<u32, Free> {
        if let Self::Single(entries) = self
            && entries.len() >= SPLIT_ROWS
        {
            *self = Self::Split(Box::new(Directory::of(std::mem::take(entries))));
        }
        let table = match self {
            Self::Single(_) => 0,
            Self::Split(directory) => directory.with_room(tag),
        };
        match self.entries_mut(table) {
            Some(entries) => entries.locate(tag, is_it).map_err(|place| Free { table, place }),
            None => Err(Free { table, place: 0 }),
        }
    }

    /// Adds an entry where [`Index::locate`] has just found that it belongs.
    #[inline]
    pub(super) fn fill(&mut self, Free { table, place }: Free, tag: u32, slot: u32) {
        if let Some(entries) = self.entries_mut(table) {
            entries.fill(place, tag, slot);
        }
    }

    #[inline]
    fn entries(&self, tag: u32) -> Option<&Entries> {
        match self {
            Self::Single(entries) => Some(entries),
            Self::Split(directory) => directory.entries(tag),
        }
    }

    #[inline]
    fn entries_mut(&mut self, table: usize) -> Option<&mut Entries> {
        match self {
            Self::Single(entries) => Some(entries),
            Self::Split(directory) => directory.tables.get_mut(table).map(|table| &mut table.entries),
        }
    }

    /// Removes the entry of a slot.
    pub(super) fn remove(&mut self, tag: u32, slot: u32) {
        match self {
            Self::Single(entries) => entries.remove(tag, slot),
            Self::Split(directory) => directory.remove(tag, slot),
        }
    }

    /// Bytes it takes.
    pub(super) fn bytes(&self) -> usize {
        match self {
            Self::Single(entries) => entries.bytes(),
            Self::Split(directory) => directory.tables.iter().map(|table| table.entries.bytes()).sum(),
        }
    }
}

/// Where an entry belongs, until the index is changed.
#[derive(Debug)]
pub(super) struct Free {
    table: usize,
    place: usize,
}

/// Several tables, chosen by the tag's top bits.
pub(super) struct Directory {
    depth: u32,
    /// 2^depth table numbers.
    places: Vec<u32>,
    tables: Vec<Table>,
}

struct Table {
    depth: u32,
    entries: Entries,
}

impl Directory {
    fn with_capacity(rows: usize) -> Self {
        // Tags do not fall evenly into several: leave a quarter free.
        let tables = rows.div_ceil(SPLIT_ROWS / 4 * 3).next_power_of_two().min(1 << MAX_DEPTH);
        let depth = tables.ilog2();
        let table = |_| Table { depth, entries: Entries::with_capacity(SPLIT_ROWS) };
        Self { depth, places: (0..tables as u32).collect(), tables: (0..tables).map(table).collect() }
    }

    /// All entries in one table, to be split.
    fn of(entries: Entries) -> Self {
        Self { depth: 0, places: vec![0], tables: vec![Table { depth: 0, entries }] }
    }

    #[inline]
    fn table_number(&self, tag: u32) -> usize {
        // The shift is done in 64 bits, where 32 is allowed.
        let place = (u64::from(tag) >> (32 - self.depth)) as usize;
        self.places.get(place).map_or(0, |number| *number as usize)
    }

    #[inline]
    fn entries(&self, tag: u32) -> Option<&Entries> {
        self.tables.get(self.table_number(tag)).map(|table| &table.entries)
    }

    /// The number of the tag's table, which was split if it was full.
    #[inline]
    fn with_room(&mut self, tag: u32) -> usize {
        loop {
            let number = self.table_number(tag);
            match self.tables.get(number) {
                Some(full) if full.entries.len() >= SPLIT_ROWS && full.depth < MAX_DEPTH => {
                    self.split(number)
                }
                _ => return number,
            }
        }
    }

    fn remove(&mut self, tag: u32, slot: u32) {
        let number = self.table_number(tag);
        if let Some(table) = self.tables.get_mut(number) {
            table.entries.remove(tag, slot);
        }
    }

    /// Deals a table's entries out to two, by the next bit of their tags.
    fn split(&mut self, number: usize) {
        let added = self.tables.len() as u32;
        let Some(table) = self.tables.get_mut(number) else { return };
        table.depth += 1;
        let depth = table.depth;
        let entries = std::mem::take(&mut table.entries);
        let mut halves = [(); 2].map(|()| Entries::with_capacity(SPLIT_ROWS));
        for (tag, slot) in entries.iter() {
            let is_upper = (tag >> (32 - depth)) & 1 == 1;
            if let Some(half) = halves.get_mut(usize::from(is_upper)) {
                half.insert(tag, slot);
            }
        }
        let [lower, upper] = halves;
        table.entries = lower;
        self.tables.push(Table { depth, entries: upper });
        if depth > self.depth {
            self.places = self.places.iter().flat_map(|number| [*number; 2]).collect();
            self.depth = depth;
        }
        // Of the places that led to the old table, those with the bit set lead to the new one.
        let bit = self.depth - depth;
        for (place, to) in self.places.iter_mut().enumerate() {
            if *to as usize == number && (place >> bit) & 1 == 1 {
                *to = added;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tag_of(slot: u32) -> u32 {
        slot.wrapping_mul(0x9e37_79b9).rotate_left(7)
    }

    fn insert(index: &mut Index, tag: u32, slot: u32) {
        let free = index.locate(tag, |_| false).unwrap_err();
        index.fill(free, tag, slot);
    }

    fn tables_of(index: &Index) -> &[Table] {
        match index {
            Index::Single(_) => &[],
            Index::Split(directory) => &directory.tables,
        }
    }

    #[test]
    fn every_entry_is_found_after_splits() {
        let rows = 3 * SPLIT_ROWS as u32;
        let mut index = Index::with_capacity(0);
        (0..rows).for_each(|slot| insert(&mut index, tag_of(slot), slot));
        assert!(tables_of(&index).len() >= 4, "{} tables", tables_of(&index).len());
        assert!(tables_of(&index).iter().all(|table| table.entries.len() <= SPLIT_ROWS));
        assert!((0..rows).all(|slot| index.find(tag_of(slot), |found| found == slot).is_some()));
        (0..rows).step_by(2).for_each(|slot| index.remove(tag_of(slot), slot));
        assert!((0..rows).all(|slot| index.find(tag_of(slot), |f| f == slot).is_some() == (slot % 2 == 1)));
    }

    #[test]
    fn a_presized_index_is_laid_out_for_its_rows() {
        let mut index = Index::with_capacity(3 * SPLIT_ROWS);
        let tables = tables_of(&index).len();
        (0..3 * SPLIT_ROWS as u32).for_each(|slot| insert(&mut index, tag_of(slot), slot));
        assert_eq!(tables_of(&index).len(), tables);
    }

    #[test]
    fn equal_tags_share_a_table() {
        let mut index = Index::with_capacity(0);
        (0..100).for_each(|slot| insert(&mut index, 7, slot));
        assert_eq!(index.find(7, |slot| slot == 99), Some(99));
        assert_eq!(index.find(7, |slot| slot == 100), None);
    }
}
