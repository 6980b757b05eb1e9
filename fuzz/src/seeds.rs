//! Inputs that real writers wrote, from the repository's test data.

use std::fs;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use spt_flink::metadata::{self, KeyedHandle, StreamHandle, SubtaskState};
use spt_flink::{Files, ReadAt};
use spt_format::ReadLimits;

/// A seed that is larger slows everything down and finds nothing more.
const MAX_BYTES: usize = 64 << 10;
/// What every Java object stream begins with.
const JAVA_STREAM: &[u8] = &[0xAC, 0xED, 0x00, 0x05];

fn testdata() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata")
}

/// Every file below a folder that this holds for, sorted, unless it is large.
fn files(folder: &Path, wanted: &dyn Fn(&Path) -> bool, found: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    let mut entries: Vec<_> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            files(&path, wanted, found);
        } else if wanted(&path) {
            found.push(path);
        }
    }
}

fn below(folder: &str, wanted: &dyn Fn(&Path) -> bool) -> Vec<PathBuf> {
    let mut found = Vec::new();
    files(&testdata().join(folder), wanted, &mut found);
    found
}

fn read(paths: Vec<PathBuf>) -> Vec<Vec<u8>> {
    let bytes = paths.into_iter().filter_map(|path| fs::read(path).ok());
    bytes.filter(|bytes| bytes.len() <= MAX_BYTES).collect()
}

fn is_metadata(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name == "_metadata")
}

/// Every `_metadata` of the corpus.
pub fn metadata() -> Vec<Vec<u8>> {
    read(below("flink", &is_metadata))
}

/// Those with state of every layout and nearly every type inside.
pub fn snapshots() -> Vec<Vec<u8>> {
    let cases =
        ["sources-", "kryo-", "sqlaggregate-", "timers-", "ttl-", "windows-", "collections-", "changelog"];
    read(below("flink", &|path| is_metadata(path) && cases.iter().any(|case| path_has(path, case))))
}

/// Those with lists, unions and broadcast maps of operators inside.
pub fn operator_states() -> Vec<Vec<u8>> {
    let cases = ["operatorstates-", "sources-", "compressed"];
    read(below("flink", &|path| is_metadata(path) && cases.iter().any(|case| path_has(path, case))))
}

fn path_has(path: &Path, text: &str) -> bool {
    path.to_string_lossy().contains(text)
}

/// A snapshot of the corpus, its subtasks' state and its files.
fn opened() -> impl Iterator<Item = (Vec<SubtaskState>, Files)> {
    below("flink", &is_metadata).into_iter().filter_map(|path| {
        let bytes = Bytes::from(fs::read(&path).ok()?);
        let snapshot = metadata::read(&bytes, &ReadLimits::default()).ok()?;
        let files = Files::new(path.parent()?, Vec::new()).ok()?;
        let states = snapshot.operators.iter().flat_map(|operator| operator.states());
        Some((states.map(|(_, state)| state.clone()).collect(), files))
    })
}

fn stream(files: &Files, handle: &StreamHandle) -> Option<Vec<u8>> {
    let stream = files.open(handle).ok()?;
    let size = usize::try_from(stream.size()).ok().filter(|size| *size <= MAX_BYTES)?;
    Some(stream.read_at(0, size).ok()?.to_vec())
}

/// Headers of keyed and of operator state.
pub fn headers() -> Vec<Vec<u8>> {
    let mut headers = Vec::new();
    for (states, files) in opened() {
        for state in states {
            if let Some(KeyedHandle::KeyGroups(file)) = &state.managed_keyed {
                let first = file.offsets.iter().filter(|offset| **offset > 0).min().copied();
                headers.extend(head(&files, &file.stream, first.unwrap_or(i64::MAX)));
            }
            for handle in &state.managed_operator {
                let first = handle.states.iter().flat_map(|state| &state.offsets).min();
                let first = first.and_then(|first| i64::try_from(*first).ok());
                headers.extend(head(&files, &handle.stream, first.unwrap_or(i64::MAX)));
            }
        }
    }
    headers.sort();
    headers.dedup();
    headers
}

