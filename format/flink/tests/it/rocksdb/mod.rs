//! Databases that Flink wrote, against what its snapshots are known to hold.

mod histories;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use bytes::Bytes;
use serde_json::{Value, json};
use spt_flink::metadata::{self, Incremental, KeyedHandle, OperatorState, StreamHandle};
use spt_flink::{Files, RocksDatabase};
use spt_format::{Error, KeyGroupRange, ReadLimits, Result};

use crate::support::{Case, case, corpus, upstream};

/// The snapshots of the corpus that have a database.
const DATABASES: [&str; 26] = [
    "1.18.1/timers-rocksdb-native-p2",
    "1.18.1/windows-rocksdb-native-p2",
    "1.20.5/collections-rocksdb-incremental-p2",
    "1.20.5/valuetypes-rocksdb-native",
    "1.20.5/wordcount-rocksdb-incremental",
    "1.20.5/wordcount-rocksdb-native",
    "1.20.5/wordcount-rocksdb-native-p2-files",
    "2.1.0/async-rocksdb-native",
    "2.1.0/collections-rocksdb-full-checkpoint",
    "2.1.0/collections-rocksdb-incremental-p2",
    "2.1.0/kryo-rocksdb-native",
    "2.1.0/sqlaggregate-rocksdb-native",
    "2.1.0/windows-rocksdb-native-p2",
    "2.1.0/wordcount-rocksdb-incremental",
    "2.1.0/wordcount-rocksdb-native",
    "2.1.0/wordcount-rocksdb-native-compressed",
    "2.1.0/wordcountbig-rocksdb-native-partitioned-index",
    "2.3.0/collections-rocksdb-native",
    "2.3.0/operatorstates-rocksdb-native-p2",
    "2.3.0/sources-rocksdb-native",
    "2.3.0/timers-rocksdb-native",
    "2.3.0/ttl-rocksdb-native",
    "2.3.0/twoinputs-rocksdb-native",
    "2.3.0/wordcount-rocksdb-incremental-p2-files",
    "2.3.0/wordcount-rocksdb-native",
    "2.3.0/wordcount-rocksdb-native-p2-files",
];

/// Composite key and value.
type Entries = Vec<(Vec<u8>, Vec<u8>)>;

fn operators(folder: &Path) -> Vec<OperatorState> {
    let bytes = Bytes::from(std::fs::read(folder.join("_metadata")).unwrap());
    metadata::read(&bytes, &ReadLimits::default()).unwrap().operators
}

fn databases(operator: &OperatorState) -> Vec<&Incremental> {
    let states = operator.subtasks.iter().filter_map(|subtask| subtask.state.as_ref());
    states
        .filter_map(|state| match &state.managed_keyed {
            Some(KeyedHandle::Incremental(handle)) => Some(handle),
            _ => None,
        })
        .collect()
}

fn open(handle: &Incremental, operator: &OperatorState, folder: &Path) -> Result<RocksDatabase> {
    let files = Files::new(folder, Vec::new())?;
    RocksDatabase::open(handle, operator.max_parallelism, &files, &ReadLimits::default())
}

fn entries(database: &RocksDatabase, state: &str, key_groups: KeyGroupRange) -> Result<Entries> {
    let mut walk = database.entries(state, key_groups)?;
    let mut entries = Vec::new();
    while walk.advance()? {
        assert!(key_groups.contains(walk.key_group()), "key group {} of {key_groups}", walk.key_group());
        entries.push((walk.key().to_vec(), walk.value().to_vec()));
    }
    assert!(entries.is_sorted_by(|left, right| left.0 < right.0));
    Ok(entries)
}

/// All states of an operator, its subtasks one after the other.
fn states(operator: &OperatorState, folder: &Path) -> BTreeMap<String, Entries> {
    let mut states = BTreeMap::<String, Entries>::new();
    for handle in databases(operator) {
        let database = open(handle, operator, folder).unwrap();
        database.verify_meta_blocks().unwrap();
        assert_eq!(database.unreferenced_tables().count(), 0);
        for state in database.states() {
            let found = entries(&database, &state, handle.key_groups).unwrap();
            assert!(found.is_empty() || database.state_bytes(&state) > 0);
            states.entry(state).or_default().extend(found);
        }
    }
    states
}

