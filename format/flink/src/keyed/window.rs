//! A part of a source, read from front to back: what is needed next stands in one slice.
//!
//! ```text
//! source  ─────────┬───────────┬─────────────┬──────
//!         consumed │  buffer   │ not yet read│ another part
//!                  └ available ┘             end
//! ```
//!
//! Compressed parts are decompressed chunk by chunk on the way in.

use std::sync::Arc;

use spt_format::{Cursor, Error, ErrorKind, Location, ReadLimits, Result};

use crate::ReadAt;
use crate::snappy::Chunks;

/// Bytes that are read at once.
const READ_BYTES: u64 = 256 << 10;

pub(crate) struct Window {
    source: Arc<dyn ReadAt>,
    /// Where the next bytes come from, in the source.
    position: u64,
    end: u64,
    compressed: bool,
    /// What was read and not consumed stands from `consumed` to `filled`.
    buffer: Vec<u8>,
    consumed: usize,
    filled: usize,
    /// Bytes that were consumed and have left the buffer.
    gone: u64,
    start: u64,
    /// Where compressed streams begin, as [`Window::offset`] counts.
    streams: Vec<u64>,
    /// Nothing behind this place is read before it is needed.
    enough: u64,
}

impl Window {
    /// The bytes of `source` from `start` to `end`.
    pub(crate) fn new(source: Arc<dyn ReadAt>, start: u64, end: u64, compressed: bool) -> Self {
        let (buffer, streams) = (Vec::new(), Vec::new());
        Self {
            source,
            position: start,
            end,
            compressed,
            buffer,
            consumed: 0,
            filled: 0,
            gone: 0,
            start,
            streams,
            enough: end,
        }
    }

    /// What stands in the buffer.
    #[inline]
    pub(crate) fn available(&self) -> &[u8] {
        self.buffer.get(self.consumed..self.filled).unwrap_or_default()
    }

    /// What stands in the buffer, to be changed.
    #[inline]
    pub(crate) fn available_mut(&mut self) -> &mut [u8] {
        self.buffer.get_mut(self.consumed..self.filled).unwrap_or_default()
    }