fn head(files: &Files, handle: &StreamHandle, end: i64) -> Option<Vec<u8>> {
    let mut bytes = stream(files, handle)?;
    bytes.truncate(usize::try_from(end).ok()?);
    Some(bytes)
}

/// Keyed files as [`flink_serializers::file`](crate::flink_serializers::file) takes them: the header, and one
/// key group.
pub fn keyed_files() -> Vec<Vec<u8>> {
    let mut found = Vec::new();
    for (states, files) in opened() {
        for state in states {
            let Some(KeyedHandle::KeyGroups(file)) = &state.managed_keyed else { continue };
            let mut offsets: Vec<_> = file
                .offsets
                .iter()
                .filter_map(|offset| usize::try_from(*offset).ok())
                .filter(|offset| *offset > 0)
                .collect();
            offsets.sort_unstable();
            let (Some(bytes), Some(header)) = (stream(&files, &file.stream), offsets.first()) else {
                continue;
            };
            // The longest key group has the most in it.
            let ends = offsets.iter().skip(1).copied().chain([bytes.len()]);
            let groups = offsets.iter().copied().zip(ends).filter_map(|(from, to)| bytes.get(from..to));
            let (Some(group), Some(head)) = (groups.max_by_key(|group| group.len()), bytes.get(..*header))
            else {
                continue;
            };
            let length = u32::try_from(head.len()).unwrap_or_default();
            found.push([&length.to_be_bytes()[..], head, group].concat());
        }
    }
    found
}

/// The lines of `flink-serializers`: what a key word is followed by, in bytes.
fn serializer_lines() -> Vec<(String, Vec<u8>)> {
    let text = fs::read_to_string(testdata().join("flink-serializers/2.1.0.txt")).unwrap_or_default();
    let line = |line: &str| {
        let mut words = line.split(' ');
        Some((words.next()?.to_owned(), unhex(words.next()?)?))
    };
    text.lines().filter_map(line).collect()
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits: Vec<u8> =
        text.chars().map(|digit| u8::try_from(digit.to_digit(16)?).ok()).collect::<Option<_>>()?;
    let (pairs, rest) = digits.as_chunks::<2>();
    rest.is_empty().then(|| pairs.iter().map(|[high, low]| high << 4 | low).collect())
}

/// Snapshots of every serializer, with the frame.
pub fn serializers() -> Vec<Vec<u8>> {
    serializer_lines().into_iter().filter(|(key, _)| key == "snapshot").map(|(_, bytes)| bytes).collect()
}

/// Snapshots with a value each, as [`flink_serializers::value`](crate::flink_serializers::value) takes them.
pub fn values() -> Vec<Vec<u8>> {
    let mut found = Vec::new();
    let mut snapshot = Vec::new();
    for (key, bytes) in serializer_lines() {
        match key.as_str() {
            "snapshot" => snapshot = bytes,
            "value" => {
                let length = u16::try_from(snapshot.len()).unwrap_or_default();
                found.push([&length.to_be_bytes()[..], &snapshot, &bytes].concat());
            }
            _ => {}
        }
    }
    found
}

/// Java object streams, and what follows them, in metadata and headers.
pub fn java_objects() -> Vec<Vec<u8>> {
    let mut found = Vec::new();
    for bytes in metadata().into_iter().chain(serializers()) {
        for (place, _) in bytes.windows(4).enumerate().filter(|(_, window)| *window == JAVA_STREAM) {
            found.push(bytes.iter().skip(place).take(2048).copied().collect());
        }
    }
    found.sort();
    found.dedup();
    found
}

/// Tables of RocksDB.
pub fn tables() -> Vec<Vec<u8>> {
    read(below("rocksdb", &|path| path.extension().is_some_and(|extension| extension == "sst")))
}

/// Manifests of RocksDB.
pub fn manifests() -> Vec<Vec<u8>> {
    read(below("rocksdb", &|path| path_has(path, "MANIFEST")))
}
