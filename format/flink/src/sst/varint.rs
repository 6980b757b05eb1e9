//! Integers of variable length: seven bits a byte, lowest first, the top bit says that more follow.
//!
//! Only the shortest form is read. RocksDB writes no other, and in a footer, which older versions do not
//! protect by a checksum, a flipped top bit would otherwise pass unnoticed.

use spt_format::{Cursor, Result};

/// Up to ten bytes, unsigned.
pub(super) fn varint64(cursor: &mut Cursor<'_>) -> Result<u64> {
    let start = cursor.clone();
    let mut value = 0u64;
    for shift in (0..64).step_by(7) {
        let byte = cursor.u8()?;
        let bits = u64::from(byte & 0x7f);
        if shift == 63 && bits > 1 {
            break;
        }
        if shift > 0 && byte == 0 {
            return Err(start.invalid("a variable-length integer is longer than it need be"));
        }
        value |= bits << shift;
        if byte & 0x80 == 0 {
            return Ok(value);
        }
    }
    Err(start.invalid("a variable-length integer does not fit into 64 bits"))
}

/// Up to five bytes, unsigned.
pub(super) fn varint32(cursor: &mut Cursor<'_>) -> Result<u32> {
    let start = cursor.clone();
    let value = varint64(cursor)?;
    u32::try_from(value).map_err(|_| start.invalid(format!("{value} does not fit into 32 bits")))
}

/// Signed: the lowest bit is the sign ("zigzag").
pub(super) fn varint_signed(cursor: &mut Cursor<'_>) -> Result<i64> {
    let value = varint64(cursor)?;
    Ok((value >> 1).cast_signed() ^ -((value & 1).cast_signed()))
}

/// A length of up to 32 bits, then that many bytes.
pub(super) fn length_prefixed<'a>(cursor: &mut Cursor<'a>, what: &str) -> Result<&'a [u8]> {
    let length = varint32(cursor)?;
    cursor.take(length as usize, what)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_smallest_and_the_largest() {
        let mut cursor = Cursor::new(&[0x00, 0xac, 0x02, 0x03]);
        assert_eq!(varint64(&mut cursor).unwrap(), 0);
        assert_eq!(varint32(&mut cursor).unwrap(), 300);
        assert_eq!(varint_signed(&mut cursor).unwrap(), -2);
        let largest = [&[0xff; 9][..], &[0x01]].concat();
        assert_eq!(varint64(&mut Cursor::new(&largest)).unwrap(), u64::MAX);
        assert!(varint32(&mut Cursor::new(&largest)).is_err());
    }

    #[test]
    fn refuses_more_than_64_bits_and_a_missing_end() {
        assert!(varint64(&mut Cursor::new(&[&[0xff; 9][..], &[0x02]].concat())).is_err());
        assert!(varint64(&mut Cursor::new(&[0xff; 11])).is_err());
        assert!(varint64(&mut Cursor::new(&[0x80])).is_err());
        assert!(varint64(&mut Cursor::new(&[0x85, 0x00])).is_err());
    }
}
