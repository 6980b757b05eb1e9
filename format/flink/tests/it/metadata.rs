//! `_metadata` of every version, against what Flink itself saw in it.

use bytes::Bytes;
use serde_json::{Map, Value, json};
use spt_flink::metadata::{
    self, AfterSavepoint, ChannelHandle, Direction, KeyGroupFileKind, KeyedHandle, OperatorHandle,
    OperatorState, Snapshot, SnapshotKind, StreamHandle, SubtaskState,
};
use spt_format::{ErrorKind, OperatorId, ReadLimits, Result};

use crate::support::{case, corpus, hex, read, upstream};

fn parse(bytes: &Bytes) -> Result<Snapshot> {
    metadata::read(bytes, &ReadLimits::default())
}

#[test]
fn every_snapshot_of_the_corpus_is_what_flink_saw() {
    for case in corpus() {
        let snapshot = parse(&case.metadata()).unwrap_or_else(|error| panic!("{}: {error}", case.name));
        let expected = &case.expected;
        assert_eq!(json!(snapshot.version), expected["metadata_version"], "{}", case.name);
        assert_eq!(json!(snapshot.checkpoint_id), expected["checkpoint_id"], "{}", case.name);
        let asked = snapshot.properties.and_then(|properties| properties.kind);
        assert_eq!(asked, asked_for(expected, snapshot.version), "{}", case.name);
        let operators = expected["operators"].as_array().unwrap();
        assert_eq!(snapshot.operators.len(), operators.len(), "{}", case.name);
        for expected in operators {
            let id = expected["operator_id"].as_str().unwrap().parse::<OperatorId>().unwrap();
            let operator = snapshot.operators.iter().find(|operator| operator.id == id).unwrap();
            let names = expected.get("uid_in_metadata").is_some();
            assert_eq!(names, snapshot.version >= 5, "{}", case.name);
            assert_eq!(render(operator, names), metadata_part(expected), "{} {id}", case.name);
        }
    }
}

/// What was asked for, which `_metadata` tells from version 4 on.
fn asked_for(expected: &Value, version: u32) -> Option<SnapshotKind> {
    let format = expected["format"].as_str().unwrap();
    let then = if format.starts_with("stop-") { AfterSavepoint::Suspend } else { AfterSavepoint::Continue };
    let kind = match format.trim_start_matches("stop-") {
        "canonical" => SnapshotKind::Savepoint { native: false, then },
        "native" => SnapshotKind::Savepoint { native: true, then },
        "full" => SnapshotKind::Checkpoint { shares_files: false },
        _ => SnapshotKind::Checkpoint { shares_files: true },
    };
    (version >= 4).then_some(kind)
}

/// What `expected.json` says of an operator that stands in `_metadata`.
fn metadata_part(expected: &Value) -> Value {
    let kept = [
        "operator_id",
        "uid_in_metadata",
        "name_in_metadata",
        "parallelism",
        "max_parallelism",
        "fully_finished",
        "coordinator_state",
        "subtasks",
    ];
    let mut part = expected.as_object().unwrap().clone();
    part.retain(|name, _| kept.contains(&name.as_str()));
    for subtask in part["subtasks"].as_array_mut().unwrap() {
        subtask.as_object_mut().unwrap().remove("source_reader_state");
    }
    Value::Object(part)
}

/// An operator in the words of `expected.json`.
fn render(operator: &OperatorState, names: bool) -> Value {
    let mut rendered = Map::new();
    let mut put = |name: &str, value: Value| rendered.insert(name.to_owned(), value);
    put("operator_id", json!(operator.id));
    if names {
        put("uid_in_metadata", json!(operator.uid));
        put("name_in_metadata", json!(operator.name));
    }
    put("parallelism", json!(operator.parallelism));
    put("max_parallelism", json!(operator.max_parallelism));
    put("fully_finished", json!(operator.finished));
    if let Some(StreamHandle::Inline { data, .. }) = &operator.coordinator {
        put("coordinator_state", json!(hex(data)));
    }
    put("subtasks", (0..operator.parallelism).map(|index| subtask(operator, index)).collect());
    rendered.into()
}

