//! What a check finds: nothing in what Flink wrote, and each damage in what was damaged.

use std::fs;
use std::path::{Path, PathBuf};

use spt_flink::metadata::{self, StreamHandle};
use spt_flink::{FlinkSource, Trouble, TroubleKind};
use spt_format::ReadLimits;

use crate::support::{case, corpus, read};

fn check(path: &Path) -> Vec<Trouble> {
    FlinkSource::open(path).unwrap().check(true)
}

fn kinds(troubles: &[Trouble]) -> Vec<TroubleKind> {
    troubles.iter().map(|trouble| trouble.kind).collect()
}

#[test]
fn nothing_is_wrong_with_what_flink_wrote() {
    for case in corpus() {
        let troubles = check(&case.path);
        let damage = troubles.iter().filter(|trouble| trouble.kind.is_damage()).collect::<Vec<_>>();
        assert!(damage.is_empty(), "{}: {damage:?}", case.name);
        assert!(!kinds(&troubles).contains(&TroubleKind::Orphan), "{}: {troubles:?}", case.name);
    }
}

/// A copy of a savepoint, to be damaged.
fn copy(name: &str) -> (tempfile::TempDir, PathBuf) {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().join("savepoint");
    fs::create_dir(&folder).unwrap();
    for entry in fs::read_dir(case(name).path).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), folder.join(entry.file_name())).unwrap();
    }
    (root, folder)
}

/// The name of the file of the table 000010.sst.
fn table(folder: &Path) -> String {
    let snapshot = metadata::read(&read(&folder.join("_metadata")), &ReadLimits::default()).unwrap();
    let states = snapshot.operators.iter().flat_map(|operator| operator.states());
    let handles = states.filter_map(|(_, state)| match &state.managed_keyed {
        Some(metadata::KeyedHandle::Incremental(handle)) => Some(handle.files().cloned().collect::<Vec<_>>()),
        _ => None,
    });
    let file = handles.flatten().find(|file| file.name == "000010.sst").unwrap();
    match file.stream {
        StreamHandle::Relative { path, .. } => path,
        other => panic!("{other:?}"),
    }
}

const NATIVE: &str = "2.3.0/wordcount-rocksdb-native-p2-files";

#[test]
fn a_missing_file_is_found_by_its_handle_and_by_its_database() {
    let (_root, folder) = copy(NATIVE);
    let name = table(&folder);
    fs::remove_file(folder.join(&name)).unwrap();
    let troubles = check(&folder);
    assert!(kinds(&troubles).iter().all(|kind| *kind == TroubleKind::File), "{troubles:?}");
    assert!(troubles[0].error.to_string().contains(&name), "{troubles:?}");
}

#[test]
fn a_shorter_file_is_found() {
    let (_root, folder) = copy(NATIVE);
    let path = folder.join(table(&folder));
    let bytes = read(&path);
    fs::write(&path, &bytes[1..]).unwrap();
    let troubles = check(&folder);
    assert!(troubles[0].error.to_string().contains("file size is"), "{troubles:?}");
}

#[test]
fn damage_beside_the_rows_is_found_by_a_thorough_check() {
    let (_root, folder) = copy(NATIVE);
    let path = folder.join(table(&folder));
    let mut bytes = read(&path).to_vec();
    let middle = bytes.windows(17).position(|window| window == b"rocksdb.block.bas").unwrap();
    bytes[middle] ^= 1;
    fs::write(&path, bytes).unwrap();
    let source = FlinkSource::open(&folder).unwrap();
    let [trouble] = &source.check(true)[..] else { panic!("{:?}", source.check(true)) };
    assert_eq!(trouble.kind, TroubleKind::State);
    assert!(trouble.error.to_string().contains("properties"), "{}", trouble.error);
}

#[test]
fn a_file_nobody_names_is_an_orphan() {
    let (_root, folder) = copy(NATIVE);
    fs::write(folder.join("leftover"), "").unwrap();
    let [trouble] = &check(&folder)[..] else { panic!("one trouble") };
    assert_eq!(trouble.kind, TroubleKind::Orphan);
    assert!(
        trouble.error.to_string().ends_with("leftover: nothing in the snapshot refers to it"),
        "{}",
        trouble.error
    );
}

