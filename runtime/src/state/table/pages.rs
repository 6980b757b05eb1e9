//! A slab of copy-on-write pages: what makes a snapshot cost pointers, and an update during it the cells of one page.
//!
//! ```text
//! slot = page · PAGE_ROWS + row
//! own    [ address, cell │ address, cell │ … ]        written in place, without asking who else might read it
//! lent   [ address, cell │ address, cell │ … ] ◄───── a snapshot reads it too
//!        [          cell │          cell │ … ]        all cells as they became since, once one is written
//! ```
//!
//! A page that has its full room never moves; only the first begins with less, and doubles. While a page is lent its addresses stay
//! as they are, so that keys, which may own memory, are not copied for a cell. The first write after the snapshot is gone puts the
//! cells back into their rows. A row that comes or goes makes a copy of the whole page, and so does a cell beside a vacant row.

use std::sync::Arc;

use prefetch_index::prefetch_index;

/// Rows that a slab's first page has room for when it is made; a job may have tens of thousands of slabs.
const FIRST_ROWS: usize = 4;
/// A page's own bytes, roughly.
const PAGE_BYTES: usize = 16 << 10;

/// The rows of one page.
type Rows<A, C> = Vec<Option<(A, C)>>;

/// A page of a snapshot.
pub(super) struct Page<A, C> {
    rows: Arc<Rows<A, C>>,
    /// One for each row, instead of what the rows say.
    cells: Option<Arc<Vec<C>>>,
}

/// Rows by slot number.
pub(super) struct Pages<A, C> {
    /// Every page; one that is lent is empty here.
    own: Vec<Rows<A, C>>,
    /// Behind a pointer: read while pages are lent.
    lent: Box<LentPages<A, C>>,
}

/// The places of as many pages as there were when a snapshot was last taken.
struct LentPages<A, C>(Vec<Lent<A, C>>);

/// Where a page is while it is lent: while a snapshot reads it, and on until it is written again.
struct Lent<A, C> {
    /// Without rows while the page is not lent. Kept nevertheless: to make ten thousands of them takes milliseconds at a barrier.
    rows: Arc<Rows<A, C>>,
    cells: Cells<C>,
}

/// The cells of a page that is lent.
enum Cells<C> {
    InRows,
    /// Apart from the rows, one for each.
    Own(Vec<C>),
    /// A later snapshot reads them, or did when they were last written.
    Lent(Arc<Vec<C>>),
}

impl<C> Cells<C> {
    #[inline]
    fn apart(&self) -> Option<&[C]> {
        match self {
            Self::InRows => None,
            Self::Own(cells) => Some(cells),
            Self::Lent(cells) => Some(cells),
        }
    }

    /// Takes the cells that lie apart, copied if a snapshot reads them; what is left is in the rows.
    fn take(&mut self) -> Option<Vec<C>>
    where
        C: Clone,
    {
        match std::mem::replace(self, Self::InRows) {
            Self::InRows => None,
            Self::Own(cells) => Some(cells),
            Self::Lent(cells) => Some(Arc::unwrap_or_clone(cells)),
        }
    }

    /// For a snapshot: from here on they are not written any more.
    fn lend(&mut self) -> Option<Arc<Vec<C>>> {
        if let Self::Own(cells) = self {
            *self = Self::Lent(Arc::new(std::mem::take(cells)));
        }
        match self {
            Self::Lent(cells) => Some(Arc::clone(cells)),
            Self::InRows | Self::Own(_) => None,
        }
    }
}

/// The rows of a page, wherever their cells lie.
struct View<'a, A, C> {
    rows: &'a [Option<(A, C)>],
    cells: Option<&'a [C]>,
}

impl<'a, A, C> View<'a, A, C> {
    #[inline]
    fn get(&self, row: usize) -> Option<(&'a A, &'a C)> {
        let (address, cell) = self.rows.get(row)?.as_ref()?;
        match self.cells {
            None => Some((address, cell)),
            Some(cells) => Some((address, cells.get(row)?)),
        }
    }

