//! Lines of text files.

use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use super::lines::Lines;
use super::{Poll, Source, SourceReader};
use crate::error::{Error, Result};
use crate::job::Subtask;
use crate::operators::Out;
use crate::state::State;

/// Bytes read between two polls of the runtime.
const CHUNK_BYTES: usize = 64 << 10;

/// The lines of a file, or of every file directly in a folder, each file read by one subtask.
///
/// Files whose names begin with `.` or `_` are hidden, as in Flink. Replayable: a position is the byte at which
/// the next line begins. A file that has become shorter than that, or whose line now begins elsewhere, is not
/// the file that was read, and the restore is refused.
#[derive(Debug, Clone)]
pub struct TextFiles {
    path: PathBuf,
}

/// A file and how far it has been read.
#[derive(Debug, Clone, PartialEq, Eq, State)]
pub struct FilePosition {
    /// The file.
    pub path: String,
    /// The byte at which the next line begins.
    pub offset: u64,
}

impl TextFiles {
    /// The lines of this file, or of the files in this folder.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// The files that are there now, ordered by name.
    fn files(&self) -> Result<Vec<String>> {
        let failed = |error| cannot("read", &self.path, error);
        if !fs::metadata(&self.path).map_err(failed)?.is_dir() {
            return Ok(vec![text_of(&self.path)?]);
        }
        let mut files = Vec::new();
        for entry in fs::read_dir(&self.path).map_err(failed)? {
            let path = entry.map_err(failed)?.path();
            if path.is_file() && !is_hidden(&path) {
                files.push(text_of(&path)?);
            }
        }
        files.sort();
        Ok(files)
    }
}

fn is_hidden(path: &Path) -> bool {
    path.file_name().is_some_and(|name| matches!(name.as_encoded_bytes().first(), Some(b'.' | b'_')))
}

/// A position in a savepoint is text, so that people can read it.
fn text_of(path: &Path) -> Result<String> {
    let text = path.to_str().map(str::to_owned);
    text.ok_or_else(|| Error::refused(format!("{}: the name is not UTF-8", path.display())))
}

fn cannot(action: &str, path: &Path, error: std::io::Error) -> Error {
    Error::failed(format!("{}: {action} failed", path.display())).caused_by(error)
}

impl Source for TextFiles {
    type Item = String;
    type Split = FilePosition;
    type Reader = TextFilesReader;

    fn name(&self) -> &'static str {
        "text-files"
    }

    fn is_replayable(&self) -> bool {
        true
    }

    fn splits(&self, _: u32) -> Result<Vec<FilePosition>> {
        Ok(self.files()?.into_iter().map(|path| FilePosition { path, offset: 0 }).collect())
    }

    fn new_splits(&self, known: &[FilePosition]) -> Result<Vec<FilePosition>> {
        known.iter().try_for_each(check)?;
        let mut new = self.files()?;
        new.retain(|path| known.iter().all(|file| file.path != *path));
        Ok(new.into_iter().map(|path| FilePosition { path, offset: 0 }).collect())
    }

    fn reader(&self, _: &Subtask, splits: Vec<FilePosition>) -> Result<TextFilesReader> {
        Ok(TextFilesReader { done: 0, splits, open: None, chunk: vec![0; CHUNK_BYTES] })
    }
}

/// Refuses a file that cannot be the one in which this position was noted.
fn check(position: &FilePosition) -> Result<()> {
    let path = Path::new(&position.path);
    let mut file = File::open(path).map_err(|error| cannot("open", path, error))?;
    let length = file.metadata().map_err(|error| cannot("read", path, error))?.len();
    if length < position.offset {
        return Err(Error::refused(format!(
            "{}: {length} bytes long, but {} bytes of it had been read: it was truncated or replaced",
            position.path, position.offset
        )));
    }
    if position.offset == 0 || position.offset == length {
        return Ok(());
    }
    let mut before = [0];
    file.seek(SeekFrom::Start(position.offset - 1))
        .and_then(|_| file.read_exact(&mut before))
        .map_err(|error| cannot("read", path, error))?;
    match before {
        [b'\n'] => Ok(()),
        _ => Err(Error::refused(format!(
            "{}: no line begins at byte {}, up to which it had been read: it was replaced",
            position.path, position.offset
        ))),
    }
}

/// Reads files one after the other.
#[derive(Debug)]
pub struct TextFilesReader {
    splits: Vec<FilePosition>,
    /// How many of them are read to their ends.
    done: usize,
    open: Option<OpenFile>,
    chunk: Vec<u8>,
}

#[derive(Debug)]
struct OpenFile {
    file: File,
    lines: Lines,
}

impl OpenFile {
    fn at(position: &FilePosition) -> Result<Self> {
        let path = Path::new(&position.path);
        let mut file = File::open(path).map_err(|error| cannot("open", path, error))?;
        file.seek(SeekFrom::Start(position.offset)).map_err(|error| cannot("read", path, error))?;
        Ok(Self { file, lines: Lines::default() })
    }
}

impl SourceReader for TextFilesReader {
    type Item = String;
    type Split = FilePosition;

    fn poll(&mut self, out: &mut Out<'_, String>) -> Result<Poll> {
        let Some(position) = self.splits.get_mut(self.done) else { return Ok(Poll::End) };
        let open = match &mut self.open {
            Some(open) => open,
            None => self.open.insert(OpenFile::at(position)?),
        };
        let read = open.file.read(&mut self.chunk);
        let read = read.map_err(|error| cannot("read", Path::new(&position.path), error))?;
        if read == 0 {
            position.offset += open.lines.take_rest(|line| out.emit(line)) as u64;
            self.open = None;
            self.done += 1;
        } else {
            open.lines.push(self.chunk.get(..read).unwrap_or_default());
            position.offset += open.lines.take(|line| out.emit(line))? as u64;
        }
        Ok(Poll::Ready)
    }

    fn splits(&self) -> Vec<FilePosition> {
        self.splits.clone()
    }
}
