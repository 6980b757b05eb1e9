//! Reads numbers and byte runs from a slice, one after the other, and says where it stands.
//!
//! A cursor never panics and never reads past its end. Counts go through [`Cursor::count`], which
//! compares a claim with what could physically follow before anybody reserves memory for it.

use crate::error::{Error, ErrorKind, Result};
use crate::location::Location;

/// A position in a run of bytes that begins `base` bytes into its file.
#[derive(Debug, Clone)]
pub struct Cursor<'a> {
    bytes: &'a [u8],
    position: usize,
    base: u64,
}

macro_rules! numbers {
    ($($name:ident, $type:ty, $decode:ident, $doc:literal;)*) => {$(
        #[doc = $doc]
        ///
        /// # Errors
        /// [`ErrorKind::Truncated`] if fewer bytes are left.
        #[inline]
        pub fn $name(&mut self) -> Result<$type> {
            self.array(stringify!($type)).map(<$type>::$decode)
        }
    )*};
}

impl<'a> Cursor<'a> {
    /// A cursor at the start of `bytes`, which are a whole file.
    #[inline]
    pub fn new(bytes: &'a [u8]) -> Self {
        Self::at(bytes, 0)
    }

    /// A cursor at the start of `bytes`, which begin `base` bytes into their file.
    #[inline]
    pub fn at(bytes: &'a [u8], base: u64) -> Self {
        Self { bytes, position: 0, base }
    }

    /// Offset from the start of the file, in bytes.
    #[inline]
    pub fn offset(&self) -> u64 {
        self.base + self.position as u64
    }

    /// Offset from the start of the slice, in bytes.
    #[inline]
    pub fn position(&self) -> usize {
        self.position
    }

    /// Bytes that are left.
    #[inline]
    pub fn remaining(&self) -> usize {
        self.bytes.len() - self.position
    }

    /// No bytes are left.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.remaining() == 0
    }

    /// What is left, without moving.
    #[inline]
    pub fn rest(&self) -> &'a [u8] {
        self.bytes.get(self.position..).unwrap_or_default()
    }

    /// An error of this kind at the current byte.
    pub fn error(&self, kind: ErrorKind) -> Error {
        Error::new(kind, Location::byte(self.offset()))
    }

    #[cold]
    fn truncated(&self, what: &str, needed: usize) -> Error {
        let (needed, left) = (needed as u64, self.remaining() as u64);
        self.error(ErrorKind::Truncated { what: what.to_owned(), needed, left })
    }

    /// [`ErrorKind::Invalid`] at the current byte.
    #[cold]
    pub fn invalid(&self, what: impl Into<String>) -> Error {
        self.error(ErrorKind::Invalid { what: what.into() })
    }

    /// The next `length` bytes.
    ///
    /// # Errors
    /// [`ErrorKind::Truncated`] if fewer are left; `what` names what was being read.
    #[inline]
    pub fn take(&mut self, length: usize, what: &str) -> Result<&'a [u8]> {
        match self.rest().split_at_checked(length) {
            Some((taken, _)) => {
                self.position += length;
                Ok(taken)
            }
            None => Err(self.truncated(what, length)),
        }
    }

    /// The next `N` bytes as an array.
    ///
    /// # Errors
    /// [`ErrorKind::Truncated`] if fewer are left; `what` names what was being read.
    #[inline]
    pub fn array<const N: usize>(&mut self, what: &str) -> Result<[u8; N]> {
        match self.rest().first_chunk::<N>() {
            Some(chunk) => {
                self.position += N;
                Ok(*chunk)
            }
            None => Err(self.truncated(what, N)),
        }
    }

    numbers! {
        u8, u8, from_be_bytes, "One unsigned byte.";
        i8, i8, from_be_bytes, "One signed byte.";
        u16_be, u16, from_be_bytes, "Two bytes, unsigned, big-endian.";
        i16_be, i16, from_be_bytes, "Two bytes, signed, big-endian.";
        u32_be, u32, from_be_bytes, "Four bytes, unsigned, big-endian.";
        i32_be, i32, from_be_bytes, "Four bytes, signed, big-endian.";
        u64_be, u64, from_be_bytes, "Eight bytes, unsigned, big-endian.";
        i64_be, i64, from_be_bytes, "Eight bytes, signed, big-endian.";
        f32_be, f32, from_be_bytes, "Four bytes, IEEE 754, big-endian.";
        f64_be, f64, from_be_bytes, "Eight bytes, IEEE 754, big-endian.";
        u16_le, u16, from_le_bytes, "Two bytes, unsigned, little-endian.";
        i16_le, i16, from_le_bytes, "Two bytes, signed, little-endian.";
        u32_le, u32, from_le_bytes, "Four bytes, unsigned, little-endian.";
        i32_le, i32, from_le_bytes, "Four bytes, signed, little-endian.";
        u64_le, u64, from_le_bytes, "Eight bytes, unsigned, little-endian.";
        i64_le, i64, from_le_bytes, "Eight bytes, signed, little-endian.";
        f32_le, f32, from_le_bytes, "Four bytes, IEEE 754, little-endian.";
        f64_le, f64, from_le_bytes, "Eight bytes, IEEE 754, little-endian.";
    }

    /// One byte that must be 0 or 1.
    ///
    /// # Errors
    /// [`ErrorKind::Truncated`] at the end, [`ErrorKind::Invalid`] for any other byte.
    #[inline]
    pub fn bool(&mut self, what: &str) -> Result<bool> {
        let before = self.clone();
        match self.u8()? {
            0 => Ok(false),
            1 => Ok(true),
            other => Err(before.invalid(format!("{what} is {other}, a boolean is 0 or 1"))),
        }
    }

    /// Accepts a count only if that many things of at least `min_bytes` each can still follow.
    ///
    /// # Errors
    /// [`ErrorKind::ImpossibleCount`] if it is negative or cannot fit.
    #[inline]
    pub fn count(&self, declared: impl Into<i64>, min_bytes: usize, what: &str) -> Result<usize> {
        let declared = declared.into();
        let possible = self.remaining() / min_bytes.max(1);
        match usize::try_from(declared) {
            Ok(count) if count <= possible => Ok(count),
            _ => Err(self.error(ErrorKind::ImpossibleCount {
                what: what.to_owned(),
                declared,
                possible: possible as u64,
            })),
        }
    }

    /// Ends a section: nothing may follow.
    ///
    /// # Errors
    /// [`ErrorKind::TrailingBytes`] if something does.
    #[inline]
    pub fn end(&self, what: &str) -> Result<()> {
        match self.remaining() {
            0 => Ok(()),
            count => Err(self.error(ErrorKind::TrailingBytes { what: what.to_owned(), count: count as u64 })),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_a_count_that_cannot_fit() {
        let cursor = Cursor::at(&[0; 10], 100);
        let error = cursor.count(6, 2, "operators").unwrap_err();
        assert_eq!(error.to_string(), "byte 100: 6 operators are declared, at most 5 can follow");
        assert!(cursor.count(-1, 1, "operators").is_err());
        assert_eq!(cursor.count(5, 2, "operators").unwrap(), 5);
    }

    #[test]
    fn stands_still_when_it_cannot_read() {
        let mut cursor = Cursor::new(&[1, 2, 3]);
        assert!(cursor.u32_be().is_err());
        assert_eq!(cursor.position(), 0);
        assert_eq!(cursor.u16_be().unwrap(), 0x0102);
        assert_eq!(cursor.end("test").unwrap_err().to_string(), "byte 2: 1 bytes follow the end of test");
    }
}
