//! One key group of a heap file, entry by entry.

use std::collections::VecDeque;

use spt_format::{Cursor, Error, ErrorKind, Result};

use super::super::cuts::{Cuts, Rest, Uncertain};
use super::super::rows::KeyedRows;
use super::super::runs::{Step, Walk};
use super::super::window::Window;
use crate::serializers::values::is_unsupported;

/// Elements that take no bytes: more of them in one list are refused.
const MAX_EMPTY_ELEMENTS: u64 = 1 << 16;

pub(super) struct OpenBlock {
    pub(super) key_group: u16,
    pub(super) window: Window,
    pub(super) walk: Walk,
    /// The states of the block that were not begun yet, a bit for each of the first 64.
    left: u64,
    /// The state that is being read, and how many of its entries follow.
    pub(super) state: usize,
    pub(super) entries_left: u32,
    /// The list or map among them that is being read.
    collection: Option<Collection>,
    /// The wanted state was read.
    pub(super) seen: bool,
    /// Where this entry and those behind it end, once that had to be inferred.
    ends: Option<VecDeque<u64>>,
}

/// A list or map that is read element by element, so that it need not fit into memory.
struct Collection {
    /// Its namespace and key, serialized.
    head: Vec<u8>,
    index: u64,
    elements_left: u32,
}

impl OpenBlock {
    /// A key group of so many states; the window stands behind its number.
    pub(super) fn new(key_group: u16, window: Window, walk: Walk, states: usize) -> Self {
        Self {
            key_group,
            window,
            walk,
            left: (0..states).fold(0, |left, state| left | bit(state)),
            state: 0,
            entries_left: 0,
            collection: None,
            seen: false,
            ends: None,
        }
    }

    /// The ends of the entries that follow are known.
    pub(super) fn has_ends(&self) -> bool {
        self.ends.is_some()
    }

    /// Infers where this entry and all behind it end; says why if that cannot be done.
    ///
    /// # Errors
    /// Those of reading the rest of the key group.
    pub(super) fn infer_ends(&mut self, cuts: &mut Cuts, limit: usize) -> Result<Result<(), Uncertain>> {
        if !self.window.fill(limit)? {
            return Ok(Err("the key group is too large to look for it"));
        }
        let rest = Rest {
            bytes: self.window.available(),
            key_group: self.key_group,
            state: u16::try_from(self.state).unwrap_or(u16::MAX),
            entries: self.entries_left,
            inside: self.collection.is_some(),
            left: self.left,
            streams: self.window.streams(),
        };
        let start = self.window.offset();
        Ok(cuts.ends(&rest).map(|ends| {
            self.ends = Some(ends.into_iter().map(|end| start + end as u64).collect());
        }))
    }

    /// Reads one entry, or one element of one. True if its end was inferred.
    pub(super) fn entry(&mut self, rows: &mut KeyedRows, limit: u64) -> Result<bool> {
        let Some(end) = self.ends.as_ref().and_then(VecDeque::front) else {
            return self.entry_to_its_end(rows, limit).map(|()| false);
        };
        let length = end.saturating_sub(self.window.offset());
        self.entry_within(rows, usize::try_from(length).unwrap_or(usize::MAX)).map(|()| true)
    }

    fn entry_to_its_end(&mut self, rows: &mut KeyedRows, limit: u64) -> Result<()> {
        let before = self.window.offset();
        let group = self.key_group;
        if let Some(collection) = &mut self.collection {
            let Collection { head, index, elements_left } = collection;
            if *elements_left > 0 {
                self.window.read(limit, |cursor| rows.append_element(group, head, *index, cursor, None))?;
                (*index, *elements_left) = (*index + 1, *elements_left - 1);
                let empty = self.window.offset() == before && *index > MAX_EMPTY_ELEMENTS;
                return if empty { Err(self.without_bytes()) } else { Ok(()) };
            }
            self.collection = None;
        } else if rows.is_collection() {
            let (head, elements_left) = self.window.read(limit, |cursor| rows.collection_head(cursor))?;
            self.collection = Some(Collection { head, index: 0, elements_left });
            return Ok(());
        } else {
            self.window.read(limit, |cursor| rows.append_in_line(group, cursor, None))?;
            if self.window.offset() == before {
                return Err(self.without_bytes());
            }
        }
        self.entries_left -= 1;
        Ok(())
    }