/// What `expected.json` says of an operator.
fn expected<'a>(case: &'a Case, operator: &OperatorState) -> &'a Value {
    let id = operator.id.to_string();
    let operators = case.expected["operators"].as_array().unwrap();
    operators.iter().find(|expected| expected["operator_id"] == id.as_str()).unwrap()
}

fn array<'a>(value: &'a Value, name: &str) -> &'a [Value] {
    value[name].as_array().map_or(&[], Vec::as_slice)
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

/// The entries of the state of this name.
fn expected_entries<'a>(case: &'a Case, operator: &OperatorState, state: &str) -> &'a [Value] {
    let states = array(expected(case, operator), "states");
    array(states.iter().find(|found| found["name"] == state).unwrap(), "entries")
}

/// Rows of every state: one per key, namespace and map key; timers under the names of their queues.
fn expected_counts(case: &Case, operator: &OperatorState) -> BTreeMap<String, usize> {
    let expected = expected(case, operator);
    let states = array(expected, "states").iter();
    let mut counts =
        states.map(|state| (text(&state["name"]), array(state, "entries").len())).collect::<BTreeMap<_, _>>();
    for timer in array(expected, "timers") {
        let queue = format!("_timer_state/{}_{}", text(&timer["domain"]), text(&timer["service"]));
        *counts.entry(queue).or_default() += 1;
    }
    counts
}

#[test]
fn every_database_of_the_corpus_has_the_rows_flink_saw() {
    let mut seen = Vec::new();
    for case in corpus() {
        for operator in stateful(&case) {
            seen.push(case.name.clone());
            let expected = expected_counts(&case, &operator);
            let states = states(&operator, &case.path);
            let known = |name: &str| expected.contains_key(name) || name.starts_with("_timer_state/");
            for (name, entries) in &states {
                assert!(known(name) || !entries.is_empty(), "{}: {name} is not expected", case.name);
            }
            for (name, count) in expected {
                let found = states.get(&name).map_or(0, Vec::len);
                assert_eq!(found, count, "{}, {}: {name}", case.name, operator.id);
            }
        }
    }
    seen.dedup();
    assert_eq!(seen, DATABASES);
}

/// The string a serializer wrote: length and one, then the characters.
fn take_string(bytes: &mut &[u8]) -> String {
    let length = usize::from(bytes[0]) - 1;
    let text = String::from_utf8(bytes[1..1 + length].to_vec()).unwrap();
    *bytes = &bytes[1 + length..];
    text
}

/// The operators of a case that have databases.
fn stateful(case: &Case) -> Vec<OperatorState> {
    operators(&case.path).into_iter().filter(|operator| !databases(operator).is_empty()).collect()
}

#[test]
fn counts_of_words_are_those_flink_saw() {
    for name in DATABASES.into_iter().filter(|name| name.contains("wordcount-")) {
        let case = case(name);
        let [operator] = &stateful(&case)[..] else { panic!("{name} has one operator with state") };
        let found =
            states(operator, &case.path).remove("_op_state").unwrap().into_iter().map(|(key, value)| {
                let mut value = value.as_slice();
                let pair = json!([take_string(&mut value), i32::from_be_bytes(value.try_into().unwrap())]);
                json!({"key": take_string(&mut &key[1..]), "namespace": null, "value": pair}).to_string()
            });
        let expected = expected_entries(&case, operator, "_op_state").iter().map(Value::to_string);
        assert_eq!(found.collect::<BTreeSet<_>>(), expected.collect(), "{name}");
    }
}

