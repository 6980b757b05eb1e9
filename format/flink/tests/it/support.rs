//! The folders tests read: our own corpus, always there, and Flink's own fixtures, where somebody put them.

use std::fs;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use serde_json::Value;

/// Cases of the corpus, each a snapshot and what it holds.
pub(crate) const CASES: usize = 113;

/// A snapshot of the corpus.
pub(crate) struct Case {
    /// Its folder below `testdata/flink`: `2.1.0/wordcount-hashmap-canonical`.
    pub(crate) name: String,
    /// `expected.json`.
    pub(crate) expected: Value,
    /// The folder that holds `_metadata`.
    pub(crate) path: PathBuf,
}

impl Case {
    pub(crate) fn metadata(&self) -> Bytes {
        read(&self.path.join("_metadata"))
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap().to_owned()
}

/// The folder of all fixtures.
pub(crate) fn testdata() -> PathBuf {
    root().join("testdata")
}

/// All cases, sorted by name; asserts that none is missing.
pub(crate) fn corpus() -> Vec<Case> {
    let folder = testdata().join("flink");
    let mut cases = Vec::new();
    for version in folders(&folder) {
        for case in folders(&version) {
            let expected: Value = serde_json::from_slice(&read(&case.join("expected.json"))).unwrap();
            let path = case.join(expected["path"].as_str().unwrap());
            let name = case.strip_prefix(&folder).unwrap().display().to_string();
            cases.push(Case { name, expected, path });
        }
    }
    assert_eq!(cases.len(), CASES);
    cases
}

/// One case, by its name.
pub(crate) fn case(name: &str) -> Case {
    corpus().into_iter().find(|case| case.name == name).unwrap()
}

/// Folders of Flink's own fixtures that hold a `_metadata`; none, and a remark, where they are not at hand.
pub(crate) fn upstream() -> Vec<PathBuf> {
    let given = std::env::var_os("SPT_FLINK_UPSTREAM").map(PathBuf::from);
    let folder = given.unwrap_or_else(|| root().join("../shared/flink/upstream"));
    if !folder.is_dir() {
        println!("Flink's own fixtures were not found at {}, set SPT_FLINK_UPSTREAM", folder.display());
        return Vec::new();
    }
    let fixtures: Vec<_> =
        folders(&folder).into_iter().filter(|path| path.join("_metadata").is_file()).collect();
    assert!(!fixtures.is_empty(), "{} holds no fixture", folder.display());
    fixtures
}

pub(crate) fn read(path: &Path) -> Bytes {
    fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display())).into()
}

/// The folders in a folder, sorted.
pub(crate) fn folders(path: &Path) -> Vec<PathBuf> {
    let mut folders: Vec<_> = fs::read_dir(path)
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()))
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_dir())
        .collect();
    folders.sort();
    folders
}

/// Lower-case hex digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
