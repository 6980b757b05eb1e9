//! Records as files in a folder, each visible once and whole.
//!
//! ```text
//! .writing-<job>-<attempt>-<subtask>-<file>                   records go here
//!      │ large or old enough, or barrier n: finish, fsync
//!      │ barrier n: rename, fsync folder
//! .pending-<job>-<attempt>-<n>-<subtask>-<file>               named in checkpoint n
//!      │ checkpoint n complete: rename, fsync folder
//! part-<first 8 of job>-<n>-<subtask>-<file>-<attempt>.txt    visible
//! ```
//!
//! Names that begin with a dot are hidden, from this runtime's own file source too. A part is visible only if
//! the checkpoint that names it is complete; whatever else a failed attempt has left is removed at the next
//! start, and what an attempt still writes that is thought dead carries its own name and is named in no
//! checkpoint. One folder belongs to one sink of a job; other jobs may write to it as well.

mod claims;
mod folder;
mod formats;
mod rolling;
mod writer;

use std::path::PathBuf;
use std::time::Duration;

use spt_format::failpoint;

pub use folder::PendingFile;
pub use formats::{
    Csv, CsvEncoder, Encoder, FileFormat, Lines, LinesEncoder, Ndjson, NdjsonEncoder, Parquet, ParquetEncoder,
};
pub use writer::FileWriter;

use super::{Sink, Start};
use crate::data::Data;
use crate::error::Result;
use crate::job::{Subtask, note};
pub(super) use folder::Folder;
use rolling::Rolling;

/// Writes records to files in a folder, exactly once.
///
/// ```
/// use spt_runtime::sinks::{FileSink, Lines};
/// let lines = FileSink::<Lines>::new("/var/data/counts").roll_at_bytes(64 << 20);
/// ```
#[derive(Debug, Clone)]
pub struct FileSink<F = Lines> {
    folder: Folder,
    format: F,
    rolling: Rolling,
}

impl<F: Default> FileSink<F> {
    /// Into this folder, which is made if it is not there. Each checkpoint ends a file.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: Folder::new(folder.into()), format: F::default(), rolling: Rolling::default() }
    }
}

impl<F> FileSink<F> {
    /// A file that has about so many bytes ends before the checkpoint does it.
    #[must_use]
    pub fn roll_at_bytes(mut self, bytes: u64) -> Self {
        self.rolling.max_bytes = Some(bytes);
        self
    }

    /// A file that was begun so long ago ends before the checkpoint does it.
    #[must_use]
    pub fn roll_every(mut self, age: Duration) -> Self {
        self.rolling.max_age = Some(age);
        self
    }
}

impl<F> FileSink<F> {
    /// The job that the savepoint is of may have written more since; nobody but a person knows whether it will go on.
    fn say_what_others_hide(&self, job_id: &str) -> Result<()> {
        let hidden = self.folder.hidden_by_others(job_id)?;
        if hidden > 0 {
            note(&format!(
                "{}: {hidden} hidden files of other jobs stay: a job that still runs commits its own, those of one \
                 that does not may be removed",
                self.folder.path().display()
            ));
        }
        Ok(())
    }
}

impl<F> FileSink<F> {
    /// A job that does not go on from its newest checkpoint writes again what others have committed since.
    fn say_what_is_written_again(&self, start: &Start) -> Result<()> {
        let (Some(checkpoint), Some(job)) = (start.restored_checkpoint, &start.restored_job) else {
            return Ok(());
        };
        let newer = self.folder.committed_after(job, checkpoint)?;
        if let (Some(first), Some(last)) = (newer.first(), newer.last()) {
            note(&format!(
                "{}: {} files hold output that was committed after checkpoint {checkpoint}, which the job starts from \
                 (by checkpoints {first} to {last}): it is written again",
                self.folder.path().display(),
                newer.len()
            ));
        }
        Ok(())
    }
}

impl<F, T> Sink<T> for FileSink<F>
where
    T: Data,
    F: FileFormat<T>,
{
    type Writer = FileWriter<T, F>;
    type Committable = PendingFile;

    fn name(&self) -> &'static str {
        F::NAME
    }

    fn is_exactly_once(&self) -> bool {
        true
    }

    fn writer(&self, subtask: &Subtask) -> Result<FileWriter<T, F>> {
        let claim = claims::claim(self.folder.path(), subtask)?;
        Ok(FileWriter::new(self.folder.clone(), subtask, self.rolling, self.format.encoder()?, claim))
    }

    fn commit(&self, pending: &[PendingFile]) -> Result<()> {
        self.folder.commit(pending, "commit.rename")
    }

    fn check(&self, start: &Start, pending: &[PendingFile]) -> Result<()> {
        self.folder.prepare(&start.job_id)?;
        self.folder.check(pending)
    }

    fn still_pending(&self, files: &[PendingFile]) -> Option<usize> {
        Some(files.iter().filter(|file| self.folder.is_pending(file)).count())
    }

    fn recover(&self, start: &Start, pending: &[PendingFile]) -> Result<()> {
        self.folder.commit(pending, "restore.rename")?;
        failpoint("restore.before-abort")?;
        self.folder.abort(&start.job_id)?;
        if start.is_new_job() {
            self.say_what_others_hide(&start.job_id)?;
        }
        self.say_what_is_written_again(start)
    }
}
