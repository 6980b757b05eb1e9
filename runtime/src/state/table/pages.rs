//! A slab of copy-on-write pages: what makes a snapshot cost pointers, and an update during it one page.
//!
//! ```text
//! slot = page · PAGE_ROWS + row
//! pages   [ Own ][ Own ][ Shared ]      Own: written in place, without asking who else might read it
//!            │      │       └─ Arc ◄── a snapshot holds it too: copied when written while it does
//!            └──────┴─ a page that has its full room never moves; only the first begins with less, and doubles
//! ```

use std::sync::Arc;

use prefetch_index::prefetch_index;

/// Rows that a slab's first page has room for when it is made; a job may have tens of thousands of slabs.
const FIRST_ROWS: usize = 4;
/// A page's own bytes, roughly: what an update during a snapshot has to copy.
const PAGE_BYTES: usize = 16 << 10;

/// The rows of one page. Their heap memory is not part of it and is cloned with them.
type Rows<T> = Vec<Option<T>>;

/// A page of a snapshot.
pub(super) type Page<T> = Arc<Rows<T>>;

/// A page of the slab. Only what a snapshot has held is counted, since counting costs each update.
enum Held<T> {
    /// No snapshot holds it.
    Own(Rows<T>),
    /// A snapshot holds it, or did when it was last written.
    Shared(Page<T>),
}

/// Rows by slot number.
pub(super) struct Pages<T> {
    pages: Vec<Held<T>>,
}

impl<T> Held<T> {
    #[inline]
    fn rows(&self) -> &Rows<T> {
        match self {
            Self::Own(rows) => rows,
            Self::Shared(page) => page,
        }
    }

    fn share(&mut self) -> Page<T> {
        let page = match std::mem::replace(self, Self::Own(Vec::new())) {
            Self::Own(rows) => Arc::new(rows),
            Self::Shared(page) => page,
        };
        *self = Self::Shared(Arc::clone(&page));
        page
    }
}

impl<T: Clone> Held<T> {
    /// The rows to be written: copied first if a snapshot still holds them.
    #[inline]
    fn rows_mut(&mut self) -> &mut Rows<T> {
        match self {
            Self::Own(rows) => rows,
            Self::Shared(_) => self.own(),
        }
    }

    #[cold]
    fn own(&mut self) -> &mut Rows<T> {
        if let Self::Shared(page) = self {
            *self = Self::Own(Arc::try_unwrap(std::mem::take(page)).unwrap_or_else(|page| copy(&page)));
        }
        match self {
            Self::Own(rows) => rows,
            Self::Shared(page) => Arc::make_mut(page),
        }
    }
}

/// A copy with the same room for more.
fn copy<T: Clone>(page: &Rows<T>) -> Rows<T> {
    let mut rows = Vec::with_capacity(page.capacity());
    rows.extend_from_slice(page);
    rows
}

impl<T> Pages<T> {
    /// Rows of a full page: a power of two from 8 to 512.
    pub(super) const PAGE_ROWS: usize = {
        let row = if size_of::<Option<T>>() == 0 { 1 } else { size_of::<Option<T>>() };
        let rows = 1 << (PAGE_BYTES / row + 1).ilog2();
        if rows < 8 {
            8
        } else if rows > 512 {
            512
        } else {
            rows
        }
    };

    /// With room for the pointers of so many rows' pages, so that growth never moves them all.
    pub(super) fn with_capacity(rows: usize) -> Self {
        Self { pages: Vec::with_capacity(rows.div_ceil(Self::PAGE_ROWS)) }
    }

    /// Slots that were ever used.
    #[inline]
    pub(super) fn slots(&self) -> u32 {
        let last = self.pages.last().map_or(0, |last| last.rows().len());
        (self.pages.len().saturating_sub(1) * Self::PAGE_ROWS + last) as u32
    }

    /// The pages as they are now; from here on they are copied before they are written.
    pub(super) fn freeze(&mut self) -> Vec<Page<T>> {
        self.pages.iter_mut().map(Held::share).collect()
    }

    #[inline]
    pub(super) fn get(&self, slot: u32) -> Option<&T> {
        let (page, row) = Self::split(slot as usize);
        self.pages.get(page)?.rows().get(row)?.as_ref()
    }

    /// Asks for a row that is needed soon.
    #[inline]
    pub(super) fn prefetch(&self, slot: u32) {
        let (page, row) = Self::split(slot as usize);
        if let Some(page) = self.pages.get(page) {
            prefetch_index(page.rows(), row);
        }
    }

    /// Page and row of a slot.
    #[inline]
    const fn split(slot: usize) -> (usize, usize) {
        (slot / Self::PAGE_ROWS, slot % Self::PAGE_ROWS)
    }

    /// Bytes of the slab itself, without what its rows own elsewhere.
    pub(super) fn bytes(&self) -> usize {
        self.pages.iter().map(|page| page.rows().capacity() * size_of::<Option<T>>()).sum()
    }
}

impl<T: Clone> Pages<T> {
    #[inline]
    pub(super) fn get_mut(&mut self, slot: u32) -> Option<&mut T> {
        self.row_mut(slot)?.as_mut()
    }

