//! Databases that RocksDB itself wrote from random histories, against what it read from them.

use std::fs;
use std::path::{Path, PathBuf};

use spt_flink::metadata::{Incremental, NamedFile, StreamHandle};
use spt_flink::{Files, RocksDatabase};
use spt_format::{KeyGroupRange, ReadLimits};

use super::entries;
use crate::support::{folders, testdata};

const DATABASES: [&str; 7] = [
    "7.8.3/delta-index-lz4",
    "7.8.3/first-key-index-xxh3",
    "7.8.3/partitioned-index-zstd-dictionary",
    "7.8.3/plain",
    "8.10.0/zlib",
    "8.10.0/zlib-dictionary",
    "9.8.4/format-6",
];

/// Their folders; asserts that none is missing.
fn databases() -> Vec<PathBuf> {
    let root = testdata().join("rocksdb");
    let found = folders(&root).iter().flat_map(|version| folders(version)).collect::<Vec<_>>();
    let names = found.iter().map(|path| path.strip_prefix(&root).unwrap().to_str().unwrap().to_owned());
    assert_eq!(names.collect::<Vec<_>>(), DATABASES);
    found
}

/// A handle over all files of a folder.
fn handle(folder: &Path) -> Incremental {
    let files = fs::read_dir(folder).unwrap().map(|entry| {
        let (name, size) = entry.map(|entry| (entry.file_name(), entry.metadata().unwrap().len())).unwrap();
        let name = name.into_string().unwrap();
        NamedFile { name: name.clone(), stream: StreamHandle::Relative { path: name, size } }
    });
    Incremental {
        checkpoint_id: 1,
        backend_id: String::new(),
        key_groups: KeyGroupRange::all(128),
        checkpointed_size: None,
        meta: StreamHandle::Empty,
        shared: Vec::new(),
        private: files.collect(),
        id: None,
    }
}

fn open(folder: &Path) -> RocksDatabase {
    let folder = folder.join("database");
    let files = Files::new(&folder, Vec::new()).unwrap();
    RocksDatabase::open(&handle(&folder), 128, &files, &ReadLimits::default()).unwrap()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02X}")).collect()
}

/// The lines of `expected.txt`.
fn lines(database: &RocksDatabase, key_groups: KeyGroupRange) -> Vec<String> {
    let mut lines = Vec::new();
    for state in database.states() {
        let entries = entries(database, &state, key_groups).unwrap();
        lines.extend(entries.iter().map(|(key, value)| format!("{state} {} {}", hex(key), hex(value))));
    }
    lines
}

#[test]
fn a_random_history_ends_as_rocksdb_says() {
    for folder in databases() {
        let database = open(&folder);
        database.verify_meta_blocks().unwrap();
        let expected = fs::read_to_string(folder.join("expected.txt")).unwrap();
        assert!(expected.lines().count() > 300);
        assert_eq!(
            lines(&database, KeyGroupRange::all(128)),
            expected.lines().collect::<Vec<_>>(),
            "{}",
            folder.display()
        );
    }
}

#[test]
fn key_groups_one_by_one_are_the_whole_history() {
    for folder in databases() {
        let database = open(&folder);
        let mut found = (0..128)
            .flat_map(|group| lines(&database, KeyGroupRange::new(group, group).unwrap()))
            .collect::<Vec<_>>();
        found.sort();
        let mut whole = lines(&database, KeyGroupRange::all(128));
        whole.sort();
        assert_eq!(found, whole, "{}", folder.display());
    }
}
