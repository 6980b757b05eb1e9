//! Internal keys: the user's key, then what was done to it and when.
//!
//! ```text
//! user key
//! u64        sequence number << 8 | kind
//! ```
//!
//! Sorted by user key ascending, then newest first.

use spt_format::{Error, ErrorKind, Location, Result};

/// The highest sequence number; used by boundaries, never by an entry.
pub(super) const MAX_SEQUENCE: u64 = (1 << 56) - 1;

/// What an entry does to its key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EntryKind {
    /// Removes the value.
    Deletion,
    /// Sets the value.
    Value,
    /// Appends to the value.
    Merge,
    /// Removes a value that was set once.
    SingleDeletion,
    /// Removes the values of a range of keys. Stands in a block of its own.
    RangeDeletion,
}

/// A parsed internal key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InternalKey<'a> {
    /// What the database was asked to store it under.
    pub user_key: &'a [u8],
    /// Larger is newer. 0 is what compaction makes of an old one.
    pub sequence: u64,
    /// What the entry does.
    pub kind: EntryKind,
}

impl<'a> InternalKey<'a> {
    /// Takes an internal key apart.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] if it is too short or its kind is none a table may hold;
    /// [`ErrorKind::Unsupported`] for kinds Flink does not write.
    pub fn parse(bytes: &'a [u8]) -> Result<Self> {
        let Some((user_key, trailer)) = bytes.split_last_chunk::<8>() else {
            return Err(Error::invalid(format!("an internal key has {} bytes, at least 8", bytes.len())));
        };
        let trailer = u64::from_le_bytes(*trailer);
        Ok(Self { user_key, sequence: trailer >> 8, kind: EntryKind::from_byte(trailer.to_le_bytes()[0])? })
    }
}

impl EntryKind {
    fn from_byte(byte: u8) -> Result<Self> {
        Ok(match byte {
            0x0 => Self::Deletion,
            0x1 => Self::Value,
            0x2 => Self::Merge,
            0x7 => Self::SingleDeletion,
            0xf => Self::RangeDeletion,
            0x11 => return Err(unsupported("a value in a blob file")),
            0x14 => return Err(unsupported("a deletion with a user-defined timestamp")),
            0x16 => return Err(unsupported("a wide-column entity")),
            0x18 => return Err(unsupported("a value with a write time")),
            other => return Err(Error::invalid(format!("entry kind is {other:#04x}, which no table holds"))),
        })
    }
}

fn unsupported(what: &str) -> Error {
    Error::new(ErrorKind::Unsupported { what: what.into() }, Location::default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_keys_apart() {
        let bytes = [b'k', 2, 0x01, 0x02, 0, 0, 0, 0, 0];
        let key = InternalKey::parse(&bytes).unwrap();
        assert_eq!(key, InternalKey { user_key: b"k", sequence: 0x0201, kind: EntryKind::Merge });
    }

    #[test]
    fn refuses_short_keys_and_foreign_kinds() {
        assert!(InternalKey::parse(&[1; 7]).is_err());
        assert!(matches!(
            InternalKey::parse(&[3, 0, 0, 0, 0, 0, 0, 0]).unwrap_err().kind(),
            ErrorKind::Invalid { .. }
        ));
        let blob = InternalKey::parse(&[0x11, 0, 0, 0, 0, 0, 0, 0]).unwrap_err();
        assert_eq!(blob.to_string(), "a value in a blob file is not supported");
    }
}
