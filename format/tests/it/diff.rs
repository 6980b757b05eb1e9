use std::sync::atomic::Ordering;

use arrow_array::{
    Array, ArrayRef, Int32Array, Int64Array, RecordBatch, StringArray, StructArray,
    TimestampMillisecondArray, UInt16Array, UInt32Array, UInt64Array,
};
use arrow_schema::DataType;
use spt_format::{
    Column, Completeness, Field, KeyHash, Pairing, Positions, RowChange, RowCounts, SavepointSource,
    SchemaChange, Side, State, StateComparison, StateKind, StateSchema, Type, key_group_of, pair_operators,
    schema_changes,
};

use crate::support::{MemorySource, array, batch, operator};

fn counts_schema() -> StateSchema {
    StateSchema::keyed(Field::new("", Type::Utf8), Field::new("", Type::Int64))
}

/// Rows of a value state in the model's order, as many a batch as asked for.
fn counts(rows: &[(&str, i64)], max_parallelism: u32, batch_rows: usize) -> Vec<RecordBatch> {
    let key = Field::new("key", Type::Utf8);
    let mut keyed: Vec<(u16, &str, i64)> = rows
        .iter()
        .map(|(text, count)| {
            let keys = StringArray::from(vec![*text]);
            let group = key_group_of(&key, &keys, 0, max_parallelism, KeyHash::Java1).unwrap();
            (group.0, *text, *count)
        })
        .collect();
    keyed.sort_unstable();
    keyed.chunks(batch_rows).map(counts_batch).collect()
}

fn counts_batch(rows: &[(u16, &str, i64)]) -> RecordBatch {
    batch(
        StateKind::Value,
        &counts_schema(),
        vec![
            (Column::KeyGroup, array(rows.iter().map(|row| row.0).collect::<UInt16Array>())),
            (Column::Key, array(rows.iter().map(|row| Some(row.1)).collect::<StringArray>())),
            (Column::Value, array(rows.iter().map(|row| row.2).collect::<Int64Array>())),
        ],
    )
}

fn source(batches: Vec<RecordBatch>, max_parallelism: u32) -> MemorySource {
    let mut sum = operator("sum");
    sum.max_parallelism = max_parallelism;
    MemorySource::new().operator(sum).state(State::new("n", StateKind::Value, counts_schema()), batches)
}

/// What changed, as `+key`, `-key` or `~key before after`.
fn compare(
    left: &MemorySource,
    right: &MemorySource,
    uid: &str,
    state: &str,
) -> (StateComparison, Vec<String>) {
    let mut told = Vec::new();
    let cell = |batch: Option<&RecordBatch>, column: &str, row: usize| {
        let array: &ArrayRef = batch.unwrap().column_by_name(column).unwrap();
        arrow_text(array, row)
    };
    let found = StateComparison::of_both(
        Side { source: left, place: left.place(uid, state) },
        Side { source: right, place: right.place(uid, state) },
        &mut |changes| {
            let key = if changes.left.or(changes.right).unwrap().column_by_name("key").is_some() {
                "key"
            } else {
                "value"
            };
            for change in changes.rows {
                told.push(match *change {
                    RowChange::Removed(row) => format!("-{}", cell(changes.left, key, row)),
                    RowChange::Added(row) => format!("+{}", cell(changes.right, key, row)),
                    RowChange::Changed(old, new) => format!(
                        "~{} {} {}",
                        cell(changes.left, key, old),
                        cell(changes.left, "value", old),
                        cell(changes.right, "value", new)
                    ),
                    RowChange::Touched(old, _) => format!("={}", cell(changes.left, key, old)),
                });
            }
            Ok(())
        },
    );
    told.sort();
    (found.unwrap(), told)
}

fn arrow_text(array: &ArrayRef, row: usize) -> String {
    match array.data_type() {
        DataType::Utf8 => array.as_any().downcast_ref::<StringArray>().unwrap().value(row).to_owned(),
        DataType::Int64 => array.as_any().downcast_ref::<Int64Array>().unwrap().value(row).to_string(),
        other => other.to_string(),
    }
}

