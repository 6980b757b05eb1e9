use std::sync::atomic::Ordering;

use arrow_array::cast::AsArray;
use arrow_array::types::UInt64Type;
use arrow_array::{
    ArrayRef, Int64Array, RecordBatch, StringArray, StructArray, TimestampMillisecondArray, UInt16Array,
    UInt64Array,
};
use arrow_schema::DataType;
use spt_format::migrate::{MigrationPlan, Operation};
use spt_format::{
    Column, ColumnarWriter, Field, KeyHash, OperatorId, SavepointSource, Scan, State, StateKind, StateSchema,
    Ttl, key_group_of,
};

use crate::columnar::{FIRST, open, scratch};
use crate::support::{MemorySink, MemorySource, array, batch, operator};

fn schema() -> StateSchema {
    StateSchema::keyed("utf8".parse().unwrap(), "struct<count: int64, tag: utf8>".parse().unwrap())
}

/// Rows `(key, count, tag)` of a value state, in order.
fn rows(schema: &StateSchema, rows: &[(&str, i64, &str)]) -> RecordBatch {
    let key: Field = "utf8".parse().unwrap();
    let mut rows: Vec<_> = rows
        .iter()
        .map(|row| {
            let keys = StringArray::from(vec![row.0]);
            (key_group_of(&key, &keys, 0, 128, KeyHash::Java1).unwrap().0, *row)
        })
        .collect();
    rows.sort();
    let DataType::Struct(fields) = schema.value.as_ref().unwrap().ty.to_arrow() else { panic!("a struct") };
    let values: Vec<ArrayRef> = vec![
        array(rows.iter().map(|row| row.1.1).collect::<Int64Array>()),
        array(rows.iter().map(|row| Some(row.1.2)).collect::<StringArray>()),
    ];
    batch(
        StateKind::Value,
        schema,
        vec![
            (Column::KeyGroup, array(rows.iter().map(|row| row.0).collect::<UInt16Array>())),
            (Column::Key, array(rows.iter().map(|row| Some(row.1.0)).collect::<StringArray>())),
            (Column::Value, array(StructArray::new(fields, values, None))),
        ],
    )
}

fn source() -> MemorySource {
    let rows = rows(&schema(), &[("a", 1, "x"), ("b", 20, "y"), ("c", 300, "z")]);
    MemorySource::new()
        .operator(operator("sum"))
        .state(State::new("sums", StateKind::Value, schema()), vec![rows.clone()])
        .state(State::new("other", StateKind::Value, schema()), vec![rows])
}

fn plan(source: &MemorySource, operations: &[Operation]) -> MigrationPlan {
    MigrationPlan::new(source.savepoint(), operations).unwrap()
}

fn apply(source: &MemorySource, operations: &[Operation]) -> MemorySink {
    let mut sink = MemorySink::default();
    plan(source, operations).apply(source, &mut sink).unwrap();
    sink
}

fn refusal(source: &MemorySource, operation: Operation) -> String {
    MigrationPlan::new(source.savepoint(), &[operation]).unwrap_err().to_string()
}

#[test]
fn renames_drops_and_added_fields_read_no_row() {
    let source = source();
    let savepoint = source.savepoint();
    let operations = [
        Operation::rename_uid(savepoint, "sum=total").unwrap(),
        Operation::rename_state(savepoint, "sum/sums=all").unwrap(),
        Operation::drop_state(savepoint, "sum/other").unwrap(),
        Operation::rename_field(savepoint, "sum/sums:count=n").unwrap(),
        Operation::drop_field(savepoint, "sum/sums:tag").unwrap(),
        Operation::add_field(savepoint, "sum/sums:seen=boolean=false").unwrap(),
        Operation::cast(savepoint, "sum/sums:n=int64").unwrap(),
    ];
    let plan = plan(&source, &operations);
    assert!(plan.is_metadata_only());
    assert_eq!(plan.dropped, [source.place("sum", "other")]);
    let state = &plan.target.operators[0].states[0];
    assert_eq!(state.schema.value.as_ref().unwrap().to_string(), "struct<n: int64, seen: boolean>");
    assert_eq!(plan.target.operators[0].id, OperatorId::of_uid("total"));
    let mut sink = MemorySink { adopts: true, ..MemorySink::default() };
    plan.apply(&source, &mut sink).unwrap();
    assert_eq!(sink.adopted, ["total/all"]);
    assert_eq!(source.rows_read.load(Ordering::Relaxed), 0);
    // A sink that cannot take files over gets the same state row by row.
    let mut sink = MemorySink::default();
    plan.apply(&source, &mut sink).unwrap();
    assert_eq!(
        values(&sink, "total/all"),
        [
            r#""a","value":{"n":1,"seen":false}}"#,
            r#""b","value":{"n":20,"seen":false}}"#,
            r#""c","value":{"n":300,"seen":false}}"#
        ]
    );
}