    #[inline]
    fn prefetch(&self, row: usize) {
        prefetch_index(self.rows, row);
        if let Some(cells) = self.cells {
            prefetch_index(cells, row);
        }
    }
}

impl<A, C> Page<A, C> {
    fn view(&self) -> View<'_, A, C> {
        View { rows: &self.rows, cells: self.cells.as_ref().map(|cells| cells.as_slice()) }
    }
}

impl<A, C> Default for LentPages<A, C> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<A, C> Default for Lent<A, C> {
    fn default() -> Self {
        Self { rows: Arc::default(), cells: Cells::InRows }
    }
}

impl<A, C> Lent<A, C> {
    #[inline]
    fn view(&self) -> View<'_, A, C> {
        View { rows: &self.rows, cells: self.cells.apart() }
    }

    /// The page as it is now, which need not be lent yet.
    fn lend(&mut self, own: &mut Rows<A, C>) -> Page<A, C> {
        if !own.is_empty() {
            let rows = std::mem::take(own);
            match Arc::get_mut(&mut self.rows) {
                Some(place) => *place = rows,
                None => self.rows = Arc::new(rows),
            }
        }
        Page { rows: Arc::clone(&self.rows), cells: self.cells.lend() }
    }

    fn is_read(&self) -> bool {
        Arc::strong_count(&self.rows) > 1
    }
}

impl<A: Clone, C: Clone> Lent<A, C> {
    /// A row, its cell to be written apart from it.
    fn get_mut(&mut self, row: usize) -> Option<(&A, &mut C)> {
        let (address, _) = self.rows.get(row)?.as_ref()?;
        match &mut self.cells {
            Cells::Own(cells) => Some((address, cells.get_mut(row)?)),
            Cells::InRows | Cells::Lent(_) => None,
        }
    }

    /// Makes the cells its own, apart from the rows, where there are no vacant ones.
    fn set_apart(&mut self) -> bool {
        if let Cells::Own(_) = self.cells {
            return true;
        }
        let copied = || self.rows.iter().map(|row| row.as_ref().map(|(_, cell)| cell.clone())).collect();
        let Some(cells) = self.cells.take().or_else(copied) else { return false };
        self.cells = Cells::Own(cells);
        true
    }

    /// The rows with their cells: from where they are, or a copy with the same room if a snapshot reads them.
    fn take_back(&mut self) -> Rows<A, C> {
        let mut rows = match Arc::get_mut(&mut self.rows) {
            Some(rows) => std::mem::take(rows),
            None => {
                let read = std::mem::take(&mut self.rows);
                let mut rows = Vec::with_capacity(read.capacity());
                rows.extend_from_slice(&read);
                rows
            }
        };
        for (row, cell) in rows.iter_mut().flatten().zip(self.cells.take().unwrap_or_default()) {
            row.1 = cell;
        }
        rows
    }
}

impl<A, C> Pages<A, C> {
    /// Rows of a full page: a power of two from 8 to 512.
    pub(super) const PAGE_ROWS: usize = {
        let row = if size_of::<Option<(A, C)>>() == 0 { 1 } else { size_of::<Option<(A, C)>>() };
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
        Self { own: Vec::with_capacity(rows.div_ceil(Self::PAGE_ROWS)), lent: Box::default() }
    }

    /// Slots that were ever used.
    #[inline]
    pub(super) fn slots(&self) -> u32 {
        match self.own.len().checked_sub(1) {
            Some(last) => (last * Self::PAGE_ROWS + self.view(last).map_or(0, |view| view.rows.len())) as u32,
            None => 0,
        }
    }

    /// The pages as they are now; from here on they are not written any more.
    pub(super) fn freeze(&mut self) -> Vec<Page<A, C>> {
        let Self { own, lent } = self;
        lent.0.resize_with(own.len(), Lent::default);
        lent.0.iter_mut().zip(own).map(|(lent, own)| lent.lend(own)).collect()
    }

