//! Where records go: the traits a sink implements, and the sinks that come with the runtime.
//!
//! A sink that is exactly-once commits in two phases. At every barrier its writers make what they wrote durable
//! but invisible, and describe it by committables. These are stored in the snapshot. Once the checkpoint is
//! complete they are committed: made visible.
//!
//! ```text
//! write, write ─ barrier n ─► prepare(n): pending, durable ─► checkpoint n complete ─► commit
//!                                   │ in the checkpoint
//!                                   └─ after a failure: recover: commit what it holds, abort all else
//! ```

mod discard;
mod files;
mod print;

#[cfg(test)]
mod tests;

pub use discard::Discard;
pub use files::{
    Csv, CsvEncoder, Encoder, FileFormat, FileSink, FileWriter, Lines, LinesEncoder, Ndjson, NdjsonEncoder,
    Parquet, ParquetEncoder, PendingFile,
};
pub use print::{Print, PrintWriter};

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::data::Data;
use crate::error::Result;
use crate::job::Subtask;

/// A sink as it stands in the job's program. Every copy means the same target.
pub trait Sink<T: Data>: Clone + Send + Sync + 'static {
    /// Writes records in one subtask.
    type Writer: SinkWriter<T, Committable = Self::Committable>;
    /// What must be known to make pending output visible. Kept in the snapshot, as JSON.
    type Committable: Serialize + DeserializeOwned + Clone + Send + Sync + 'static;

    /// A name for people, for instance `print`.
    fn name(&self) -> &'static str;

    /// Output becomes visible once, by commit. If not, it may repeat after a failure.
    fn is_exactly_once(&self) -> bool;

    /// Number of subtasks where only one number makes sense; otherwise the job's.
    fn parallelism(&self) -> Option<u32> {
        None
    }

    /// Opens a writer. [`Sink::recover`] has run before.
    ///
    /// # Errors
    /// If the target cannot be written.
    fn writer(&self, subtask: &Subtask) -> Result<Self::Writer>;

    /// Makes pending output visible. Committing what is committed is no error; output that is neither pending
    /// nor visible is one.
    ///
    /// # Errors
    /// If something could not be made visible, or is not there.
    fn commit(&self, committables: &[Self::Committable]) -> Result<()>;

    /// Looks, at every start of the job and before any of its sinks recovers, whether this one can: nothing is made visible by a
    /// start that is refused.
    ///
    /// # Errors
    /// If it cannot be written to, or `pending` is not there.
    fn check(&self, start: &Start, pending: &[Self::Committable]) -> Result<()> {
        let _ = (start, pending);
        Ok(())
    }

    /// How many of these are not visible yet, if the sink can tell; it changes nothing. A start from another job's
    /// snapshot says that they are committed now.
    fn still_pending(&self, _committables: &[Self::Committable]) -> Option<usize> {
        None
    }

    /// Runs once before the writers are opened, at every start of the job: commits `pending`, which the
    /// snapshot that the job starts from held, and aborts whatever else this job has left pending.
    ///
    /// # Errors
    /// As [`Sink::commit`].
    fn recover(&self, start: &Start, pending: &[Self::Committable]) -> Result<()>;
}

/// A writer of records. It stays in one thread.
pub trait SinkWriter<T: Data>: Send {
    /// See [`Sink::Committable`].
    type Committable;

    /// Writes a record; it may be kept in memory.
    ///
    /// # Errors
    /// If it could not be written; the job then restarts as configured.
    fn write(&mut self, record: T::Ref<'_>) -> Result<()>;

    /// No record has come for some milliseconds, or the input ends: passes on what is kept in memory, where
    /// that makes it visible sooner.
    ///
    /// # Errors
    /// As [`SinkWriter::write`].
    fn flush(&mut self) -> Result<()>;

    /// Makes everything written so far durable and pending, as part of this checkpoint or savepoint. Called at
    /// each barrier and once at the end of the input. What follows belongs to the next.
    ///
    /// # Errors
    /// If it could not be made durable.
    fn prepare(&mut self, checkpoint: u64) -> Result<Vec<Self::Committable>>;
}

/// From what a job starts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Start {
    /// The job's id, 32 hex digits: what it has left pending is named after it.
    pub job_id: String,
    /// Names this start as no other is named, 8 hex digits: a writer of an earlier attempt may still write its files.
    pub attempt: String,
    /// The checkpoint or savepoint it starts from, if from one.
    pub restored_checkpoint: Option<u64>,
    /// Whose snapshot that was. If it was another job's, its pending output is committed or discarded as the options
    /// say, and `pending` holds what to commit.
    pub restored_job: Option<String>,
}

impl Start {
    /// The snapshot that the job starts from was another job's.
    pub fn is_new_job(&self) -> bool {
        self.restored_job.as_ref().is_some_and(|restored| *restored != self.job_id)
    }
}
