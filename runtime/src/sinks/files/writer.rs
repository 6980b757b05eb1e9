//! The files of one subtask.

use std::fs::File;
use std::io::Write;
use std::marker::PhantomData;

use super::claims::Claim;
use super::folder::{Folder, PendingFile, pending_prefix, writing_prefix};
use super::format::{Encode, FileFormat};
use crate::data::Data;
use crate::error::Result;
use crate::job::Subtask;
use crate::sinks::SinkWriter;

/// Bytes kept in memory before they are written.
const BUFFER_BYTES: usize = 256 << 10;

/// Writes the records of one subtask, a file for each barrier that finds some.
#[derive(Debug)]
pub struct FileWriter<F> {
    folder: Folder,
    subtask: Subtask,
    /// Where records go; opened by the first one, so that there are no empty files.
    file: Option<File>,
    /// Bytes of the file, those in memory included.
    length: u64,
    buffer: String,
    _claim: Claim,
    format: PhantomData<F>,
}

impl<F: FileFormat> FileWriter<F> {
    pub(super) fn new(folder: Folder, subtask: &Subtask, claim: Claim) -> Self {
        let buffer = String::with_capacity(BUFFER_BYTES);
        let subtask = subtask.clone();
        Self { folder, subtask, file: None, length: 0, buffer, _claim: claim, format: PhantomData }
    }

    fn writing_name(&self) -> String {
        let Subtask { job_id, attempt, index, .. } = &self.subtask;
        format!("{}{attempt:06}-{index:05}", writing_prefix(job_id))
    }

    fn pending_name(&self, checkpoint: u64) -> String {
        let Subtask { job_id, attempt, index, .. } = &self.subtask;
        format!("{}{attempt:06}-{index:05}-{checkpoint:010}", pending_prefix(job_id))
    }

    fn visible_name(&self, checkpoint: u64) -> String {
        let Subtask { job_id, index, .. } = &self.subtask;
        let job = job_id.get(..8).unwrap_or(job_id);
        format!("part-{job}-{checkpoint:010}-{index:05}.{}", F::EXTENSION)
    }

    fn write_buffer(&mut self) -> Result<()> {
        let path = self.folder.path().join(self.writing_name());
        let file = match &mut self.file {
            Some(file) => file,
            None => {
                let created =
                    File::create(path).map_err(|error| self.folder.cannot("create a file", error))?;
                self.file.insert(created)
            }
        };
        file.write_all(self.buffer.as_bytes()).map_err(|error| self.folder.cannot("write", error))?;
        self.length += self.buffer.len() as u64;
        self.buffer.clear();
        Ok(())
    }
}

impl<F, T> SinkWriter<T> for FileWriter<F>
where
    T: Data,
    F: FileFormat + Encode<T>,
{
    type Committable = PendingFile;

    fn write(&mut self, record: T::Ref<'_>) -> Result<()> {
        F::encode(record, &mut self.buffer)?;
        if self.buffer.len() >= BUFFER_BYTES { self.write_buffer() } else { Ok(()) }
    }

    /// Nothing becomes visible before it is committed.
    fn flush(&mut self) -> Result<()> {
        Ok(())
    }

    fn prepare(&mut self, checkpoint: u64) -> Result<Vec<PendingFile>> {
        if !self.buffer.is_empty() {
            self.write_buffer()?;
        }
        let Some(file) = self.file.take() else { return Ok(Vec::new()) };
        file.sync_all().map_err(|error| self.folder.cannot("sync", error))?;
        let pending = PendingFile {
            pending: self.pending_name(checkpoint),
            visible: self.visible_name(checkpoint),
            bytes: std::mem::take(&mut self.length),
        };
        let renamed = self.folder.rename(&self.writing_name(), &pending.pending);
        renamed.map_err(|error| self.folder.cannot("rename", error))?;
        self.folder.sync()?;
        Ok(vec![pending])
    }
}
