//! Small ranges of a large stream that come one after the other, read in large pieces.

use bytes::Bytes;
use spt_format::{ReadLimits, Result};

use crate::files::StateStream;
use crate::read_at::ReadAt;

/// Bytes read at once.
const PIECE: u64 = 1 << 20;

/// A stream and the piece of it that was read last.
pub(super) struct Window {
    stream: StateStream,
    start: u64,
    piece: Bytes,
}

impl Window {
    pub(super) fn new(stream: StateStream) -> Self {
        Self { stream, start: 0, piece: Bytes::new() }
    }

    pub(super) fn stream(&self) -> &StateStream {
        &self.stream
    }

    /// The bytes from `start` to `end`, which are one value.
    ///
    /// # Errors
    /// If they are more than a value may have, or leave the stream.
    pub(super) fn range(&mut self, start: u64, end: u64, limits: &ReadLimits) -> Result<Bytes> {
        let length = end.saturating_sub(start);
        ReadLimits::check("size of a value", length, limits.value_bytes)?;
        if let Some(bytes) = self.inside(start, length) {
            return Ok(bytes);
        }
        let piece = PIECE.min(self.stream.size().saturating_sub(start)).max(length);
        self.piece = self.stream.read_at(start, usize::try_from(piece).unwrap_or(usize::MAX))?;
        self.start = start;
        Ok(self.inside(start, length).unwrap_or_default())
    }

    fn inside(&self, start: u64, length: u64) -> Option<Bytes> {
        let from = usize::try_from(start.checked_sub(self.start)?).ok()?;
        let to = from.checked_add(usize::try_from(length).ok()?)?;
        (to <= self.piece.len()).then(|| self.piece.slice(from..to))
    }
}
