//! Snappy's framing format, in which Flink compresses state when `snapshot-compression` is on.
//!
//! ```text
//! FF 06 00 00 "sNaPpY"                              begins a stream, and may come again
//! 00 | u24 LE length | u32 LE checksum | raw Snappy block
//! 01 | u24 LE length | u32 LE checksum | plain bytes
//! ```
//!
//! The format has other chunks, for padding and extensions. Flink writes none, and they are refused here.
//! A chunk holds at most 64 KiB once decompressed; its checksum is the masked CRC-32C of that. There is no
//! end mark: whoever reads knows from the content when to stop, and what follows begins right behind the
//! last chunk. Operator state points into the middle of a stream, at the start of a chunk.
//!
//! # Source
//! Snappy, `framing_format.txt`; Flink, `SnappyStreamCompressionDecorator`.

use spt_format::{Cursor, Error, ErrorKind, Location, Result};

use crate::read_at::ReadAt;

const HEADER: usize = 4;
const CHECKSUM: usize = 4;
const IDENTIFIER: &[u8] = b"sNaPpY";
/// What a chunk may hold once decompressed.
const MAX_CHUNK: usize = 65_536;

/// The decompressed chunks of a stream, one after the other.
pub(crate) struct Chunks<'a> {
    source: &'a dyn ReadAt,
    position: u64,
    end: u64,
    began: bool,
}

impl<'a> Chunks<'a> {
    /// Chunks from `start` on; `end` is where they end at the latest.
    pub(crate) fn new(source: &'a dyn ReadAt, start: u64, end: u64) -> Self {
        Self { source, position: start, end: end.min(source.size()), began: false }
    }

    /// A stream began before the last chunk that was returned.
    pub(crate) fn began(&self) -> bool {
        self.began
    }

    /// Where the chunk after the last one returned begins, in bytes of the source.
    pub(crate) fn position(&self) -> u64 {
        self.position
    }

    /// The next chunk that holds something, `None` at the end.
    ///
    /// # Errors
    /// With the place of the chunk, if it is not one, or its checksum is another.
    pub(crate) fn next_chunk(&mut self) -> Result<Option<Vec<u8>>> {
        self.began = false;
        while self.position < self.end {
            let start = self.position;
            let header = self.read(start, HEADER)?;
            let mut cursor = Cursor::at(&header, start);
            let kind = cursor.u8()?;
            let length =
                cursor.array("chunk length").map(|[a, b, c]: [u8; 3]| u32::from_le_bytes([a, b, c, 0]))?;
            self.position = start + HEADER as u64 + u64::from(length);
            match kind {
                0x00 | 0x01 => {
                    let body = self.read(start + HEADER as u64, length as usize)?;
                    let mut cursor = Cursor::at(&body, start + HEADER as u64);
                    return chunk(&mut cursor, kind == 0x00).map(Some);
                }
                0xFF if self.read(start + HEADER as u64, length as usize)? == IDENTIFIER => self.began = true,
                _ => return Err(invalid(start, format!("no Snappy chunk begins with {kind:02x}"))),
            }
        }
        Ok(None)
    }

    fn read(&self, offset: u64, length: usize) -> Result<bytes::Bytes> {
        if offset.saturating_add(length as u64) > self.end {
            let (needed, left) = (length as u64, self.end.saturating_sub(offset));
            let kind = ErrorKind::Truncated { what: "Snappy chunk".into(), needed, left };
            return Err(Error::new(kind, Location::byte(offset)));
        }
        self.source.read_at(offset, length)
    }
}

/// Everything between two places of a source, decompressed; refused once it is more than `limit` bytes.
///
/// # Errors
/// As [`Chunks::next_chunk`], and [`ErrorKind::LimitExceeded`].
pub(crate) fn decompress(source: &dyn ReadAt, start: u64, end: u64, limit: u64) -> Result<Vec<u8>> {
    let mut chunks = Chunks::new(source, start, end);
    let mut bytes = Vec::new();
    while let Some(chunk) = chunks.next_chunk()? {
        bytes.extend_from_slice(&chunk);
        spt_format::ReadLimits::check("size of a compressed value", bytes.len() as u64, limit)?;
    }
    Ok(bytes)
}

