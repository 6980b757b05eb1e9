//! What a table says about itself: a block of names and values.
//!
//! Numbers are `varint64`, texts are plain bytes; a few of older age are `u32` or `u64`.

use std::collections::BTreeMap;

use bytes::Bytes;
use spt_format::{Cursor, Error, ErrorKind, Location, Result, ResultExt};

use super::block::{BlockHandle, BlockReader, place};
use super::entries::Entries;
use super::index::IndexFormat;
use super::varint::varint64;

/// How the values of one column family are combined.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum MergeOperator {
    /// Operands are joined with commas: what Flink sets for every state.
    StringAppend,
    /// None, or one whose rules are not known here.
    Other(String),
}

/// The properties of one table, by name.
#[derive(Debug, Default)]
pub(super) struct Properties(BTreeMap<Vec<u8>, Bytes>);

impl Properties {
    /// Reads the properties block at `handle`.
    ///
    /// # Errors
    /// What reading a block or its entries may cause.
    pub(super) fn read(reader: &BlockReader, handle: BlockHandle) -> Result<Self> {
        let block = verified(reader, handle)?;
        collect(block).map(|entries| Self(entries.into_iter().map(|(k, v, _)| (k, v)).collect()))
    }

    fn number(&self, name: &str) -> Result<Option<u64>> {
        let Some(value) = self.0.get(name.as_bytes()) else { return Ok(None) };
        let mut cursor = Cursor::new(value);
        let number = varint64(&mut cursor).and_then(|number| cursor.end(name).map(|()| number));
        number.map(Some).within(|| format!("property {name}"))
    }

    fn text(&self, name: &str) -> Option<String> {
        self.0.get(name.as_bytes()).map(|value| String::from_utf8_lossy(value).into_owned())
    }

    fn fixed<const N: usize>(&self, name: &str) -> Result<Option<[u8; N]>> {
        let Some(value) = self.0.get(name.as_bytes()) else { return Ok(None) };
        Cursor::new(value).array(name).map(Some)
    }

    /// Entries in the table, range deletions among them.
    pub(super) fn entries(&self) -> Result<Option<u64>> {
        self.number("rocksdb.num.entries")
    }

    /// Range deletions in the table.
    pub(super) fn range_deletions(&self) -> Result<u64> {
        Ok(self.number("rocksdb.num.range-deletions")?.unwrap_or(0))
    }

    /// The number of the column family the table was written for.
    pub(super) fn column_family_id(&self) -> Result<Option<u64>> {
        self.number("rocksdb.column.family.id")
    }

    /// The merge operator of the column family.
    pub(super) fn merge_operator(&self) -> MergeOperator {
        match self.text("rocksdb.merge.operator") {
            Some(name) if matches!(name.as_str(), "StringAppendTESTOperator" | "StringAppendOperator") => {
                MergeOperator::StringAppend
            }
            name => MergeOperator::Other(name.unwrap_or_else(|| "none".into())),
        }
    }

    /// Keys must be ordered by their bytes.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`] for any other order.
    pub(super) fn check_comparator(&self) -> Result<()> {
        match self.text("rocksdb.comparator") {
            Some(name) if name != "leveldb.BytewiseComparator" => {
                Err(unsupported(format!("key order {name:?}")))
            }
            _ => Ok(()),
        }
    }

    /// The index has two levels.
    pub(super) fn index_is_partitioned(&self) -> Result<bool> {
        Ok(self.index_type()? == 2)
    }

    /// How the index is written.
    pub(super) fn index_format(&self) -> Result<IndexFormat> {
        Ok(IndexFormat {
            user_keys: self.number("rocksdb.index.key.is.user.key")?.unwrap_or(0) != 0,
            delta_values: self.number("rocksdb.index.value.is.delta.encoded")?.unwrap_or(0) != 0,
            first_keys: self.index_type()? == 3,
        })
    }

    /// 0 binary search, 1 the same and a hash aside, 2 two levels, 3 with first keys.
    fn index_type(&self) -> Result<u32> {
        match self.fixed("rocksdb.block.based.table.index.type")?.map(u32::from_le_bytes) {
            None => Ok(0),
            Some(kind @ 0..=3) => Ok(kind),
            Some(kind) => Err(unsupported(format!("index type {kind}"))),
        }
    }

    /// The sequence number all entries have in place of their own, if the table was made outside the
    /// database and ingested. `newest` is the highest one its manifest names.
    ///
    /// # Errors
    /// [`ErrorKind::Mismatch`] if table and manifest name different ones.
    pub(super) fn ingested_sequence(&self, newest: Option<u64>) -> Result<Option<u64>> {
        match self.fixed("rocksdb.external_sst_file.version")?.map(u32::from_le_bytes) {
            Some(2..) => {}
            _ => return Ok(None),
        }
        let own = self.fixed(INGESTED_SEQUENCE)?.map_or(0, u64::from_le_bytes);
        match newest {
            Some(newest) if own != 0 && own != newest => Err(Error::new(
                ErrorKind::Mismatch {
                    what: "sequence number of an ingested table".into(),
                    found: own.to_string(),
                    expected: newest.to_string(),
                },
                Location::default(),
            )),
            Some(newest) => Ok(Some(newest)),
            None => Ok(Some(own)),
        }
    }
}

const INGESTED_SEQUENCE: &str = "rocksdb.external_sst_file.global_seqno";

fn unsupported(what: String) -> Error {
    Error::new(ErrorKind::Unsupported { what }, Location::default())
}

/// The block at `handle`. Ingestion may have written a sequence number into the finished block; then the
/// checksum is that of the block with a zero there.
fn verified(reader: &BlockReader, handle: BlockHandle) -> Result<Bytes> {
    let raw = reader.read_raw(handle)?;
    let verify =
        |payload: &[u8]| reader.checksums.verify(payload, raw.compression, handle.offset, raw.checksum);
    match verify(&raw.payload) {
        Ok(()) => reader.read(handle),
        Err(mismatch) => match without_ingested_sequence(&raw.payload) {
            Some(blank) => verify(&blank).map(|()| raw.payload.clone()).map_err(|_| mismatch),
            None => Err(mismatch),
        },
    }
    .within(|| format!("properties, {}", place(handle)))
}

fn without_ingested_sequence(block: &Bytes) -> Option<Vec<u8>> {
    let entries = collect(block.clone()).ok()?;
    let (.., range) = entries.into_iter().find(|(name, ..)| name == INGESTED_SEQUENCE.as_bytes())?;
    let mut blank = block.to_vec();
    blank.get_mut(range)?.fill(0);
    Some(blank)
}

type Property = (Vec<u8>, Bytes, std::ops::Range<usize>);

fn collect(block: Bytes) -> Result<Vec<Property>> {
    let mut entries = Entries::new(block.clone())?;
    let mut properties = Vec::new();
    while entries.advance()? {
        properties.push((entries.key().to_vec(), block.slice(entries.value_range()), entries.value_range()));
    }
    Ok(properties)
}
