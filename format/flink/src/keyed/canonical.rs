//! The canonical layout: entries with lengths, the same from every backend.
//!
//! ```text
//! block   u16 state | entry … | u16 state | entry … | FFFF        one Snappy stream if compressed
//! entry   i32 n | n bytes of key | i32 m | m bytes of value       first bit of the key set: a u16 follows
//! ```
//!
//! The key begins with the key group, whose first bit is never needed.
//!
//! # Source
//! Flink, `FullSnapshotAsyncWriter`, `FullSnapshotRestoreOperation`.

use std::ops::Range;
use std::sync::Arc;

use spt_format::{Error, ErrorKind, KeyGroupRange, ReadLimits, Result, ResultExt};

use super::blocks::{Block, KeyedFile};
use super::runs::{Step, Walk};
use super::scan::Entries;
use super::window::Window;

const LAST_OF_GROUP: u16 = 0xFFFF;
const FOLLOWED_BY_STATE: u8 = 0x80;

/// A walk over the entries of one state.
pub struct CanonicalEntries {
    file: KeyedFile,
    wanted: Option<u16>,
    blocks: Box<dyn Iterator<Item = Block> + Send>,
    open: Option<OpenBlock>,
    prefix_bytes: usize,
}

/// The block that is being read.
struct OpenBlock {
    block: Block,
    window: Window,
    walk: Walk,
    /// The state of the entries that follow; `None` behind the last one.
    state: Option<u16>,
    /// The current entry, in the window.
    key: Range<usize>,
    value: Range<usize>,
    length: usize,
    /// The number of another state, or the end of the key group, follows it.
    is_last: bool,
}

impl CanonicalEntries {
    /// The entries of the state with this number, in these key groups.
    pub fn new(file: &KeyedFile, state: u16, key_groups: Option<KeyGroupRange>) -> Self {
        Self { wanted: Some(state), ..Self::over(file, key_groups) }
    }

    /// The entries of every state.
    pub(super) fn all(file: &KeyedFile) -> Self {
        Self::over(file, None)
    }

    fn over(file: &KeyedFile, key_groups: Option<KeyGroupRange>) -> Self {
        Self {
            file: file.clone(),
            wanted: None,
            blocks: Box::new(file.blocks_in(key_groups)),
            open: None,
            prefix_bytes: if file.max_parallelism > 128 { 2 } else { 1 },
        }
    }

    /// Moves to the next entry of any state.
    pub(super) fn next_of_any(&mut self) -> Result<bool> {
        loop {
            if self.open.is_none() && !self.open_next()? {
                return Ok(false);
            }
            let Some(open) = &mut self.open else { return Ok(false) };
            let limit = self.file.limits.value_bytes;
            let states = self.file.header.states.len();
            let group = open.block.key_group;
            let result = open.advance(self.wanted, self.prefix_bytes, states, limit);
            match result.within(|| format!("key group {group}")) {
                Ok(true) => return Ok(true),
                Ok(false) => self.open = None,
                Err(error) => {
                    self.open = None;
                    return Err(error);
                }
            }
        }
    }

    fn open_next(&mut self) -> Result<bool> {
        let Some(block) = self.blocks.next() else { return Ok(false) };
        let source = self.file.source.clone();
        let header = &self.file.header;
        let window = Window::new(source, block.start, block.end, header.compressed);
        // Reading the entries of all states alike teaches nothing.
        let runs = (!header.compressed && self.wanted.is_some()).then(|| Arc::clone(&self.file.runs));
        let walk = Walk::new(runs, block.key_group, header.states.len());
        let mut open =
            OpenBlock { block, window, walk, state: None, key: 0..0, value: 0..0, length: 0, is_last: false };
        let begun = open.next_state(self.wanted, header.states.len());
        begun.within(|| format!("key group {}", block.key_group))?;
        self.open = Some(open);
        Ok(true)
    }