    #[inline]
    pub(super) fn get(&self, slot: u32) -> Option<(&A, &C)> {
        let (page, row) = Self::split(slot as usize);
        self.view(page)?.get(row)
    }

    /// Asks for a row that is needed soon.
    #[inline]
    pub(super) fn prefetch(&self, slot: u32) {
        let (page, row) = Self::split(slot as usize);
        if let Some(view) = self.view(page) {
            view.prefetch(row);
        }
    }

    /// Page and row of a slot.
    #[inline]
    const fn split(slot: usize) -> (usize, usize) {
        (slot / Self::PAGE_ROWS, slot % Self::PAGE_ROWS)
    }

    #[inline]
    fn is_lent(&self, page: usize) -> bool {
        self.own.get(page).is_some_and(Vec::is_empty)
    }

    #[inline]
    fn view(&self, page: usize) -> Option<View<'_, A, C>> {
        if self.is_lent(page) {
            return self.lent.0.get(page).map(Lent::view);
        }
        Some(View { rows: self.own.get(page)?, cells: None })
    }

    /// Bytes of the slab itself, without what its rows own elsewhere.
    pub(super) fn bytes(&self) -> usize {
        let rows = self.own.iter().chain(self.lent.0.iter().map(|lent| &*lent.rows)).map(Vec::capacity);
        let cells = self.lent.0.iter().filter_map(|lent| lent.cells.apart());
        rows.sum::<usize>() * size_of::<Option<(A, C)>>() + cells.map(size_of_val).sum::<usize>()
    }
}

impl<A: Clone, C: Clone> Pages<A, C> {
    /// A row, its cell to be changed.
    #[inline]
    pub(super) fn get_mut(&mut self, slot: u32) -> Option<(&A, &mut C)> {
        let (page, row) = Self::split(slot as usize);
        if self.is_lent(page) {
            return self.lent_mut(page, row);
        }
        let (address, cell) = self.own.get_mut(page)?.get_mut(row)?.as_mut()?;
        Some((address, cell))
    }

    /// The same in a page that is lent, or was until now.
    #[cold]
    fn lent_mut(&mut self, page: usize, row: usize) -> Option<(&A, &mut C)> {
        let lent = self.lent.0.get_mut(page)?;
        if lent.is_read() && lent.set_apart() {
            return self.lent.0.get_mut(page)?.get_mut(row);
        }
        let (address, cell) = self.rows_mut(page)?.get_mut(row)?.as_mut()?;
        Some((address, cell))
    }

    /// The rows of a page, to be written. One that is lent is taken back.
    #[inline]
    fn rows_mut(&mut self, page: usize) -> Option<&mut Rows<A, C>> {
        if self.is_lent(page) {
            self.take_back(page);
        }
        self.own.get_mut(page)
    }

    #[cold]
    fn take_back(&mut self, page: usize) {
        if let (Some(own), Some(lent)) = (self.own.get_mut(page), self.lent.0.get_mut(page)) {
            *own = lent.take_back();
        }
    }

    /// Puts a row into a slot that was used before.
    #[inline]
    pub(super) fn put(&mut self, slot: u32, row: (A, C)) {
        let (page, place) = Self::split(slot as usize);
        if let Some(vacant) = self.rows_mut(page).and_then(|rows| rows.get_mut(place)) {
            *vacant = Some(row);
        }
    }

    /// Puts a row into the next slot, and says which one that is.
    #[inline]
    pub(super) fn push(&mut self, row: (A, C)) -> u32 {
        let slot = self.slots();
        let (page, _) = Self::split(slot as usize);
        match self.rows_mut(page) {
            Some(rows) => rows.push(Some(row)),
            None => {
                let mut rows = Vec::with_capacity(if slot == 0 { FIRST_ROWS } else { Self::PAGE_ROWS });
                rows.push(Some(row));
                self.own.push(rows);
            }
        }
        slot
    }

