//! Flink's serializer snapshots, keyed headers and keyed files from anywhere.

use std::sync::Arc;

use bytes::Bytes;
use spt_flink::metadata::{KeyGroupFile, KeyGroupFileKind, StreamHandle};
use spt_flink::serializers::{Serializer, java_stream_length};
use spt_flink::{
    CanonicalEntries, EntryScan, HeapScan, KeyedFile, KeyedHeader, KeyedLayout, KeyedTable, Progress,
};
use spt_format::{KeyGroupRange, Result, RowStream};

use crate::limits;

/// A snapshot keeps its own bytes, and they are read as the same again.
pub fn snapshot(bytes: &[u8]) {
    let Ok(serializer) = Serializer::parse(bytes) else { return };
    assert_eq!(Some(&*serializer.bytes), bytes.get(4..), "a snapshot is all of its bytes");
    assert!(serializer.data_type.written_length().is_none_or(|length| length < 1 << 30));
}

/// A snapshot and a value, as a broadcast map or list would have it: `u16` length of the snapshot, both.
pub fn value(bytes: &[u8]) {
    let Some((length, rest)) = bytes.split_first_chunk::<2>() else { return };
    let Some((snapshot, value)) = rest.split_at_checked(usize::from(u16::from_be_bytes(*length))) else {
        return;
    };
    let Ok(serializer) = Serializer::parse(snapshot) else { return };
    let Ok(array) = serializer.decode(value) else { return };
    assert_eq!(array.len(), 1, "a value is one value");
}

/// A Java object stream, and whatever follows it.
pub fn java_object(bytes: &[u8]) {
    let Ok(length) = java_stream_length(bytes) else { return };
    assert!(length <= bytes.len(), "an object ends inside its bytes");
    let alone = java_stream_length(bytes.get(..length).unwrap_or_default());
    assert_eq!(alone.ok(), Some(length), "what follows an object does not matter");
}

/// A header, and an entry of each of its states: `u16` header, `u16` key, header, key, value.
pub fn entry(bytes: &[u8]) {
    let Some(([a, b, c, d], rest)) = bytes.split_first_chunk::<4>() else { return };
    let header = usize::from(u16::from_be_bytes([*a, *b]));
    let Some((header, rest)) = rest.split_at_checked(header) else { return };
    let Some((key, value)) = rest.split_at_checked(usize::from(u16::from_be_bytes([*c, *d]))) else { return };
    let Ok(header) = KeyedHeader::parse(header) else { return };
    for state in &header.states {
        let _ = decode(&header.key, state, key, value);
    }
}

fn decode(key_serializer: &Serializer, state: &spt_flink::StateMeta, key: &[u8], value: &[u8]) -> Result<()> {
    let table = Arc::new(KeyedTable::new(key_serializer, state)?);
    let mut rows = spt_flink::KeyedRows::new(table, 128)?;
    let mut progress = Some(Progress::default());
    while let Some(position) = progress {
        progress = rows.append_entry(key, value, position)?;
        while rows.take_batch()?.is_some() {}
    }
    Ok(())
}

/// A file of keyed state with one key group: `u32` length of the header, then the file.
pub fn file(bytes: &[u8]) {
    let Some((header, file)) = bytes.split_first_chunk::<4>() else { return };
    let header = u32::from_be_bytes(*header);
    let offsets = vec![i64::from(header)];
    // A heap file has the key group's number there.
    let group = file.get(header as usize..).and_then(|data| data.first_chunk()).copied();
    let group = group.map_or(0, u32::from_be_bytes).min(127) as u16;
    for kind in [KeyGroupFileKind::Savepoint, KeyGroupFileKind::Native] {
        let Ok(key_groups) = KeyGroupRange::new(group, group) else { return };
        let stream = StreamHandle::Empty;
        let handle = KeyGroupFile { kind, key_groups, offsets: offsets.clone(), stream, id: None };
        keyed(file, &handle);
    }
}

/// Every state of a keyed file; each error is passed over, as a scan allows.
fn keyed(bytes: &[u8], handle: &KeyGroupFile) {
    let source = Arc::new(Bytes::copy_from_slice(bytes));
    let Ok(file) = KeyedFile::open(source, handle, 128, &limits()) else { return };
    for (number, state) in (0u16..).zip(&file.header.states) {
        let Ok(table) = KeyedTable::new(&file.header.key, state) else { continue };
        let scan = match file.layout {
            KeyedLayout::Canonical => {
                let entries = CanonicalEntries::new(&file, number, None);
                EntryScan::new(entries, Arc::new(table), 128).map(|scan| Box::new(scan) as Box<dyn RowStream>)
            }
            KeyedLayout::Heap => {
                HeapScan::new(&file, number, None).map(|scan| Box::new(scan) as Box<dyn RowStream>)
            }
        };
        let Ok(mut scan) = scan else { continue };
        // An entry has at least a length, a key group has at least a number.
        let most = bytes.len() + handle.offsets.len();
        assert!(scan.by_ref().take(most + 1).count() <= most, "a scan ends");
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use spt_flink::Files;
    use spt_flink::metadata::{self, KeyedHandle};
    use spt_format::ReadLimits;

    use super::*;

    #[test]
    fn damaged_files_of_flink_end_without_a_panic() {
        let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata/flink");
        let mut damage = crate::Damage::new(0x5EED);
        let mut files = 0;
        for case in [
            "2.1.0/valuetypes-rocksdb-canonical",
            "2.1.0/valuetypes-hashmap-native-p2",
            "2.1.0/collections-hashmap-canonical",
            "2.1.0/wordcount-hashmap-canonical-compressed",
            "2.1.0/sqlaggregate-hashmap-canonical",
            "2.3.0/kryo-hashmap-native",
            "2.3.0/windows-hashmap-native",
        ] {
            let folder = corpus.join(case).join("savepoint");
            let bytes = Bytes::from(std::fs::read(folder.join("_metadata")).unwrap());
            let snapshot = metadata::read(&bytes, &ReadLimits::default()).unwrap();
            let opened = Files::new(&folder, Vec::new()).unwrap();
            for (_, subtask) in snapshot.operators.iter().flat_map(|operator| operator.states()) {
                let Some(KeyedHandle::KeyGroups(handle)) = &subtask.managed_keyed else { continue };
                let stream = opened.open(&handle.stream).unwrap();
                let bytes =
                    spt_flink::ReadAt::read_at(&stream, 0, usize::try_from(handle.stream.size()).unwrap());
                let bytes = bytes.unwrap().to_vec();
                for _ in 0..25 {
                    let mut damaged = bytes.clone();
                    damage.apply(&mut damaged, &bytes);
                    keyed(&damaged, handle);
                }
                files += 1;
            }
        }
        assert!(files >= 10, "{files} files");
    }

    #[test]
    fn nothing_and_noise_are_read_without_a_panic() {
        for length in [0, 1, 4, 52, 4096] {
            let noise = (0..length).map(|n: u32| n.wrapping_mul(2_654_435_761) as u8).collect::<Vec<_>>();
            snapshot(&noise);
            entry(&noise);
            file(&noise);
        }
    }
}
