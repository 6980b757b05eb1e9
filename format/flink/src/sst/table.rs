//! One table: opened from its end, walked from any key on.
//!
//! ```text
//! footer → meta index → properties, range deletions, dictionary
//!        └ index (→ index partition) → data block → entry
//! ```
//!
//! Memory: the index (of a partitioned one: the upper level and one partition), the range deletions, one
//! data block.

use std::sync::Arc;

use bytes::Bytes;
use spt_format::{Cursor, Error, ErrorKind, Location, ReadLimits, Result, ResultExt};

use super::block::{BlockHandle, BlockReader, place};
use super::entries::Entries;
use super::footer::{FOOTER_BYTES, Footer};
use super::index::{Index, IndexFormat};
use super::key::{EntryKind, InternalKey};
use super::properties::{MergeOperator, Properties};
use super::range_deletion::RangeDeletion;
use crate::ReadAt;

/// What a manifest knows about a table and the table itself may not.
#[derive(Debug, Clone, Copy, Default)]
pub struct TableHints {
    /// The highest sequence number in the table.
    pub newest_sequence: Option<u64>,
    /// The column family the table belongs to.
    pub column_family: Option<u32>,
}

/// An open table.
pub struct Table {
    blocks: BlockReader,
    meta: Vec<(Vec<u8>, BlockHandle)>,
    properties: Properties,
    merge_operator: MergeOperator,
    index: BlockHandle,
    format: IndexFormat,
    partitioned: bool,
    ingested_sequence: Option<u64>,
    range_deletions: Vec<RangeDeletion>,
}

impl Table {
    /// Reads everything but the index and the data.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] if `input` is no table, [`ErrorKind::ChecksumMismatch`] if it is damaged,
    /// [`ErrorKind::Unsupported`] for features Flink does not use.
    pub fn open(input: Arc<dyn ReadAt>, hints: TableHints, limits: &ReadLimits) -> Result<Self> {
        let footer = read_footer(&*input)?;
        let mut blocks = BlockReader::new(input, footer.checksums, limits);
        let meta = read_meta_index(&blocks, footer.meta_index)?;
        let find =
            |name: &str| meta.iter().find(|(found, _)| found == name.as_bytes()).map(|(_, handle)| *handle);
        let properties = find("rocksdb.properties").or_else(|| find("rocksdb.stats"));
        let properties = Properties::read(&blocks, properties.ok_or_else(|| missing("properties block"))?)?;
        properties.check_comparator()?;
        check_column_family(&properties, hints)?;
        let index = footer.index.or_else(|| find("rocksdb.index")).ok_or_else(|| missing("index"))?;
        let ingested_sequence = properties.ingested_sequence(hints.newest_sequence)?;
        let range_deletions = match find("rocksdb.range_del") {
            Some(handle) => read_range_deletions(&blocks, handle, ingested_sequence)?,
            None => Vec::new(),
        };
        check_range_deletions(&properties, &range_deletions)?;
        blocks.dictionary = find("rocksdb.compression_dict").map(|handle| blocks.read(handle)).transpose()?;
        let (format, partitioned) = (properties.index_format()?, properties.index_is_partitioned()?);
        let merge_operator = properties.merge_operator();
        Ok(Self {
            blocks,
            meta,
            properties,
            merge_operator,
            index,
            format,
            partitioned,
            ingested_sequence,
            range_deletions,
        })
    }

    /// How merge operands of this table are combined.
    pub(super) fn merge_operator(&self) -> &MergeOperator {
        &self.merge_operator
    }

    /// The table's range deletions, as they are stored.
    pub(super) fn range_deletions(&self) -> &[RangeDeletion] {
        &self.range_deletions
    }

    /// Entries the table says it has, range deletions left out.
    pub(super) fn entry_count(&self) -> Result<Option<u64>> {
        let deletions = self.properties.range_deletions()?;
        Ok(self.properties.entries()?.map(|entries| entries.saturating_sub(deletions)))
    }

    /// Verifies the blocks that reading the data does not touch, filters for instance.
    ///
    /// # Errors
    /// [`ErrorKind::ChecksumMismatch`] at the first damaged one.
    pub fn verify_meta_blocks(&self) -> Result<()> {
        // The properties were verified when the table was opened, in their own way.
        for (name, handle) in self.meta.iter().filter(|(name, _)| name != b"rocksdb.properties") {
            self.verify_meta_block(name, *handle).within(|| String::from_utf8_lossy(name).into_owned())?;
        }
        Ok(())
    }