fn subtask(operator: &OperatorState, index: u32) -> Value {
    let found = operator.subtasks.iter().find(|subtask| subtask.index == index);
    let mut rendered = Map::new();
    rendered.insert("subtask".into(), json!(index));
    rendered.insert("finished".into(), json!(found.is_some_and(|subtask| subtask.state.is_none())));
    let none = SubtaskState::default();
    let state = found.and_then(|subtask| subtask.state.as_deref()).unwrap_or(&none);
    let channels = |channels: &[ChannelHandle]| channels.iter().map(channel_handle).collect();
    let handles: [(&str, Vec<Value>); 6] = [
        ("managed_operator", state.managed_operator.iter().map(operator_handle).collect()),
        ("raw_operator", state.raw_operator.iter().map(operator_handle).collect()),
        ("managed_keyed", state.managed_keyed.iter().map(keyed_handle).collect()),
        ("raw_keyed", state.raw_keyed.iter().map(keyed_handle).collect()),
        ("input_channel", channels(&state.input_channels)),
        ("result_subpartition", channels(&state.output_channels)),
    ];
    for (name, handles) in handles {
        if !handles.is_empty() {
            rendered.insert(name.into(), handles.into());
        }
    }
    rendered.into()
}

fn operator_handle(handle: &OperatorHandle) -> Value {
    let class = match &handle.merged {
        None => "OperatorStreamStateHandle",
        Some(folders) if folders.empty => "EmptyFileMergingOperatorStreamStateHandle",
        Some(_) => "FileMergingOperatorStreamStateHandle",
    };
    json!({"class": class, "size": handle.stream.size()})
}

fn keyed_handle(handle: &KeyedHandle) -> Value {
    let class = match handle {
        KeyedHandle::KeyGroups(file) if file.kind == KeyGroupFileKind::Savepoint => {
            "KeyGroupsSavepointStateHandle"
        }
        KeyedHandle::KeyGroups(_) => "KeyGroupsStateHandle",
        KeyedHandle::Incremental(_) => "IncrementalRemoteKeyedStateHandle",
        KeyedHandle::Changelog(_) => "ChangelogStateBackendHandleImpl",
        other => panic!("the corpus holds no {other:?}"),
    };
    let groups = handle.key_groups();
    json!({"class": class, "size": handle.size(), "key_groups": format!("{}-{}", groups.first(), groups.last())})
}

fn channel_handle(handle: &ChannelHandle) -> Value {
    let class = match (handle.direction, handle.merged) {
        (Direction::Input, false) => "InputChannelStateHandle",
        (Direction::Input, true) => "MergedInputChannelStateHandle",
        (Direction::Output, false) => "ResultSubpartitionStateHandle",
        (Direction::Output, true) => "MergedResultSubpartitionStateHandle",
    };
    json!({"class": class, "size": handle.size})
}

#[test]
fn every_fixture_of_flink_is_read_to_the_last_byte() {
    let mut uids = 0;
    for fixture in upstream() {
        let snapshot = parse(&read(&fixture.join("_metadata")))
            .unwrap_or_else(|error| panic!("{}: {}", fixture.display(), error.full()));
        assert!(!snapshot.operators.is_empty(), "{}", fixture.display());
        for operator in &snapshot.operators {
            if let Some(uid) = &operator.uid {
                assert_eq!(operator.id, OperatorId::of_uid(uid), "{}: {uid}", fixture.display());
                uids += 1;
            }
        }
    }
    println!("{uids} uids hash to their operator's id");
}

/// One snapshot per layout of operators and handles, each small.
const SMALL: [&str; 6] = [
    "1.13.6/wordcount-rocksdb-canonical-p2",
    "1.15.4/wordcount-rocksdb-native",
    "1.20.5/wordcount-hashmap-unaligned",
    "1.20.5/wordcount-rocksdb-incremental",
    "2.1.0/wordcount-hashmap-checkpoint-merged-p2",
    "2.1.0/wordcount-hashmap-unaligned",
];

#[test]
fn a_snapshot_cut_short_anywhere_is_an_error_with_a_place() {
    for name in SMALL {
        let whole = case(name).metadata();
        for length in 0..whole.len() {
            let error = parse(&whole.slice(..length)).expect_err("a part is not the whole");
            assert!(error.location().offset().is_some(), "{name} cut to {length} bytes: {error}");
        }
    }
}

#[test]
fn a_byte_too_many_is_an_error() {
    for name in SMALL {
        let mut bytes = case(name).metadata().to_vec();
        bytes.push(0);
        let error = parse(&bytes.into()).unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::TrailingBytes { .. }), "{name}: {error}");
    }
}

