//! Writes small tables and logs, in every variant the reader must know, for its tests.

use super::checksum::{ChecksumKind, mask};

/// What kind of table to write. The default is what Flink 1.20 writes, but for the tiny blocks.
#[derive(Clone)]
pub(crate) struct Spec {
    pub(crate) version: u32,
    pub(crate) checksum: u8,
    pub(crate) compression: u8,
    pub(crate) index_type: u32,
    pub(crate) user_keys: bool,
    pub(crate) delta_values: bool,
    pub(crate) restart_interval: usize,
    pub(crate) entries_per_block: usize,
    pub(crate) merge_operator: &'static str,
    pub(crate) comparator: &'static str,
    pub(crate) ingested: Option<u64>,
    pub(crate) dictionary: Option<&'static [u8]>,
}

impl Default for Spec {
    fn default() -> Self {
        Self {
            version: 5,
            checksum: 1,
            compression: 1,
            index_type: 0,
            user_keys: true,
            delta_values: true,
            restart_interval: 1,
            entries_per_block: 3,
            merge_operator: "StringAppendTESTOperator",
            comparator: "leveldb.BytewiseComparator",
            ingested: None,
            dictionary: None,
        }
    }
}

/// User key, sequence number, kind, value.
pub(crate) type Entry = (&'static str, u64, u8, &'static str);

pub(crate) const DELETE: u8 = 0;
pub(crate) const PUT: u8 = 1;
pub(crate) const MERGE: u8 = 2;
pub(crate) const SINGLE_DELETE: u8 = 7;

/// A table of `entries` and range deletions (start, end, sequence number), sorted here.
pub(crate) fn table(spec: &Spec, entries: &[Entry], deletions: &[(&str, &str, u64)]) -> Vec<u8> {
    let mut entries = entries.to_vec();
    entries.sort_by_key(|entry| (entry.0, std::cmp::Reverse(entry.1)));
    let mut file = Builder { spec: spec.clone(), bytes: Vec::new() };
    let index = file.data(&entries);
    let index = file.index(&index);
    let mut meta = file.meta_blocks(entries.len(), deletions);
    if spec.version >= 6 {
        meta.push((b"rocksdb.index".to_vec(), handle(index)));
    }
    meta.sort();
    let meta_index = file.block(&block(&meta, 1), 0);
    file.footer(meta_index, index);
    file.bytes
}

/// A log of these records, as `MANIFEST` and write-ahead logs are framed.
pub(crate) fn log(records: &[Vec<u8>]) -> Vec<u8> {
    const BLOCK: usize = 32 * 1024;
    let mut bytes = Vec::new();
    for record in records {
        let (mut rest, mut first) = (record.as_slice(), true);
        loop {
            let room = BLOCK - bytes.len() % BLOCK;
            if room < 7 {
                bytes.resize(bytes.len() + room, 0);
                continue;
            }
            let (now, later) = rest.split_at(rest.len().min(room - 7));
            let kind = [[3u8, 2], [4, 1]][usize::from(later.is_empty())][usize::from(first)];
            let covered = [&[kind][..], now].concat();
            bytes.extend(mask(crc32c::crc32c(&covered)).to_le_bytes());
            bytes.extend((now.len() as u16).to_le_bytes());
            bytes.extend(covered);
            (rest, first) = (later, false);
            if rest.is_empty() {
                break;
            }
        }
    }
    bytes
}