    /// A partitioned filter is an index over its parts.
    fn verify_meta_block(&self, name: &[u8], handle: BlockHandle) -> Result<()> {
        let block = self.blocks.read(handle)?;
        if name.starts_with(b"partitionedfilter.") {
            let mut parts = Index::new(block, self.format)?;
            while parts.advance()? {
                self.blocks.read(parts.handle())?;
            }
        }
        Ok(())
    }

    /// A walk over the entries whose user key is not below `lower`.
    ///
    /// # Errors
    /// As reading a block.
    pub fn entries_from(self, lower: &[u8]) -> Result<TableEntries> {
        let block = self.blocks.read(self.index).within(|| "index")?;
        let top = Index::new(block, self.format).within(|| "index")?;
        let (partitions, index) = if self.partitioned { (Some(top), None) } else { (None, Some(top)) };
        Ok(TableEntries {
            table: self,
            partitions,
            index,
            block: None,
            lower: Some(lower.to_vec()),
            current: Position::default(),
            skipped: false,
            seen: 0,
        })
    }
}

fn read_footer(input: &dyn ReadAt) -> Result<Footer> {
    let Some(offset) = input.size().checked_sub(FOOTER_BYTES as u64) else {
        let kind = ErrorKind::Truncated {
            what: "a table's footer".into(),
            needed: FOOTER_BYTES as u64,
            left: input.size(),
        };
        return Err(Error::new(kind, Location::default()));
    };
    let bytes = input.read_at(offset, FOOTER_BYTES)?;
    Footer::decode(&Cursor::new(&bytes).array("footer")?, offset).within(|| "footer")
}

fn read_meta_index(blocks: &BlockReader, handle: BlockHandle) -> Result<Vec<(Vec<u8>, BlockHandle)>> {
    let mut entries = Entries::new(blocks.read(handle).within(|| "meta index")?).within(|| "meta index")?;
    let mut meta = Vec::new();
    while entries.advance().within(|| "meta index")? {
        let handle = BlockHandle::decode(&mut Cursor::new(entries.value())).within(|| "meta index")?;
        meta.push((entries.key().to_vec(), handle));
    }
    Ok(meta)
}

fn read_range_deletions(
    blocks: &BlockReader,
    handle: BlockHandle,
    sequence: Option<u64>,
) -> Result<Vec<RangeDeletion>> {
    let block = blocks.read(handle)?;
    RangeDeletion::decode_all(block, sequence).within(|| format!("range deletions, {}", place(handle)))
}

fn check_range_deletions(properties: &Properties, found: &[RangeDeletion]) -> Result<()> {
    let expected = properties.range_deletions()?;
    match found.len() as u64 == expected {
        true => Ok(()),
        false => Err(mismatch("number of range deletions", found.len(), expected)),
    }
}

fn check_column_family(properties: &Properties, hints: TableHints) -> Result<()> {
    /// Written by an external tool for whoever ingests it.
    const ANY: u64 = u32::MAX as u64;
    match (properties.column_family_id()?, hints.column_family) {
        (Some(found), Some(expected)) if found != ANY && found != u64::from(expected) => {
            Err(mismatch("column family of the table", found, expected))
        }
        _ => Ok(()),
    }
}

fn mismatch(what: &str, found: impl ToString, expected: impl ToString) -> Error {
    let kind =
        ErrorKind::Mismatch { what: what.into(), found: found.to_string(), expected: expected.to_string() };
    Error::new(kind, Location::default())
}

fn missing(what: &str) -> Error {
    Error::invalid(format!("the table has no {what}"))
}

/// A walk over the entries of a table, in order: by user key, then newest first.
pub struct TableEntries {
    table: Table,
    /// The upper level of a partitioned index.
    partitions: Option<Index>,
    index: Option<Index>,
    block: Option<Entries>,
    /// Until the first entry was found: where to begin.
    lower: Option<Vec<u8>>,
    current: Position,
    /// Blocks or entries before `lower` were left out.
    skipped: bool,
    seen: u64,
}

/// The parsed key of the current entry.
#[derive(Debug, Clone, Copy)]
struct Position {
    user_key_bytes: usize,
    sequence: u64,
    kind: EntryKind,
}

