//! The live keys and values of one column family: all its tables, one key after the other.
//!
//! ```text
//! entries of a key, newest first        what is left
//! value …                               the value
//! deletion …                            nothing
//! merge c, merge b, value a, …          a,b,c
//! merge c, merge b, deletion …          b,c
//! anything older than a range deletion  nothing of it
//! ```
//!
//! Flink joins list elements with commas; the elements' own bytes may contain commas, which is why
//! whoever decodes a list does so element by element.

use std::collections::BinaryHeap;
use std::collections::binary_heap::PeekMut;

use spt_format::{Error, ErrorKind, Location, ReadLimits, Result};

use super::key::EntryKind;
use super::properties::MergeOperator;
use super::range_deletion::RangeDeletions;
use super::source::{Run, Source};
use super::table::TableEntries;

/// What joins the operands of a merge.
const DELIMITER: u8 = b',';

/// A range of user keys: `[lower, upper)`, without an upper bound if `None`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Span {
    /// The first key.
    pub lower: Vec<u8>,
    /// The first key after it.
    pub upper: Option<Vec<u8>>,
}

/// A walk over the live entries, ascending by key. Memory: one data block of every open table, one value.
pub struct Merge {
    sources: BinaryHeap<Source>,
    deletions: RangeDeletions,
    span: Span,
    key: Option<Vec<u8>>,
    versions: Versions,
    limit_bytes: u64,
}

impl Merge {
    /// Stands before the first key of `span`.
    pub fn new(runs: Vec<Run>, span: Span, limits: &ReadLimits) -> Self {
        Self {
            sources: runs.into_iter().map(Source::Waiting).collect(),
            deletions: RangeDeletions::default(),
            span,
            key: None,
            versions: Versions::default(),
            limit_bytes: limits.value_bytes,
        }
    }

    /// Moves to the next live key. False at the end. After an error it must not be used again.
    ///
    /// # Errors
    /// Whatever reading the tables causes, with the name of the file; [`ErrorKind::Unsupported`] for merge
    /// operands that are not joined as Flink does; [`ErrorKind::LimitExceeded`] for a value that is too long.
    pub fn advance(&mut self) -> Result<bool> {
        while self.begin_key()? {
            self.collect_versions()?;
            if self.versions.join() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The user key.
    pub fn key(&self) -> &[u8] {
        self.key.as_deref().unwrap_or_default()
    }

    /// The value; of a list the elements joined with commas.
    pub fn value(&self) -> &[u8] {
        self.versions.value()
    }

    /// Takes the least key any table has, after opening the tables that may have it.
    fn begin_key(&mut self) -> Result<bool> {
        while let Some(front) = self.sources.peek() {
            if self.span.upper.as_deref().is_some_and(|upper| front.user_key() >= upper) {
                return Ok(false);
            }
            if let Source::Open { place, .. } = front {
                return place.of(set_key(&mut self.key, front.user_key())).map(|()| true);
            }
            if let Some(Source::Waiting(run)) = self.sources.pop() {
                self.sources.extend(Source::open(run, &self.span.lower, &mut self.deletions)?);
            }
        }
        Ok(false)
    }

    /// Takes what counts of the entries of the current key, and passes over the others.
    fn collect_versions(&mut self) -> Result<()> {
        let key = self.key.as_deref().unwrap_or_default();
        let erased_below = self.deletions.newest_over(key);
        self.versions.clear();
        let mut decided = false;
        while let Some(mut front) = self.sources.peek_mut() {
            let Source::Open { place, entries } = &*front else { break };
            if entries.user_key() != key {
                break;
            }
            decided = decided || entries.sequence() < erased_below;
            if !decided {
                decided = place.of(self.versions.take(entries, self.limit_bytes))?;
            }
            if !front.advance()? {
                PeekMut::pop(front);
            }
        }
        Ok(())
    }
}

/// Keys come in ascending order, or a table is not what it should be.
fn set_key(key: &mut Option<Vec<u8>>, next: &[u8]) -> Result<()> {
    match key {
        Some(key) if next <= key.as_slice() => Err(Error::invalid("the keys of the table are not in order")),
        Some(key) => {
            key.clear();
            key.extend_from_slice(next);
            Ok(())
        }
        None => {
            *key = Some(next.to_vec());
            Ok(())
        }
    }
}

/// The values and operands of one key that count, newest first.
#[derive(Default)]
struct Versions {
    bytes: Vec<u8>,
    /// Where each of them ends in `bytes`.
    ends: Vec<usize>,
    joined: Vec<u8>,
}

impl Versions {
    fn clear(&mut self) {
        self.bytes.clear();
        self.ends.clear();
    }

    /// Takes the next older entry. True if all that are older still do not count.
    fn take(&mut self, entries: &TableEntries, limit_bytes: u64) -> Result<bool> {
        match entries.kind() {
            EntryKind::Deletion | EntryKind::SingleDeletion => return Ok(true),
            EntryKind::Merge => check_operator(entries.table().merge_operator())?,
            EntryKind::Value => {}
            EntryKind::RangeDeletion => return Err(Error::invalid("a range deletion stands among the data")),
        }
        let length = self.bytes.len() + entries.value().len();
        ReadLimits::check("value", length as u64, limit_bytes)?;
        self.bytes.extend_from_slice(entries.value());
        self.ends.push(self.bytes.len());
        Ok(entries.kind() == EntryKind::Value)
    }

    /// Makes the value of what was taken. False if there is none.
    fn join(&mut self) -> bool {
        if self.ends.len() > 1 {
            self.joined.clear();
            for (index, &end) in self.ends.iter().enumerate().rev() {
                let start =
                    index.checked_sub(1).and_then(|before| self.ends.get(before)).copied().unwrap_or(0);
                self.joined.extend_from_slice(self.bytes.get(start..end).unwrap_or_default());
                if index > 0 {
                    self.joined.push(DELIMITER);
                }
            }
        }
        !self.ends.is_empty()
    }

    fn value(&self) -> &[u8] {
        if self.ends.len() > 1 { &self.joined } else { &self.bytes }
    }
}

fn check_operator(operator: &MergeOperator) -> Result<()> {
    match operator {
        MergeOperator::StringAppend => Ok(()),
        MergeOperator::Other(name) => {
            let what = format!("merge operator {name:?}");
            Err(Error::new(ErrorKind::Unsupported { what }, Location::default()))
        }
    }
}

#[cfg(test)]
mod tests;