    /// Takes the cell out of a slot, which is vacant then.
    pub(super) fn take(&mut self, slot: u32) -> Option<C> {
        let (page, row) = Self::split(slot as usize);
        let (_, cell) = self.rows_mut(page)?.get_mut(row)?.take()?;
        Some(cell)
    }
}

/// The pages of a snapshot, with the way to a row cut short.
pub(super) struct Slab<'a, A, C> {
    pages: Vec<View<'a, A, C>>,
}

impl<'a, A, C> Slab<'a, A, C> {
    pub(super) fn of(pages: &'a [Page<A, C>]) -> Self {
        Self { pages: pages.iter().map(Page::view).collect() }
    }

    /// Slots that it has pages for.
    pub(super) fn slots(&self) -> usize {
        self.pages.len() * Pages::<A, C>::PAGE_ROWS
    }

    #[inline]
    pub(super) fn get(&self, slot: u64) -> Option<(&'a A, &'a C)> {
        let (page, row) = Pages::<A, C>::split(slot as usize);
        self.pages.get(page)?.get(row)
    }

    /// Asks for a row that is needed soon.
    #[inline]
    pub(super) fn prefetch(&self, slot: u64) {
        let (page, row) = Pages::<A, C>::split(slot as usize);
        if let Some(page) = self.pages.get(page) {
            page.prefetch(row);
        }
    }

