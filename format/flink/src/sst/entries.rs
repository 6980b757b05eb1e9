//! The entries of one data or meta block, one after the other.
//!
//! ```text
//! entry …     varint32 shared, varint32 unshared, varint32 value length, unshared key bytes, value
//! u32 …       restart points: offsets of entries that share nothing
//! [u8 …, u16] hash index, if the top bit of the last word is set
//! u32         number of restart points
//! ```
//!
//! A key is the first `shared` bytes of the key before it and the unshared ones. The restart points and
//! the hash index serve lookups inside a block and are not needed to walk it.

use std::ops::Range;

use bytes::Bytes;
use spt_format::{Cursor, Result};

use super::varint::varint32;

/// A walk over the entries of one block. Memory: the block and one key.
pub(super) struct Entries {
    block: Bytes,
    /// Where the entries end, in bytes from the start of the block.
    end: usize,
    position: usize,
    key: Vec<u8>,
    value: Range<usize>,
}

impl Entries {
    /// Stands before the first entry of `block`.
    ///
    /// # Errors
    /// [`ErrorKind::ImpossibleCount`](spt_format::ErrorKind::ImpossibleCount) if the restart points
    /// cannot fit.
    pub(super) fn new(block: Bytes) -> Result<Self> {
        let end = entries_end(&block)?;
        Ok(Self { block, end, position: 0, key: Vec::new(), value: 0..0 })
    }

    /// There is no entry at all.
    pub(super) fn is_empty(&self) -> bool {
        self.end == 0
    }

    /// Moves to the next entry. False at the end.
    pub(super) fn advance(&mut self) -> Result<bool> {
        let rest = self.block.get(self.position..self.end).unwrap_or_default();
        let mut cursor = Cursor::at(rest, self.position as u64);
        if cursor.is_empty() {
            return Ok(false);
        }
        let (shared, unshared) = (varint32(&mut cursor)?, varint32(&mut cursor)?);
        let value_length = varint32(&mut cursor)? as usize;
        extend_key(&mut self.key, &mut cursor, shared, unshared)?;
        let value_start = self.position + cursor.position();
        cursor.take(value_length, "value")?;
        self.value = value_start..value_start + value_length;
        self.position = self.value.end;
        Ok(true)
    }

    /// The key of the current entry.
    pub(super) fn key(&self) -> &[u8] {
        &self.key
    }

    /// The value of the current entry.
    pub(super) fn value(&self) -> &[u8] {
        self.block.get(self.value.clone()).unwrap_or_default()
    }

    /// Where in the block the value of the current entry lies.
    pub(super) fn value_range(&self) -> Range<usize> {
        self.value.clone()
    }
}

/// Replaces all but the first `shared` bytes of `key` by the next `unshared` ones.
pub(super) fn extend_key(
    key: &mut Vec<u8>,
    cursor: &mut Cursor<'_>,
    shared: u32,
    unshared: u32,
) -> Result<()> {
    if shared as usize > key.len() {
        let what = format!("a key shares {shared} bytes with one of {}", key.len());
        return Err(cursor.invalid(what));
    }
    key.truncate(shared as usize);
    key.extend_from_slice(cursor.take(unshared as usize, "key")?);
    Ok(())
}

/// Where the entries of a block end and its restart points begin.
pub(super) fn entries_end(block: &[u8]) -> Result<usize> {
    const HASH_INDEX: u32 = 1 << 31;
    let mut end = block.len();
    let packed = u32::from_le_bytes(take_last(block, &mut end)?);
    if packed & HASH_INDEX != 0 {
        let buckets = u16::from_le_bytes(take_last(block, &mut end)?);
        end = room(block, end)?.count(buckets, 1, "hash buckets").map(|buckets| end - buckets)?;
    }
    let restarts = room(block, end)?.count(packed & !HASH_INDEX, 4, "restart points")?;
    Ok(end - 4 * restarts)
}

/// The `N` bytes before `end`, which moves before them.
fn take_last<const N: usize>(block: &[u8], end: &mut usize) -> Result<[u8; N]> {
    let start = end.saturating_sub(N);
    let last =
        Cursor::at(block.get(start..*end).unwrap_or_default(), start as u64).array("restart points")?;
    *end = start;
    Ok(last)
}

/// The bytes before `end`, to hold a count against.
fn room(block: &[u8], end: usize) -> Result<Cursor<'_>> {
    Cursor::new(block).take(end, "block").map(Cursor::new)
}

#[cfg(test)]
mod tests {
    use spt_format::ErrorKind;

    use super::*;

    fn block(entries: &[u8], tail: &[u8]) -> Bytes {
        [entries, tail].concat().into()
    }

    #[test]
    fn keys_share_what_the_entry_says() {
        let entries = [0, 3, 1, b'a', b'b', b'c', b'1', 2, 1, 2, b'd', b'2', b'2', 0, 1, 0, b'e'];
        let mut entries = Entries::new(block(&entries, &[0, 0, 0, 0, 1, 0, 0, 0])).unwrap();
        for expected in [("abc", "1"), ("abd", "22"), ("e", "")] {
            assert!(entries.advance().unwrap());
            assert_eq!((entries.key(), entries.value()), (expected.0.as_bytes(), expected.1.as_bytes()));
        }
        assert!(!entries.advance().unwrap());
    }

    #[test]
    fn skips_the_hash_index() {
        let tail = [0, 0, 0, 0, 9, 9, 9, 3, 0, 1, 0, 0, 0x80];
        let mut entries = Entries::new(block(&[0, 1, 1, b'k', b'v'], &tail)).unwrap();
        assert!(entries.advance().unwrap());
        assert_eq!((entries.key(), entries.value()), (&b"k"[..], &b"v"[..]));
        assert!(!entries.advance().unwrap());
    }

    #[test]
    fn refuses_counts_and_lengths_that_cannot_fit() {
        for bytes in [&[][..], &[1, 0, 0][..], &[9, 0, 0, 0][..], &[5, 0, 1, 0, 0, 0x80][..]] {
            assert!(Entries::new(Bytes::copy_from_slice(bytes)).is_err(), "{bytes:?}");
        }
        let tail = [0, 0, 0, 0, 1, 0, 0, 0];
        for (entry, shares) in
            [(&[1, 1, 0, b'k'][..], true), (&[0, 9, 0, b'k'], false), (&[0, 1, 9, b'k'], false)]
        {
            let error = Entries::new(block(entry, &tail)).unwrap().advance().unwrap_err();
            assert_eq!(matches!(error.kind(), ErrorKind::Invalid { .. }), shares, "{error}");
        }
    }
}