/// The rows of a state from the key on, by key.
fn values(sink: &MemorySink, state: &str) -> Vec<String> {
    let value = |line: &String| line.split_once("\"key\":").unwrap().1.to_owned();
    let mut values: Vec<String> = sink.states[state].iter().map(value).collect();
    values.sort();
    values
}

#[test]
fn a_narrowing_cast_rewrites_and_refuses_what_does_not_fit() {
    let source = source();
    let cast = |ty: &str| Operation::cast(source.savepoint(), &format!("sum/sums:count={ty}")).unwrap();
    let sink = apply(&source, &[cast("int16")]);
    assert_eq!(sink.states["sum/sums"].len(), 3);
    let error = plan(&source, &[cast("int8")]).apply(&source, &mut MemorySink::default()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "operator sum, state \"sums\", value, count: a value does not fit its type"
    );
}

#[test]
fn a_new_max_parallelism_moves_every_key_to_its_group_in_order() {
    let source = source();
    let sink = apply(&source, &[Operation::max_parallelism(source.savepoint(), "1000").unwrap()]);
    let lines = &sink.states["sum/sums"];
    let mut last = 0;
    for line in lines {
        let row: serde_json::Value = serde_json::from_str(line).unwrap();
        let keys = StringArray::from(vec![row["key"].as_str().unwrap()]);
        let group = key_group_of(&"utf8".parse().unwrap(), &keys, 0, 1000, KeyHash::Java1).unwrap();
        assert_eq!(row["key_group"], u64::from(group.0));
        assert!(group.0 >= last);
        last = group.0;
    }
    assert_eq!(lines.len(), 3);
}

