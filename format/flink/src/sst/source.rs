//! A table in a merge: waiting until the merge reaches its smallest key, then open at an entry.
//!
//! Tables of one level follow each other, so a merge has about as many tables open as there are levels,
//! however many it has to read.

use std::cmp::{Ordering, Reverse};

use spt_format::{Result, ResultExt};

use super::range_deletion::RangeDeletions;
use super::table::{Table, TableEntries};

/// A table that is opened when it is needed.
pub(crate) struct Run {
    /// For errors: the name of the file.
    pub(crate) name: String,
    /// No user key is below this one.
    pub(crate) smallest: Vec<u8>,
    /// Every user key is below this one.
    pub(crate) end: Vec<u8>,
    /// Opens the table.
    pub(crate) open: Box<dyn FnOnce() -> Result<Table> + Send>,
}

/// A table in a merge. The greatest is the one whose entry comes first.
pub(super) enum Source {
    Waiting(Run),
    Open { name: String, entries: Box<TableEntries> },
}

impl Source {
    /// Opens a waiting table at its first entry from `lower` on. `None` if it has no such entry.
    pub(super) fn open(run: Run, lower: &[u8], deletions: &mut RangeDeletions) -> Result<Option<Self>> {
        let Run { name, smallest, end, open } = run;
        let opened = open().and_then(|table| {
            let own = table.range_deletions().iter().cloned();
            deletions.add(own.filter_map(|deletion| deletion.within(&smallest, &end)));
            table.entries_from(lower)
        });
        let mut entries = Box::new(opened.in_file(&name)?);
        let found = entries.advance().in_file(&name)?;
        Ok(found.then_some(Self::Open { name, entries }))
    }

    /// Moves an open table to its next entry. False at its end.
    pub(super) fn advance(&mut self) -> Result<bool> {
        match self {
            Self::Waiting(_) => Ok(false),
            Self::Open { name, entries } => entries.advance().in_file(name.as_str()),
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
