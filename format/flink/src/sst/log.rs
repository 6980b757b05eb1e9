//! The record framing of RocksDB's logs: `MANIFEST` and write-ahead logs.
//!
//! ```text
//! file     blocks of 32 KiB
//! block    fragments, then zeros where no header fits
//! fragment u32 checksum, u16 length, u8 kind [u32 log number], bytes
//! ```
//!
//! A record is one whole fragment, or a first, any middle and a last one. The checksum is a masked CRC-32C
//! from the kind on. Recyclable kinds carry the number of the log they were written for.

use std::sync::Arc;

use bytes::Bytes;
use spt_format::{Cursor, Error, ErrorKind, Location, ReadLimits, Result};

use super::checksum::mask;
use crate::ReadAt;

const BLOCK_BYTES: u64 = 32 * 1024;
const HEADER_BYTES: usize = 7;

/// Where in its record a fragment stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Whole,
    First,
    Middle,
    Last,
}

/// Reads the records of one log, one after the other. Memory: one block and one record.
pub struct LogReader {
    input: Arc<dyn ReadAt>,
    block: Bytes,
    /// Where `block` begins, in bytes from the start of the file.
    block_offset: u64,
    position: usize,
    limit_bytes: u64,
}

impl LogReader {
    /// Stands before the first record.
    pub fn new(input: Arc<dyn ReadAt>, limits: &ReadLimits) -> Self {
        let limit_bytes = limits.metadata_bytes;
        Self { input, block: Bytes::new(), block_offset: 0, position: 0, limit_bytes }
    }

    /// The next record.
    ///
    /// # Errors
    /// [`ErrorKind::ChecksumMismatch`] or [`ErrorKind::Truncated`] if it is damaged,
    /// [`ErrorKind::Invalid`] if fragments do not follow each other, [`ErrorKind::LimitExceeded`].
    pub fn next_record(&mut self) -> Result<Option<Vec<u8>>> {
        let mut record: Option<Vec<u8>> = None;
        while let Some((part, bytes)) = self.next_fragment()? {
            match (part, &mut record) {
                (Part::Whole | Part::First, None) => record = Some(bytes.to_vec()),
                (Part::Middle | Part::Last, Some(record)) => record.extend_from_slice(&bytes),
                (part, _) => return Err(self.invalid(format!("a {part:?} fragment is out of place"))),
            }
            let length = record.as_ref().map_or(0, Vec::len) as u64;
            ReadLimits::check("log record", length, self.limit_bytes)?;
            if matches!(part, Part::Whole | Part::Last) {
                return Ok(record);
            }
        }
        match record {
            None => Ok(None),
            Some(_) => Err(self.invalid("the last record has no end")),
        }
    }

    fn next_fragment(&mut self) -> Result<Option<(Part, Bytes)>> {
        loop {
            if self.block.len() - self.position < HEADER_BYTES {
                self.skip_zeros()?;
                if !self.next_block()? {
                    return Ok(None);
                }
                continue;
            }
            let offset = self.block_offset + self.position as u64;
            let rest = self.block.slice(self.position..);
            let mut cursor = Cursor::at(&rest, offset);
            let checksum = cursor.u32_le()?;
            let length = usize::from(cursor.u16_le()?);
            let kind = cursor.clone().u8()?;
            if kind == 0 && length == 0 && checksum == 0 {
                self.skip_zeros()?;
                continue;
            }
            let covered = cursor.take(length + header_rest(kind), "log fragment")?;
            verify(covered, checksum, offset)?;
            self.position += cursor.position();
            match part(kind, &cursor)? {
                Some(part) => {
                    let start = cursor.position() - length;
                    return Ok(Some((part, rest.slice(start..cursor.position()))));
                }
                None => continue,
            }
        }
    }

    fn next_block(&mut self) -> Result<bool> {
        self.block_offset += self.block.len() as u64;
        let left = self.input.size().saturating_sub(self.block_offset);
        let length = usize::try_from(left.min(BLOCK_BYTES)).unwrap_or_default();
        self.block = self.input.read_at(self.block_offset, length)?;
        self.position = 0;
        Ok(length > 0)
    }

    /// The rest of the block holds nothing.
    fn skip_zeros(&mut self) -> Result<()> {
        let rest = self.block.get(self.position..).unwrap_or_default();
        if rest.iter().any(|&byte| byte != 0) {
            return Err(self.invalid("bytes follow the last fragment of a block"));
        }
        self.position = self.block.len();
        Ok(())
    }

    fn invalid(&self, what: impl Into<String>) -> Error {
        let at = Location::byte(self.block_offset + self.position as u64);
        Error::new(ErrorKind::Invalid { what: what.into() }, at)
    }
}

/// What the checksum covers besides the content: the kind and, of recyclable kinds, the log number.
fn header_rest(kind: u8) -> usize {
    if matches!(kind, 5..=8) { 5 } else { 1 }
}

fn verify(covered: &[u8], stored: u32, offset: u64) -> Result<()> {
    let computed = mask(crc32c::crc32c(covered));
    if computed == stored {
        return Ok(());
    }
    let (found, expected) = (format!("{computed:08x}"), format!("{stored:08x}"));
    Err(Error::new(ErrorKind::ChecksumMismatch { found, expected }, Location::byte(offset)))
}

/// What a kind means; `None` for those a reader may skip.
fn part(kind: u8, cursor: &Cursor<'_>) -> Result<Option<Part>> {
    Ok(Some(match kind {
        1 | 5 => Part::Whole,
        2 | 6 => Part::First,
        3 | 7 => Part::Middle,
        4 | 8 => Part::Last,
        128.. => return Ok(None),
        9 => return Err(cursor.error(ErrorKind::Unsupported { what: "a compressed log".into() })),
        other => {
            return Err(cursor.error(ErrorKind::Unsupported { what: format!("log fragment kind {other}") }));
        }
    }))
}

#[cfg(test)]
mod tests {
    use super::super::testing::log;
    use super::*;

    fn read(bytes: Vec<u8>) -> Result<Vec<Vec<u8>>> {
        let mut reader = LogReader::new(Arc::new(Bytes::from(bytes)), &ReadLimits::default());
        std::iter::from_fn(|| reader.next_record().transpose()).collect()
    }

    #[test]
    fn joins_fragments_over_blocks() {
        let records = [vec![1; 10], vec![2; 70_000], vec![3; 32_768 - 7], vec![], vec![4; 5]];
        assert_eq!(read(log(&records)).unwrap(), records);
        assert_eq!(read(log(&[])).unwrap(), Vec::<Vec<u8>>::new());
    }

    #[test]
    fn notices_every_flipped_bit() {
        let bytes = log(&[b"one".to_vec(), b"two".to_vec()]);
        for bit in 0..bytes.len() * 8 {
            let mut damaged = bytes.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert!(read(damaged).is_err(), "bit {bit}");
        }
    }

    #[test]
    fn notices_a_cut_inside_a_record() {
        let bytes = log(&[vec![7; 40_000]]);
        for length in [3, 20, 32_768, 32_771, 35_000] {
            assert!(read(bytes[..length].to_vec()).is_err(), "{length}");
        }
    }
}