#[test]
fn a_checkpoint_that_was_moved_is_good_to_know_and_no_damage() {
    let troubles = check(&case("2.3.0/wordcount-rocksdb-incremental-p2-files").path);
    assert!(!troubles.is_empty());
    assert!(kinds(&troubles).iter().all(|kind| *kind == TroubleKind::Moved), "{troubles:?}");
}

/// The bytes of `_metadata` with `old` replaced once.
fn edited(name: &str, old: &[u8], new: &[u8]) -> Vec<Trouble> {
    let (_root, folder) = copy(name);
    let path = folder.join("_metadata");
    let mut bytes = read(&path).to_vec();
    let at = bytes.windows(old.len()).position(|window| window == old).unwrap();
    bytes[at..at + new.len()].copy_from_slice(new);
    fs::write(&path, bytes).unwrap();
    check(&folder)
}

#[test]
fn an_id_that_is_not_that_of_its_uid_is_found() {
    let troubles = edited("2.1.0/wordcount-hashmap-canonical", b"sum-001", b"sum-002");
    let [trouble] = &troubles[..] else { panic!("{troubles:?}") };
    assert_eq!(trouble.kind, TroubleKind::Structure);
    assert!(trouble.error.to_string().contains("its uid \"sum-002\" has the id "), "{}", trouble.error);
}

#[test]
fn a_key_of_sql_outside_its_key_group_is_found() {
    let (_root, folder) = copy("2.1.0/sqlaggregate-hashmap-canonical");
    // A row of one INT: size, null bits, the number.
    let row =
        |number: u8| [&[0, 0, 0, 16, 0, 0, 0, 0, 0, 0, 0, 0][..], &[number, 0, 0, 0, 0, 0, 0, 0]].concat();
    let mut changed = 0;
    for entry in fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        let mut bytes = fs::read(&path).unwrap();
        if let Some(place) = bytes.windows(20).position(|window| window == row(2)) {
            bytes[place..place + 20].copy_from_slice(&row(77));
            fs::write(&path, bytes).unwrap();
            changed += 1;
        }
    }
    assert!(changed > 0, "there is a key to change");
    let troubles = check(&folder);
    let found = troubles.iter().find(|trouble| trouble.kind == TroubleKind::Structure).unwrap();
    assert!(found.error.to_string().contains("key group of a key is "), "{}", found.error);
}

#[test]
fn a_copy_of_a_broadcast_map_that_differs_is_found() {
    let (_root, folder) = copy("2.1.0/operatorstates-hashmap-canonical-p3");
    let path = folder.join("_metadata");
    let mut bytes = read(&path).to_vec();
    // `rule-12` has the value 144 in the copies of all three subtasks; the last one shall have 145.
    let entry = b"\x08rule-12\0\0\0\0\0\0\0\x90";
    let places: Vec<usize> = (0..bytes.len()).filter(|at| bytes[*at..].starts_with(entry)).collect();
    let [_, _, last] = places[..] else { panic!("three copies: {places:?}") };
    assert!(check(&folder).is_empty());
    bytes[last + entry.len() - 1] += 1;
    fs::write(&path, bytes).unwrap();
    let troubles = check(&folder);
    let [trouble] = &troubles[..] else { panic!("{troubles:?}") };
    assert_eq!(trouble.kind, TroubleKind::Copies);
    assert!(trouble.error.to_string().contains("state \"rules\": copy 3 of 3"), "{}", trouble.error);
}

#[test]
fn ends_that_were_inferred_are_said() {
    let troubles = check(&case("2.1.0/kryo-hashmap-checkpoint").path);
    let said: Vec<_> = troubles
        .iter()
        .filter(|trouble| trouble.kind == TroubleKind::Inferred)
        .map(|trouble| trouble.error.to_string())
        .collect();
    assert!(said.iter().any(|what| what.contains("\"opaque\": 4 rows end where the next")), "{said:?}");
    assert!(!kinds(&troubles).contains(&TroubleKind::Unsupported), "{troubles:?}");
    assert!(!kinds(&check(&case("1.20.5/kryo-hashmap-canonical").path)).contains(&TroubleKind::Inferred));
}
