//! Records as files in a folder, each visible once and whole.
//!
//! ```text
//! .writing-<job>-<attempt>-<subtask>              records go here
//!      │ barrier n: fsync, rename, fsync folder
//! .pending-<job>-<attempt>-<subtask>-<n>          named in checkpoint n
//!      │ checkpoint n complete: rename, fsync folder
//! part-<first 8 of job>-<n>-<subtask>.txt         visible
//! ```
//!
//! Names that begin with a dot are hidden, from this runtime's own file source too. A part is visible only if
//! the checkpoint that names it is complete; whatever else a failed attempt has left is removed at the next
//! start, and what an attempt still writes that is thought dead carries its own number and is named in no
//! checkpoint. One folder belongs to one sink of a job; other jobs may write to it as well.

mod claims;
mod folder;
mod format;
mod writer;

use std::marker::PhantomData;
use std::path::PathBuf;

use spt_format::failpoint;

pub use folder::PendingFile;
pub use format::{FileFormat, Lines, Ndjson};
pub use writer::FileWriter;

use super::{Sink, Start};
use crate::data::Data;
use crate::error::Result;
use crate::job::Subtask;
use folder::Folder;

/// Writes records to files in a folder, exactly once.
///
/// ```
/// use spt_runtime::sinks::{FileSink, Lines};
/// let lines = FileSink::<Lines>::new("/var/data/counts");
/// ```
#[derive(Debug, Clone)]
pub struct FileSink<F = Lines> {
    folder: Folder,
    format: PhantomData<F>,
}

impl<F: FileFormat> FileSink<F> {
    /// Into this folder, which is made if it is not there.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: Folder::new(folder.into()), format: PhantomData }
    }
}

impl<F, T> Sink<T> for FileSink<F>
where
    T: Data,
    F: FileFormat + format::Encode<T>,
{
    type Writer = FileWriter<F>;
    type Committable = PendingFile;

    fn name(&self) -> &'static str {
        F::NAME
    }

    fn is_exactly_once(&self) -> bool {
        true
    }

    fn writer(&self, subtask: &Subtask) -> Result<FileWriter<F>> {
        let claim = claims::claim(self.folder.path(), subtask)?;
        Ok(FileWriter::new(self.folder.clone(), subtask, claim))
    }

    fn commit(&self, pending: &[PendingFile]) -> Result<()> {
        self.folder.commit(pending, "commit.rename")
    }

    fn recover(&self, start: &Start, pending: &[PendingFile]) -> Result<()> {
        self.folder.prepare(&start.job_id)?;
        self.folder.commit(pending, "restore.rename")?;
        failpoint("restore.before-abort")?;
        self.folder.abort(&start.job_id)
    }
}
