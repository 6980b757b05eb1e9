//! The checksums RocksDB puts behind every block.
//!
//! The footer names one kind for the whole table. Format version 6 and later also mixes in where the
//! block lies, so that a block at the wrong place is noticed.

use std::hash::Hasher;

use spt_format::{Error, ErrorKind, Location, Result};
use twox_hash::{XxHash3_64, XxHash32, XxHash64};

/// How the checksums of one table are computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Checksums {
    pub(super) kind: ChecksumKind,
    /// Mixed with the block's offset; 0 before format version 6: the place does not matter.
    pub(super) context: u32,
}

/// The hash function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ChecksumKind {
    /// Checksums are written as 0.
    None,
    /// CRC-32C, rotated and offset ("masked"). Flink up to 1.20.
    Crc32c,
    XxHash32,
    /// The low half of XXH64.
    XxHash64,
    /// The low half of XXH3-64 of all but the last byte, which is mixed in. Flink 2.0 and later.
    Xxh3,
}

impl ChecksumKind {
    /// The kind of the footer's first byte.
    pub(super) fn from_byte(byte: u8) -> Result<Self> {
        Ok(match byte {
            0 => Self::None,
            1 => Self::Crc32c,
            2 => Self::XxHash32,
            3 => Self::XxHash64,
            4 => Self::Xxh3,
            other => return Err(Error::invalid(format!("checksum kind is {other}, known are 0 to 4"))),
        })
    }

    /// The checksum of `payload` followed by the byte `last`.
    pub(super) fn compute(self, payload: &[u8], last: u8) -> u32 {
        match self {
            Self::None => 0,
            Self::Crc32c => mask(crc32c::crc32c_append(crc32c::crc32c(payload), &[last])),
            Self::XxHash32 => low_half(streamed(XxHash32::with_seed(0), payload, last)),
            Self::XxHash64 => low_half(streamed(XxHash64::with_seed(0), payload, last)),
            Self::Xxh3 => low_half(XxHash3_64::oneshot(payload)) ^ u32::from(last).wrapping_mul(0x6b90_83d9),
        }
    }
}

impl Checksums {
    /// Compares the checksum `stored` for `payload` and its last byte, which begin at `offset`.
    ///
    /// # Errors
    /// [`ErrorKind::ChecksumMismatch`] with both values.
    pub(super) fn verify(self, payload: &[u8], last: u8, offset: u64, stored: u32) -> Result<()> {
        let computed = self.kind.compute(payload, last).wrapping_add(self.modifier(offset));
        if computed == stored {
            return Ok(());
        }
        let (found, expected) = (format!("{computed:08x}"), format!("{stored:08x}"));
        Err(Error::new(ErrorKind::ChecksumMismatch { found, expected }, Location::byte(offset)))
    }

    /// What the place adds to a checksum.
    fn modifier(self, offset: u64) -> u32 {
        match self.context {
            0 => 0,
            context => context ^ low_half(offset).wrapping_add(low_half(offset >> 32)),
        }
    }
}

fn streamed(mut hasher: impl Hasher, payload: &[u8], last: u8) -> u64 {
    hasher.write(payload);
    hasher.write(&[last]);
    hasher.finish()
}

/// Checksums are stored masked, because a CRC over bytes that contain CRCs is weak.
pub(super) fn mask(crc: u32) -> u32 {
    crc.rotate_right(15).wrapping_add(0xa282_ead8)
}

#[expect(clippy::cast_possible_truncation, reason = "the low half is what is wanted")]
fn low_half(value: u64) -> u32 {
    value as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The check values of the specifications of CRC-32C and of XXH32, XXH64, seed 0.
    #[test]
    fn agrees_with_published_check_values() {
        assert_eq!(ChecksumKind::Crc32c.compute(b"12345678", b'9'), mask(0xe306_9283));
        assert_eq!(ChecksumKind::XxHash32.compute(b"ab", b'c'), 0x32d1_53ff);
        assert_eq!(ChecksumKind::XxHash64.compute(b"ab", b'c'), 0xad77_0999);
        assert_eq!(ChecksumKind::None.compute(b"ab", b'c'), 0);
    }

    #[test]
    fn place_matters_only_with_a_context() {
        let payload = b"block";
        let stored = ChecksumKind::Xxh3.compute(payload, 0);
        let plain = Checksums { kind: ChecksumKind::Xxh3, context: 0 };
        assert!(plain.verify(payload, 0, 0, stored).is_ok());
        assert!(plain.verify(payload, 0, 77, stored).is_ok());
        let placed = Checksums { context: 9, ..plain };
        let here = stored.wrapping_add(9 ^ 77);
        assert!(placed.verify(payload, 0, 77, here).is_ok());
        assert!(placed.verify(payload, 0, 78, here).is_err());
    }
}