    /// Puts a row into a slot that was used before.
    #[inline]
    pub(super) fn put(&mut self, slot: u32, value: T) {
        if let Some(row) = self.row_mut(slot) {
            *row = Some(value);
        }
    }

    /// Puts a row into the next slot, and says which one that is.
    #[inline]
    pub(super) fn push(&mut self, value: T) -> u32 {
        let slot = self.slots();
        match self.pages.last_mut() {
            Some(last) if last.rows().len() < Self::PAGE_ROWS => last.rows_mut().push(Some(value)),
            last => {
                let room = if last.is_some() { Self::PAGE_ROWS } else { FIRST_ROWS };
                let mut rows = Vec::with_capacity(room);
                rows.push(Some(value));
                self.pages.push(Held::Own(rows));
            }
        }
        slot
    }

    pub(super) fn take(&mut self, slot: u32) -> Option<T> {
        self.row_mut(slot)?.take()
    }

    #[inline]
    fn row_mut(&mut self, slot: u32) -> Option<&mut Option<T>> {
        let (page, row) = Self::split(slot as usize);
        self.pages.get_mut(page)?.rows_mut().get_mut(row)
    }
}

/// Frozen pages, with the way to a row cut short.
pub(super) struct Slab<'a, T> {
    pages: Vec<&'a [Option<T>]>,
}

impl<'a, T> Slab<'a, T> {
    pub(super) fn of(pages: &'a [Page<T>]) -> Self {
        Self { pages: pages.iter().map(|page| page.as_slice()).collect() }
    }

    /// Slots that it has pages for.
    pub(super) fn slots(&self) -> usize {
        self.pages.len() * Pages::<T>::PAGE_ROWS
    }

    #[inline]
    pub(super) fn get(&self, slot: u64) -> Option<&'a T> {
        let (page, row) = Pages::<T>::split(slot as usize);
        self.pages.get(page)?.get(row)?.as_ref()
    }

    /// Asks for a row that is needed soon.
    #[inline]
    pub(super) fn prefetch(&self, slot: u64) {
        let (page, row) = Pages::<T>::split(slot as usize);
        if let Some(page) = self.pages.get(page) {
            prefetch_index(page, row);
        }
    }

    /// The rows with their slots.
    pub(super) fn iter(&self) -> impl Iterator<Item = (u64, &'a T)> {
        let pages = (0u64..).step_by(Pages::<T>::PAGE_ROWS).zip(&self.pages);
        pages.flat_map(|(first, page)| {
            let rows = (first..).zip(page.iter());
            rows.filter_map(|(slot, row)| Some((slot, row.as_ref()?)))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frozen_pages_keep_what_they_held() {
        let mut pages = Pages::with_capacity(0);
        for slot in 0..1000u32 {
            assert_eq!(pages.push(slot.to_string()), slot);
        }
        let frozen = pages.freeze();
        for slot in (0..1000).step_by(7) {
            pages.take(slot);
        }
        pages.push("new".to_owned());
        let rows: Vec<_> = Slab::of(&frozen).iter().collect();
        assert_eq!(rows.len(), 1000);
        assert!((0..).zip(&rows).all(|(slot, row)| *row == (slot, &slot.to_string())));
        assert_eq!(Slab::of(&frozen).get(7), Some(&7.to_string()));
        assert_eq!(pages.get(7), None);
        assert_eq!(pages.get(1000).map(String::as_str), Some("new"));
    }

    #[test]
    fn a_page_that_no_snapshot_holds_is_written_in_place() {
        let mut pages = Pages::with_capacity(0);
        pages.push(1u64);
        let before = pages.pages[0].rows().as_ptr();
        drop(pages.freeze());
        pages.put(0, 2);
        assert_eq!(before, pages.pages[0].rows().as_ptr());
        let held = pages.freeze();
        pages.put(0, 3);
        assert_eq!(before, held[0].as_ptr());
        assert_ne!(before, pages.pages[0].rows().as_ptr());
        assert_eq!((Slab::of(&held).get(0), pages.get(0)), (Some(&2), Some(&3)));
    }

    #[test]
    fn a_copied_page_has_the_same_room() {
        const ROWS: u64 = Pages::<u64>::PAGE_ROWS as u64;
        let mut pages = Pages::with_capacity(0);
        let push = |pages: &mut Pages<u64>, rows: std::ops::Range<u64>| {
            for row in rows {
                pages.push(row);
            }
        };
        // Room for three rows would double past that of a page.
        push(&mut pages, 0..ROWS + 3);
        let held = pages.freeze();
        push(&mut pages, ROWS + 3..2 * ROWS);
        let bytes = 2 * Pages::<u64>::PAGE_ROWS * size_of::<Option<u64>>();
        assert_eq!((pages.pages.len(), pages.bytes()), (2, bytes));
        assert_eq!(Slab::of(&held).iter().count(), Pages::<u64>::PAGE_ROWS + 3);
    }

    #[test]
    fn large_rows_make_short_pages() {
        assert_eq!(Pages::<u64>::PAGE_ROWS, 512);
        assert_eq!(Pages::<[u64; 500]>::PAGE_ROWS, 8);
    }
}