    /// A cursor over what stands in the buffer. Its offsets are those of the source; of a compressed part
    /// those it would have uncompressed.
    pub(crate) fn cursor(&self) -> Cursor<'_> {
        Cursor::at(self.available(), self.offset())
    }

    /// Where the first available byte stands.
    pub(crate) fn offset(&self) -> u64 {
        self.start + self.gone + self.consumed as u64
    }

    /// Nothing is left to be read into the buffer.
    pub(crate) fn is_whole(&self) -> bool {
        self.position >= self.end
    }

    /// Steps over bytes that are available.
    #[inline]
    pub(crate) fn consume(&mut self, length: usize) {
        self.consumed = self.consumed.saturating_add(length).min(self.filled);
    }

    /// Steps over bytes, read or not.
    ///
    /// # Errors
    /// [`ErrorKind::Truncated`] if there are fewer.
    pub(crate) fn skip(&mut self, length: usize) -> Result<()> {
        let buffered = length.min(self.available().len());
        self.consume(buffered);
        let rest = (length - buffered) as u64;
        if rest == 0 {
            return Ok(());
        }
        if self.compressed {
            self.need(length - buffered, "entry")?;
            self.consume(length - buffered);
            return Ok(());
        }
        if self.end.saturating_sub(self.position) < rest {
            return Err(self.truncated("entry", rest));
        }
        self.position += rest;
        self.gone += rest;
        Ok(())
    }

    /// Steps forward to a place of the source, if it is not behind that already. What is needed of it probably
    /// ends at `enough`. Not for compressed parts.
    ///
    /// # Errors
    /// [`ErrorKind::Truncated`] if there is no such place.
    pub(crate) fn seek(&mut self, place: u64, enough: Option<u64>) -> Result<()> {
        self.enough = enough.unwrap_or(self.end);
        let distance = place.saturating_sub(self.offset());
        self.skip(usize::try_from(distance).unwrap_or(usize::MAX))
    }

    /// It is not known where what is needed ends.
    pub(crate) fn read_on(&mut self) {
        self.enough = self.end;
    }

    /// Steps behind everything that is left.
    pub(crate) fn leave(&mut self) {
        self.consume(usize::MAX);
        self.gone += self.end.saturating_sub(self.position);
        self.position = self.end;
    }

    /// Makes at least `length` bytes available.
    ///
    /// # Errors
    /// [`ErrorKind::Truncated`] if there are fewer.
    #[inline]
    pub(crate) fn need(&mut self, length: usize, what: &str) -> Result<()> {
        while self.available().len() < length {
            if !self.grow(length - self.available().len())? {
                return Err(self.truncated(what, length as u64));
            }
        }
        Ok(())
    }

    /// Reads more, `missing` bytes or a bit more where there are so many; `false` at the end.
    ///
    /// # Errors
    /// Those of the source, and of damaged compression.
    pub(crate) fn grow(&mut self, missing: usize) -> Result<bool> {
        if self.is_whole() {
            return Ok(false);
        }
        self.gone += self.consumed as u64;
        self.buffer.copy_within(self.consumed..self.filled, 0);
        (self.consumed, self.filled) = (0, self.filled - self.consumed);
        if self.compressed {
            let mut chunks = Chunks::new(&*self.source, self.position, self.end);
            let chunk = chunks.next_chunk()?.unwrap_or_default();
            self.position = chunks.position();
            if chunks.began() {
                self.streams.push(self.start + self.gone + self.filled as u64);
            }
            self.space(chunk.len()).copy_from_slice(&chunk);
            self.filled += chunk.len();
            return Ok(true);
        }
        let ahead = match self.enough.saturating_sub(self.position) {
            0 => READ_BYTES,
            near => READ_BYTES.min(near),
        };
        let length = ahead.max(missing as u64).min(self.end - self.position);
        let (source, position) = (Arc::clone(&self.source), self.position);
        let bytes = usize::try_from(length).unwrap_or(usize::MAX);
        source.read_into(position, self.space(bytes))?;
        self.filled += bytes;
        self.position += length;
        Ok(true)
    }

    /// Reads all there is, unless it is more than `limit` bytes; `false` then.
    ///
    /// # Errors
    /// As [`Window::grow`].
    pub(crate) fn fill(&mut self, limit: usize) -> Result<bool> {
        self.read_on();
        while self.available().len() <= limit && self.grow(1)? {}
        Ok(self.is_whole() && self.available().len() <= limit)
    }

    /// Where compressed streams begin behind the first available byte, counted from it; `None` if nothing is
    /// compressed.
    pub(crate) fn streams(&self) -> Option<Vec<usize>> {
        let offset = self.offset();
        let behind = self.streams.iter().filter_map(|stream| stream.checked_sub(offset).filter(|at| *at > 0));
        self.compressed.then(|| behind.filter_map(|at| usize::try_from(at).ok()).collect())
    }

    /// Room for so many bytes behind what was read.
    fn space(&mut self, length: usize) -> &mut [u8] {
        let end = self.filled.saturating_add(length);
        if self.buffer.len() < end {
            self.buffer.resize(end, 0);
        }
        self.buffer.get_mut(self.filled..end).unwrap_or_default()
    }

    /// Reads a value that says itself where it ends, with as much in the buffer as that takes.
    ///
    /// `read` is called again with more bytes while it runs out of them.
    ///
    /// # Errors
    /// Those of `read`, and [`ErrorKind::LimitExceeded`] for a value of more than `limit` bytes.
    pub(crate) fn read<T>(
        &mut self,
        limit: u64,
        mut read: impl FnMut(&mut Cursor<'_>) -> Result<T>,
    ) -> Result<T> {
        loop {
            let mut cursor = self.cursor();
            match read(&mut cursor) {
                Ok(value) => {
                    let length = cursor.position();
                    self.consume(length);
                    return Ok(value);
                }
                Err(error) if ran_out(&error) && !self.is_whole() => {
                    let length = self.available().len();
                    ReadLimits::check("bytes of a value", length as u64, limit)?;
                    self.grow(length)?;
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Nothing may be left.
    ///
    /// # Errors
    /// [`ErrorKind::TrailingBytes`] if something is.
    pub(crate) fn end(&self, what: &str) -> Result<()> {
        let count = self.available().len() as u64 + self.end.saturating_sub(self.position);
        match count {
            0 => Ok(()),
            count => Err(self.error(ErrorKind::TrailingBytes { what: what.to_owned(), count })),
        }
    }

    /// An error at the first available byte.
    pub(crate) fn error(&self, kind: ErrorKind) -> Error {
        Error::new(kind, Location::byte(self.offset()))
    }

    fn truncated(&self, what: &str, needed: u64) -> Error {
        let left = self.available().len() as u64 + self.end.saturating_sub(self.position);
        self.error(ErrorKind::Truncated { what: what.to_owned(), needed, left })
    }
}

/// A reader of too few bytes says so, or that a count cannot be true.
fn ran_out(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Truncated { .. } | ErrorKind::ImpossibleCount { .. })
}