#[test]
fn list_elements_come_in_the_order_they_were_added() {
    let names = DATABASES.into_iter().filter(|name| name.contains("collections")).collect::<Vec<_>>();
    assert_eq!(names.len(), 4);
    for name in names {
        let case = case(name);
        let [operator] = &stateful(&case)[..] else { panic!("{name} has one operator with state") };
        let found =
            states(operator, &case.path).remove("strings").unwrap().into_iter().map(|(key, value)| {
                let (mut list, mut rest) = (Vec::new(), value.as_slice());
                loop {
                    list.push(take_string(&mut rest));
                    match rest.split_first() {
                        Some((delimiter, elements)) => {
                            assert_eq!(*delimiter, b',');
                            rest = elements;
                        }
                        None => break (take_string(&mut &key[1..]), list),
                    }
                }
            });
        let expected = expected_entries(&case, operator, "strings").iter();
        let expected =
            expected.map(|entry| (text(&entry["key"]), array(entry, "value").iter().map(text).collect()));
        assert_eq!(found.collect::<BTreeMap<_, Vec<_>>>(), expected.collect(), "{name}");
    }
}

#[test]
fn a_range_of_key_groups_is_what_a_whole_walk_has_of_it() {
    let case = case("2.1.0/collections-rocksdb-incremental-p2");
    for operator in operators(&case.path) {
        for handle in databases(&operator) {
            let database = open(handle, &operator, &case.path).unwrap();
            for state in database.states() {
                let all = entries(&database, &state, handle.key_groups).unwrap();
                let mut found = Vec::new();
                for group in 0..128 {
                    found.extend(
                        entries(&database, &state, KeyGroupRange::new(group, group).unwrap()).unwrap(),
                    );
                }
                assert_eq!(found, all, "{state}");
            }
        }
    }
}

#[test]
fn flinks_own_fixtures_are_read_to_the_last_table() {
    for folder in upstream() {
        for operator in operators(&folder) {
            let states = states(&operator, &folder);
            assert!(databases(&operator).is_empty() || !states.is_empty(), "{}", folder.display());
        }
    }
}

/// Filters and the partitions of the index among them; the footer's version is not protected.
#[test]
fn damage_anywhere_in_a_table_is_found() {
    let case = case("2.1.0/wordcountbig-rocksdb-native-partitioned-index");
    let operator = stateful(&case).remove(0);
    let mut handle = databases(&operator)[0].clone();
    let file =
        handle.shared.iter_mut().chain(&mut handle.private).find(|file| file.name == "000010.sst").unwrap();
    let StreamHandle::Relative { path, .. } = &file.stream else { panic!("{file:?}") };
    let table = std::fs::read(case.path.join(path)).unwrap();
    let read = |damaged: &[u8]| {
        let mut handle = handle.clone();
        let files = handle.shared.iter_mut().chain(&mut handle.private);
        files.filter(|file| file.name == "000010.sst").for_each(|file| file.stream = stored(damaged));
        let database = open(&handle, &operator, &case.path)?;
        database.verify_meta_blocks()?;
        entries(&database, "_op_state", handle.key_groups)
    };
    assert_eq!(read(&table).unwrap().len(), 10_007);
    for place in (0..table.len() - 12).step_by(997) {
        let mut damaged = table.clone();
        damaged[place] ^= 1 << (place % 8);
        assert!(read(&damaged).is_err(), "byte {place} of {}", table.len());
    }
}

/// The first database of a native savepoint whose files are all inside `_metadata`.
fn inline() -> (OperatorState, Incremental) {
    let case = case("2.3.0/wordcount-rocksdb-native");
    let operator =
        operators(&case.path).into_iter().find(|operator| !databases(operator).is_empty()).unwrap();
    let handle = databases(&operator)[0].clone();
    (operator, handle)
}

/// Opens the database after a change of its files, and reads all of it.
fn read_changed(change: impl FnOnce(&mut Incremental)) -> Result<usize, Error> {
    let (operator, mut handle) = inline();
    change(&mut handle);
    let folder = tempfile::tempdir().unwrap();
    let database = open(&handle, &operator, folder.path())?;
    database.check_states(["_op_state"])?;
    entries(&database, "_op_state", handle.key_groups).map(|entries| entries.len())
}