    /// The rows with their slots.
    pub(super) fn iter(&self) -> impl Iterator<Item = (u64, &'a A, &'a C)> {
        let pages = (0u64..).step_by(Pages::<A, C>::PAGE_ROWS).zip(&self.pages);
        pages.flat_map(|(first, page)| {
            (first..).zip(0..page.rows.len()).filter_map(|(slot, row)| {
                let (address, cell) = page.get(row)?;
                Some((slot, address, cell))
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Words = Pages<String, u64>;

    fn words(rows: u64) -> Words {
        let mut pages = Pages::with_capacity(0);
        for row in 0..rows {
            assert_eq!(u64::from(pages.push((row.to_string(), row))), row);
        }
        pages
    }

    fn write(pages: &mut Words, slot: u32, cell: u64) {
        *pages.get_mut(slot).unwrap().1 = cell;
    }

    fn cell(pages: &[Page<String, u64>], slot: u64) -> Option<u64> {
        Slab::of(pages).get(slot).map(|(_, cell)| *cell)
    }

    #[test]
    fn frozen_pages_keep_what_they_held() {
        let mut pages = words(1000);
        let frozen = pages.freeze();
        (0..1000).step_by(5).for_each(|slot| write(&mut pages, slot, 1_000_000));
        (0..1000).step_by(7).for_each(|slot| assert!(pages.take(slot).is_some()));
        pages.push(("new".to_owned(), 0));
        let rows: Vec<_> =
            Slab::of(&frozen).iter().map(|(slot, word, cell)| (slot, word.clone(), *cell)).collect();
        assert!(rows.into_iter().eq((0..1000).map(|row| (row, row.to_string(), row))));
        assert_eq!(Slab::of(&frozen).get(7), Some((&7.to_string(), &7)));
        assert_eq!(pages.get(7), None);
        assert_eq!(pages.get(10), Some((&10.to_string(), &1_000_000)));
        assert_eq!(pages.get(1000), Some((&"new".to_owned(), &0)));
    }

    #[test]
    fn a_cell_is_written_without_a_copy_of_its_key() {
        let mut pages = words(3);
        let rows = pages.own[0].as_ptr();
        let held = pages.freeze();
        write(&mut pages, 1, 10);
        assert_eq!((held[0].rows.as_ptr(), pages.view(0).unwrap().rows.as_ptr()), (rows, rows));
        assert_eq!((cell(&held, 1), pages.get(1)), (Some(1), Some((&"1".to_owned(), &10))));
        assert_eq!((cell(&held, 2), pages.get(2)), (Some(2), Some((&"2".to_owned(), &2))));
        drop(held);
        write(&mut pages, 2, 20);
        assert_eq!(pages.own[0].as_ptr(), rows);
        let cells: Vec<_> = (0..3).map(|slot| *pages.get(slot).unwrap().1).collect();
        assert_eq!(cells, [0, 10, 20]);
    }

    #[test]
    fn a_cell_beside_a_vacant_row_is_written_in_a_copy() {
        let mut pages = words(3);
        pages.take(0);
        let held = pages.freeze();
        write(&mut pages, 1, 10);
        assert_ne!(held[0].rows.as_ptr(), pages.own[0].as_ptr());
        assert_eq!((cell(&held, 0), cell(&held, 1), cell(&held, 2)), (None, Some(1), Some(2)));
        pages.put(0, ("again".to_owned(), 7));
        let cells: Vec<_> = (0..3).map(|slot| *pages.get(slot).unwrap().1).collect();
        assert_eq!(cells, [7, 10, 2]);
    }

    #[test]
    fn each_of_several_snapshots_keeps_its_own_cells() {
        let mut pages = words(3);
        let first = pages.freeze();
        write(&mut pages, 1, 10);
        let second = pages.freeze();
        write(&mut pages, 1, 100);
        let third = pages.freeze();
        write(&mut pages, 2, 1000);
        pages.push(("3".to_owned(), 3));
        let seen = [&first, &second, &third].map(|held| [1, 2, 3].map(|slot| cell(held, slot)));
        assert_eq!(seen[0], [Some(1), Some(2), None]);
        assert_eq!(seen[1], [Some(10), Some(2), None]);
        assert_eq!(seen[2], [Some(100), Some(2), None]);
        let cells: Vec<_> = (0..4).map(|slot| *pages.get(slot).unwrap().1).collect();
        assert_eq!(cells, [0, 100, 1000, 3]);
    }

    #[test]
    fn a_snapshot_of_cells_that_lie_apart_is_written_to_by_nobody() {
        let mut pages = words(3);
        let first = pages.freeze();
        write(&mut pages, 1, 10);
        drop(first);
        let second = pages.freeze();
        write(&mut pages, 1, 100);
        assert_eq!((cell(&second, 0), cell(&second, 1)), (Some(0), Some(10)));
        drop(second);
        assert_eq!(pages.get(1), Some((&"1".to_owned(), &100)));
        assert_eq!(pages.take(1), Some(100));
        assert_eq!((pages.get(0), pages.get(1)), (Some((&"0".to_owned(), &0)), None));
    }

    #[test]
    fn the_next_snapshot_finds_the_places_of_the_last() {
        let mut pages = words(3);
        let first: Vec<_> = pages.freeze().iter().map(|page| Arc::as_ptr(&page.rows)).collect();
        write(&mut pages, 1, 10);
        let second: Vec<_> = pages.freeze().iter().map(|page| Arc::as_ptr(&page.rows)).collect();
        assert_eq!(first, second);
    }

    #[test]
    fn a_copied_page_has_the_same_room() {
        const ROWS: usize = Words::PAGE_ROWS;
        // Room for three rows would double past that of a page.
        let mut pages = words(ROWS as u64 + 3);
        let held = pages.freeze();
        (ROWS + 3..2 * ROWS).for_each(|row| assert_eq!(pages.push((row.to_string(), 0)) as usize, row));
        // The first page is still lent, not copied.
        assert_eq!((pages.own.len(), pages.bytes()), (2, 2 * ROWS * size_of::<Option<(String, u64)>>()));
        assert_eq!(Slab::of(&held).iter().count(), ROWS + 3);
    }

    #[test]
    fn large_rows_make_short_pages() {
        assert_eq!(Pages::<u8, u64>::PAGE_ROWS, 512);
        assert_eq!(Pages::<u64, [u64; 500]>::PAGE_ROWS, 8);
    }
}
