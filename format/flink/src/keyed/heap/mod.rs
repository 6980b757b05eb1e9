//! The heap backend's own layout: its hash maps, values after each other without lengths.
//!
//! ```text
//! block   i32 key group | for each state: i16 state | i32 n | n × (namespace, key, value)
//!                                                     └ or n timers ┘
//! ```
//!
//! If compressed, what follows the key group's number is one Snappy stream per state. Where a value does not
//! tell its end, the ends of all entries behind it in the key group are [inferred](super::cuts). If that is
//! not certain, the value hides the rest of its key group; the next one is found by its offset.
//!
//! # Source
//! Flink, `HeapSnapshotStrategy`, `HeapRestoreOperation`.

mod block;

use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use spt_format::{Completeness, Error, ErrorKind, KeyGroupRange, Result, ResultExt, RowStream};

use self::block::OpenBlock;
use super::blocks::{Block, KeyedFile};
use super::cuts::{Cuts, MAX_BYTES, Uncertain};
use super::rows::KeyedRows;
use super::runs::Walk;
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
    /// What finds the ends of entries, once it was needed.
    cuts: Option<Result<Cuts, Uncertain>>,
    /// Rows of the wanted state whose end was inferred.
    inferred: u64,
}

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
        Ok(Self { file: file.clone(), wanted, states, blocks, open: None, cuts: None, inferred: 0 })
    }

    /// Why the first of the unread rows could not be read.
    pub fn unread_because(&self) -> Option<&Error> {
        self.states.get(self.wanted)?.as_ref()?.unread_because()
    }

    /// As [`HeapScan::unread_because`], for whoever is done.
    pub(crate) fn into_unread_because(mut self) -> Option<Error> {
        self.wanted_rows()?.take_reason()
    }

    /// How many rows were shown whose end was inferred.
    pub(crate) fn inferred(&self) -> u64 {
        self.inferred
    }

    /// Reads until a batch of the wanted state is full or nothing is left.
    fn fill(&mut self) -> Result<()> {
        while self.wanted_rows().is_some_and(|rows| !rows.is_full()) {
            if self.open.is_none() && !self.open_next()? {
                return Ok(());
            }
            if let Err(error) = self.step() {
                self.infer_ends(error)?;
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
        let head_end = block.end.min(block.start + 4);
        let mut head = Window::new(Arc::clone(&source), block.start, head_end, false);
        let found = head.need(4, "key group").and_then(|()| head.cursor().i32_be());
        let found = found.within(|| format!("key group {key_group}"))?;
        if found != i32::from(key_group) {
            let what = "key group of a block".to_owned();
            let (found, expected) = (found.to_string(), key_group.to_string());
            return Err(head.error(ErrorKind::Mismatch { what, found, expected }));
        }
        let compressed = self.file.header.compressed;
        let window = Window::new(source, block.start + 4, block.end, compressed);
        let runs = (!compressed).then(|| Arc::clone(&self.file.runs));
        let walk = Walk::new(runs, key_group, self.states.len());
        self.open = Some(OpenBlock::new(key_group, window, walk, self.states.len()));
        Ok(true)
    }

    /// Reads one entry, or the beginning of the next state, or ends the block.
    fn step(&mut self) -> Result<()> {
        let Some(open) = &mut self.open else { return Ok(()) };
        if open.entries_left == 0 {
            if open.walk.place() < self.states.len() && open.next_state(self.states.len(), self.wanted)? {
                return Ok(());
            }
            open.window.end("key group")?;
            open.walk.ended();
            self.open = None;
            return Ok(());
        }
        let Some(Some(rows)) = self.states.get_mut(open.state) else {
            return open.pass_over();
        };
        let before = rows.len();
        let inferred = open.entry(rows, self.file.limits.value_bytes)?;
        if open.state != self.wanted {
            if rows.is_full() {
                rows.discard();
            }
        } else if inferred {
            self.inferred += rows.len().saturating_sub(before) as u64;
        }
        Ok(())
    }

    /// Finds the ends of what is left of a block in another way, or gives it up.
    fn infer_ends(&mut self, error: Error) -> Result<()> {
        let file = &self.file;
        let why = match &mut self.open {
            Some(open) if is_unsupported(&error) && !open.has_ends() => {
                match self.cuts.get_or_insert_with(|| Cuts::new(file)) {
                    Ok(cuts) => match open.infer_ends(cuts, MAX_BYTES)? {
                        Ok(()) => return Ok(()),
                        Err(why) => why,
                    },
                    Err(why) => *why,
                }
            }
            _ => return self.leave_block(error),
        };
        let what = format!("a value whose end is not certain ({why})");
        let place = error.location().clone();
        self.leave_block(Error::new(ErrorKind::Unsupported { what }, place).caused_by(error))
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