#[test]
fn rows_are_deleted_where_a_condition_is_true_and_a_value_is_set() {
    let source = source();
    let sink = apply(
        &source,
        &[
            Operation::delete_where(source.savepoint(), "sum/sums:value.count > 10 and key != 'c'").unwrap(),
            Operation::set(source.savepoint(), r#"sum/sums:a={"count":7,"tag":"set"}"#).unwrap(),
        ],
    );
    assert_eq!(
        values(&sink, "sum/sums"),
        [r#""a","value":{"count":7,"tag":"set"}}"#, r#""c","value":{"count":300,"tag":"z"}}"#]
    );
    let nobody = Operation::set(source.savepoint(), r#"sum/sums:q={"count":7,"tag":"set"}"#).unwrap();
    let error = plan(&source, &[nobody]).apply(&source, &mut MemorySink::default()).unwrap_err();
    assert_eq!(error.to_string(), "operator sum, state \"sums\": there is no key q to set");
}

#[test]
fn expired_rows_are_purged_by_their_last_access() {
    let schema =
        StateSchema { ttl: true, ..StateSchema::keyed("utf8".parse().unwrap(), "int64".parse().unwrap()) };
    let at = TimestampMillisecondArray::from(vec![1_000, 5_000]).with_timezone("UTC");
    let rows = batch(
        StateKind::Value,
        &schema,
        vec![
            (Column::KeyGroup, array(UInt16Array::from(vec![1, 2]))),
            (Column::Key, array(StringArray::from(vec!["old", "new"]))),
            (Column::Value, array(Int64Array::from(vec![1, 2]))),
            (Column::LastAccess, array(at)),
        ],
    );
    let state =
        State { ttl: Some(Ttl { duration_ms: Some(2_000) }), ..State::new("sums", StateKind::Value, schema) };
    let source = MemorySource::new().operator(operator("sum")).state(state, vec![rows]);
    let purge = |as_of_ms| Operation::PurgeExpired { uid: None, state: None, ttl_ms: None, as_of_ms };
    assert_eq!(apply(&source, &[purge(6_000)]).states["sum/sums"].len(), 1);
    assert_eq!(apply(&source, &[purge(3_000)]).states["sum/sums"].len(), 2);
}

#[test]
fn what_would_lose_or_mix_up_state_is_refused() {
    let source = source();
    let savepoint = source.savepoint();
    for (operation, message) in [
        (
            Operation::RenameState { uid: "sum".into(), state: "sums".into(), to: "other".into() },
            "--rename-state sum/sums=other: \"other\" is empty or a state of \"sum\" already",
        ),
        (
            Operation::max_parallelism(savepoint, "40000").unwrap(),
            "--max-parallelism 40000: 40000 key groups; 1 to 32768 exist",
        ),
        (
            Operation::rename_field(savepoint, "sum/sums:count=tag").unwrap(),
            "--rename-field sum/sums:count=tag: a field \"tag\" is there already",
        ),
        (
            Operation::delete_where(savepoint, "sum/sums:value.nope = 1").unwrap(),
            "operator sum, state \"sums\", condition: there is no \"nope\"; there are count, tag",
        ),
    ] {
        assert_eq!(refusal(&source, operation), message);
    }
}

#[test]
fn rows_that_cannot_be_read_stop_it() {
    let source = source().unread(2);
    let plan = plan(&source, &[Operation::Rewrite]);
    let error = plan.apply(&source, &mut MemorySink::default()).unwrap_err();
    assert!(error.to_string().contains("2 rows cannot be read"), "{error}");
}

#[test]
fn a_cast_of_a_whole_struct_keeps_its_values() {
    let source = source();
    let cast = |ty: &str| Operation::cast(source.savepoint(), &format!("sum/sums:value={ty}")).unwrap();
    let sink = apply(&source, &[cast("struct<tag: utf8?, count: int32?>")]);
    assert_eq!(values(&sink, "sum/sums")[0], r#""a","value":{"tag":"x","count":1}}"#);
    for lossy in ["struct<count: int64>", "struct<counts: int64?, tag: utf8>"] {
        let error = refusal(&source, cast(lossy));
        assert!(error.ends_with("a cast keeps every field of a struct under its name"), "{error}");
    }
}

#[test]
fn a_cast_of_a_value_leaves_the_key_hash_alone() {
    let unknown = State { key_hash: Some(KeyHash::Unknown), ..State::new("s", StateKind::Value, schema()) };
    let source = MemorySource::new().operator(operator("sum")).state(unknown, Vec::new());
    let plan = plan(&source, &[Operation::cast(source.savepoint(), "sum/s:count=float64").unwrap()]);
    assert_eq!(plan.target.operators[0].states[0].key_hash, Some(KeyHash::Unknown));
}

#[test]
fn the_present_max_parallelism_deals_out_keys_that_lie_in_the_wrong_group() {
    let source = source();
    let groups = source.savepoint().operators[0].max_parallelism;
    let operation = Operation::max_parallelism(source.savepoint(), &groups.to_string()).unwrap();
    assert!(!plan(&source, &[operation]).is_metadata_only());
}

#[test]
fn a_condition_means_the_fields_of_the_source_whatever_they_become() {
    let source = source();
    let savepoint = source.savepoint();
    let operations = [
        Operation::delete_where(savepoint, "sum/sums:value.count > 10").unwrap(),
        Operation::set(savepoint, r#"sum/sums:a={"count":7,"tag":"set"}"#).unwrap(),
        Operation::drop_field(savepoint, "sum/sums:count").unwrap(),
        Operation::add_field(savepoint, "sum/sums:count=int64=99").unwrap(),
    ];
    let sink = apply(&source, &operations);
    assert_eq!(values(&sink, "sum/sums"), [r#""a","value":{"tag":"set","count":99}}"#]);
}

#[test]
fn a_field_that_may_be_null_is_made_required_by_a_cast_to_its_own_type() {
    let source = source();
    let cast = |ty: &str| Operation::cast(source.savepoint(), &format!("sum/sums:count={ty}")).unwrap();
    let plan = plan(&source, &[cast("int64?"), cast("int64")]);
    assert!(!plan.is_metadata_only(), "somebody has to look for nulls");
    assert_eq!(plan.target.operators[0].states[0].schema, schema());
}

#[test]
fn the_elements_of_a_list_that_stay_move_up() {
    let schema = StateSchema::keyed("utf8".parse().unwrap(), "int64".parse().unwrap());
    // Lists of two batches: `a` is [0, 1, 2, 3, 4], cut after 2, and `b` is [10, 11].
    let rows = |rows: &[(&str, u64, i64)]| {
        let group = |key: &str| u16::from(key == "b");
        batch(
            StateKind::List,
            &schema,
            vec![
                (Column::KeyGroup, array(rows.iter().map(|row| group(row.0)).collect::<UInt16Array>())),
                (Column::Key, array(rows.iter().map(|row| Some(row.0)).collect::<StringArray>())),
                (Column::Index, array(rows.iter().map(|row| row.1).collect::<UInt64Array>())),
                (Column::Value, array(rows.iter().map(|row| row.2).collect::<Int64Array>())),
            ],
        )
    };
    let batches = vec![
        rows(&[("a", 0, 0), ("a", 1, 1), ("a", 2, 2)]),
        rows(&[("a", 3, 3), ("a", 4, 4), ("b", 0, 10), ("b", 1, 11)]),
    ];
    let source = MemorySource::new()
        .operator(operator("sum"))
        .state(State::new("list", StateKind::List, schema.clone()), batches);
    let gone = |text: &str| Operation::delete_where(source.savepoint(), &format!("sum/list:{text}")).unwrap();
    let plan = plan(&source, &[gone("value = 1"), gone("value = 3"), gone("value = 10")]);
    let scratch = scratch();
    let path = scratch.path().join("sp");
    let mut writer = ColumnarWriter::options().create(&path).unwrap();
    plan.apply(&source, &mut writer).unwrap();
    writer.commit(&plan.target).unwrap();
    let mut places = Vec::new();
    for rows in open(&path).scan(FIRST, &Scan::default()).unwrap() {
        let rows = rows.unwrap();
        let column = rows.column_by_name(Column::Index.name()).unwrap();
        places.extend(column.as_primitive::<UInt64Type>().values().iter().copied());
    }
    assert_eq!(places, [0, 1, 2, 0], "a is [0, 2, 4], b is [11]");
}
