//! A heap file as the entries a canonical file would have: what changes can be laid over.
//!
//! Entries come by key group, and in it in the order of the file. A value whose end cannot be found is an
//! error here, where [`HeapScan`](super::HeapScan) can count it and go on: changes to the rest of the key
//! group would meet nothing.

use std::collections::VecDeque;
use std::sync::Arc;

use spt_format::{Cursor, Error, ErrorKind, KeyGroupRange, Result, ResultExt, StateKind};

use super::blocks::{Block, KeyedFile};
use super::parts::{Entry, Parts};
use super::scan::Entries;
use super::table::KeyedTable;
use super::window::Window;

/// A walk over the entries of one state of a heap file.
pub(crate) struct HeapEntries {
    file: KeyedFile,
    wanted: usize,
    /// The parts of every state: those of others are cut to find their end.
    states: Vec<Result<Parts, String>>,
    blocks: Box<dyn Iterator<Item = Block> + Send>,
    open: Option<OpenBlock>,
    /// What one entry of the file gave and was not asked for yet.
    waiting: VecDeque<Entry>,
    current: Entry,
}

struct OpenBlock {
    key_group: u16,
    window: Window,
    states_left: usize,
    state: usize,
    entries_left: u32,
}

impl HeapEntries {
    /// The entries of the state with this number, in these key groups.
    pub(crate) fn new(file: &KeyedFile, wanted: u16, key_groups: Option<KeyGroupRange>) -> Self {
        let parts = |state| {
            let table = Arc::new(KeyedTable::new(&file.header.key, state)?);
            Parts::new(&table, file.max_parallelism)
        };
        let states = file.header.states.iter().map(|state| parts(state).map_err(|error| error.full()));
        Self {
            wanted: wanted.into(),
            states: states.collect(),
            blocks: Box::new(file.blocks_in(key_groups)),
            open: None,
            waiting: VecDeque::new(),
            current: Entry::default(),
            file: file.clone(),
        }
    }

    fn open_next(&mut self) -> Result<bool> {
        let Some(block) = self.blocks.next() else { return Ok(false) };
        let source = Arc::clone(&self.file.source);
        let number = source.read_at(block.start, 4)?;
        if Cursor::new(&number).i32_be()? != i32::from(block.key_group) {
            let what = format!("key group {} begins with another number", block.key_group);
            return Err(Error::invalid(what));
        }
        let window = Window::new(source, block.start + 4, block.end, self.file.header.compressed);
        let (key_group, states_left) = (block.key_group, self.states.len());
        self.open = Some(OpenBlock { key_group, window, states_left, state: 0, entries_left: 0 });
        Ok(true)
    }

    /// Reads one entry of the file, or the beginning of a state, or ends the key group.
    fn step(&mut self) -> Result<()> {
        let Some(open) = &mut self.open else { return Ok(()) };
        match (open.entries_left, open.states_left) {
            (0, 0) => {
                open.window.end("key group")?;
                self.open = None;
                return Ok(());
            }
            (0, _) => return open.next_state(self.states.len()),
            _ => open.entries_left -= 1,
        }
        let (group, limit) = (open.key_group, self.file.limits.value_bytes);
        let entries = match self.states.get_mut(open.state) {
            Some(Ok(parts)) => open.window.read(limit, |cursor| entries(parts, group, cursor))?,
            Some(Err(what)) => return Err(open.window.error(ErrorKind::Unsupported { what: what.clone() })),
            None => return Err(open.window.error(ErrorKind::Invalid { what: "an unknown state".into() })),
        };
        if open.state == self.wanted {
            self.waiting.extend(entries);
        }
        Ok(())
    }
}

impl OpenBlock {
    fn next_state(&mut self, states: usize) -> Result<()> {
        self.window.need(6, "state of a key group")?;
        let mut cursor = self.window.cursor();
        let (state, entries) = (usize::from(cursor.u16_be()?), cursor.i32_be()?);
        match u32::try_from(entries) {
            Ok(entries) if state < states => (self.state, self.entries_left) = (state, entries),
            _ => return Err(cursor.invalid(format!("state {state} of {states} has {entries} entries"))),
        }
        self.window.consume(6);
        self.states_left -= 1;
        Ok(())
    }
}

/// One entry of the file: several where it is a map.
fn entries(parts: &mut Parts, key_group: u16, cursor: &mut Cursor<'_>) -> Result<Vec<Entry>> {
    if parts.kind() == StateKind::Timer {
        return Ok(vec![(parts.timer(key_group, cursor)?, Vec::new())]);
    }
    let key = parts.namespace_and_key(key_group, cursor)?;
    Ok(match parts.kind() {
        StateKind::Map => parts.map(&key, cursor)?,
        StateKind::List => vec![(key, parts.list(cursor)?)],
        _ => vec![(key, parts.value(cursor)?.to_vec())],
    })
}

impl Entries for HeapEntries {
    fn advance(&mut self) -> Result<bool> {
        while self.waiting.is_empty() {
            if self.open.is_none() && !self.open_next()? {
                return Ok(false);
            }
            let place = self.place();
            self.step().within(|| place)?;
        }
        self.current = self.waiting.pop_front().unwrap_or_default();
        Ok(true)
    }

    fn key(&self) -> &[u8] {
        &self.current.0
    }

    fn value(&self) -> &[u8] {
        &self.current.1
    }

    fn place(&self) -> String {
        self.open.as_ref().map_or_else(String::new, |open| format!("key group {}", open.key_group))
    }
}
