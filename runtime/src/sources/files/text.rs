//! Files of text, read in pieces: what lines, NDJSON and CSV have in common.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use super::folder::cannot;
use super::{FilePosition, OpenFile, Tally};
use crate::data::Data;
use crate::error::{Error, Result};
use crate::operators::Out;
use crate::sources::records::{RecordEnd, Records};

/// Bytes read at once.
const CHUNK_BYTES: usize = 64 << 10;

/// Makes records of one file out of their text.
pub trait Decoder: Send {
    /// What they become.
    type Item: Data;

    /// Takes the text of a record that begins on this line, counted from 1; it may be emitted later.
    ///
    /// # Errors
    /// If it is malformed and must not be.
    fn take(
        &mut self,
        line: u64,
        text: &[u8],
        tally: &mut Tally,
        out: &mut Out<'_, Self::Item>,
    ) -> Result<()>;

    /// Emits what was taken and is not emitted yet.
    ///
    /// # Errors
    /// As [`Decoder::take`].
    fn flush(&mut self, tally: &mut Tally, out: &mut Out<'_, Self::Item>) -> Result<()> {
        let _ = (tally, out);
        Ok(())
    }
}

/// A file of text that is being read.
pub struct TextFile<D> {
    file: File,
    records: Records,
    decoder: D,
    chunk: Vec<u8>,
}

impl<D> TextFile<D> {
    /// Opens a file at a position.
    pub(super) fn open(position: &FilePosition, end: RecordEnd, decoder: D) -> Result<Self> {
        let path = Path::new(&position.path);
        let mut file = File::open(path).map_err(|error| cannot("open", path, error))?;
        check(&mut file, position)?;
        file.seek(SeekFrom::Start(position.offset)).map_err(|error| cannot("read", path, error))?;
        Ok(Self { file, records: Records::ending(end), decoder, chunk: vec![0; CHUNK_BYTES] })
    }
}

/// Spreadsheets mark UTF-8 by three bytes in front of it.
pub(super) fn without_mark(text: &[u8]) -> &[u8] {
    text.strip_prefix("\u{feff}".as_bytes()).unwrap_or(text)
}

/// The first record of a file; `None` if the file is empty.
pub(super) fn first_record(name: &str, end: RecordEnd) -> Result<Option<Vec<u8>>> {
    let path = Path::new(name);
    let mut file = File::open(path).map_err(|error| cannot("open", path, error))?;
    let (mut records, mut chunk) = (Records::ending(end), vec![0; CHUNK_BYTES]);
    loop {
        let read = file.read(&mut chunk).map_err(|error| cannot("read", path, error))?;
        records.push(chunk.get(..read).unwrap_or_default());
        if let Some(record) = records.take_one() {
            return Ok(Some(record));
        }
        records.check().map_err(|error| below(name, 0, &error))?;
        if read == 0 {
            let mut rest = None;
            records.take_rest(|record| {
                rest = Some(record.to_vec());
                Ok(())
            })?;
            return Ok(rest);
        }
    }
}

/// Refuses a file that cannot be the one in which this position was noted.
fn check(file: &mut File, position: &FilePosition) -> Result<()> {
    let path = Path::new(&position.path);
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

impl<D: Decoder> OpenFile for TextFile<D> {
    type Item = D::Item;

    fn read(
        &mut self,
        position: &mut FilePosition,
        tally: &mut Tally,
        out: &mut Out<'_, D::Item>,
    ) -> Result<bool> {
        let Self { file, records, decoder, chunk } = self;
        let path = Path::new(&position.path);
        let mut is_end = false;
        if !records.has_more() {
            let read = file.read(chunk).map_err(|error| cannot("read", path, error))?;
            records.push(chunk.get(..read).unwrap_or_default());
            is_end = read == 0;
        }
        let (mut lines, room) = (position.lines, out.room());
        let each = |record: &[u8]| {
            let line = lines + 1;
            lines = line + memchr::memchr_iter(b'\n', record).count() as u64;
            let text = if line == 1 { without_mark(record) } else { record };
            decoder.take(line, text, tally, out)
        };
        let bytes = if is_end { records.take_rest(each)? } else { records.take(room, each)? };
        decoder.flush(tally, out)?;
        records.check().map_err(|error| below(&position.path, lines, &error))?;
        position.lines = lines;
        position.offset += bytes as u64;
        Ok(!is_end)
    }
}

/// The error of a record that never ends.
fn below(path: &str, lines: u64, error: &Error) -> Error {
    Error::failed(format!("{path}, line {}: {error}", lines + 1))
}