const OLD: [(&str, i64); 6] = [("a", 1), ("b", 2), ("c", 3), ("d", 4), ("e", 5), ("结果", 6)];
const NEW: [(&str, i64); 6] = [("a", 1), ("b", 20), ("d", 4), ("e", 5), ("f", 7), ("结果", 6)];

#[test]
fn rows_are_added_removed_and_changed_however_batches_are_cut() {
    for old_rows in 1..=6 {
        for new_rows in 1..=6 {
            let (left, right) =
                (source(counts(&OLD, 128, old_rows), 128), source(counts(&NEW, 128, new_rows), 128));
            let (found, told) = compare(&left.without_digests(), &right, "sum", "n");
            assert_eq!(told, ["+f", "-c", "~b 2 20"]);
            let expected = RowCounts { added: 1, removed: 1, changed: 1, touched: 0, same: 4 };
            assert_eq!(found.counts, expected);
        }
    }
}

#[test]
fn equal_segments_are_not_read() {
    let many: Vec<(String, i64)> = (0..1000).map(|n| (format!("key-{n}"), n)).collect();
    let old: Vec<(&str, i64)> = many.iter().map(|(key, n)| (key.as_str(), *n)).collect();
    let mut new = old.clone();
    new[17].1 = -1;
    let (left, right) = (source(counts(&old, 128, 10), 128), source(counts(&new, 128, 10), 128));
    let (found, told) = compare(&left, &right, "sum", "n");
    assert_eq!(told, ["~key-17 17 -1"]);
    assert_eq!(found.counts.same, 999);
    assert_eq!(left.rows_read.load(Ordering::Relaxed), 10);
    assert_eq!(right.rows_read.load(Ordering::Relaxed), 10);
}

#[test]
fn another_max_parallelism_makes_no_row_differ() {
    let (left, right) = (source(counts(&OLD, 128, 2), 128), source(counts(&NEW, 300, 3), 300));
    let (found, told) = compare(&left, &right, "sum", "n");
    assert_eq!(told, ["+f", "-c", "~b 2 20"]);
    assert_eq!(found.counts.same, 4);
}

#[test]
fn what_could_not_be_read_is_counted() {
    let (left, right) = (source(counts(&OLD, 128, 6), 128), source(counts(&NEW, 128, 6), 128));
    let (found, _) = compare(&left.without_digests().unread(3), &right, "sum", "n");
    assert_eq!(found.completeness, Completeness { rows_unread: 3, rows_opaque: 0 });
}

fn offsets(rows: &[(u32, u64, i64)]) -> MemorySource {
    let schema = StateSchema::per_subtask(Field::new("", Type::Int64));
    let rows = batch(
        StateKind::OperatorList,
        &schema,
        vec![
            (Column::Subtask, array(rows.iter().map(|row| row.0).collect::<UInt32Array>())),
            (Column::Index, array(rows.iter().map(|row| row.1).collect::<UInt64Array>())),
            (Column::Value, array(rows.iter().map(|row| row.2).collect::<Int64Array>())),
        ],
    );
    let state = State::new("offsets", StateKind::OperatorList, schema);
    MemorySource::new().operator(operator("source")).state(state, vec![rows])
}

#[test]
fn lists_per_subtask_compare_as_multisets() {
    let left = offsets(&[(0, 0, 7), (0, 1, 7), (1, 0, 8)]);
    let (found, told) = compare(&left, &offsets(&[(0, 0, 8), (1, 0, 7), (2, 0, 7)]), "source", "offsets");
    assert!(told.is_empty());
    assert_eq!(found.counts.same, 3);
    let (_, told) = compare(&left, &offsets(&[(0, 0, 7), (1, 0, 9), (2, 0, 8)]), "source", "offsets");
    assert_eq!(told, ["+9", "-7"]);
}