    /// Steps over the entries behind the current one, as far as they are of the same state and in memory.
    fn run(&mut self) -> u64 {
        let Some(open) = self.open.as_mut().filter(|open| !open.is_last) else { return 0 };
        open.window.consume(std::mem::take(&mut open.length));
        open.run(self.prefix_bytes)
    }

    /// The key group in front of the key has to be that of the block.
    #[inline]
    fn check_group(&self) -> Result<()> {
        let Some(open) = &self.open else { return Ok(()) };
        let prefix = self.key().get(..self.prefix_bytes).unwrap_or_default();
        let found = prefix.iter().fold(0u16, |group, byte| group << 8 | u16::from(*byte));
        if prefix.len() == self.prefix_bytes && found == open.block.key_group {
            return Ok(());
        }
        Err(open.wrong_group(found))
    }
}

impl Entries for CanonicalEntries {
    fn advance(&mut self) -> Result<bool> {
        let more = self.next_of_any()?;
        if more {
            self.check_group()?;
        }
        Ok(more)
    }

    fn key(&self) -> &[u8] {
        let open = self.open.as_ref();
        open.and_then(|open| open.window.available().get(open.key.clone())).unwrap_or_default()
    }

    fn value(&self) -> &[u8] {
        let open = self.open.as_ref();
        open.and_then(|open| open.window.available().get(open.value.clone())).unwrap_or_default()
    }

    /// Nothing but lengths and key groups is looked at.
    fn count(&mut self) -> Result<u64> {
        let mut entries = 0;
        while self.advance()? {
            entries += 1 + self.run();
        }
        Ok(entries)
    }

    fn place(&self) -> String {
        match &self.open {
            Some(open) => {
                format!("key group {}, entry at byte {}", open.block.key_group, open.window.offset())
            }
            None => "end".to_owned(),
        }
    }
}

/// Key and value of the entry that `bytes` begin with, if all of it is there.
#[inline]
fn entry(bytes: &[u8]) -> Option<(Range<usize>, Range<usize>)> {
    let part = |start: usize| {
        let length = bytes.get(start..)?.first_chunk()?;
        let length = usize::try_from(i32::from_be_bytes(*length)).ok()?;
        Some(start + 4..start + 4 + length)
    };
    let key = part(0)?;
    let value = part(key.end)?;
    (value.end <= bytes.len()).then_some((key, value))
}

/// A state's number, `None` for the end of the key group.
fn read_state(window: &mut Window, states: usize) -> Result<Option<u16>> {
    window.need(2, "number of a state")?;
    let number = window.cursor().u16_be()?;
    if number == LAST_OF_GROUP {
        window.consume(2);
        return Ok(None);
    }
    if usize::from(number) >= states {
        let what = format!("state {number} of {states}");
        return Err(window.error(ErrorKind::Invalid { what }));
    }
    window.consume(2);
    Ok(Some(number))
}

impl OpenBlock {
    /// Moves to the next entry of the wanted state; `false` at the end of the block.
    fn advance(
        &mut self,
        wanted: Option<u16>,
        prefix_bytes: usize,
        states: usize,
        limit: u64,
    ) -> Result<bool> {
        self.leave(wanted, states)?;
        while let Some(state) = self.state {
            if wanted.is_none_or(|wanted| wanted == state) {
                self.enter(limit)?;
                return Ok(true);
            }
            self.run(prefix_bytes);
            self.skip(wanted, states, limit)?;
        }
        self.window.end("key group")?;
        self.walk.ended();
        Ok(false)
    }

    /// Makes the next entry available and clears its mark.
    fn enter(&mut self, limit: u64) -> Result<()> {
        (self.key, self.value) = match entry(self.window.available()) {
            Some((key, value)) if (key.len().max(value.len()) as u64) <= limit => (key, value),
            _ => {
                let key = self.part(0, limit, "key")?;
                let value = self.part(key.end, limit, "value")?;
                (key, value)
            }
        };
        self.length = self.value.end;
        self.is_last = self.take_mark(self.key.start)?;
        Ok(())
    }

