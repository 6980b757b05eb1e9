//! What Java's `DataOutput` and Flink's string serializer write, read from a [`Cursor`].
//!
//! ```text
//! utf      u16 length in bytes | modified UTF-8             names, class names, paths
//! bytes32  i32 length          | bytes                      blobs
//! vlen     7 bits a byte, low bits first, 0x80 = more        lengths and UTF-16 units of `fstr`
//! fstr     vlen(units + 1)     | one vlen per UTF-16 unit    values of type String; 00 is null
//! ```
//!
//! Modified UTF-8 writes NUL as `C0 80` and a character beyond the BMP as its two surrogates, three
//! bytes each. Java strings may hold a surrogate without its partner, which no Rust string can: it
//! becomes U+FFFD, and [`Text::exact`] says so.

use spt_format::{Cursor, Result};

/// A Java string as Rust text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Text {
    /// The characters; U+FFFD stands for a surrogate without its partner.
    pub(crate) text: String,
    /// Nothing was replaced.
    pub(crate) exact: bool,
}

impl Text {
    /// Text from UTF-16 code units, which Java's strings are.
    pub(crate) fn from_units(units: &[u16]) -> Self {
        match String::from_utf16(units) {
            Ok(text) => Self { text, exact: true },
            Err(_) => Self { text: String::from_utf16_lossy(units), exact: false },
        }
    }
}

/// A string of `DataOutput.writeUTF`; `what` names it in errors.
///
/// # Errors
/// [`ErrorKind::Truncated`](spt_format::ErrorKind::Truncated), or
/// [`ErrorKind::Invalid`](spt_format::ErrorKind::Invalid) at a byte that modified UTF-8 does not allow.
///
/// # Source
/// `java.io.DataInput.readUTF`.
pub(crate) fn utf(cursor: &mut Cursor<'_>, what: &str) -> Result<String> {
    let length = cursor.u16_be()?;
    let start = cursor.offset();
    let bytes = cursor.take(usize::from(length), what)?;
    modified_utf8(&mut Cursor::at(bytes, start), what).map(|text| text.text)
}

/// Everything that is left of the cursor, as modified UTF-8.
///
/// # Errors
/// [`ErrorKind::Invalid`](spt_format::ErrorKind::Invalid) at the first malformed character.
pub(crate) fn modified_utf8(cursor: &mut Cursor<'_>, what: &str) -> Result<Text> {
    if let Some(text) = ascii(cursor.rest()) {
        cursor.take(text.len(), what)?;
        return Ok(Text { text, exact: true });
    }
    let mut units = Vec::with_capacity(cursor.remaining());
    while !cursor.is_empty() {
        units.push(unit(cursor, what)?);
    }
    Ok(Text::from_units(&units))
}

/// One UTF-16 unit in modified UTF-8: one, two or three bytes.
fn unit(cursor: &mut Cursor<'_>, what: &str) -> Result<u16> {
    let start = cursor.clone();
    let malformed = || start.invalid(format!("{what} is not modified UTF-8"));
    let first = u16::from(cursor.u8()?);
    let mut more = || match cursor.u8() {
        Ok(byte) if byte & 0xC0 == 0x80 => Ok(u16::from(byte & 0x3F)),
        _ => Err(malformed()),
    };
    match first {
        0x00..=0x7F => Ok(first),
        0xC0..=0xDF => Ok((first & 0x1F) << 6 | more()?),
        0xE0..=0xEF => Ok((first & 0x0F) << 12 | more()? << 6 | more()?),
        _ => Err(malformed()),
    }
}

/// The bytes as text if all of them are ASCII other than NUL, which nearly every string is.
fn ascii(bytes: &[u8]) -> Option<String> {
    let plain = bytes.is_ascii() && !bytes.contains(&0);
    plain.then(|| String::from_utf8_lossy(bytes).into_owned())
}

/// A length and that many bytes; `what` names them in errors.
///
/// # Errors
/// [`ErrorKind::ImpossibleCount`](spt_format::ErrorKind::ImpossibleCount) if the length is negative or
/// more than what follows.
pub(crate) fn bytes32<'a>(cursor: &mut Cursor<'a>, what: &str) -> Result<&'a [u8]> {
    let length = count(cursor, 1, what)?;
    cursor.take(length, what)
}

/// An `i32` that counts things of at least `min_bytes` each, checked against what can follow.
///
/// # Errors
/// [`ErrorKind::ImpossibleCount`](spt_format::ErrorKind::ImpossibleCount), placed at the count itself.
pub(crate) fn count(cursor: &mut Cursor<'_>, min_bytes: usize, what: &str) -> Result<usize> {
    let declared = cursor.i32_be()?;
    cursor.count(declared, min_bytes, what)
}