fn people(fields: Vec<(Field, ArrayRef)>) -> MemorySource {
    let value = Type::Struct(fields.iter().map(|(field, _)| field.clone()).collect());
    let schema = StateSchema::keyed(Field::new("", Type::Utf8), Field::new("", value));
    let DataType::Struct(arrow) = schema.value.as_ref().unwrap().ty.to_arrow() else { panic!("a struct") };
    let values = StructArray::new(arrow, fields.into_iter().map(|(_, array)| array).collect(), None);
    let rows = batch(
        StateKind::Value,
        &schema,
        vec![
            (Column::KeyGroup, array(UInt16Array::from(vec![1, 2]))),
            (Column::Key, array(StringArray::from(vec!["x", "y"]))),
            (Column::Value, array(values)),
        ],
    );
    MemorySource::new()
        .operator(operator("people"))
        .state(State::new("p", StateKind::Value, schema), vec![rows])
}

#[test]
fn states_of_different_schemas_compare_in_the_fields_both_have() {
    let name = || (Field::new("name", Type::Utf8), array(StringArray::from(vec!["n", "m"])));
    let age = |ages: Vec<i64>| (Field::new("age", Type::Int64), array(Int64Array::from(ages)));
    let left = people(vec![
        name(),
        age(vec![1, 2]),
        (Field::new("old", Type::Int32), array(Int32Array::from(vec![0, 0]))),
    ]);
    let right = people(vec![
        (Field::new("new", Type::Int32), array(Int32Array::from(vec![1, 1]))),
        age(vec![1, 3]),
        name(),
    ]);
    let (found, _) = compare(&left, &right, "people", "p");
    assert_eq!(found.counts, RowCounts { changed: 1, same: 1, ..RowCounts::default() });
    let state = |source: &MemorySource| source.savepoint().operators[0].states[0].clone();
    let change = |field: &str, before: Option<&str>, after: Option<&str>| SchemaChange {
        field: field.to_owned(),
        before: before.map(str::to_owned),
        after: after.map(str::to_owned),
    };
    assert_eq!(
        schema_changes(&state(&left), &state(&right)),
        [change("value.old", Some("int32"), None), change("value.new", None, Some("int32"))]
    );
}

fn sessions(accessed: i64, value: i64) -> MemorySource {
    let schema = StateSchema { ttl: true, ..counts_schema() };
    let rows = batch(
        StateKind::Value,
        &schema,
        vec![
            (Column::KeyGroup, array(UInt16Array::from(vec![1]))),
            (Column::Key, array(StringArray::from(vec!["x"]))),
            (Column::Value, array(Int64Array::from(vec![value]))),
            (Column::LastAccess, array(TimestampMillisecondArray::from(vec![accessed]).with_timezone("UTC"))),
        ],
    );
    MemorySource::new().operator(operator("s")).state(State::new("n", StateKind::Value, schema), vec![rows])
}

#[test]
fn access_alone_is_counted_apart() {
    let (found, told) = compare(&sessions(1, 5), &sessions(2, 5), "s", "n");
    assert_eq!(told, ["=x"]);
    assert_eq!(found.counts, RowCounts { touched: 1, ..RowCounts::default() });
    assert!(!found.counts.any());
    let (found, _) = compare(&sessions(1, 5), &sessions(2, 6), "s", "n");
    assert_eq!(found.counts, RowCounts { changed: 1, ..RowCounts::default() });
}

fn with_uids(uids: &[&str]) -> MemorySource {
    uids.iter().fold(MemorySource::new(), |source, uid| {
        source.operator(operator(uid)).state(State::new("n", StateKind::Value, counts_schema()), Vec::new())
    })
}

#[test]
fn a_rename_is_found_only_where_there_is_no_doubt() {
    let pairings = |left: &[&str], right: &[&str]| -> Vec<Pairing> {
        let (left, right) = (with_uids(left), with_uids(right));
        pair_operators(left.savepoint(), right.savepoint()).iter().map(|pair| pair.pairing).collect()
    };
    assert_eq!(pairings(&["a", "b"], &["b", "c"]), [Pairing::Renamed, Pairing::Same]);
    assert_eq!(pairings(&["a"], &["c", "d"]), [Pairing::Removed, Pairing::Added, Pairing::Added]);
    assert_eq!(pairings(&["a", "b"], &["c"]), [Pairing::Removed, Pairing::Removed, Pairing::Added]);
}

