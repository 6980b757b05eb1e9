//! Records that are none: what becomes of them, and how many there were.

use crate::error::{Error, Result};
use crate::job::note;

/// What to do with a record that cannot be read as one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Malformed {
    /// Fail, naming the file and the line.
    #[default]
    Fail,
    /// Pass over it. They are counted in the file's position, and a note tells of the first of each file and of
    /// their number.
    Skip,
}

/// Counts the malformed records of one file.
#[derive(Debug)]
pub struct Tally {
    policy: Malformed,
    path: String,
    skipped: u64,
}

impl Tally {
    pub(super) fn new(policy: Malformed, path: &str, skipped: u64) -> Self {
        Self { policy, path: path.to_owned(), skipped }
    }

    /// How many there were so far.
    pub(super) fn skipped(&self) -> u64 {
        self.skipped
    }

    /// Takes in one. `place` is for instance `line 7`.
    ///
    /// # Errors
    /// The record's, with its place, if it must not be passed over.
    pub fn malformed(&mut self, place: &str, error: Error) -> Result<()> {
        let text = format!("{}, {place}: {}", self.path, error.full());
        if self.policy == Malformed::Fail {
            return Err(Error::failed(text));
        }
        if self.skipped == 0 {
            note(&format!("a malformed record is passed over: {text}"));
        }
        self.skipped += 1;
        Ok(())
    }

    /// The file has ended.
    pub(super) fn finish(&self) {
        if self.skipped > 1 {
            note(&format!("{}: {} malformed records were passed over", self.path, self.skipped));
        }
    }
}