/// The content of one chunk, whose checksum is compared.
fn chunk(cursor: &mut Cursor<'_>, compressed: bool) -> Result<Vec<u8>> {
    let start = cursor.offset();
    let checksum = u32::from_le_bytes(cursor.array::<CHECKSUM>("checksum of a chunk")?);
    let payload = cursor.rest();
    let length = if compressed {
        snap::raw::decompress_len(payload).map_err(|error| invalid(start, error.to_string()))?
    } else {
        payload.len()
    };
    if length > MAX_CHUNK {
        return Err(invalid(start, format!("a Snappy chunk holds {length} bytes, {MAX_CHUNK} are the most")));
    }
    let content = if compressed {
        let mut decoder = snap::raw::Decoder::new();
        decoder.decompress_vec(payload).map_err(|error| invalid(start, error.to_string()))?
    } else {
        payload.to_vec()
    };
    let found = mask(crc32c::crc32c(&content));
    if found == checksum {
        return Ok(content);
    }
    let (found, expected) = (format!("{found:08x}"), format!("{checksum:08x}"));
    Err(Error::new(ErrorKind::ChecksumMismatch { found, expected }, Location::byte(start)))
}

fn mask(checksum: u32) -> u32 {
    checksum.rotate_right(15).wrapping_add(0xA282_EAD8)
}

fn invalid(offset: u64, what: String) -> Error {
    Error::new(ErrorKind::Invalid { what }, Location::byte(offset))
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use bytes::Bytes;

    use super::*;

    fn framed(content: &[u8]) -> Vec<u8> {
        let mut encoder = snap::write::FrameEncoder::new(Vec::new());
        encoder.write_all(content).unwrap();
        encoder.into_inner().unwrap()
    }

    #[test]
    fn reads_streams_one_after_the_other_and_says_where_each_chunk_ends() {
        let mut bytes = framed(&[7; 100_000]);
        let first = bytes.len() as u64;
        bytes.extend(framed(b"short"));
        let bytes = Bytes::from(bytes);
        let mut chunks = Chunks::new(&bytes, 0, u64::MAX);
        assert_eq!(chunks.next_chunk().unwrap().unwrap().len(), 65_536);
        assert!(chunks.began());
        assert_eq!(chunks.next_chunk().unwrap().unwrap().len(), 100_000 - 65_536);
        assert!(!chunks.began());
        assert_eq!(chunks.position(), first);
        assert_eq!(chunks.next_chunk().unwrap().unwrap(), b"short");
        assert!(chunks.began());
        assert_eq!(chunks.next_chunk().unwrap(), None);
        assert_eq!(decompress(&bytes, 0, u64::MAX, 1 << 20).unwrap().len(), 100_005);
        assert!(decompress(&bytes, 0, u64::MAX, 100_000).is_err());
    }

    #[test]
    fn begins_in_the_middle_of_a_stream() {
        let bytes = Bytes::from(framed(b"no identifier before it"));
        assert_eq!(decompress(&bytes, 10, u64::MAX, 100).unwrap(), b"no identifier before it");
    }

    #[test]
    fn every_changed_byte_is_noticed() {
        let whole = framed(b"abcabcabcabcabcabcabcabcabcabcabcabc and something else");
        for index in 0..whole.len() {
            let mut bytes = whole.clone();
            bytes[index] ^= 1;
            let bytes = Bytes::from(bytes);
            match decompress(&bytes, 0, u64::MAX, 1 << 20) {
                Ok(content) => panic!("byte {index} changed, and {content:?} was read"),
                Err(error) => assert!(error.location().offset().is_some(), "{error}"),
            }
            assert!(decompress(&bytes.slice(..index), 0, u64::MAX, 1 << 20).is_err() || index <= 10);
        }
    }
}
