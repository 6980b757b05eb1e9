//! The key groups of one stream: where each begins and ends, and in which of two layouts.
//!
//! ```text
//! header │ key group 3 │ key group 5 │ …      offsets of the handle; what is not there is empty
//! ```

use std::sync::Arc;

use spt_format::{Error, ErrorKind, KeyGroupRange, Location, ReadLimits, Result};

use super::canonical::CanonicalEntries;
use super::header::KeyedHeader;
use super::runs::Runs;
use crate::ReadAt;
use crate::metadata::{KeyGroupFile, KeyGroupFileKind};
use crate::serializers::KryoVersion;

/// The bytes of one key group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Block {
    /// The key group.
    pub key_group: u16,
    /// Its first byte, from the start of the stream.
    pub start: u64,
    /// The byte behind it.
    pub end: u64,
}

/// How the data behind the header is laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyedLayout {
    /// The same for every backend: entries with lengths.
    Canonical,
    /// Flink's hash maps as they are: values after each other.
    Heap,
}

/// One keyed stream: its header, its layout, and where its key groups are.
#[derive(Clone)]
pub struct KeyedFile {
    /// The bytes.
    pub source: Arc<dyn ReadAt>,
    /// The header.
    pub header: Arc<KeyedHeader>,
    /// How the data is laid out.
    pub layout: KeyedLayout,
    /// The key groups that are there, in the order of the stream.
    pub blocks: Arc<[Block]>,
    /// The operator's max parallelism.
    pub max_parallelism: u32,
    /// What is taken on trust.
    pub limits: ReadLimits,
    /// Where the states were met.
    pub(crate) runs: Arc<Runs>,
}

impl KeyedFile {
    /// Reads the header of a stream that `handle` describes, and finds its key groups.
    ///
    /// # Errors
    /// As [`KeyedHeader::read`]; [`ErrorKind::Invalid`] for offsets that leave the stream or meet the header.
    pub fn open(
        source: Arc<dyn ReadAt>,
        handle: &KeyGroupFile,
        max_parallelism: u32,
        limits: &ReadLimits,
    ) -> Result<Self> {
        let blocks = blocks(handle, source.size())?;
        let end = blocks.first().map(|block| block.start);
        let header = KeyedHeader::read(&*source, end, limits)?;
        let mut file = Self {
            source,
            header: Arc::new(header),
            layout: KeyedLayout::Canonical,
            blocks: blocks.into(),
            max_parallelism,
            limits: limits.clone(),
            runs: Arc::default(),
        };
        file.layout = file.find_layout(handle)?;
        Ok(file)
    }

    /// Says which Kryo wrote the data.
    pub fn set_kryo(&mut self, version: KryoVersion) {
        Arc::make_mut(&mut self.header).set_kryo(version);
    }

    /// The blocks of these key groups.
    pub fn blocks_in(&self, key_groups: Option<KeyGroupRange>) -> impl Iterator<Item = Block> + use<> {
        let blocks = Arc::clone(&self.blocks);
        let wanted = move |block: &Block| key_groups.is_none_or(|range| range.contains(block.key_group));
        (0..blocks.len()).filter_map(move |index| blocks.get(index).copied()).filter(wanted)
    }

    /// Old handles do not tell: a heap file has every key group, each with its number in front.
    ///
    /// # Source
    /// Flink, `HeapKeyedStateBackendBuilder`, `RocksDBKeyedStateBackendBuilder`.
    fn find_layout(&self, handle: &KeyGroupFile) -> Result<KeyedLayout> {
        if handle.kind == KeyGroupFileKind::Savepoint || handle.offsets.contains(&0) || self.blocks.is_empty()
        {
            return Ok(KeyedLayout::Canonical);
        }
        for block in self.blocks.iter() {
            let number = match block.end - block.start {
                4.. => self.source.read_at(block.start, 4)?,
                _ => return Ok(KeyedLayout::Canonical),
            };
            if number != u32::from(block.key_group).to_be_bytes().as_slice() {
                return Ok(KeyedLayout::Canonical);
            }
        }
        let only_group_0 = self.blocks.len() == 1 && handle.key_groups.last() == 0;
        Ok(if only_group_0 && self.reads_as_canonical() { KeyedLayout::Canonical } else { KeyedLayout::Heap })
    }

    /// State 0 of key group 0 begins like the number 0, and so does a heap file: only the whole tells.
    fn reads_as_canonical(&self) -> bool {
        let mut entries = CanonicalEntries::all(self);
        loop {
            match entries.next_of_any() {
                Ok(true) => {}
                Ok(false) => return true,
                Err(_) => return false,
            }
        }
    }
}

/// The key groups that are there, in the order of the stream; each ends where the next begins.
fn blocks(handle: &KeyGroupFile, size: u64) -> Result<Vec<Block>> {
    let mut blocks = Vec::new();
    for (key_group, offset) in handle.key_groups.iter().zip(&handle.offsets) {
        match u64::try_from(*offset) {
            Ok(0) => {}
            Ok(start) if start <= size => blocks.push(Block { key_group, start, end: size }),
            _ => return Err(invalid(format!("key group {key_group} begins at {offset} of {size} bytes"))),
        }
    }
    blocks.sort_by_key(|block| block.start);
    let starts: Vec<_> = blocks.iter().skip(1).map(|block| block.start).collect();
    for (block, next) in blocks.iter_mut().zip(starts) {
        if block.start == next {
            return Err(invalid(format!("two key groups begin at {next}")));
        }
        block.end = next;
    }
    Ok(blocks)
}

fn invalid(what: String) -> Error {
    Error::new(ErrorKind::Invalid { what }, Location::default())
}
