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
//!
//! A source that grows while the job runs, a folder or a topic, says how often to look: what
//! [`Source::new_splits`] then finds is given to one of the readers with [`SourceReader::add_splits`].
//! `docs/own-sources-and-sinks.md` writes one from scratch.

mod collection;
mod discovery;
mod files;
mod generator;
mod reading;
mod records;
mod sequence;
mod socket;
mod span;

#[cfg(test)]
pub(crate) mod tests;

pub use collection::{Collection, CollectionReader};
pub(crate) use discovery::{Discovered, discover};
pub use files::{
    CsvFiles, CsvRecords, FilePosition, Files, FilesReader, JsonLines, Malformed, NdjsonFiles, OpenFile,
    ParquetFiles, ParquetRows, ReadFormat, Tally, TextFiles, TextLines,
};
pub use generator::{Generator, GeneratorReader};
pub use sequence::{Sequence, SequenceReader};
pub use socket::{SocketReader, SocketText};
pub use span::Span;

use std::time::Duration;

use crate::data::Data;
use crate::error::{Error, Result};
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

    /// How often to look for new splits while the job runs. `None`: what is there at the start is all there is.
    fn discovery_interval(&self) -> Option<Duration> {
        None
    }

    /// Splits that are there now and not yet in `known`, which are those of a snapshot, at a start, and those that
    /// were found before, while the job runs. A known split may have been read further meanwhile, and may be gone
    /// if nothing is left to read of it.
    ///
    /// # Errors
    /// If the source is not there.
    fn new_splits(&self, known: &[Self::Split]) -> Result<Vec<Self::Split>> {
        let _ = known;
        Ok(Vec::new())
    }

    /// Divides the splits of a snapshot among another number of subtasks than it was taken with. `None`: they are
    /// dealt out as they are, so that a subtask may get none.
    fn rescale(&self, splits: &[Self::Split], parallelism: u32) -> Option<Vec<Vec<Self::Split>>> {
        let _ = (splits, parallelism);
        None
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

    /// Takes splits to read that were found while the job runs, see [`Source::discovery_interval`].
    ///
    /// # Errors
    /// If one of them cannot be read; and always in a reader of a source that finds none.
    fn add_splits(&mut self, splits: Vec<Self::Split>) -> Result<()> {
        Err(Error::failed(format!("the reader does not take the {} splits that were found", splits.len())))
    }

    /// Its splits as far as they are read: exactly the records emitted so far are behind each position. Those
    /// that are read to their ends are kept, unless [`Source::new_splits`] would not find them again.
    fn splits(&self) -> Vec<Self::Split>;

    /// The same at the barrier of a checkpoint or savepoint, for readers that must know which.
    fn snapshot(&mut self, checkpoint: u64) -> Vec<Self::Split> {
        let _ = checkpoint;
        self.splits()
    }

    /// This checkpoint is complete, and nothing before its barrier will be read again: a reader that has to
    /// acknowledge what it has read does so now. It may never be called for a checkpoint; a later one includes it.
    ///
    /// # Errors
    /// If the source fails; the job then restarts as configured.
    fn completed(&mut self, checkpoint: u64) -> Result<()> {
        let _ = checkpoint;
        Ok(())
    }
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
