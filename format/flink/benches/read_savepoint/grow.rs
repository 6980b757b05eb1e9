//! Writes a canonical savepoint several times as large: every key group holds the entries of each state again and
//! again.
//!
//! ```text
//! block   u16 state | entries …           | u16 state | entries …           | FFFF
//! grown   u16 state | entries … entries … | u16 state | entries … entries … | FFFF
//! ```
//!
//! Keys come several times, which no job writes and every reader reads. `_metadata` is the same but for offsets
//! and sizes, which are found by their values.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::Path;

use spt_flink::FlinkSource;
use spt_flink::metadata::{KeyGroupFile, KeyGroupFileKind, KeyedHandle, StreamHandle};

/// Writes the savepoint at `path` to `folder`, `times` as large.
pub(crate) fn grow(path: &Path, times: usize, folder: &Path) {
    fs::create_dir(folder).unwrap();
    let source = FlinkSource::open(path).unwrap();
    let mut metadata = fs::read(path.join("_metadata")).unwrap();
    let subtasks = source.snapshot().operators.iter().flat_map(|operator| operator.states());
    for (_, subtask) in subtasks {
        let Some(KeyedHandle::KeyGroups(handle)) = &subtask.managed_keyed else { continue };
        assert_eq!(handle.kind, KeyGroupFileKind::Savepoint, "only canonical savepoints can grow");
        grow_file(handle, times, path, folder, &mut metadata);
    }
    fs::write(folder.join("_metadata"), metadata).unwrap();
}

fn grow_file(handle: &KeyGroupFile, times: usize, from: &Path, to: &Path, metadata: &mut [u8]) {
    let StreamHandle::Relative { path, size, .. } = &handle.stream else {
        panic!("only files beside _metadata can grow");
    };
    let bytes = fs::read(from.join(path)).unwrap();
    assert_eq!(bytes.len() as u64, *size);
    let mut file = BufWriter::new(File::create(to.join(path)).unwrap());
    let starts: Vec<usize> = handle.offsets.iter().map(|offset| *offset as usize).collect();
    let first = starts.iter().copied().filter(|start| *start > 0).min().unwrap_or(bytes.len());
    file.write_all(&bytes[..first]).unwrap();
    let mut offsets = Vec::with_capacity(starts.len());
    let mut written = first;
    for start in &starts {
        if *start == 0 {
            offsets.push(0);
            continue;
        }
        let end = starts.iter().copied().filter(|next| next > start).min().unwrap_or(bytes.len());
        let entries = bytes[*start..end].strip_suffix(&[0xFF, 0xFF]).unwrap();
        offsets.push(written as i64);
        let runs = runs(entries);
        for run in &runs {
            file.write_all(run.state).unwrap();
            for _ in 1..times {
                file.write_all(&run.entries_without_mark()).unwrap();
            }
            file.write_all(run.entries).unwrap();
        }
        file.write_all(&[0xFF, 0xFF]).unwrap();
        written += 2 + runs.iter().map(|run| run.state.len() + times * run.entries.len()).sum::<usize>();
    }
    file.into_inner().unwrap().sync_all().unwrap();
    let big_endian =
        |numbers: &[i64]| numbers.iter().flat_map(|number| number.to_be_bytes()).collect::<Vec<_>>();
    replace(metadata, &big_endian(&handle.offsets), &big_endian(&offsets));
    let named = |size: i64| [path.as_bytes(), &size.to_be_bytes()].concat();
    replace(metadata, &named(bytes.len() as i64), &named(written as i64));
}

/// The entries of one state in a key group.
struct Run<'a> {
    /// Its number.
    state: &'a [u8],
    entries: &'a [u8],
    /// Where among the entries the first byte of the last key stands, which has a mark.
    mark: usize,
}

impl Run<'_> {
    fn entries_without_mark(&self) -> Vec<u8> {
        let mut entries = self.entries.to_vec();
        entries[self.mark] &= 0x7F;
        entries
    }
}

/// The entries of a key group by their states.
fn runs(mut bytes: &[u8]) -> Vec<Run<'_>> {
    let mut runs = Vec::new();
    while !bytes.is_empty() {
        let (state, rest) = bytes.split_at(2);
        let length = |start: usize| u32::from_be_bytes(rest[start..start + 4].try_into().unwrap()) as usize;
        let (mut end, mut mark) = (0, 0);
        while rest[mark] & 0x80 == 0 || end == 0 {
            mark = end + 4;
            let value = mark + length(end);
            end = value + 4 + length(value);
        }
        let (entries, behind) = rest.split_at(end);
        runs.push(Run { state, entries, mark });
        bytes = behind;
    }
    runs
}

/// Replaces bytes that occur once by as many others.
fn replace(bytes: &mut [u8], old: &[u8], new: &[u8]) {
    let places: Vec<usize> = bytes
        .windows(old.len())
        .enumerate()
        .filter(|(_, found)| *found == old)
        .map(|(place, _)| place)
        .collect();
    assert_eq!(places.len(), 1, "a part of _metadata is not found, or not only once");
    bytes[places[0]..places[0] + old.len()].copy_from_slice(new);
}
