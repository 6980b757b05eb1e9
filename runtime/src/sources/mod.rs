//! Where records come from: the traits a source implements, and the sources that come with the runtime.
//!
//! A source is divided into splits, for instance files or partitions. A split is also a position: it says what
//! to read and how far it has been read, and it is state: the runtime stores every reader's splits in each
//! snapshot and deals them out again after a restore.
//!
//! ```text
//! Source::splits ──► dealt out in contiguous runs ──► Source::reader(splits) ──► poll, poll, …
//!                          ▲                                    │
//!                          └──────── snapshot ◄─────────────────┘ SourceReader::splits
//! ```

mod collection;
mod lines;
mod sequence;
mod socket;
mod span;
mod text_files;

#[cfg(test)]
mod tests;

pub use collection::{Collection, CollectionReader};
pub use sequence::{Sequence, SequenceReader};
pub use socket::{SocketReader, SocketText};
pub use span::Span;
pub use text_files::{FilePosition, TextFiles, TextFilesReader};

use std::time::Duration;

use crate::data::Data;
use crate::error::Result;
use crate::job::Subtask;
use crate::operators::Out;
use crate::state::State;

/// A source as it stands in the job's program: what to read, nothing opened yet.
pub trait Source: Clone + Send + 'static {
    /// The records it reads.
    type Item: Data;
    /// A part of the source and how far it has been read. It is kept in the state `splits`.
    type Split: State;
    /// Reads some of the splits, in one subtask.
    type Reader: SourceReader<Item = Self::Item, Split = Self::Split>;

    /// A name for people, for instance `socket`.
    fn name(&self) -> &'static str;

    /// After a restore it goes on exactly where the snapshot was taken. A socket cannot.
    fn is_replayable(&self) -> bool;

    /// Number of subtasks where only one number makes sense, for instance 1 for a socket; otherwise the job's.
    fn parallelism(&self) -> Option<u32> {
        None
    }

    /// All splits of a source that is started for the first time.
    ///
    /// # Errors
    /// If the source is not there.
    fn splits(&self, parallelism: u32) -> Result<Vec<Self::Split>>;

    /// Splits that are there now and not yet in `known`, which a snapshot remembered.
    ///
    /// # Errors
    /// If the source is not there, or a known split is not what it was.
    fn new_splits(&self, known: &[Self::Split]) -> Result<Vec<Self::Split>> {
        let _ = known;
        Ok(Vec::new())
    }

    /// Opens these splits where they say.
    ///
    /// # Errors
    /// If one of them cannot be read from there.
    fn reader(&self, subtask: &Subtask, splits: Vec<Self::Split>) -> Result<Self::Reader>;
}

/// A reader of some splits. It stays in one thread.
pub trait SourceReader: Send {
    /// The records it reads.
    type Item: Data;
    /// See [`Source::Split`].
    type Split: State;

    /// Emits a few hundred records at most, or those that are there, and returns within some 10 ms: between two
    /// calls the runtime takes snapshots. It never waits for input; it says [`Poll::Idle`] instead.
    ///
    /// # Errors
    /// If the source fails; the job then restarts as configured.
    fn poll(&mut self, out: &mut Out<'_, Self::Item>) -> Result<Poll>;

    /// Its splits as far as they are read: exactly the records emitted so far are behind each position.
    fn splits(&self) -> Vec<Self::Split>;
}

/// What a reader knows after it was polled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Poll {
    /// Call again at once.
    Ready,
    /// Nothing is there now; call again after at most this time.
    Idle(Duration),
    /// Everything was read, and nothing will follow.
    End,
}