fn stored(bytes: &[u8]) -> StreamHandle {
    StreamHandle::Inline { name: "test".into(), data: Bytes::copy_from_slice(bytes) }
}

fn replace(handle: &mut Incremental, name: &str, bytes: impl FnOnce(Vec<u8>) -> Vec<u8>) {
    let mut files = handle.shared.iter_mut().chain(&mut handle.private);
    let file = files.find(|file| file.name.starts_with(name)).unwrap();
    let StreamHandle::Inline { data, .. } = &file.stream else { panic!("{name} is not inline") };
    file.stream = stored(&bytes(data.to_vec()));
}

#[test]
fn a_missing_file_is_named() {
    for (prefix, name) in [("CURRENT", "CURRENT"), ("MANIFEST", "MANIFEST-000005"), ("000010", "000010.sst")]
    {
        let error = read_changed(|handle| {
            handle.shared.retain(|file| !file.name.starts_with(prefix));
            handle.private.retain(|file| !file.name.starts_with(prefix));
        });
        assert_eq!(error.unwrap_err().to_string(), format!("{name}: file is missing"));
    }
    assert!(read_changed(|_| ()).unwrap() > 0);
}

#[test]
fn a_table_of_another_size_is_refused() {
    let error = read_changed(|handle| replace(handle, "000010", |bytes| bytes[1..].to_vec())).unwrap_err();
    assert!(error.to_string().starts_with("_metadata, 000010.sst: table size is "), "{error}");
}

#[test]
fn a_damaged_block_is_named_with_its_table() {
    let error = read_changed(|handle| {
        replace(handle, "000010", |mut bytes| {
            bytes[20] ^= 4;
            bytes
        })
    })
    .unwrap_err();
    assert!(error.to_string().starts_with("_metadata, 000010.sst, data, byte 0: checksum is "), "{error}");
}

#[test]
fn a_walk_ends_at_damage() {
    let (operator, mut handle) = inline();
    replace(&mut handle, "000010", |mut bytes| {
        bytes[20] ^= 4;
        bytes
    });
    let folder = tempfile::tempdir().unwrap();
    let database = open(&handle, &operator, folder.path()).unwrap();
    let mut walk = database.entries("_op_state", handle.key_groups).unwrap();
    assert!(walk.advance().is_err());
    assert!(!walk.advance().unwrap());
}

#[test]
fn a_damaged_manifest_is_refused() {
    let error = read_changed(|handle| {
        replace(handle, "MANIFEST", |mut bytes| {
            bytes[20] ^= 4;
            bytes
        })
    })
    .unwrap_err();
    assert!(error.to_string().starts_with("_metadata, MANIFEST-000005, byte 7: checksum is "), "{error}");
    let error = read_changed(|handle| replace(handle, "CURRENT", |_| b"nothing".to_vec())).unwrap_err();
    assert_eq!(error.to_string(), "CURRENT: it does not name a manifest");
}

#[test]
fn a_write_ahead_log_is_not_passed_over() {
    let log = |bytes: &'static [u8]| {
        read_changed(move |handle| {
            let mut file = handle.private[0].clone();
            (file.name, file.stream) = ("000013.log".into(), stored(bytes));
            handle.private.push(file);
        })
    };
    assert!(log(b"").unwrap() > 0);
    let error = log(b"records").unwrap_err();
    assert_eq!(error.to_string(), "_metadata, 000013.log: a write-ahead log of 7 bytes is not supported");
}

#[test]
fn states_and_column_families_must_agree() {
    let (operator, handle) = inline();
    let folder = tempfile::tempdir().unwrap();
    let database = open(&handle, &operator, folder.path()).unwrap();
    assert_eq!(database.states().collect::<Vec<_>>(), ["_op_state"]);
    assert!(database.check_states(["_op_state"]).is_ok());
    let error = database.check_states(["_op_state", "more"]).unwrap_err();
    assert_eq!(error.to_string(), "the database has no column family \"more\"");
    let error = database.check_states([]).unwrap_err();
    assert_eq!(error.to_string(), "column family is \"_op_state\", expected a state of the header");
}
