//! What the changes leave of each key of one state.
//!
//! ```text
//! change   u8 operation | i16 state | key | namespace | content
//!          of timers: u8 operation | i16 state | content
//! ```

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::sync::Arc;

use spt_format::{Cursor, Error, ErrorKind, KeyGroupRange, ReadLimits, Result, ResultExt, StateKind};

use super::log;
use super::states::{Numbers, REGISTRATION};
use crate::files::Files;
use crate::keyed::{KeyedTable, Parts, join};
use crate::metadata::Changelog;

const CLEAR: u8 = 0;
const SET: u8 = 1;
const SET_INTERNAL: u8 = 2;
const ADD: u8 = 3;
const ADD_ELEMENT: u8 = 5;
const ADD_OR_UPDATE_ELEMENT: u8 = 6;
const REMOVE_ELEMENT: u8 = 7;

/// What happened to one entry since the base was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Effect {
    /// It has this value.
    Set(Vec<u8>),
    /// It is gone.
    Removed,
    /// These elements follow those it had.
    Appended(Vec<u8>),
}

/// What the changes leave of one state, by composite key.
pub(crate) struct Overlay {
    pub(super) parts: Parts,
    pub(super) effects: BTreeMap<Vec<u8>, Effect>,
    /// Beginnings of composite keys: of these maps nothing of the base is left.
    pub(super) cleared: BTreeSet<Vec<u8>>,
    bytes: u64,
}

impl Overlay {
    /// Reads the changes of one state in these key groups.
    ///
    /// # Errors
    /// Those of the log; [`ErrorKind::Unsupported`] for a change that cannot be followed;
    /// [`ErrorKind::LimitExceeded`] if they would take too much memory.
    pub(crate) fn read(
        changelog: &Changelog,
        table: &Arc<KeyedTable>,
        max_parallelism: u32,
        key_groups: KeyGroupRange,
        files: &Files,
        limits: &ReadLimits,
    ) -> Result<Self> {
        let mut overlay = Self::empty(table, max_parallelism)?;
        let mut numbers = Numbers::default();
        let timers = table.kind == StateKind::Timer;
        log::for_each(changelog, files, limits, &mut |key_group, change| {
            let mut cursor = Cursor::new(change);
            let operation = cursor.u8()?;
            if operation == REGISTRATION {
                return numbers.register(change);
            }
            let group = u16::try_from(key_group).ok().filter(|group| key_groups.contains(*group));
            let number = cursor.u16_be()?;
            match group {
                Some(group) if numbers.is(number, &table.name, timers)? => overlay
                    .apply(operation, group, &mut cursor)
                    .and_then(|()| {
                        ReadLimits::check("bytes of changes", overlay.bytes, limits.metadata_bytes)
                    })
                    .within(|| format!("change of state {:?}, key group {group}", table.name)),
                _ => Ok(()),
            }
        })?;
        Ok(overlay)
    }

    /// Nothing happened.
    pub(super) fn empty(table: &Arc<KeyedTable>, max_parallelism: u32) -> Result<Self> {
        let parts = Parts::new(table, max_parallelism)?;
        Ok(Self { parts, effects: BTreeMap::new(), cleared: BTreeSet::new(), bytes: 0 })
    }

    /// Nothing of the base is left of this composite key's map.
    pub(super) fn is_cleared(&self, key: &[u8]) -> bool {
        // Beginnings of keys are never beginnings of each other: the greatest that is not above counts.
        let before = self.cleared.range::<[u8], _>((Bound::Unbounded, Bound::Included(key))).next_back();
        before.is_some_and(|start| key.starts_with(start))
    }

    /// Follows one change: what stands behind the number of its state.
    pub(super) fn apply(&mut self, operation: u8, key_group: u16, cursor: &mut Cursor<'_>) -> Result<()> {
        self.bytes += cursor.remaining() as u64;
        match self.parts.kind() {
            StateKind::Timer => self.timer(operation, key_group, cursor)?,
            StateKind::Map => self.map(operation, key_group, cursor)?,
            StateKind::List => self.list(operation, key_group, cursor)?,
            _ => self.value(operation, key_group, cursor)?,
        }
        cursor.end("change")
    }