#[test]
fn no_changed_byte_makes_the_reader_panic() {
    for name in SMALL {
        let whole = case(name).metadata();
        for index in 0..whole.len() {
            let mut bytes = whole.to_vec();
            bytes[index] ^= [0x01, 0x80, 0xFF][index % 3];
            if let Ok(snapshot) = parse(&bytes.into()) {
                let handles = snapshot.operators.iter().flat_map(OperatorState::states);
                let keyed = handles.filter_map(|(_, state)| state.managed_keyed.as_ref());
                keyed.for_each(|handle| _ = handle.size());
            }
        }
    }
}

#[test]
fn a_foreign_file_is_no_savepoint() {
    for bytes in [&b""[..], b"PK", b"not a savepoint"] {
        let error = parse(&Bytes::from_static(bytes)).unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::NotASavepoint { .. }), "{error}");
    }
    let error = parse(&Bytes::from_static(b"\x49\x60\x67\x2D\0\0\0\x07")).unwrap_err();
    assert_eq!(error.to_string(), "byte 4: _metadata version is 7, readable are 1 to 6");
}

#[test]
fn counts_that_cannot_be_are_refused_before_anything_is_reserved() {
    let mut bytes = vec![0x49, 0x60, 0x67, 0x2D, 0, 0, 0, 3];
    bytes.extend_from_slice(&7_i64.to_be_bytes());
    bytes.extend_from_slice(&0_i32.to_be_bytes());
    bytes.extend_from_slice(&i32::MAX.to_be_bytes());
    let error = parse(&bytes.into()).unwrap_err();
    assert_eq!(error.to_string(), "byte 24: 2147483647 operators are declared, at most 0 can follow");
}

#[test]
fn handles_nested_without_end_are_refused() {
    // An operator whose coordinator is a key-group stream of a key-group stream of ….
    let mut bytes = vec![0x49, 0x60, 0x67, 0x2D, 0, 0, 0, 3];
    bytes.extend_from_slice(&[0; 8 + 4]);
    bytes.extend_from_slice(&1_i32.to_be_bytes());
    bytes.extend_from_slice(&[7; 16]);
    bytes.extend_from_slice(&[0, 0, 0, 1, 0, 0, 0, 1]);
    for _ in 0..100_000 {
        bytes.push(3);
        bytes.extend_from_slice(&[0, 0, 0, 0, 0, 0, 0, 1]);
        bytes.extend_from_slice(&[0; 8]);
    }
    let error = parse(&bytes.into()).unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::LimitExceeded { .. }), "{error}");
}

#[test]
fn version_1_has_state_per_task() {
    let mut bytes = vec![0x49, 0x60, 0x67, 0x2D, 0, 0, 0, 1];
    bytes.extend_from_slice(&5_i64.to_be_bytes());
    bytes.extend_from_slice(&1_i32.to_be_bytes());
    bytes.extend_from_slice(&[0xAB; 16]);
    // Parallelism 2, max parallelism 4, a chain of two, one subtask: number 1.
    for number in [2, 4, 2, 1, 1] {
        bytes.extend_from_slice(&i32::to_be_bytes(number));
    }
    bytes.extend_from_slice(&(-1_i64).to_be_bytes());
    // No legacy state; of the two operators the second has a list state with one element, inside.
    bytes.extend_from_slice(&[0, 0, 0, 0, 0, 0, 0, 2, 0, 4, 0, 0, 0, 1, 0, 1, b's', 0, 0, 0, 0, 1]);
    bytes.extend_from_slice(&[0, 0, 0, 0, 0, 0, 0, 9, 1, 0, 1, b'h', 0, 0, 0, 2, 0xCA, 0xFE]);
    // No raw operator state, no keyed state.
    bytes.extend_from_slice(&[0, 0, 0, 0, 0, 0]);
    let snapshot = parse(&bytes.into()).unwrap();
    let (index, state) = snapshot.operators[0].states().next().unwrap();
    assert_eq!((snapshot.version, snapshot.checkpoint_id, index), (1, 5, 1));
    let [handle] = &state.managed_operator[..] else { panic!("one handle") };
    assert_eq!((handle.states[0].name.as_str(), &handle.states[0].offsets[..]), ("s", &[9][..]));
    let StreamHandle::Inline { data, .. } = &handle.stream else { panic!("inside _metadata") };
    assert_eq!(&data[..], [0xCA, 0xFE]);
}