    /// Steps over entries that stand in the buffer, begin with the block's key group and have no mark.
    fn run(&mut self, prefix_bytes: usize) -> u64 {
        let group = self.block.key_group.to_be_bytes();
        let prefix = group.get(2 - prefix_bytes..).unwrap_or_default();
        let (mut rest, mut entries) = (self.window.available(), 0);
        let whole = rest.len();
        while let Some((key, value)) = entry(rest) {
            let (true, Some(behind)) =
                (rest.get(key).is_some_and(|key| key.starts_with(prefix)), rest.get(value.end..))
            else {
                break;
            };
            rest = behind;
            entries += 1;
        }
        let length = whole - rest.len();
        self.window.consume(length);
        entries
    }

    /// Steps behind the current entry, if there is one.
    fn leave(&mut self, wanted: Option<u16>, states: usize) -> Result<()> {
        self.window.consume(self.length);
        self.length = 0;
        if std::mem::take(&mut self.is_last) { self.next_state(wanted, states) } else { Ok(()) }
    }

    /// Reads the number of the next state, which is the wanted one if it is known where that begins.
    fn next_state(&mut self, wanted: Option<u16>, states: usize) -> Result<()> {
        match wanted.map_or(Step::Here, |wanted| self.walk.next(wanted.into())) {
            Step::Here => self.window.read_on(),
            Step::At { start, end } => self.window.seek(start, end)?,
            Step::Nowhere => {
                self.state = None;
                self.window.leave();
                return Ok(());
            }
        }
        let start = self.window.offset();
        self.state = read_state(&mut self.window, states)?;
        if let Some(state) = self.state {
            self.walk.met(state.into(), start);
        }
        Ok(())
    }

    /// Steps over an entry without reading its value.
    fn skip(&mut self, wanted: Option<u16>, states: usize, limit: u64) -> Result<()> {
        let key = self.part(0, limit, "key")?;
        self.is_last = self.take_mark(key.start)?;
        self.window.consume(key.end);
        let value = self.size("value", 0, limit)?;
        self.window.skip(4 + value)?;
        self.leave(wanted, states)
    }

    /// `i32 n` at `start`, then `n` bytes: where these are, all of them available.
    fn part(&mut self, start: usize, limit: u64, what: &str) -> Result<Range<usize>> {
        let length = self.size(what, start, limit)?;
        let end = start + 4 + length;
        self.window.need(end, what)?;
        Ok(start + 4..end)
    }

    fn size(&mut self, what: &str, start: usize, limit: u64) -> Result<usize> {
        self.window.need(start + 4, what)?;
        let mut cursor = self.window.cursor();
        cursor.take(start, what)?;
        let place = cursor.clone();
        let declared = cursor.i32_be()?;
        let length = usize::try_from(declared);
        let length = length.map_err(|_| place.invalid(format!("a {what} of {declared} bytes")))?;
        ReadLimits::check("bytes of a key or value", length as u64, limit)?;
        Ok(length)
    }

    #[cold]
    fn wrong_group(&self, found: u16) -> Error {
        self.window.error(ErrorKind::Mismatch {
            what: "key group of an entry".into(),
            found: found.to_string(),
            expected: self.block.key_group.to_string(),
        })
    }

    /// Whether the key's first bit is set, which then is cleared.
    fn take_mark(&mut self, first: usize) -> Result<bool> {
        match self.window.available_mut().get_mut(first) {
            Some(byte) => {
                let marked = *byte & FOLLOWED_BY_STATE != 0;
                *byte &= !FOLLOWED_BY_STATE;
                Ok(marked)
            }
            None => Err(self.window.error(ErrorKind::Invalid { what: "a key without bytes".to_owned() })),
        }
    }
}
