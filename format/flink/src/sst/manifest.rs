//! One record of `MANIFEST`: a change of the set of live tables.
//!
//! ```text
//! field …   varint32 tag, content by tag
//! ```
//!
//! Tags with bit 13 set are followed by a length and may be skipped by who does not know them.

use spt_format::{Cursor, ErrorKind, Result};

use super::key::{EntryKind, InternalKey, MAX_SEQUENCE};
use super::varint::{length_prefixed, varint32, varint64};
use super::version::LiveTable;

/// A change of one column family.
#[derive(Debug, Default)]
pub(super) struct Edit {
    pub(super) column_family: u32,
    /// The family begins to exist, with this name.
    pub(super) add_family: Option<Vec<u8>>,
    /// The family ends to exist.
    pub(super) drop_family: bool,
    pub(super) comparator: Option<Vec<u8>>,
    /// Older write-ahead logs hold nothing of this family any more.
    pub(super) log_number: Option<u64>,
    pub(super) new_tables: Vec<LiveTable>,
    /// Level and number.
    pub(super) deleted_tables: Vec<(u32, u64)>,
    /// How many records of the same group follow. All of them count or none.
    pub(super) group_remaining: u32,
}

impl Edit {
    /// Decodes one record.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`] for fields that must not be skipped and are not known (blob files among
    /// them), [`ErrorKind::Truncated`], [`ErrorKind::Invalid`].
    pub(super) fn decode(record: &[u8]) -> Result<Self> {
        let mut cursor = Cursor::new(record);
        let mut edit = Self::default();
        while !cursor.is_empty() {
            let tag = varint32(&mut cursor)?;
            edit.field(tag, &mut cursor)?;
        }
        Ok(edit)
    }

    fn field(&mut self, tag: u32, cursor: &mut Cursor<'_>) -> Result<()> {
        const SKIPPABLE: u32 = 1 << 13;
        match tag {
            1 => self.comparator = Some(length_prefixed(cursor, "comparator")?.to_vec()),
            2 => self.log_number = Some(varint64(cursor)?),
            // Next file, last sequence, previous log, oldest log to keep, largest family: not needed to read.
            3 | 4 | 9 | 10 => drop(varint64(cursor)?),
            203 => drop(varint32(cursor)?),
            5 => compaction_cursor(cursor)?,
            6 => self.deleted_tables.push((varint32(cursor)?, varint64(cursor)?)),
            7 | 100 | 102 | 103 => self.new_tables.push(new_table(tag, cursor)?),
            200 => self.column_family = varint32(cursor)?,
            201 => self.add_family = Some(length_prefixed(cursor, "column family")?.to_vec()),
            202 => self.drop_family = true,
            300 => self.group_remaining = varint32(cursor)?,
            400 | 401 => return Err(unsupported(cursor, "a blob file")),
            tag if tag & SKIPPABLE != 0 => drop(length_prefixed(cursor, "manifest field")?),
            tag => return Err(unsupported(cursor, &format!("manifest field {tag}"))),
        }
        Ok(())
    }
}

/// Where the next compaction of a level begins.
fn compaction_cursor(cursor: &mut Cursor<'_>) -> Result<()> {
    varint32(cursor)?;
    length_prefixed(cursor, "compaction cursor").map(drop)
}

/// A table: level, number, (path, tag 102,) size, smallest and largest key, (sequence numbers, from tag 100 on,)
/// (more fields, tag 103).
fn new_table(tag: u32, cursor: &mut Cursor<'_>) -> Result<LiveTable> {
    let (level, number) = (varint32(cursor)?, varint64(cursor)?);
    if tag == 102 {
        varint32(cursor)?;
    }
    let size = varint64(cursor)?;
    let smallest = InternalKey::parse(length_prefixed(cursor, "smallest key")?)?.user_key.to_vec();
    let end = end_of(InternalKey::parse(length_prefixed(cursor, "largest key")?)?);
    let newest_sequence = match tag {
        7 => None,
        _ => {
            varint64(cursor)?;
            Some(varint64(cursor)?)
        }
    };
    if tag == 103 {
        custom_fields(cursor)?;
    }
    Ok(LiveTable { level, number, size, smallest, end, newest_sequence })
}

/// The first user key after a table: its largest key is part of it, unless it is the end of a range deletion.
fn end_of(largest: InternalKey<'_>) -> Vec<u8> {
    let mut end = largest.user_key.to_vec();
    if largest.kind != EntryKind::RangeDeletion || largest.sequence != MAX_SEQUENCE {
        end.push(0);
    }
    end
}

/// `varint32 tag, length, bytes` until tag 1. Tags with bit 6 must be known; 65, a path, says nothing here.
fn custom_fields(cursor: &mut Cursor<'_>) -> Result<()> {
    loop {
        match varint32(cursor)? {
            1 => return Ok(()),
            tag if tag & 64 != 0 && tag != 65 => {
                return Err(unsupported(cursor, &format!("table field {tag}")));
            }
            _ => length_prefixed(cursor, "table field")?,
        };
    }
}

fn unsupported(cursor: &Cursor<'_>, what: &str) -> spt_format::Error {
    cursor.error(ErrorKind::Unsupported { what: what.into() })
}
