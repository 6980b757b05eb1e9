//! The last 53 bytes of a table: where reading begins.
//!
//! ```text
//! u8   checksum kind
//! 40   version 2 to 5: meta index handle, index handle, zeros
//!      version 6:      3e 00 7a 00, u32 footer checksum, u32 checksum context, u32 meta index size, 24 zeros
//! u32  format version
//! u64  magic 88e241b785f4cff7
//! ```
//!
//! In version 6 the meta index lies directly before the footer and names the index.

use spt_format::{Cursor, Error, ErrorKind, Location, Result};

use super::block::{BlockHandle, TRAILER_BYTES};
use super::checksum::{ChecksumKind, Checksums};

/// Length of the footer, in bytes.
pub(super) const FOOTER_BYTES: usize = 53;

const MAGIC: u64 = 0x88e2_41b7_85f4_cff7;
const EXTENDED_MAGIC: [u8; 4] = [0x3e, 0x00, 0x7a, 0x00];

/// What the footer says.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Footer {
    pub(super) checksums: Checksums,
    pub(super) meta_index: BlockHandle,
    /// Absent from version 6 on: the meta index has it.
    pub(super) index: Option<BlockHandle>,
}

impl Footer {
    /// Decodes the footer `bytes`, which begin at `offset` and end the file.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] for another kind of file, [`ErrorKind::UnsupportedVersion`],
    /// [`ErrorKind::ChecksumMismatch`] (version 6), or damaged handles.
    pub(super) fn decode(bytes: &[u8; FOOTER_BYTES], offset: u64) -> Result<Self> {
        let mut cursor = Cursor::at(bytes, offset);
        let kind = cursor.u8()?;
        let mut middle = Cursor::at(cursor.take(40, "footer")?, offset + 1);
        let version = cursor.u32_le()?;
        let magic = cursor.u64_le()?;
        if magic != MAGIC {
            return Err(Error::invalid(format!("magic number is {magic:016x}, tables have {MAGIC:016x}")));
        }
        let kind = ChecksumKind::from_byte(kind)?;
        match version {
            2..=5 => Self::with_handles(kind, &mut middle),
            6 => Self::with_checksum(kind, bytes, &mut middle, offset),
            found => Err(unsupported(found)),
        }
    }

    fn with_handles(kind: ChecksumKind, middle: &mut Cursor<'_>) -> Result<Self> {
        let meta_index = BlockHandle::decode(middle)?;
        let index = BlockHandle::decode(middle)?;
        expect_zeros(middle)?;
        Ok(Self { checksums: Checksums { kind, context: 0 }, meta_index, index: Some(index) })
    }

    fn with_checksum(
        kind: ChecksumKind,
        bytes: &[u8; FOOTER_BYTES],
        middle: &mut Cursor<'_>,
        offset: u64,
    ) -> Result<Self> {
        if middle.array("footer")? != EXTENDED_MAGIC {
            return Err(Error::invalid("the second magic number of a version 6 footer is missing"));
        }
        let stored = middle.u32_le()?;
        let checksums = Checksums { kind, context: middle.u32_le()? };
        let size = u64::from(middle.u32_le()?);
        expect_zeros(middle)?;
        verify_footer(checksums, bytes, offset, stored)?;
        let start = offset.checked_sub(size + TRAILER_BYTES as u64);
        let start =
            start.ok_or_else(|| Error::invalid(format!("a meta index of {size} bytes cannot fit")))?;
        Ok(Self { checksums, meta_index: BlockHandle { offset: start, size }, index: None })
    }
}

/// The footer's own checksum is computed with its field set to zero.
fn verify_footer(checksums: Checksums, bytes: &[u8; FOOTER_BYTES], offset: u64, stored: u32) -> Result<()> {
    let mut blank = *bytes;
    if let Some(field) = blank.get_mut(5..9) {
        field.fill(0);
    }
    match blank.split_last() {
        Some((last, rest)) => checksums.verify(rest, *last, offset, stored),
        None => Ok(()),
    }
}

/// The rest of a footer is zero; nothing else protects it.
fn expect_zeros(cursor: &Cursor<'_>) -> Result<()> {
    if cursor.rest().iter().any(|&byte| byte != 0) {
        return Err(cursor.invalid("the padding of the footer is not zero"));
    }
    Ok(())
}

fn unsupported(found: u32) -> Error {
    let kind = ErrorKind::UnsupportedVersion { what: "table", found: found.into(), readable: "2 to 6" };
    Error::new(kind, Location::default())
}