    fn value(&mut self, operation: u8, key_group: u16, cursor: &mut Cursor<'_>) -> Result<()> {
        let key = self.parts.key_and_namespace(key_group, cursor)?;
        let effect = match operation {
            CLEAR => Effect::Removed,
            SET | SET_INTERNAL => Effect::Set(rest(cursor)?),
            other => return Err(unsupported(cursor, other)),
        };
        self.effects.insert(key, effect);
        Ok(())
    }

    fn list(&mut self, operation: u8, key_group: u16, cursor: &mut Cursor<'_>) -> Result<()> {
        let key = self.parts.key_and_namespace(key_group, cursor)?;
        match operation {
            CLEAR => _ = self.effects.insert(key, Effect::Removed),
            SET | SET_INTERNAL => {
                let list = self.parts.list(cursor)?;
                let effect = if list.is_empty() { Effect::Removed } else { Effect::Set(list) };
                self.effects.insert(key, effect);
            }
            ADD => {
                let list = self.parts.list(cursor)?;
                self.append(key, &list);
            }
            ADD_ELEMENT => {
                let element = rest(cursor)?;
                self.append(key, &element);
            }
            other => return Err(unsupported(cursor, other)),
        }
        Ok(())
    }

    fn append(&mut self, key: Vec<u8>, more: &[u8]) {
        if more.is_empty() {
            return;
        }
        match self.effects.entry(key).or_insert_with(|| Effect::Appended(Vec::new())) {
            Effect::Set(list) | Effect::Appended(list) => join(list, more),
            removed @ Effect::Removed => *removed = Effect::Set(more.to_vec()),
        }
    }

    fn map(&mut self, operation: u8, key_group: u16, cursor: &mut Cursor<'_>) -> Result<()> {
        let start = self.parts.key_and_namespace(key_group, cursor)?;
        match operation {
            CLEAR => self.clear_map(start),
            ADD => {
                let entries = self.parts.map(&start, cursor)?;
                self.effects.extend(entries.into_iter().map(|(key, value)| (key, Effect::Set(value))));
            }
            ADD_ELEMENT | ADD_OR_UPDATE_ELEMENT => {
                let key = [&start, self.parts.map_key(cursor)?].concat();
                let not_null = [&[0], rest(cursor)?.as_slice()].concat();
                self.effects.insert(key, Effect::Set(not_null));
            }
            REMOVE_ELEMENT => {
                let key = [start, rest(cursor)?].concat();
                self.effects.insert(key, Effect::Removed);
            }
            other => return Err(unsupported(cursor, other)),
        }
        Ok(())
    }

    fn clear_map(&mut self, start: Vec<u8>) {
        let inside = self.effects.range(start.clone()..).take_while(|(key, _)| key.starts_with(&start));
        let inside = inside.map(|(key, _)| key.clone()).collect::<Vec<_>>();
        for key in inside {
            self.effects.remove(&key);
        }
        self.cleared.insert(start);
    }

    fn timer(&mut self, operation: u8, key_group: u16, cursor: &mut Cursor<'_>) -> Result<()> {
        match operation {
            ADD_ELEMENT => {
                let count = cursor.i32_be()?;
                for _ in 0..cursor.count(count, 8, "timers")? {
                    let timer = self.parts.timer(key_group, cursor)?;
                    self.effects.insert(timer, Effect::Set(Vec::new()));
                }
            }
            REMOVE_ELEMENT => {
                let timer = self.parts.timer(key_group, cursor)?;
                self.effects.insert(timer, Effect::Removed);
            }
            other => return Err(unsupported(cursor, other)),
        }
        Ok(())
    }
}

fn rest(cursor: &mut Cursor<'_>) -> Result<Vec<u8>> {
    cursor.take(cursor.remaining(), "content of a change").map(<[u8]>::to_vec)
}

/// Merging namespaces (4) would need the base at the moment of the merge.
fn unsupported(cursor: &Cursor<'_>, operation: u8) -> Error {
    cursor.error(ErrorKind::Unsupported { what: format!("change operation {operation}") })
}
