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

struct Table {
    depth: u32,
    entries: Entries,
}

/// The tags of one key group.
pub(super) struct Index {
    depth: u32,
    /// 2^depth table numbers; none while there is one table.
    directory: Vec<u32>,
    tables: Vec<Table>,
}

impl Index {
    /// An index that holds this many entries without growing.
    pub(super) fn with_capacity(rows: usize) -> Self {
        // Tags do not fall evenly into several: leave a quarter free.
        let tables = match rows {
            0..=SPLIT_ROWS => 1,
            _ => rows.div_ceil(SPLIT_ROWS / 4 * 3).next_power_of_two().min(1 << MAX_DEPTH),
        };
        let capacity = if tables == 1 { rows } else { SPLIT_ROWS };
        let depth = tables.ilog2();
        let table = || Table { depth, entries: Entries::with_capacity(capacity) };
        Self {
            depth,
            directory: if tables == 1 { Vec::new() } else { (0..tables as u32).collect() },
            tables: (0..tables).map(|_| table()).collect(),
        }
    }

    #[inline]
    fn table_number(&self, tag: u32) -> usize {
        // The shift is done in 64 bits, where 32 is allowed.
        let place = (u64::from(tag) >> (32 - self.depth)) as usize;
        self.directory.get(place).map_or(0, |number| *number as usize)
    }

    /// The slot of an entry with this tag that `is_it`.
    #[inline]
    pub(super) fn find(&self, tag: u32, is_it: impl FnMut(u32) -> bool) -> Option<u32> {
        self.tables.get(self.table_number(tag))?.entries.find(tag, is_it)
    }

    /// Adds an entry for a key that is not in it yet.
    pub(super) fn insert(&mut self, tag: u32, slot: u32) {
        let number = self.table_number(tag);
        let Some(table) = self.tables.get_mut(number) else { return };
        if table.entries.len() >= SPLIT_ROWS && table.depth < MAX_DEPTH {
            self.split(number);
            return self.insert(tag, slot);
        }
        table.entries.insert(tag, slot);
    }

    /// Removes the entry of a slot.
    pub(super) fn remove(&mut self, tag: u32, slot: u32) {
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
            if self.directory.is_empty() {
                self.directory.push(0);
            }
            self.directory = self.directory.iter().flat_map(|number| [*number; 2]).collect();
            self.depth = depth;
        }
        // Of the places that led to the old table, those with the bit set lead to the new one.
        let bit = self.depth - depth;
        for (place, to) in self.directory.iter_mut().enumerate() {
            if *to as usize == number && (place >> bit) & 1 == 1 {
                *to = added;
            }
        }
    }

    /// Bytes it takes.
    pub(super) fn bytes(&self) -> usize {
        self.tables.iter().map(|table| table.entries.bytes()).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tag_of(slot: u32) -> u32 {
        slot.wrapping_mul(0x9e37_79b9).rotate_left(7)
    }

    #[test]
    fn every_entry_is_found_after_splits() {
        let rows = 3 * SPLIT_ROWS as u32;
        let mut index = Index::with_capacity(0);
        (0..rows).for_each(|slot| index.insert(tag_of(slot), slot));
        assert!(index.tables.len() >= 4, "{} tables", index.tables.len());
        assert!(index.tables.iter().all(|table| table.entries.len() <= SPLIT_ROWS));
        assert!((0..rows).all(|slot| index.find(tag_of(slot), |found| found == slot).is_some()));
        (0..rows).step_by(2).for_each(|slot| index.remove(tag_of(slot), slot));
        assert!((0..rows).all(|slot| index.find(tag_of(slot), |f| f == slot).is_some() == (slot % 2 == 1)));
    }

    #[test]
    fn a_presized_index_is_laid_out_for_its_rows() {
        let mut index = Index::with_capacity(3 * SPLIT_ROWS);
        let tables = index.tables.len();
        (0..3 * SPLIT_ROWS as u32).for_each(|slot| index.insert(tag_of(slot), slot));
        assert_eq!(index.tables.len(), tables);
    }

    #[test]
    fn equal_tags_share_a_table() {
        let mut index = Index::with_capacity(0);
        (0..100).for_each(|slot| index.insert(7, slot));
        assert_eq!(index.find(7, |slot| slot == 99), Some(99));
        assert_eq!(index.find(7, |slot| slot == 100), None);
    }
}