/// A number of one to five bytes, seven bits each, the low ones first.
///
/// # Errors
/// [`ErrorKind::Invalid`](spt_format::ErrorKind::Invalid) beyond 32 bits.
///
/// # Source
/// Flink, `StringValue.readString`.
#[inline]
pub(crate) fn vlen(cursor: &mut Cursor<'_>, what: &str) -> Result<u32> {
    // Nearly every number is of one byte.
    if let Some(byte @ ..0x80) = cursor.rest().first().copied() {
        cursor.take(1, what)?;
        return Ok(byte.into());
    }
    let start = cursor.clone();
    let mut value = 0u64;
    for shift in (0..35).step_by(7) {
        let byte = cursor.u8()?;
        value |= u64::from(byte & 0x7F) << shift;
        if byte < 0x80 {
            return u32::try_from(value).map_err(|_| start.invalid(format!("{what} is beyond 32 bits")));
        }
    }
    Err(start.invalid(format!("{what} is longer than five bytes")))
}

/// A value of type String; `None` is Java's null.
///
/// # Errors
/// [`ErrorKind::ImpossibleCount`](spt_format::ErrorKind::ImpossibleCount) if the text cannot follow,
/// [`ErrorKind::Invalid`](spt_format::ErrorKind::Invalid) for a unit beyond 16 bits.
///
/// # Source
/// Flink, `StringSerializer` and `StringValue.readString`.
pub(crate) fn fstr(cursor: &mut Cursor<'_>) -> Result<Option<Text>> {
    match vlen(cursor, "string length")?.checked_sub(1) {
        Some(length) => units(cursor, length).map(Some),
        None => Ok(None),
    }
}

/// `length` UTF-16 units, one [`vlen`] each.
///
/// # Errors
/// As [`fstr`].
pub(crate) fn units(cursor: &mut Cursor<'_>, length: u32) -> Result<Text> {
    let length = cursor.count(length, 1, "UTF-16 units of a string")?;
    if let Some(text) = cursor.rest().get(..length).and_then(ascii) {
        cursor.take(length, "string")?;
        return Ok(Text { text, exact: true });
    }
    let mut units = Vec::with_capacity(length);
    for _ in 0..length {
        let start = cursor.clone();
        let unit = vlen(cursor, "UTF-16 unit")?;
        units.push(u16::try_from(unit).map_err(|_| start.invalid("a UTF-16 unit is beyond 16 bits"))?);
    }
    Ok(Text::from_units(&units))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exact(text: &str) -> Text {
        Text { text: text.to_owned(), exact: true }
    }

    #[test]
    fn utf_reads_nul_and_surrogate_pairs() {
        let bytes = [0, 9, b'a', 0xC0, 0x80, 0xED, 0xA0, 0xBD, 0xED, 0xB8, 0x80, 7];
        let mut cursor = Cursor::new(&bytes);
        assert_eq!(utf(&mut cursor, "name").unwrap(), "a\0😀");
        assert_eq!(cursor.remaining(), 1);
    }

    #[test]
    fn utf_names_the_malformed_byte() {
        let mut cursor = Cursor::at(&[0, 3, b'a', 0xC3, b'a'], 10);
        assert_eq!(utf(&mut cursor, "name").unwrap_err().to_string(), "byte 13: name is not modified UTF-8");
        let mut cursor = Cursor::new(&[0, 3, b'a']);
        assert_eq!(
            utf(&mut cursor, "name").unwrap_err().to_string(),
            "byte 2: name needs 3 bytes, 1 are left"
        );
    }

    #[test]
    fn fstr_reads_every_width_and_null() {
        assert_eq!(fstr(&mut Cursor::new(&[0])).unwrap(), None);
        assert_eq!(fstr(&mut Cursor::new(&[1])).unwrap(), Some(exact("")));
        assert_eq!(fstr(&mut Cursor::new(&[3, b'h', b'i'])).unwrap(), Some(exact("hi")));
        // ö = U+00F6, 😀 = D83D DE00
        let bytes = [5, 0xF6, 0x01, 0xBD, 0xB0, 0x03, 0x80, 0xBC, 0x03, b'x'];
        assert_eq!(fstr(&mut Cursor::new(&bytes)).unwrap(), Some(exact("ö😀x")));
    }

    #[test]
    fn fstr_says_when_a_surrogate_stands_alone() {
        let text = fstr(&mut Cursor::new(&[2, 0xBD, 0xB0, 0x03])).unwrap().unwrap();
        assert_eq!(text, Text { text: "\u{FFFD}".to_owned(), exact: false });
    }

    #[test]
    fn fstr_refuses_a_length_that_cannot_follow() {
        let error = fstr(&mut Cursor::new(&[0x80, 0x80, 0x04, b'x'])).unwrap_err();
        assert_eq!(
            error.to_string(),
            "byte 3: 65535 UTF-16 units of a string are declared, at most 1 can follow"
        );
        assert!(vlen(&mut Cursor::new(&[0xFF; 6]), "n").is_err());
    }
}
