//! The header of keyed state: the key's serializer, and every state with its serializers.
//!
//! ```text
//! i32 version | bool compressed | framed snapshot of the key | i16 n | n × state
//! ```
//!
//! It begins every canonical and heap file, and is all there is in the meta file of a RocksDB handle. A
//! state's place in it is the state's number in the data.
//!
//! # Source
//! Flink, `KeyedBackendSerializationProxy`.

use spt_format::{Cursor, ErrorKind, ReadLimits, Result, ResultExt};

use crate::ReadAt;
use crate::serializers::unknown::{Unknowns, resynchronised};
use crate::serializers::{Serializer, SnapshotReader};
use crate::state_meta::{MIN_STATE_BYTES, StateMeta};

/// The header of one keyed handle.
#[derive(Debug, Clone, PartialEq)]
pub struct KeyedHeader {
    /// The data behind the header is compressed with Snappy.
    pub compressed: bool,
    /// The key's serializer.
    pub key: Serializer,
    /// The states; a state's place is its number in the data.
    pub states: Vec<StateMeta>,
    /// Bytes of the header.
    pub length: u64,
}

impl KeyedHeader {
    /// Reads the header at the start of `source`, which ends at `end` at the latest.
    ///
    /// `end` is the first byte of data, where the handle tells; the whole source otherwise. With it, a
    /// serializer of an unknown class does not hide the states behind it.
    ///
    /// # Errors
    /// [`ErrorKind::UnsupportedVersion`] before Flink 1.7; with place and enclosing classes whatever else
    /// cannot be read.
    pub fn read(source: &dyn ReadAt, end: Option<u64>, limits: &ReadLimits) -> Result<Self> {
        let end = end.unwrap_or(u64::MAX).min(source.size());
        ReadLimits::check("bytes of a header", end, limits.metadata_bytes)?;
        let bytes = source.read_at(0, usize::try_from(end).unwrap_or(usize::MAX))?;
        Self::parse(&bytes)
    }

    /// Reads a header that fills its bytes.
    ///
    /// # Errors
    /// As [`KeyedHeader::read`].
    pub fn parse(bytes: &[u8]) -> Result<Self> {
        resynchronised(&Cursor::new(bytes), |cursor, unknowns| {
            let header = parse(cursor, unknowns)?;
            cursor.end("header of keyed state")?;
            Ok(header)
        })
        .within(|| "header")
    }
}

fn parse(cursor: &mut Cursor<'_>, unknowns: &mut Unknowns) -> Result<KeyedHeader> {
    let start = cursor.clone();
    let version = cursor.i32_be()?;
    if version != 6 {
        let found = version.into();
        let (what, readable) = ("keyed state", "6 (Flink 1.7 and newer)");
        return Err(start.error(ErrorKind::UnsupportedVersion { what, found, readable }));
    }
    let compressed = cursor.bool("whether the data is compressed")?;
    let key = SnapshotReader::new(cursor, unknowns).framed().within(|| "key serializer")?;
    let count = cursor.i16_be()?;
    let count = cursor.count(count, MIN_STATE_BYTES, "states")?;
    let states = (0..count).map(|_| StateMeta::read(cursor, unknowns)).collect::<Result<_>>()?;
    Ok(KeyedHeader { compressed, key, states, length: cursor.offset() })
}
