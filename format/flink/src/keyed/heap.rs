//! The heap backend's own layout: its hash maps, values after each other without lengths.
//!
//! ```text
//! block   i32 key group | for each state: i16 state | i32 n | n × (namespace, key, value)
//!                                                     └ or n timers ┘
//! ```
//!
//! If compressed, what follows the key group's number is one Snappy stream per state. A value whose end
//! cannot be found hides the rest of its key group; the next one is found by its offset.
//!
//! # Source
//! Flink, `HeapSnapshotStrategy`, `HeapRestoreOperation`.

use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use spt_format::{Completeness, Error, ErrorKind, KeyGroupRange, Result, ResultExt, RowStream};

use super::blocks::{Block, KeyedFile};
use super::rows::KeyedRows;
use super::table::KeyedTable;
use super::window::Window;
use crate::serializers::values::is_unsupported;

/// Batches of the rows of one state of a heap file.
pub struct HeapScan {
    file: KeyedFile,
    wanted: usize,
    /// Rows of every state: those of others are read to find their end. `None` where a state cannot be read.
    states: Vec<Option<KeyedRows>>,
    blocks: Box<dyn Iterator<Item = Block> + Send>,
    open: Option<OpenBlock>,
}

struct OpenBlock {
    key_group: u16,
    window: Window,
    /// States of the block that were not begun yet.
    states_left: usize,
    /// The state that is being read, and how many of its entries follow.
    state: usize,
    entries_left: u32,
    /// The list or map among them that is being read.
    collection: Option<Collection>,
    /// The wanted state was read.
    seen: bool,
}

/// A list or map that is read element by element, so that it need not fit into memory.
struct Collection {
    /// Its namespace and key, serialized.
    head: Vec<u8>,
    index: u64,
    elements_left: u32,
}

/// Elements that take no bytes: more of them in one list are refused.
const MAX_EMPTY_ELEMENTS: u64 = 1 << 16;

impl HeapScan {
    /// Batches of the state with this number, in these key groups.
    ///
    /// # Errors
    /// If the state is of a kind that cannot be shown.
    pub fn new(file: &KeyedFile, wanted: u16, key_groups: Option<KeyGroupRange>) -> Result<Self> {
        let header = &file.header;
        let wanted = usize::from(wanted);
        let mut states = Vec::with_capacity(header.states.len());
        for (number, state) in header.states.iter().enumerate() {
            let table = KeyedTable::new(&header.key, state).map(Arc::new);
            let rows = table.and_then(|table| KeyedRows::new(table, file.max_parallelism));
            match rows {
                Err(error) if number == wanted => return Err(error),
                rows => states.push(rows.ok()),
            }
        }
        if wanted >= states.len() {
            return Err(Error::not_found(format!("state {wanted} of {}", states.len())));
        }
        let blocks = Box::new(file.blocks_in(key_groups));
        Ok(Self { file: file.clone(), wanted, states, blocks, open: None })
    }

    /// Why the first of the unread rows could not be read.
    pub fn unread_because(&self) -> Option<&Error> {
        self.states.get(self.wanted)?.as_ref()?.unread_because()
    }

    /// Reads until a batch of the wanted state is full or nothing is left.
    fn fill(&mut self) -> Result<()> {
        while self.wanted_rows().is_some_and(|rows| !rows.is_full()) {
            if self.open.is_none() && !self.open_next()? {
                return Ok(());
            }
            if let Err(error) = self.step() {
                self.leave_block(error)?;
            }
        }
        Ok(())
    }

    fn wanted_rows(&mut self) -> Option<&mut KeyedRows> {
        self.states.get_mut(self.wanted)?.as_mut()
    }