/// A source's list of `{topic, partition, offset}`, each in a subtask of its own.
fn partitions(rows: &[(&str, i32, Option<i64>)], first_subtask: u32) -> MemorySource {
    let fields = vec![
        Field::new("topic", Type::Utf8),
        Field::new("partition", Type::Int32),
        Field::new("offset", Type::Int64).nullable(),
    ];
    let schema = StateSchema::per_subtask(Field::new("", Type::Struct(fields)));
    let DataType::Struct(arrow) = schema.value.as_ref().unwrap().ty.to_arrow() else { panic!("a struct") };
    let columns = vec![
        array(rows.iter().map(|row| Some(row.0)).collect::<StringArray>()),
        array(rows.iter().map(|row| row.1).collect::<Int32Array>()),
        array(rows.iter().map(|row| row.2).collect::<Int64Array>()),
    ];
    let subtasks = first_subtask..first_subtask + rows.len() as u32;
    let rows = batch(
        StateKind::OperatorList,
        &schema,
        vec![
            (Column::Subtask, array(subtasks.clone().collect::<UInt32Array>())),
            (Column::Index, array(subtasks.map(|_| 0).collect::<UInt64Array>())),
            (Column::Value, array(StructArray::new(arrow, columns, None))),
        ],
    );
    let state = State::new("splits", StateKind::OperatorList, schema);
    MemorySource::new().operator(operator("source")).state(state, vec![rows])
}

#[test]
fn a_position_moves_wherever_its_split_is_read_now() {
    let left = partitions(&[("a", 0, Some(120)), ("a", 1, Some(7)), ("b", 0, None), ("gone", 0, Some(1))], 0);
    let right =
        partitions(&[("b", 0, Some(3)), ("a", 1, Some(7)), ("a", 0, Some(431)), ("new", 0, Some(1))], 3);
    let positions =
        |source: &MemorySource| Positions::of(&source.savepoint().operators[0].states[0]).unwrap();
    let (before, now) = (positions(&left), positions(&right));
    let mut moved = Vec::new();
    let found = StateComparison::of_both(
        Side { source: &left, place: left.place("source", "splits") },
        Side { source: &right, place: right.place("source", "splits") },
        &mut |changes| {
            for change in changes.rows {
                if let RowChange::Changed(old, new) = *change {
                    let (left, right) = (changes.left.unwrap(), changes.right.unwrap());
                    let change = before.change((left, old), &now, (right, new))?;
                    moved.push(serde_json::to_string(&change).unwrap());
                }
            }
            Ok(())
        },
    );
    let expected = RowCounts { added: 1, removed: 1, changed: 2, touched: 0, same: 1 };
    assert_eq!(found.unwrap().counts, expected);
    assert_eq!(
        moved,
        [
            r#"{"split":{"topic":"a","partition":0},"before":120,"after":431,"moved":311}"#,
            r#"{"split":{"topic":"b","partition":0},"before":null,"after":3,"moved":null}"#,
        ]
    );
}

#[test]
fn positions_are_told_by_the_names_of_fields() {
    let of = |fields: &[(&str, Type)]| {
        let fields = fields.iter().map(|(name, ty)| Field::new(*name, ty.clone())).collect();
        let schema = StateSchema::per_subtask(Field::new("", Type::Struct(fields)));
        Positions::of(&State::new("splits", StateKind::OperatorList, schema)).is_some()
    };
    assert!(of(&[("path", Type::Utf8), ("offset", Type::UInt64), ("done", Type::Boolean)]));
    assert!(of(&[("next", Type::Int64), ("end", Type::Int64)]));
    assert!(of(&[("split", Type::Utf8), ("from", Type::Int64), ("to", Type::Int64)]));
    assert!(!of(&[("path", Type::Utf8), ("offset", Type::Utf8)]));
    assert!(!of(&[("offset", Type::Int64)]));
    assert!(!of(&[("path", Type::Utf8), ("size", Type::Int64)]));
}