pub(crate) fn varint(mut value: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while value >= 0x80 {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
    bytes
}

pub(crate) fn internal_key(user_key: &str, sequence: u64, kind: u8) -> Vec<u8> {
    [user_key.as_bytes(), &(sequence << 8 | u64::from(kind)).to_le_bytes()].concat()
}

pub(crate) fn prefixed(bytes: &[u8]) -> Vec<u8> {
    [varint(bytes.len() as u64), bytes.to_vec()].concat()
}

type Handle = (u64, u64);

fn handle((offset, size): Handle) -> Vec<u8> {
    [varint(offset), varint(size)].concat()
}

/// A block of sorted entries whose keys share prefixes.
fn block(entries: &[(Vec<u8>, Vec<u8>)], restart_interval: usize) -> Vec<u8> {
    let (mut bytes, mut restarts, mut last) = (Vec::new(), vec![0u32], &[][..]);
    for (index, (key, value)) in entries.iter().enumerate() {
        let shared = shared_prefix(&mut restarts, index, restart_interval, bytes.len(), last, key);
        for number in [shared, key.len() - shared, value.len()] {
            bytes.extend(varint(number as u64));
        }
        bytes.extend(&key[shared..]);
        bytes.extend(value);
        last = key;
    }
    finish(bytes, &restarts)
}

fn shared_prefix(
    restarts: &mut Vec<u32>,
    index: usize,
    interval: usize,
    at: usize,
    last: &[u8],
    key: &[u8],
) -> usize {
    if !index.is_multiple_of(interval) {
        return last.iter().zip(key).take_while(|(left, right)| left == right).count();
    }
    if index > 0 {
        restarts.push(at as u32);
    }
    0
}

fn finish(mut bytes: Vec<u8>, restarts: &[u32]) -> Vec<u8> {
    for restart in restarts {
        bytes.extend(restart.to_le_bytes());
    }
    bytes.extend((restarts.len() as u32).to_le_bytes());
    bytes
}

struct Builder {
    spec: Spec,
    bytes: Vec<u8>,
}

/// What an index entry is made of: the last internal key, the first one, the block.
type Indexed = (Vec<u8>, Vec<u8>, Handle);

impl Builder {
    fn checksum(&self, payload: &[u8], last: u8, offset: u64) -> [u8; 4] {
        let checksum = ChecksumKind::from_byte(self.spec.checksum).unwrap().compute(payload, last);
        let modifier = if self.spec.version >= 6 { CONTEXT ^ offset as u32 } else { 0 };
        checksum.wrapping_add(modifier).to_le_bytes()
    }

    /// Writes a block and its trailer.
    fn block(&mut self, content: &[u8], compression: u8) -> Handle {
        let offset = self.bytes.len() as u64;
        let payload = compress(content, compression, self.spec.dictionary);
        let trailer = self.checksum(&payload, compression, offset);
        self.bytes.extend(&payload);
        self.bytes.push(compression);
        self.bytes.extend(trailer);
        (offset, payload.len() as u64)
    }

    fn data(&mut self, entries: &[Entry]) -> Vec<Indexed> {
        let mut index = Vec::new();
        for chunk in entries.chunks(self.spec.entries_per_block) {
            let sequence = |sequence| if self.spec.ingested.is_some() { 0 } else { sequence };
            let entries = chunk
                .iter()
                .map(|(key, at, kind, value)| {
                    (internal_key(key, sequence(*at), *kind), value.as_bytes().to_vec())
                })
                .collect::<Vec<_>>();
            let content = block(&entries, self.spec.restart_interval);
            let handle = self.block(&content, self.spec.compression);
            index.push((entries[entries.len() - 1].0.clone(), entries[0].0.clone(), handle));
        }
        index
    }

    fn index(&mut self, entries: &[Indexed]) -> Handle {
        if self.spec.index_type != 2 {
            return self.index_block(entries);
        }
        let mut partitions = Vec::new();
        for chunk in entries.chunks(2) {
            let handle = self.index_block(chunk);
            partitions.push((chunk[chunk.len() - 1].0.clone(), Vec::new(), handle));
        }
        self.index_block(&partitions)
    }

    fn index_block(&mut self, entries: &[Indexed]) -> Handle {
        let (mut bytes, mut restarts, mut last) = (Vec::new(), vec![0u32], Vec::new());
        let mut previous: Handle = (0, 0);
        for (index, (separator, first, at)) in entries.iter().enumerate() {
            let key = if self.spec.user_keys { &separator[..separator.len() - 8] } else { separator };
            let shared =
                shared_prefix(&mut restarts, index, self.spec.restart_interval, bytes.len(), &last, key);
            let mut value = handle(*at);
            if self.spec.delta_values && shared > 0 {
                let difference = at.1.cast_signed() - previous.1.cast_signed();
                value = varint(((difference << 1) ^ (difference >> 63)).cast_unsigned());
            }
            if self.spec.index_type == 3 {
                value.extend(prefixed(first));
            }
            bytes.extend(varint(shared as u64));
            bytes.extend(varint((key.len() - shared) as u64));
            if !self.spec.delta_values {
                bytes.extend(varint(value.len() as u64));
            }
            bytes.extend(&key[shared..]);
            bytes.extend(value);
            last = key.to_vec();
            previous = *at;
        }
        let content = finish(bytes, &restarts);
        self.block(&content, self.spec.compression)
    }

    fn meta_blocks(&mut self, entries: usize, deletions: &[(&str, &str, u64)]) -> Vec<(Vec<u8>, Vec<u8>)> {
        let mut meta = Vec::new();
        if !deletions.is_empty() {
            let mut rows = deletions
                .iter()
                .map(|(start, end, at)| (internal_key(start, *at, 0xf), end.as_bytes().to_vec()))
                .collect::<Vec<_>>();
            rows.sort();
            let handle = self.block(&block(&rows, 1), 0);
            meta.push((b"rocksdb.range_del".to_vec(), handle));
        }
        if let Some(dictionary) = self.spec.dictionary {
            let handle = self.block(dictionary, 0);
            meta.push((b"rocksdb.compression_dict".to_vec(), handle));
        }
        let content = block(&self.properties(entries, deletions.len()), usize::MAX);
        let handle = self.block(&content, 0);
        self.write_ingested_sequence(handle);
        meta.push((b"rocksdb.properties".to_vec(), handle));
        meta.into_iter().map(|(name, at)| (name, self::handle(at))).collect()
    }

    fn properties(&self, entries: usize, deletions: usize) -> Vec<(Vec<u8>, Vec<u8>)> {
        let spec = &self.spec;
        let mut rows = vec![
            ("rocksdb.block.based.table.index.type", spec.index_type.to_le_bytes().to_vec()),
            ("rocksdb.column.family.id", varint(7)),
            ("rocksdb.comparator", spec.comparator.as_bytes().to_vec()),
            ("rocksdb.index.key.is.user.key", varint(spec.user_keys.into())),
            ("rocksdb.index.value.is.delta.encoded", varint(spec.delta_values.into())),
            ("rocksdb.merge.operator", spec.merge_operator.as_bytes().to_vec()),
            ("rocksdb.num.entries", varint((entries + deletions) as u64)),
            ("rocksdb.num.range-deletions", varint(deletions as u64)),
        ];
        if spec.ingested.is_some() {
            rows.push(("rocksdb.external_sst_file.global_seqno", vec![0; 8]));
            rows.push(("rocksdb.external_sst_file.version", 2u32.to_le_bytes().to_vec()));
        }
        rows.sort();
        rows.into_iter().map(|(name, value)| (name.as_bytes().to_vec(), value)).collect()
    }

    /// Ingestion overwrites eight zeros of the finished block.
    fn write_ingested_sequence(&mut self, (offset, size): Handle) {
        let Some(sequence) = self.spec.ingested else { return };
        let block = &mut self.bytes[offset as usize..(offset + size) as usize];
        let name = b"global_seqno";
        let at = block.windows(name.len()).position(|window| window == name).unwrap() + name.len();
        block[at..at + 8].copy_from_slice(&sequence.to_le_bytes());
    }

    fn footer(&mut self, meta_index: Handle, index: Handle) {
        let offset = self.bytes.len() as u64;
        let mut footer = vec![self.spec.checksum];
        if self.spec.version >= 6 {
            footer.extend([0x3e, 0, 0x7a, 0, 0, 0, 0, 0]);
            footer.extend(CONTEXT.to_le_bytes());
            footer.extend((meta_index.1 as u32).to_le_bytes());
        } else {
            footer.extend(handle(meta_index));
            footer.extend(handle(index));
        }
        footer.resize(41, 0);
        footer.extend(self.spec.version.to_le_bytes());
        footer.extend(0x88e2_41b7_85f4_cff7_u64.to_le_bytes());
        if self.spec.version >= 6 {
            let checksum = self.checksum(&footer[..52], footer[52], offset);
            footer[5..9].copy_from_slice(&checksum);
        }
        self.bytes.extend(footer);
    }
}

const CONTEXT: u32 = 0x1234_5678;

fn compress(content: &[u8], compression: u8, dictionary: Option<&[u8]>) -> Vec<u8> {
    let length = varint(content.len() as u64);
    let dictionary = dictionary.unwrap_or_default();
    match compression {
        0 => content.to_vec(),
        1 => snap::raw::Encoder::new().compress_vec(content).unwrap(),
        4 => [length, lz4_flex::block::compress_with_dict(content, dictionary)].concat(),
        7 => {
            let mut encoder = zstd::bulk::Compressor::with_dictionary(3, dictionary).unwrap();
            [length, encoder.compress(content).unwrap()].concat()
        }
        other => panic!("compression {other}"),
    }
}
