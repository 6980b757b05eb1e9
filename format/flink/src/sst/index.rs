//! Index blocks: for every data block a key that is not below any of its keys, and its handle.
//!
//! ```text
//! plain    varint32 shared, varint32 unshared, varint32 value length, key bytes, handle
//! delta    varint32 shared, varint32 unshared, key bytes, handle
//! ```
//!
//! With delta encoding an entry that shares key bytes has, in place of a handle, the signed difference
//! of its block's size from the one before, which it follows directly. In a partitioned index (two
//! levels) the handles of the upper block are those of the lower ones.

use bytes::Bytes;
use spt_format::{Cursor, Error, Result};

use super::block::BlockHandle;
use super::entries::{entries_end, extend_key};
use super::varint::{length_prefixed, varint32};

/// How the entries of a table's index are written; from its properties.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct IndexFormat {
    /// Separators are user keys; otherwise internal keys.
    pub(super) user_keys: bool,
    /// Handles may be differences, and values have no length.
    pub(super) delta_values: bool,
    /// A handle is followed by the first key of its block.
    pub(super) first_keys: bool,
}

/// A walk over one index block.
pub(super) struct Index {
    block: Bytes,
    format: IndexFormat,
    end: usize,
    position: usize,
    separator: Vec<u8>,
    handle: BlockHandle,
}

impl Index {
    /// Stands before the first entry.
    pub(super) fn new(block: Bytes, format: IndexFormat) -> Result<Self> {
        let end = entries_end(&block)?;
        let (separator, handle) = (Vec::new(), BlockHandle::default());
        Ok(Self { block, format, end, position: 0, separator, handle })
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
        let value_length = if self.format.delta_values { None } else { Some(varint32(&mut cursor)?) };
        extend_key(&mut self.separator, &mut cursor, shared, unshared)?;
        let value_start = cursor.position();
        self.handle = match self.format.delta_values && shared > 0 {
            true => self.handle.decode_next(&mut cursor)?,
            false => BlockHandle::decode(&mut cursor)?,
        };
        if self.format.first_keys {
            length_prefixed(&mut cursor, "first key")?;
        }
        let length = cursor.position() - value_start;
        if value_length.is_some_and(|announced| announced as usize != length) {
            return Err(cursor.invalid(format!("an index entry has {length} bytes, not what it announces")));
        }
        self.position += cursor.position();
        Ok(true)
    }

    /// The block of the current entry.
    pub(super) fn handle(&self) -> BlockHandle {
        self.handle
    }

    /// No user key of the current entry's block is above this one.
    pub(super) fn separator(&self) -> Result<&[u8]> {
        match self.separator.split_last_chunk::<8>() {
            _ if self.format.user_keys => Ok(&self.separator),
            Some((user_key, _)) => Ok(user_key),
            None => Err(Error::invalid("an index key is shorter than an internal key")),
        }
    }
}
