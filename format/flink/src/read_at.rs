//! Bytes that can be read at any place: a file, a segment of a merged file, or state inside `_metadata`.

use bytes::Bytes;
use spt_format::{Error, ErrorKind, Location, Result};

/// Random access to a run of bytes whose length is known.
///
/// Readers of large state ask for small ranges, so that memory follows the range and not the file.
pub trait ReadAt: Send + Sync {
    /// Length, in bytes.
    fn size(&self) -> u64;

    /// Exactly `length` bytes from `offset`, counted from the start of the run.
    ///
    /// # Errors
    /// [`ErrorKind::Truncated`] if the range leaves the run; whatever the storage reports.
    fn read_at(&self, offset: u64, length: usize) -> Result<Bytes>;

    /// The bytes from `offset` on, as many as fill `buffer`.
    ///
    /// # Errors
    /// As [`ReadAt::read_at`].
    fn read_into(&self, offset: u64, buffer: &mut [u8]) -> Result<()> {
        buffer.copy_from_slice(&self.read_at(offset, buffer.len())?);
        Ok(())
    }
}

impl ReadAt for Bytes {
    fn size(&self) -> u64 {
        self.len() as u64
    }

    fn read_at(&self, offset: u64, length: usize) -> Result<Bytes> {
        let start = usize::try_from(offset).ok().filter(|&start| start <= self.len());
        let range = start.and_then(|start| Some(start..start.checked_add(length)?));
        match range.filter(|range| range.end <= self.len()) {
            Some(range) => Ok(self.slice(range)),
            None => Err(out_of_range(offset, length, self.size())),
        }
    }
}

/// The error of a range that leaves a run of `size` bytes.
pub(crate) fn out_of_range(offset: u64, length: usize, size: u64) -> Error {
    let kind = ErrorKind::Truncated {
        what: "a range of this file".into(),
        needed: length as u64,
        left: size.saturating_sub(offset),
    };
    Error::new(kind, Location::byte(offset))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_ranges_that_leave_the_bytes() {
        let bytes = Bytes::from_static(b"0123456789");
        assert_eq!(bytes.read_at(8, 2).unwrap(), "89");
        assert_eq!(bytes.read_at(10, 0).unwrap(), "");
        for (offset, length) in [(9, 2), (11, 0), (u64::MAX, 1), (1, usize::MAX)] {
            assert!(matches!(bytes.read_at(offset, length).unwrap_err().kind(), ErrorKind::Truncated { .. }));
        }
    }
}
