//! The files of one subtask.

use std::fs::File;
use std::io::Write;
use std::marker::PhantomData;
use std::time::Instant;

use spt_format::failpoint;

use super::claims::Claim;
use super::folder::{Folder, PendingFile, pending_prefix, visible_prefix, writing_prefix};
use super::formats::{Encoder, FileFormat};
use super::rolling::Rolling;
use crate::data::Data;
use crate::error::Result;
use crate::job::Subtask;
use crate::sinks::SinkWriter;

/// Bytes kept in memory before they are written.
const BUFFER_BYTES: usize = 256 << 10;
/// Records between two looks at the size of a file.
const LOOK: u64 = 256;

/// Writes the records of one subtask: at least a file for each barrier that finds some.
pub struct FileWriter<T: Data, F: FileFormat<T>> {
    folder: Folder,
    subtask: Subtask,
    rolling: Rolling,
    encoder: F::Encoder,
    /// The file that records go to; begun by the first, so that there are no empty files.
    part: Option<Part>,
    /// Bytes of that file that are not written yet.
    buffer: Vec<u8>,
    /// Files that are whole and durable, and in no checkpoint yet.
    whole: Vec<Whole>,
    /// Files begun so far.
    begun: u64,
    _claim: Claim,
    records: PhantomData<fn(T)>,
}

/// A file that records go to.
#[derive(Debug)]
struct Part {
    name: String,
    /// Made once there are bytes for it.
    file: Option<File>,
    since: Instant,
    records: u64,
    written: u64,
}

/// A file that is finished.
#[derive(Debug)]
struct Whole {
    name: String,
    bytes: u64,
}

impl<T: Data, F: FileFormat<T>> std::fmt::Debug for FileWriter<T, F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FileWriter")
            .field("part", &self.part)
            .field("whole", &self.whole)
            .finish_non_exhaustive()
    }
}

impl<T: Data, F: FileFormat<T>> FileWriter<T, F> {
    pub(super) fn new(
        folder: Folder,
        subtask: &Subtask,
        rolling: Rolling,
        encoder: F::Encoder,
        claim: Claim,
    ) -> Self {
        Self {
            folder,
            subtask: subtask.clone(),
            rolling,
            encoder,
            part: None,
            buffer: Vec::new(),
            whole: Vec::new(),
            begun: 0,
            _claim: claim,
            records: PhantomData,
        }
    }

    fn begin(&mut self) -> Part {
        let Subtask { job_id, attempt, index, .. } = &self.subtask;
        let name = format!("{}{attempt}-{index:05}-{:05}", writing_prefix(job_id), self.begun);
        self.begun += 1;
        Part { name, file: None, since: Instant::now(), records: 0, written: 0 }
    }

    fn pending_name(&self, checkpoint: u64, place: usize) -> String {
        let Subtask { job_id, attempt, index, .. } = &self.subtask;
        format!("{}{attempt}-{checkpoint:010}-{index:05}-{place:05}", pending_prefix(job_id))
    }

    fn visible_name(&self, checkpoint: u64, place: usize) -> String {
        let Subtask { job_id, attempt, index, .. } = &self.subtask;
        format!("{}{checkpoint:010}-{index:05}-{place:05}-{attempt}.{}", visible_prefix(job_id), F::EXTENSION)
    }

    fn write_buffer(&mut self) -> Result<()> {
        let Some(part) = &mut self.part else { return Ok(()) };
        let cannot = |action, error| self.folder.cannot(action, error);
        let file = match &mut part.file {
            Some(file) => file,
            None => {
                let path = self.folder.path().join(&part.name);
                part.file.insert(File::create(path).map_err(|error| cannot("create a file", error))?)
            }
        };
        file.write_all(&self.buffer).map_err(|error| cannot("write", error))?;
        part.written += self.buffer.len() as u64;
        self.buffer.clear();
        Ok(())
    }

    /// Ends the file if it is large or old enough.
    fn roll_if_due(&mut self) -> Result<()> {
        let Some(part) = &self.part else { return Ok(()) };
        let in_memory = self.buffer.len() + self.encoder.held_bytes();
        if self.rolling.is_due(part.written + in_memory as u64, part.since) { self.roll() } else { Ok(()) }
    }

    /// Ends the file, if there is one, and makes it durable.
    fn roll(&mut self) -> Result<()> {
        if self.part.is_none() {
            return Ok(());
        }
        self.encoder.finish(&mut self.buffer)?;
        self.write_buffer()?;
        if let Some(Part { name, file: Some(file), written: bytes, .. }) = self.part.take() {
            file.sync_all().map_err(|error| self.folder.cannot("sync", error))?;
            self.whole.push(Whole { name, bytes });
        }
        Ok(())
    }

    fn make_pending(&self, file: &Whole, checkpoint: u64, place: usize) -> Result<PendingFile> {
        if place > 0 {
            failpoint("sink.between-renames")?;
        }
        let pending = self.pending_name(checkpoint, place);
        let renamed = self.folder.rename(&file.name, &pending);
        renamed.map_err(|error| self.folder.cannot("rename", error))?;
        Ok(PendingFile { pending, visible: self.visible_name(checkpoint, place), bytes: file.bytes })
    }
}

impl<T: Data, F: FileFormat<T>> SinkWriter<T> for FileWriter<T, F> {
    type Committable = PendingFile;

    fn write(&mut self, record: T::Ref<'_>) -> Result<()> {
        if self.part.is_none() {
            self.part = Some(self.begin());
        }
        self.encoder.append(record, &mut self.buffer)?;
        if self.buffer.len() >= BUFFER_BYTES {
            self.write_buffer()?;
        }
        let Some(part) = &mut self.part else { return Ok(()) };
        part.records += 1;
        if part.records.is_multiple_of(LOOK) { self.roll_if_due() } else { Ok(()) }
    }

    /// Nothing becomes visible before it is committed; but files grow old.
    fn flush(&mut self) -> Result<()> {
        self.roll_if_due()
    }

    fn prepare(&mut self, checkpoint: u64) -> Result<Vec<PendingFile>> {
        self.roll()?;
        let whole = std::mem::take(&mut self.whole);
        let pending =
            whole.iter().enumerate().map(|(place, file)| self.make_pending(file, checkpoint, place));
        let pending = pending.collect::<Result<Vec<_>>>()?;
        if !pending.is_empty() {
            self.folder.sync()?;
        }
        Ok(pending)
    }
}