impl Default for Position {
    fn default() -> Self {
        Self { user_key_bytes: 0, sequence: 0, kind: EntryKind::Value }
    }
}

impl TableEntries {
    /// Moves to the next entry. False at the end.
    ///
    /// # Errors
    /// As reading a block; [`ErrorKind::Mismatch`] at the end if entries are missing.
    pub fn advance(&mut self) -> Result<bool> {
        while self.step()? {
            match &self.lower {
                Some(lower) if self.user_key() < lower.as_slice() => self.skipped = true,
                _ => {
                    self.lower = None;
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }

    /// The user key of the current entry.
    pub fn user_key(&self) -> &[u8] {
        let key = self.block.as_ref().map_or(&[][..], Entries::key);
        key.get(..self.current.user_key_bytes).unwrap_or_default()
    }

    /// The value of the current entry: a whole value, or an operand.
    pub fn value(&self) -> &[u8] {
        self.block.as_ref().map_or(&[], Entries::value)
    }

    /// The sequence number of the current entry.
    pub fn sequence(&self) -> u64 {
        self.current.sequence
    }

    /// What the current entry does.
    pub fn kind(&self) -> EntryKind {
        self.current.kind
    }

    /// The table that is walked.
    pub(super) fn table(&self) -> &Table {
        &self.table
    }

    /// The next entry, whatever its key.
    fn step(&mut self) -> Result<bool> {
        loop {
            if let Some(block) = &mut self.block
                && block.advance().within(|| "data block")?
            {
                self.seen += 1;
                self.current = Position::of(block.key(), self.table.ingested_sequence)?;
                return Ok(true);
            }
            match self.next_handle()? {
                Some(handle) => self.block = Some(open_block(&self.table.blocks, handle)?),
                None => return self.finish(),
            }
        }
    }

    /// The next data block that may hold keys from `lower` on.
    fn next_handle(&mut self) -> Result<Option<BlockHandle>> {
        loop {
            if let Some(index) = &mut self.index
                && let Some(handle) = next_from(index, self.lower.as_deref(), &mut self.skipped)?
            {
                return Ok(Some(handle));
            }
            let Some(partitions) = &mut self.partitions else { return Ok(None) };
            match next_from(partitions, self.lower.as_deref(), &mut self.skipped)? {
                Some(handle) => {
                    let block = self.table.blocks.read(handle).within(|| "index partition")?;
                    let index = Index::new(block, self.table.format).within(|| place(handle))?;
                    refuse_empty(index.is_empty()).within(|| place(handle))?;
                    self.index = Some(index);
                }
                None => return Ok(None),
            }
        }
    }

    /// At the end all entries must have been seen, unless some were left out on purpose.
    fn finish(&mut self) -> Result<bool> {
        self.block = None;
        match self.table.entry_count()? {
            Some(expected) if !self.skipped && expected != self.seen => {
                Err(mismatch("number of entries", self.seen, expected))
            }
            _ => Ok(false),
        }
    }
}

impl Position {
    fn of(key: &[u8], ingested_sequence: Option<u64>) -> Result<Self> {
        let key = InternalKey::parse(key)?;
        let sequence = ingested_sequence.unwrap_or(key.sequence);
        Ok(Self { user_key_bytes: key.user_key.len(), sequence, kind: key.kind })
    }
}

fn open_block(blocks: &BlockReader, handle: BlockHandle) -> Result<Entries> {
    let content: Bytes = blocks.read(handle).within(|| "data")?;
    let entries = Entries::new(content).within(|| place(handle))?;
    refuse_empty(entries.is_empty()).within(|| place(handle))?;
    Ok(entries)
}

/// A table has no empty blocks. An index that named one again and again would cost time without end.
fn refuse_empty(empty: bool) -> Result<()> {
    match empty {
        true => Err(Error::invalid("the block has no entries")),
        false => Ok(()),
    }
}

/// The handle of the next entry of `index` whose keys may reach `lower`.
fn next_from(index: &mut Index, lower: Option<&[u8]>, skipped: &mut bool) -> Result<Option<BlockHandle>> {
    while index.advance().within(|| "index")? {
        match lower {
            Some(lower) if index.separator()? < lower => *skipped = true,
            _ => return Ok(Some(index.handle())),
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests;