    /// Reads what is left of an entry, of so many bytes, or one element of it. What of it cannot be shown is
    /// counted.
    fn entry_within(&mut self, rows: &mut KeyedRows, length: usize) -> Result<()> {
        self.window.need(length, "entry")?;
        let bytes = self.window.available().get(..length).unwrap_or_default();
        let mut cursor = Cursor::at(bytes, self.window.offset());
        let (rows_left, read) = match &mut self.collection {
            None if rows.is_collection() => {
                let head = rows.collection_head(&mut cursor);
                let begun = head.map(|(head, elements_left)| Collection { head, index: 0, elements_left });
                (1, begun.map(|begun| self.collection = Some(begun)))
            }
            None => (1, rows.append_whole(self.key_group, &mut cursor)),
            Some(collection) => {
                (collection.elements_left.into(), collection.element(self.key_group, rows, &mut cursor))
            }
        };
        let consumed = if read.is_ok() { cursor.position() } else { length };
        if let Err(error) = read {
            rows.count_unread(rows_left, error);
            self.collection = None;
        }
        self.window.consume(consumed);
        if self.collection.as_ref().is_none_or(|collection| collection.elements_left == 0) {
            self.end_entry(rows, length - consumed);
        }
        Ok(())
    }

    /// Goes on behind an entry of which so many bytes are left, where none should be.
    fn end_entry(&mut self, rows: &mut KeyedRows, left: usize) {
        if left > 0 {
            let kind = ErrorKind::TrailingBytes { what: "entry".into(), count: left as u64 };
            rows.count_unread(1, self.window.error(kind));
            self.window.consume(left);
        }
        self.collection = None;
        self.entries_left -= 1;
        self.ends.iter_mut().for_each(|ends| _ = ends.pop_front());
    }

    /// Steps over all entries of a state that is not understood, which have one end.
    ///
    /// # Errors
    /// If that end is not known.
    pub(super) fn pass_over(&mut self) -> Result<()> {
        let Some(end) = self.ends.as_mut().and_then(VecDeque::pop_front) else {
            let what = format!("reading state {}", self.state);
            return Err(self.window.error(ErrorKind::Unsupported { what }));
        };
        let length = end.saturating_sub(self.window.offset());
        self.window.consume(usize::try_from(length).unwrap_or(usize::MAX));
        self.entries_left = 0;
        Ok(())
    }

    fn without_bytes(&self) -> Error {
        self.window.error(ErrorKind::Invalid { what: "entries without bytes".into() })
    }

    /// Rows of the state that follow, at least.
    pub(super) fn rows_left(&self) -> u64 {
        let elements = self.collection.as_ref().map_or(1, |collection| u64::from(collection.elements_left));
        u64::from(self.entries_left.saturating_sub(1)) + elements
    }

    /// Reads which state follows, and how many entries it has: the wanted one, if it is known where that begins.
    /// False if it is known that none of it follows.
    pub(super) fn next_state(&mut self, states: usize, wanted: usize) -> Result<bool> {
        match self.next_step(wanted) {
            Step::Here => self.window.read_on(),
            Step::At { start, end } => self.window.seek(start, end)?,
            Step::Nowhere => {
                self.window.leave();
                return Ok(false);
            }
        }
        let start = self.window.offset();
        self.window.need(6, "state of a key group")?;
        let mut cursor = self.window.cursor();
        let (state, entries) = (cursor.u16_be()?, cursor.i32_be()?);
        let state = usize::from(state);
        let entries = u32::try_from(entries).ok().filter(|_| state < states);
        let Some(entries) = entries else {
            let what = format!("state {state} of {states}, or a negative number of entries");
            return Err(self.window.error(ErrorKind::Invalid { what }));
        };
        self.window.consume(6);
        (self.state, self.entries_left) = (state, entries);
        self.seen |= state == wanted;
        self.walk.met(state, start);
        self.left &= !bit(state);
        Ok(true)
    }
}

impl OpenBlock {
    /// Ends that were inferred are those of the entries that follow: none is passed over then, and nothing that
    /// rests on them is left to others.
    fn next_step(&mut self, wanted: usize) -> Step {
        if self.has_ends() {
            self.walk.keep_quiet();
            return Step::Here;
        }
        let step = self.walk.next(wanted);
        self.left = self.walk.passed().fold(self.left, |left, state| left & !bit(state));
        step
    }
}

impl Collection {
    /// Reads the next element of a list or map that ends where the cursor does.
    fn element(&mut self, group: u16, rows: &mut KeyedRows, cursor: &mut Cursor<'_>) -> Result<()> {
        let start = cursor.clone();
        let tail = (self.elements_left == 1).then_some(0);
        match rows.append_element(group, &self.head, self.index, cursor, tail) {
            Err(error) if is_unsupported(&error) && rows.joins_elements() => {
                *cursor = start;
                rows.append_element(group, &self.head, self.index, cursor, Some(0))?;
                self.elements_left = 0;
            }
            read => {
                read?;
                self.elements_left -= 1;
            }
        }
        self.index += 1;
        Ok(())
    }
}

/// The bit of a state; none of those beyond the 64th.
fn bit(state: usize) -> u64 {
    u32::try_from(state).ok().and_then(|state| 1u64.checked_shl(state)).unwrap_or(0)
}
