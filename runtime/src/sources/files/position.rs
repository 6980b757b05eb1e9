//! How far a file has been read.

use crate::state::State;

/// A file and how far it has been read. It is the source's state: a savepoint shows it.
#[derive(Debug, Clone, PartialEq, Eq, State)]
pub struct FilePosition {
    /// The file.
    pub path: String,
    /// What to read next: the byte at which the next record begins; in a Parquet file, the row, from 0.
    pub offset: u64,
    /// Lines before that; 0 in a Parquet file.
    #[state(default)]
    pub lines: u64,
    /// Records that were passed over because they are malformed.
    #[state(default)]
    pub skipped: u64,
    /// It was read to its end, and is not looked at any more.
    #[state(default)]
    pub done: bool,
}

impl FilePosition {
    /// The beginning of a file.
    pub fn start_of(path: impl Into<String>) -> Self {
        Self { path: path.into(), offset: 0, lines: 0, skipped: 0, done: false }
    }
}
