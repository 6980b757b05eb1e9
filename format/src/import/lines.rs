//! Lines of text from a file, one at a time and none longer than a limit.

use std::io::{BufRead, Read};

use crate::error::{Error, Result, ResultExt};
use crate::limits::ReadLimits;

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Reads line by line and counts.
pub(super) struct Lines<R> {
    reader: R,
    limit_bytes: u64,
    /// Lines read so far.
    count: u64,
}

impl<R: BufRead> Lines<R> {
    pub(super) fn new(reader: R, limits: &ReadLimits) -> Self {
        Self { reader, limit_bytes: limits.block_bytes, count: 0 }
    }

    /// The number of the line read last; the first is 1.
    pub(super) fn number(&self) -> u64 {
        self.count
    }

    /// Appends the next line, its end included; `false` at the end of the file.
    ///
    /// # Errors
    /// If the file cannot be read, or `line` would become longer than the limit.
    pub(super) fn append(&mut self, line: &mut Vec<u8>) -> Result<bool> {
        let room = (self.limit_bytes + 1).saturating_sub(line.len() as u64);
        let read = self.reader.by_ref().take(room).read_until(b'\n', line);
        let read = read.map_err(|error| Error::io("read", crate::Location::default(), error))?;
        if read == 0 {
            return Ok(false);
        }
        self.count += 1;
        ReadLimits::check("length of a line", line.len() as u64, self.limit_bytes)
            .within(|| place(self.count))?;
        if self.count == 1 && line.starts_with(BYTE_ORDER_MARK) {
            line.drain(..BYTE_ORDER_MARK.len());
        }
        Ok(true)
    }
}

/// How a line is named in errors.
pub(super) fn place(number: u64) -> String {
    format!("line {number}")
}
