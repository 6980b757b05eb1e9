//! The header of operator state: lists and broadcast maps, with their serializers.
//!
//! ```text
//! i32 version | bool compressed (6 and later) | i16 n, n × list | i16 n, n × broadcast map | data
//! ```
//!
//! Where each element is stands in the handle, not here. Compressed data begins with the ten bytes that
//! begin every Snappy stream; the first element is behind them.
//!
//! # Source
//! Flink, `OperatorBackendSerializationProxy`.

use spt_format::{Cursor, ErrorKind, ReadLimits, Result, ResultExt};

use crate::read_at::ReadAt;
use crate::serializers::KryoVersion;
use crate::serializers::unknown::{Unknowns, resynchronised};
use crate::state_meta::{MIN_STATE_BYTES, StateMeta};

/// The chunk that begins a Snappy stream.
const STREAM_IDENTIFIER: &[u8] = b"\xFF\x06\x00\x00sNaPpY";

/// The header of one handle of operator state.
#[derive(Debug, Clone, PartialEq)]
pub struct OperatorHeader {
    /// Every element, and every broadcast map, is a Snappy stream of its own.
    pub compressed: bool,
    /// Lists, split or united on a restore.
    pub lists: Vec<StateMeta>,
    /// Broadcast maps.
    pub broadcasts: Vec<StateMeta>,
}

impl OperatorHeader {
    /// Reads the header at the start of `source`, which ends before the first element: at `end`, if there is one.
    ///
    /// # Errors
    /// [`ErrorKind::UnsupportedVersion`] before Flink 1.7; otherwise what cannot be read, and where.
    pub fn read(source: &dyn ReadAt, end: Option<u64>, limits: &ReadLimits) -> Result<Self> {
        let end = end.unwrap_or(u64::MAX).min(source.size());
        ReadLimits::check("bytes of a header", end, limits.metadata_bytes)?;
        let bytes = source.read_at(0, usize::try_from(end).unwrap_or(usize::MAX))?;
        Self::parse(bytes.strip_suffix(STREAM_IDENTIFIER).unwrap_or(&bytes))
    }

    /// Reads a header that fills its bytes.
    ///
    /// # Errors
    /// As [`OperatorHeader::read`].
    pub fn parse(bytes: &[u8]) -> Result<Self> {
        resynchronised(&Cursor::new(bytes), |cursor, unknowns| {
            let header = parse(cursor, unknowns)?;
            cursor.end("header of operator state")?;
            Ok(header)
        })
        .within(|| "header")
    }

    /// Says which Kryo wrote the data.
    pub(crate) fn set_kryo(&mut self, version: KryoVersion) {
        self.lists.iter_mut().chain(&mut self.broadcasts).for_each(|state| state.set_kryo(version));
    }

    /// All states, lists first.
    pub fn states(&self) -> impl Iterator<Item = &StateMeta> {
        self.lists.iter().chain(&self.broadcasts)
    }
}

fn parse(cursor: &mut Cursor<'_>, unknowns: &mut Unknowns) -> Result<OperatorHeader> {
    let start = cursor.clone();
    let compressed = match cursor.i32_be()? {
        5 => false,
        6 => cursor.bool("whether the data is compressed")?,
        found => {
            let (what, readable) = ("operator state", "5 and 6 (Flink 1.7 and newer)");
            return Err(start.error(ErrorKind::UnsupportedVersion { what, found: found.into(), readable }));
        }
    };
    let lists = states(cursor, unknowns)?;
    let broadcasts = states(cursor, unknowns)?;
    Ok(OperatorHeader { compressed, lists, broadcasts })
}

fn states(cursor: &mut Cursor<'_>, unknowns: &mut Unknowns) -> Result<Vec<StateMeta>> {
    let count = cursor.i16_be()?;
    let count = cursor.count(count, MIN_STATE_BYTES, "states")?;
    (0..count).map(|_| StateMeta::read(cursor, unknowns)).collect()
}