    fn open_next(&mut self) -> Result<bool> {
        let Some(block) = self.blocks.next() else { return Ok(false) };
        let key_group = block.key_group;
        let source = Arc::clone(&self.file.source);
        let mut head = Window::new(Arc::clone(&source), block.start, block.end, false);
        let found = head.need(4, "key group").and_then(|()| head.cursor().i32_be());
        let found = found.within(|| format!("key group {key_group}"))?;
        if found != i32::from(key_group) {
            let what = "key group of a block".to_owned();
            let (found, expected) = (found.to_string(), key_group.to_string());
            return Err(head.error(ErrorKind::Mismatch { what, found, expected }));
        }
        let window = Window::new(source, block.start + 4, block.end, self.file.header.compressed);
        let states_left = self.states.len();
        self.open = Some(OpenBlock {
            key_group,
            window,
            states_left,
            state: 0,
            entries_left: 0,
            collection: None,
            seen: false,
        });
        Ok(true)
    }

    /// Reads one entry, or the beginning of the next state, or ends the block.
    fn step(&mut self) -> Result<()> {
        let Some(open) = &mut self.open else { return Ok(()) };
        if open.entries_left == 0 {
            if open.states_left == 0 {
                open.window.end("key group")?;
                self.open = None;
                return Ok(());
            }
            return open.next_state(self.states.len(), self.wanted);
        }
        let Some(Some(rows)) = self.states.get_mut(open.state) else {
            let what = format!("reading state {}", open.state);
            return Err(open.window.error(ErrorKind::Unsupported { what }));
        };
        open.entry(rows, self.file.limits.value_bytes)?;
        if open.state != self.wanted && rows.is_full() {
            rows.discard();
        }
        Ok(())
    }

    /// Gives up a block. What of the wanted state was in it is counted; at least one row is assumed where the
    /// state had not been met yet.
    fn leave_block(&mut self, error: Error) -> Result<()> {
        let Some(open) = self.open.take() else { return Err(error) };
        if !is_unsupported(&error) {
            return Err(error.within(format!("key group {}", open.key_group)));
        }
        let unread = match (open.state == self.wanted && open.seen, open.seen) {
            (true, _) => open.rows_left(),
            (false, true) => 0,
            (false, false) => 1,
        };
        let error = error.within(format!("key group {}", open.key_group));
        if let (1.., Some(rows)) = (unread, self.wanted_rows()) {
            rows.count_unread(unread, error);
        }
        Ok(())
    }
}

impl OpenBlock {
    /// Reads one entry, or one element of one.
    fn entry(&mut self, rows: &mut KeyedRows, limit: u64) -> Result<()> {
        let before = self.window.offset();
        let group = self.key_group;
        if let Some(collection) = &mut self.collection {
            let Collection { head, index, elements_left } = collection;
            if *elements_left > 0 {
                self.window.read(limit, |cursor| rows.append_element(group, head, *index, cursor))?;
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
            self.window.read(limit, |cursor| rows.append_in_line(group, cursor))?;
            if self.window.offset() == before {
                return Err(self.without_bytes());
            }
        }
        self.entries_left -= 1;
        Ok(())
    }

    fn without_bytes(&self) -> Error {
        self.window.error(ErrorKind::Invalid { what: "entries without bytes".into() })
    }

    /// Rows of the state that follow, at least.
    fn rows_left(&self) -> u64 {
        let elements = self.collection.as_ref().map_or(1, |collection| u64::from(collection.elements_left));
        u64::from(self.entries_left.saturating_sub(1)) + elements
    }

    fn next_state(&mut self, states: usize, wanted: usize) -> Result<()> {
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
        self.states_left -= 1;
        Ok(())
    }
}

impl Iterator for HeapScan {
    type Item = Result<RecordBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        match self.fill() {
            Ok(()) => self.wanted_rows()?.take_batch().transpose(),
            Err(error) => Some(Err(error)),
        }
    }
}

impl RowStream for HeapScan {
    fn schema(&self) -> SchemaRef {
        match self.states.get(self.wanted) {
            Some(Some(rows)) => rows.schema(),
            _ => Arc::new(arrow_schema::Schema::empty()),
        }
    }

    fn completeness(&self) -> Completeness {
        match self.states.get(self.wanted) {
            Some(Some(rows)) => rows.completeness(),
            _ => Completeness::default(),
        }
    }
}
