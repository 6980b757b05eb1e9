//! A table in a merge: waiting until the merge reaches its smallest key, then open at an entry.
//!
//! Tables of one level follow each other, so a merge has about as many tables open as there are levels,
//! however many it has to read.

use std::cmp::{Ordering, Reverse};

use spt_format::{Result, ResultExt};

use super::range_deletion::RangeDeletions;
use super::table::{Table, TableEntries};

/// A table that is opened when it is needed.
pub struct Run {
    /// For errors: the file it is read from.
    pub file: String,
    /// For errors: its name in the database.
    pub name: String,
    /// No user key is below this one.
    pub smallest: Vec<u8>,
    /// Every user key is below this one.
    pub end: Vec<u8>,
    /// Opens the table.
    pub open: Box<dyn FnOnce() -> Result<Table> + Send>,
}

/// How errors name a table.
#[derive(Debug, Clone)]
pub(super) struct Place {
    file: String,
    name: String,
}

impl Place {
    /// The same result, its error with this place.
    pub(super) fn of<T>(&self, result: Result<T>) -> Result<T> {
        result.within(|| self.name.as_str()).in_file(self.file.as_str())
    }
}

/// A table in a merge. The greatest is the one whose entry comes first.
pub(super) enum Source {
    Waiting(Run),
    Open { place: Place, entries: Box<TableEntries> },
}

impl Source {
    /// Opens a waiting table at its first entry from `lower` on. `None` if it has no such entry.
    pub(super) fn open(run: Run, lower: &[u8], deletions: &mut RangeDeletions) -> Result<Option<Self>> {
        let Run { file, name, smallest, end, open } = run;
        let place = Place { file, name };
        let opened = open().and_then(|table| {
            let own = table.range_deletions().iter().cloned();
            deletions.add(own.filter_map(|deletion| deletion.within(&smallest, &end)));
            table.entries_from(lower)
        });
        let mut entries = Box::new(place.of(opened)?);
        let found = place.of(entries.advance())?;
        Ok(found.then_some(Self::Open { place, entries }))
    }

    /// Moves an open table to its next entry. False at its end.
    pub(super) fn advance(&mut self) -> Result<bool> {
        match self {
            Self::Waiting(_) => Ok(false),
            Self::Open { place, entries } => place.of(entries.advance()),
        }
    }

    /// The user key the table stands at, or below which it has none.
    pub(super) fn user_key(&self) -> &[u8] {
        match self {
            Self::Waiting(run) => &run.smallest,
            Self::Open { entries, .. } => entries.user_key(),
        }
    }

    /// By key, waiting tables first, then newest first.
    fn place(&self) -> (&[u8], Reverse<u64>) {
        match self {
            Self::Waiting(run) => (&run.smallest, Reverse(u64::MAX)),
            Self::Open { entries, .. } => (entries.user_key(), Reverse(entries.sequence())),
        }
    }
}

impl Ord for Source {
    fn cmp(&self, other: &Self) -> Ordering {
        other.place().cmp(&self.place())
    }
}

impl PartialOrd for Source {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Source {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Source {}
