//! A slab of copy-on-write pages: what makes a snapshot cost pointers, and an update during it one page.
//!
//! ```text
//! slot = page · PAGE_ROWS + row
//! pages   [ Arc ][ Arc ][ Arc ]        a snapshot holds the same Arcs
//!            │      │      └─ last page: 4, 8, … rows, doubles until it is full
//!            └──────┴─ full pages: never move, are copied when written while a snapshot holds them
//! ```

use std::sync::Arc;

/// Rows of the first page of a slab when it is made; a job may have tens of thousands of slabs.
const FIRST_ROWS: usize = 4;
/// A page's own bytes, roughly: what an update during a snapshot has to copy.
const PAGE_BYTES: usize = 8 << 10;

/// One page. The rows' heap memory is not part of it and is cloned with them.
pub(super) type Page<T> = Arc<[Option<T>]>;

/// Rows by slot number.
pub(super) struct Pages<T> {
    pages: Vec<Page<T>>,
}

impl<T> Pages<T> {
    /// Rows of a full page: a power of two from 8 to 256.
    pub(super) const PAGE_ROWS: usize = {
        let row = if size_of::<Option<T>>() == 0 { 1 } else { size_of::<Option<T>>() };
        let rows = 1 << (PAGE_BYTES / row + 1).ilog2();
        if rows < 8 {
            8
        } else if rows > 256 {
            256
        } else {
            rows
        }
    };

    pub(super) fn new() -> Self {
        Self { pages: Vec::new() }
    }

    /// The pages as they are now; from here on they are copied before they are written.
    pub(super) fn freeze(&self) -> Vec<Page<T>> {
        self.pages.clone()
    }

    /// Room for this many more pages' pointers, so that growth never moves them all.
    pub(super) fn reserve(&mut self, rows: usize) {
        self.pages.reserve(rows.div_ceil(Self::PAGE_ROWS));
    }

    #[inline]
    pub(super) fn get(&self, slot: u32) -> Option<&T> {
        let slot = slot as usize;
        self.pages.get(slot / Self::PAGE_ROWS)?.get(slot % Self::PAGE_ROWS)?.as_ref()
    }

    /// Bytes of the slab itself, without what its rows own elsewhere.
    pub(super) fn bytes(&self) -> usize {
        self.pages.iter().map(|page| size_of_val(page.as_ref())).sum()
    }
}

impl<T: Clone> Pages<T> {
    #[inline]
    pub(super) fn get_mut(&mut self, slot: u32) -> Option<&mut T> {
        self.row_mut(slot)?.as_mut()
    }

    /// Puts a row into a slot, which is at most one beyond the last.
    #[inline]
    pub(super) fn put(&mut self, slot: u32, value: T) -> Option<&mut T> {
        if self.row_mut(slot).is_none() {
            self.grow();
        }
        self.row_mut(slot).map(|row| row.insert(value))
    }

    pub(super) fn take(&mut self, slot: u32) -> Option<T> {
        self.row_mut(slot)?.take()
    }

    #[inline]
    fn row_mut(&mut self, slot: u32) -> Option<&mut Option<T>> {
        let slot = slot as usize;
        let page = self.pages.get_mut(slot / Self::PAGE_ROWS)?;
        if slot % Self::PAGE_ROWS >= page.len() {
            return None;
        }
        Arc::make_mut(page).get_mut(slot % Self::PAGE_ROWS)
    }

    /// Doubles the last page, or begins a new one.
    fn grow(&mut self) {
        let page = match self.pages.pop_if(|last| last.len() < Self::PAGE_ROWS) {
            None if self.pages.is_empty() => empty(FIRST_ROWS).collect(),
            None => empty(Self::PAGE_ROWS).collect(),
            Some(mut last) => {
                let more = last.len();
                match Arc::get_mut(&mut last) {
                    Some(rows) => rows.iter_mut().map(Option::take).chain(empty(more)).collect(),
                    None => last.iter().cloned().chain(empty(more)).collect(),
                }
            }
        };
        self.pages.push(page);
    }
}

fn empty<T>(rows: usize) -> impl Iterator<Item = Option<T>> {
    (0..rows).map(|_| None)
}

/// The row of a slot in frozen pages.
pub(super) fn row_of<T>(pages: &[Page<T>], slot: u32) -> Option<&T> {
    let slot = slot as usize;
    pages.get(slot / Pages::<T>::PAGE_ROWS)?.get(slot % Pages::<T>::PAGE_ROWS)?.as_ref()
}

/// All rows of frozen pages with their slots, in slot order.
pub(super) fn rows_of<T>(pages: &[Page<T>]) -> impl Iterator<Item = (u32, &T)> {
    pages.iter().enumerate().flat_map(|(index, page)| {
        let first = index * Pages::<T>::PAGE_ROWS;
        page.iter().enumerate().filter_map(move |(row, value)| Some(((first + row) as u32, value.as_ref()?)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frozen_pages_keep_what_they_held() {
        let mut pages = Pages::new();
        for slot in 0..1000u32 {
            pages.put(slot, slot.to_string());
        }
        let frozen = pages.freeze();
        for slot in (0..1000).step_by(7) {
            pages.take(slot);
        }
        pages.put(1000, "new".to_owned());
        assert_eq!(rows_of(&frozen).count(), 1000);
        assert!(rows_of(&frozen).all(|(slot, text)| *text == slot.to_string()));
        assert_eq!(pages.get(7), None);
        assert_eq!(row_of(&frozen, 7).map(String::as_str), Some("7"));
        assert_eq!(pages.get(1000).map(String::as_str), Some("new"));
    }

    #[test]
    fn a_page_that_no_snapshot_holds_is_written_in_place() {
        let mut pages = Pages::new();
        pages.put(0, 1u64);
        drop(pages.freeze());
        let before = Arc::as_ptr(&pages.pages[0]);
        pages.put(0, 2);
        assert!(std::ptr::addr_eq(before, Arc::as_ptr(&pages.pages[0])));
        let held = pages.freeze();
        pages.put(0, 3);
        assert!(!std::ptr::addr_eq(Arc::as_ptr(&held[0]), Arc::as_ptr(&pages.pages[0])));
    }

    #[test]
    fn large_rows_make_short_pages() {
        assert_eq!(Pages::<u64>::PAGE_ROWS, 256);
        assert_eq!(Pages::<[u64; 500]>::PAGE_ROWS, 8);
    }
}
