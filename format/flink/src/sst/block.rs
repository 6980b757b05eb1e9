//! One block: where it lies, its trailer, its content.
//!
//! ```text
//! size × payload    possibly compressed
//! u8                compression
//! u32               checksum of payload and compression byte
//! ```

use std::sync::Arc;

use bytes::Bytes;
use spt_format::{Cursor, Error, ErrorKind, Location, ReadLimits, Result};

use super::checksum::Checksums;
use super::compression::decompress;
use super::varint::{varint_signed, varint64};
use crate::ReadAt;

/// Length of a block's trailer, in bytes.
pub(super) const TRAILER_BYTES: usize = 5;

/// Where a block lies. The trailer follows `size` bytes after `offset`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct BlockHandle {
    /// From the start of the table, in bytes.
    pub(super) offset: u64,
    /// Without the trailer, in bytes.
    pub(super) size: u64,
}

impl BlockHandle {
    /// Decodes `varint64 offset`, `varint64 size`.
    pub(super) fn decode(cursor: &mut Cursor<'_>) -> Result<Self> {
        Ok(Self { offset: varint64(cursor)?, size: varint64(cursor)? })
    }

    /// Decodes the handle of the block that follows this one: a signed difference of sizes.
    pub(super) fn decode_next(self, cursor: &mut Cursor<'_>) -> Result<Self> {
        let difference = varint_signed(cursor)?;
        let offset = self.offset.checked_add(self.size).and_then(|end| end.checked_add(TRAILER_BYTES as u64));
        match (offset, self.size.checked_add_signed(difference)) {
            (Some(offset), Some(size)) => Ok(Self { offset, size }),
            _ => Err(cursor.invalid(format!("a block size changes by {difference} from {}", self.size))),
        }
    }
}

/// A block as it is stored, its checksum not yet verified.
pub(super) struct RawBlock {
    pub(super) payload: Bytes,
    pub(super) compression: u8,
    pub(super) checksum: u32,
}

/// Reads the blocks of one table.
#[derive(Clone)]
pub(super) struct BlockReader {
    input: Arc<dyn ReadAt>,
    pub(super) checksums: Checksums,
    /// What the table's blocks were compressed with, if it has a dictionary.
    pub(super) dictionary: Option<Bytes>,
    limit_bytes: u64,
}

impl BlockReader {
    pub(super) fn new(input: Arc<dyn ReadAt>, checksums: Checksums, limits: &ReadLimits) -> Self {
        Self { input, checksums, dictionary: None, limit_bytes: limits.block_bytes }
    }

    /// The verified, decompressed content of the block at `handle`.
    ///
    /// # Errors
    /// [`ErrorKind::Truncated`] if it leaves the file, [`ErrorKind::ChecksumMismatch`] if it is damaged,
    /// [`ErrorKind::LimitExceeded`] if it is larger than allowed.
    pub(super) fn read(&self, handle: BlockHandle) -> Result<Bytes> {
        let raw = self.read_raw(handle)?;
        self.checksums.verify(&raw.payload, raw.compression, handle.offset, raw.checksum)?;
        decompress(raw.compression, raw.payload, self.dictionary.as_ref(), self.limit_bytes)
            .map_err(|error| error.within(place(handle)))
    }

    /// The block at `handle` as it is stored.
    pub(super) fn read_raw(&self, handle: BlockHandle) -> Result<RawBlock> {
        let BlockHandle { offset, size } = handle;
        let whole = size.checked_add(TRAILER_BYTES as u64);
        let left = self.input.size().saturating_sub(offset);
        let Some(whole) = whole.filter(|&whole| whole <= left) else {
            let kind = ErrorKind::Truncated { what: "a block".into(), needed: size, left };
            return Err(Error::new(kind, Location::byte(offset)));
        };
        ReadLimits::check("block", size, self.limit_bytes).map_err(|error| error.within(place(handle)))?;
        let mut payload = self.input.read_at(offset, usize::try_from(whole).unwrap_or(usize::MAX))?;
        let trailer = payload.split_off(payload.len().saturating_sub(TRAILER_BYTES));
        let mut trailer = Cursor::at(&trailer, offset + size);
        Ok(RawBlock { payload, compression: trailer.u8()?, checksum: trailer.u32_le()? })
    }
}

/// How a block is named in errors.
pub(super) fn place(handle: BlockHandle) -> String {
    format!("block at byte {}", handle.offset)
}
