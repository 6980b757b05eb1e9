//! A source: a partitioned log in a folder. Every file in it is a partition, to which lines are appended for ever.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::Duration;

use spt_runtime::job::Subtask;
use spt_runtime::sources::{Poll, Source, SourceReader};
use spt_runtime::state::State;
use spt_runtime::{Error, Out, Result};

/// Bytes read between two polls.
const CHUNK_BYTES: u64 = 64 << 10;
/// How soon a log that has nothing new is looked at again.
const SILENCE: Duration = Duration::from_millis(20);

/// The log as the job's program names it. Nothing is opened yet.
#[derive(Debug, Clone)]
pub struct FolderLog {
    folder: PathBuf,
}

impl FolderLog {
    /// Of the partitions in this folder.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into() }
    }

    fn partitions(&self) -> Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in std::fs::read_dir(&self.folder).map_err(|error| cannot(&self.folder, error))? {
            names.push(entry?.file_name().to_string_lossy().into_owned());
        }
        names.sort();
        Ok(names)
    }
}

/// A partition, and the offset of the record to read next. It is state: it derives `State`.
#[derive(Debug, Clone, PartialEq, State)]
pub struct Partition {
    pub name: String,
    pub offset: u64,
}

impl Source for FolderLog {
    type Item = String;
    type Split = Partition;
    type Reader = LogReader;

    fn name(&self) -> &'static str {
        "folder-log"
    }

    fn is_replayable(&self) -> bool {
        true
    }

    fn discovery_interval(&self) -> Option<Duration> {
        Some(Duration::from_millis(100))
    }

    fn splits(&self, _parallelism: u32) -> Result<Vec<Partition>> {
        self.new_splits(&[])
    }

    fn new_splits(&self, known: &[Partition]) -> Result<Vec<Partition>> {
        let mut names = self.partitions()?;
        names.retain(|name| known.iter().all(|partition| partition.name != *name));
        Ok(names.into_iter().map(|name| Partition { name, offset: 0 }).collect())
    }

    fn reader(&self, _subtask: &Subtask, splits: Vec<Partition>) -> Result<LogReader> {
        Ok(LogReader { folder: self.folder.clone(), partitions: splits })
    }
}

/// Reads some partitions, in one subtask.
pub struct LogReader {
    folder: PathBuf,
    partitions: Vec<Partition>,
}

impl SourceReader for LogReader {
    type Item = String;
    type Split = Partition;

    fn poll(&mut self, out: &mut Out<'_, String>) -> Result<Poll> {
        let mut poll = Poll::Idle(SILENCE);
        for partition in &mut self.partitions {
            let records = whole_lines(&self.folder.join(&partition.name), partition.offset)?;
            for record in records.split_inclusive('\n').take(out.room() as usize) {
                out.emit(record.trim_end_matches(['\r', '\n']));
                partition.offset += record.len() as u64;
                poll = Poll::Ready;
            }
        }
        Ok(poll)
    }

    fn add_splits(&mut self, splits: Vec<Partition>) -> Result<()> {
        self.partitions.extend(splits);
        Ok(())
    }

    fn splits(&self) -> Vec<Partition> {
        self.partitions.clone()
    }
}

/// What is appended behind an offset, up to the last line that is whole.
fn whole_lines(path: &Path, offset: u64) -> Result<String> {
    let read = || {
        let mut file = File::open(path)?;
        file.seek(SeekFrom::Start(offset))?;
        let mut bytes = Vec::new();
        file.take(CHUNK_BYTES).read_to_end(&mut bytes)?;
        let end = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |place| place + 1);
        bytes.truncate(end);
        String::from_utf8(bytes).map_err(std::io::Error::other)
    };
    read().map_err(|error| cannot(path, error))
}

fn cannot(path: &Path, error: std::io::Error) -> Error {
    Error::failed(format!("{}: read failed", path.display())).caused_by(error)
}
