//! Keyed state with a log of changes: its states, and the rows of one of them.

use std::collections::VecDeque;
use std::sync::Arc;

use spt_format::{Error, ErrorKind, KeyGroupRange, Location, ReadLimits, Result, ResultExt, StateKind};

use super::pieces::Subtask;
use crate::changelog::{ChangelogEntries, ChangelogStates, Overlay};
use crate::files::Files;
use crate::keyed::{
    CanonicalEntries, Entries, HeapEntries, KeyedFile, KeyedHeader, KeyedLayout, KeyedTable, RocksDatabase,
};
use crate::metadata::{Changelog, Incremental, KeyGroupFile, KeyedHandle};
use crate::serializers::{FlinkType, Serializer};
use crate::state_meta::{BackendKind, StateMeta};

impl Subtask<'_> {
    /// The states of the base and those only the log registers. Keys have the base's type; without a base
    /// that of timers, if there are any: nothing else in a log says it.
    pub(super) fn header_of_changelog(&self, changelog: &Changelog) -> Result<KeyedHeader> {
        let bases = changelog.base.iter().map(|base| match base {
            KeyedHandle::KeyGroups(file) => self.header_of_file(file),
            KeyedHandle::Incremental(database) => self.header_of_database(database),
            _ => Err(unsupported("a log of changes on a base of this kind")),
        });
        let bases = bases.collect::<Result<Vec<_>>>()?;
        let mut states = ChangelogStates::read(changelog, self.files, self.limits)?.states;
        for state in bases.iter().flat_map(|base| &base.states) {
            if !states.iter().any(|known| same(known, state)) {
                states.push(state.clone());
            }
        }
        let base = bases.into_iter().next().or_else(|| self.header_of_sibling());
        match base.or_else(|| header_of_timers(&states)) {
            Some(base) => Ok(KeyedHeader { states, ..base }),
            None => {
                Err(unsupported("a log of changes before its base was first written: the type of its keys"))
            }
        }
    }

    /// Keys have one type in all subtasks.
    fn header_of_sibling(&self) -> Option<KeyedHeader> {
        let handles = self.operator.states().filter_map(|(_, state)| state.managed_keyed.as_ref());
        let mut bases = handles.flat_map(|handle| match handle {
            KeyedHandle::Changelog(changelog) => changelog.base.as_slice(),
            handle => std::slice::from_ref(handle),
        });
        bases.find_map(|base| match base {
            KeyedHandle::KeyGroups(file) => self.header_of_file(file).ok(),
            KeyedHandle::Incremental(database) => self.header_of_database(database).ok(),
            _ => None,
        })
    }
}

/// A timer has a key.
fn header_of_timers(states: &[StateMeta]) -> Option<KeyedHeader> {
    let timers = states.iter().filter(|state| state.kind == BackendKind::PriorityQueue);
    let mut serializers = timers.filter_map(|state| state.serializer("VALUE_SERIALIZER"));
    let data_type = serializers.find_map(|serializer| match &serializer.data_type {
        FlinkType::Timer { key, .. } => Some((**key).clone()),
        _ => None,
    })?;
    let key = Serializer { class: String::new(), version: 0, data_type, bytes: Arc::from([]) };
    Some(KeyedHeader { compressed: false, key, states: Vec::new(), length: 0 })
}

/// They are one state.
fn same(one: &StateMeta, other: &StateMeta) -> bool {
    one.name == other.name && one.kind == other.kind
}

/// Where to read, and how.
pub(super) struct Place<'a> {
    pub(super) files: &'a Files,
    pub(super) limits: &'a ReadLimits,
    pub(super) max_parallelism: u32,
    pub(super) key_groups: Option<KeyGroupRange>,
}

impl Place<'_> {
    /// The entries of one state.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`] if its type changed since the base was written; those of the base and of
    /// the log.
    pub(super) fn entries(&self, changelog: &Changelog, table: &Arc<KeyedTable>) -> Result<ChangelogEntries> {
        let wanted = match self.key_groups {
            Some(range) => range.intersection(changelog.key_groups),
            None => Some(changelog.key_groups),
        };
        let wanted = wanted.ok_or_else(|| Error::invalid("a scan beyond the key groups of a handle"))?;
        let overlay = Overlay::read(changelog, table, self.max_parallelism, wanted, self.files, self.limits)?;
        let mut bases = changelog.base.iter().collect::<Vec<_>>();
        bases.sort_by_key(|base| base.key_groups());
        let overlap = bases
            .iter()
            .zip(bases.iter().skip(1))
            .any(|(one, next)| one.key_groups().intersection(next.key_groups()).is_some());
        if overlap {
            return Err(unsupported("a log of changes on bases that share key groups"));
        }
        let bases = bases.into_iter().map(|base| self.base(base, wanted, table));
        let bases = bases.filter_map(Result::transpose).collect::<Result<_>>()?;
        Ok(ChangelogEntries::new(Box::new(Chain { bases }), overlay))
    }

    /// The entries of the state in one base, if it was there already.
    fn base(
        &self,
        base: &KeyedHandle,
        wanted: KeyGroupRange,
        table: &KeyedTable,
    ) -> Result<Option<Box<dyn Entries>>> {
        let wanted = wanted.intersection(base.key_groups());
        match (base, wanted) {
            (_, None) => Ok(None),
            (KeyedHandle::KeyGroups(file), Some(wanted)) => self.base_file(file, wanted, table),
            (KeyedHandle::Incremental(database), Some(wanted)) => self.base_database(database, wanted, table),
            _ => Err(unsupported("a log of changes on a base of this kind")),
        }
    }

    fn base_file(
        &self,
        handle: &KeyGroupFile,
        wanted: KeyGroupRange,
        table: &KeyedTable,
    ) -> Result<Option<Box<dyn Entries>>> {
        let stream = self.files.open(&handle.stream)?;
        let name = stream.name().to_owned();
        let file = KeyedFile::open(Arc::new(stream), handle, self.max_parallelism, self.limits);
        let file = file.in_file(name.as_str())?;
        let Some(state) = number(&file.header, table)? else { return Ok(None) };
        Ok(Some(match file.layout {
            KeyedLayout::Heap => Box::new(HeapEntries::new(&file, state, Some(wanted))),
            KeyedLayout::Canonical => Box::new(CanonicalEntries::new(&file, state, Some(wanted))),
        }))
    }

    fn base_database(
        &self,
        handle: &Incremental,
        wanted: KeyGroupRange,
        table: &KeyedTable,
    ) -> Result<Option<Box<dyn Entries>>> {
        let stream = self.files.open(&handle.meta)?;
        let header = KeyedHeader::read(&stream, None, self.limits).in_file(stream.name())?;
        if number(&header, table)?.is_none() {
            return Ok(None);
        }
        let database = RocksDatabase::open(handle, self.max_parallelism, self.files, self.limits)?;
        Ok(Some(Box::new(database.entries(&table.name, wanted)?)))
    }
}

/// The number of a state in a base. Its bytes there must be of the type the log has.
fn number(header: &KeyedHeader, table: &KeyedTable) -> Result<Option<u16>> {
    let timers = table.kind == StateKind::Timer;
    let is_it =
        |state: &StateMeta| state.name == table.name && (state.kind == BackendKind::PriorityQueue) == timers;
    let Some((number, state)) = (0..).zip(&header.states).find(|(_, state)| is_it(state)) else {
        return Ok(None);
    };
    let base = KeyedTable::new(&header.key, state)?;
    match base.schema == table.schema && base.kind == table.kind {
        true => Ok(Some(number)),
        false => Err(unsupported("a state whose type changed since its base was written")),
    }
}

fn unsupported(what: &str) -> Error {
    Error::new(ErrorKind::Unsupported { what: what.into() }, Location::default())
}

/// Bases one after the other, by key group.
struct Chain {
    bases: VecDeque<Box<dyn Entries>>,
}

impl Entries for Chain {
    fn advance(&mut self) -> Result<bool> {
        while let Some(base) = self.bases.front_mut() {
            if base.advance()? {
                return Ok(true);
            }
            self.bases.pop_front();
        }
        Ok(false)
    }

    fn key(&self) -> &[u8] {
        self.bases.front().map_or(&[], |base| base.key())
    }

    fn value(&self) -> &[u8] {
        self.bases.front().map_or(&[], |base| base.value())
    }

    fn place(&self) -> String {
        self.bases.front().map_or_else(String::new, |base| base.place())
    }
}
