use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;

use arrow_array::cast::AsArray;
use arrow_array::types::UInt64Type;
use arrow_array::{
    ArrayRef, BooleanArray, Int64Array, RecordBatch, StringArray, StructArray, TimestampMillisecondArray,
    UInt16Array, UInt32Array, UInt64Array,
};
use arrow_schema::DataType;
use spt_format::migrate::{Loss, MigrationPlan, Operation, PlanFile};
use spt_format::validate::check_rows;
use spt_format::{
    Column, ColumnarWriter, Edge, Field, JobGraph, KeyGroupRange, KeyHash, Node, Operator, OperatorId,
    Partitioning, PendingOutput, SavepointSource, Scan, Sharing, State, StateKind, StateSchema, Ttl,
    key_group_of,
};

use crate::columnar::{
    FIRST, batches, catalogue, count_state, counts, files, open, scratch, sum_operator, write_counts,
};
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

#[test]
fn an_operator_that_is_dropped_takes_its_node_and_its_pending_output_along() {
    let mut savepoint = source().savepoint().clone();
    let (sum, sink) = (OperatorId::of_uid("sum"), OperatorId::of_uid("sink"));
    savepoint.operators.push(operator("sink"));
    let pending = |operator| PendingOutput { operator, output: serde_json::json!({"file": "a"}) };
    savepoint.pending = vec![pending(sum), pending(sink)];
    let node = |id, uid: &str| Node { id, name: uid.into(), uid: None, parallelism: 1, chain: 0 };
    let edge = Edge { from: sum, to: sink, partitioning: Partitioning::Hash };
    savepoint.graph = Some(JobGraph { nodes: vec![node(sum, "sum"), node(sink, "sink")], edges: vec![edge] });
    let drop = Operation::drop_uid(&savepoint, "sink").unwrap();
    let plan = MigrationPlan::new(&savepoint, &[drop]).unwrap();
    assert_eq!(plan.target.pending, [pending(sum)]);
    assert_eq!(plan.dropped_pending, [pending(sink)]);
    assert_eq!(plan.target.graph, Some(JobGraph { nodes: vec![node(sum, "sum")], edges: vec![] }));
}

#[test]
fn fewer_key_groups_than_subtasks_need_fewer_subtasks_too() {
    let mut savepoint = source().savepoint().clone();
    savepoint.operators[0].parallelism = 4;
    let groups = Operation::MaxParallelism { uid: None, groups: 2 };
    let error = MigrationPlan::new(&savepoint, std::slice::from_ref(&groups)).unwrap_err().to_string();
    assert!(error.starts_with("operator sum would have 4 subtasks and 2 key groups; give"), "{error}");
    let plan = MigrationPlan::new(&savepoint, &[groups, Operation::Parallelism { subtasks: 2 }]).unwrap();
    let operator = &plan.target.operators[0];
    assert_eq!((operator.parallelism, operator.max_parallelism), (2, 2));
}

/// A source that reads two files in each of two subtasks, and one that reads spans of numbers.
fn splits() -> MemorySource {
    let list = |value: &str| StateSchema::per_subtask(value.parse().unwrap());
    let rows = |schema: &StateSchema, columns: Vec<ArrayRef>| {
        let DataType::Struct(fields) = schema.value.as_ref().unwrap().ty.to_arrow() else {
            panic!("a struct")
        };
        batch(
            StateKind::OperatorList,
            schema,
            vec![
                (Column::Subtask, array(UInt32Array::from(vec![0, 0, 1]))),
                (Column::Index, array(UInt64Array::from(vec![0, 1, 0]))),
                (Column::Value, array(StructArray::new(fields, columns, None))),
            ],
        )
    };
    let files = list("struct<path: utf8, offset: uint64, done: boolean>");
    let spans = list("struct<next: int64, end: int64>");
    let paths = array(StringArray::from(vec!["/in/a=1", "/in/b", "/in/b"]));
    let offsets = array(UInt64Array::from(vec![10, 20, 30]));
    let (next, end) = (array(Int64Array::from(vec![1, 2, 3])), array(Int64Array::from(vec![9, 9, 9])));
    let (file_rows, span_rows) = (
        rows(&files, vec![paths, offsets, array(BooleanArray::from(vec![true; 3]))]),
        rows(&spans, vec![next, end]),
    );
    MemorySource::new()
        .operator(operator("files"))
        .state(State::new("splits", StateKind::OperatorList, files), vec![file_rows])
        .operator(operator("spans"))
        .state(State::new("splits", StateKind::OperatorList, spans), vec![span_rows])
}

#[test]
fn a_split_gets_another_position_by_its_name_or_by_its_place() {
    let source = splits();
    let set = |text: &str| Operation::set_offset(source.savepoint(), text).unwrap();
    let sink = apply(&source, &[set("files:/in/a=1=120"), set("files:1/0=0"), set("spans:0/1=7")]);
    assert_eq!(
        sink.states["files/splits"],
        [
            r#"{"subtask":0,"index":0,"value":{"path":"/in/a=1","offset":120,"done":false}}"#,
            r#"{"subtask":0,"index":1,"value":{"path":"/in/b","offset":20,"done":true}}"#,
            r#"{"subtask":1,"index":0,"value":{"path":"/in/b","offset":0,"done":false}}"#,
        ]
    );
    assert_eq!(sink.states["spans/splits"][1], r#"{"subtask":0,"index":1,"value":{"next":7,"end":9}}"#);
}

#[test]
fn a_split_or_position_that_does_not_fit_is_refused_with_the_splits_there_are() {
    let source = splits();
    let refusal = |text: &str| {
        let operation = Operation::set_offset(source.savepoint(), text).unwrap();
        plan(&source, &[operation]).rehearse(&source).unwrap_err().to_string()
    };
    let files = "operator files, state \"splits\"";
    assert_eq!(
        refusal("files:/in/c=7"),
        format!("{files}: there is no split /in/c; there are: /in/a=1, /in/b, /in/b")
    );
    assert_eq!(
        refusal("files:/in/a=1=-7"),
        format!("{files}: field \"offset\": -7 is no uint64; the splits are: /in/a=1, /in/b, /in/b")
    );
    assert_eq!(
        refusal("files:/in/b=7"),
        format!("{files}: /in/b is the name of several splits; name one by its place: 0/1, 1/0")
    );
    assert_eq!(
        refusal("spans:0/2=7"),
        "operator spans, state \"splits\": there is no split 0/2; there are: 0/0, 0/1, 1/0"
    );
    let keyed = self::source();
    let operation = Operation::set_offset(keyed.savepoint(), "sum:0/0=7").unwrap();
    assert_eq!(
        self::refusal(&keyed, operation),
        "--set-offset sum:0/0=7: the operator keeps no positions of splits"
    );
}

#[test]
fn a_key_that_is_not_there_is_told_before_anything_is_written() {
    let source = source();
    let set = |text: &str| Operation::set(source.savepoint(), text).unwrap();
    let there = set(r#"sum/sums:a={"count":7,"tag":"set"}"#);
    plan(&source, std::slice::from_ref(&there)).rehearse(&source).unwrap();
    let error = plan(&source, &[there, set(r#"sum/sums:q={"count":7,"tag":"set"}"#)]).rehearse(&source);
    assert_eq!(error.unwrap_err().to_string(), "operator sum, state \"sums\": there is no key q to set");
}

#[test]
fn an_operation_of_a_file_that_does_not_fit_is_told_with_its_line() {
    let text = "schema = 'spt.migrate-plan/1'\n[[change]]\nop = 'drop-uid'\nuid = 'nobody'\n";
    let file = PlanFile::parse("plan.toml", text, 0).unwrap();
    let error = MigrationPlan::placed(source().savepoint(), &file.operations, &file.places).unwrap_err();
    assert_eq!(
        error.to_string(),
        "plan.toml:2, --drop-uid nobody: there is no operator \"nobody\"; there are \"sum\""
    );
}

/// A savepoint of one state in several row groups, and another.
fn damageable(folder: &Path) -> PathBuf {
    let path = folder.join("whole");
    let operator = sum_operator(4);
    let other = State::new("other", StateKind::Value, schema());
    let operator = Operator { states: vec![operator.states[0].clone(), other.clone()], ..operator };
    let writer = ColumnarWriter::options().create(&path).unwrap();
    let counts = counts(600_000, 4);
    let table = writer.begin_state(&operator, &count_state(Some(600_000))).unwrap();
    table.write_sorted(batches(&counts, 10_000).into_iter().map(Ok), 2).unwrap();
    let other = State { rows: Some(0), ..other };
    writer.begin_state(&operator, &other).unwrap().write_sorted(std::iter::empty(), 1).unwrap();
    writer.commit(&catalogue(vec![operator])).unwrap();
    path
}

/// Salvages a savepoint, and returns what was lost and how many rows the new one has.
fn salvaged(from: &Path, to: &Path) -> (Vec<Loss>, u64) {
    let source = open(from);
    let mut plan = MigrationPlan::new(source.savepoint(), &[Operation::DropUnreadable]).unwrap();
    plan.salvage(&source, 2).unwrap();
    let mut writer = ColumnarWriter::options().create(to).unwrap();
    plan.apply(&source, &mut writer).unwrap();
    writer.commit(&plan.target).unwrap();
    let made = open(to);
    let checks = check_rows(&made, 1, &|_, _| true);
    assert_eq!(checks.findings.into_sorted(), []);
    (plan.lost, checks.rows)
}

#[test]
fn what_a_damaged_row_group_held_is_told_and_the_rest_is_written() {
    let scratch = scratch();
    let path = damageable(scratch.path());
    let segments = open(&path).segments(FIRST).unwrap();
    assert_eq!(segments.len(), 4, "a row group a key group");
    assert_eq!(salvaged(&path, &scratch.path().join("sound")), (vec![], 600_000));
    let (file, mut bytes) = files(&path).into_iter().max_by_key(|(_, bytes)| bytes.len()).unwrap();
    bytes[segments[0].bytes.unwrap() as usize + 1000] ^= 1;
    std::fs::remove_file(path.join(&file)).unwrap();
    std::fs::write(path.join(&file), &bytes).unwrap();
    let (lost, rows) = salvaged(&path, &scratch.path().join("salvaged"));
    assert_eq!(lost.len(), 1, "{lost:?}");
    assert_eq!((lost[0].operator.as_str(), lost[0].state.as_str()), ("sum-001", "count"));
    assert_eq!((lost[0].key_groups, lost[0].rows), (segments[1].key_groups, segments[1].rows));
    assert!(lost[0].reason.contains("row group 1: checksum is "), "{}", lost[0].reason);
    assert_eq!(rows, 600_000 - segments[1].rows.unwrap());
    std::fs::remove_file(path.join(&file)).unwrap();
    let (lost, rows) = salvaged(&path, &scratch.path().join("left"));
    assert_eq!((lost[0].key_groups, lost[0].rows, rows), (Some(KeyGroupRange::all(4)), Some(600_000), 0));
    assert!(lost[0].reason.contains("file is missing"), "{}", lost[0].reason);
}

#[test]
fn rows_a_reader_cannot_decode_are_left_out_when_that_is_wanted() {
    let source = source().unread(2);
    let mut plan = plan(&source, &[Operation::DropUnreadable]);
    plan.salvage(&source, 1).unwrap();
    let lost: Vec<_> = plan.lost.iter().map(|loss| (loss.state.as_str(), loss.rows)).collect();
    assert_eq!(lost, [("sums", Some(2)), ("other", Some(2))]);
    let mut sink = MemorySink::default();
    plan.apply(&source, &mut sink).unwrap();
    assert_eq!(sink.states["sum/sums"].len(), 3);
}

#[test]
fn a_file_that_may_be_written_is_copied_and_not_linked() {
    let scratch = scratch();
    let path = scratch.path().join("sp");
    write_counts(&path, &counts(100, 128), 100, 128);
    let source = open(&path);
    let adopt = |name: &str| {
        let plan = MigrationPlan::new(source.savepoint(), &[]).unwrap();
        let mut writer = ColumnarWriter::options().create(scratch.path().join(name)).unwrap();
        plan.apply(&source, &mut writer).unwrap();
        let sharing: Vec<Sharing> = writer.sharing().into_keys().collect();
        writer.commit(&plan.target).unwrap();
        sharing
    };
    assert_ne!(adopt("linked"), [Sharing::Copy]);
    let file = path
        .join(&files(&path).into_iter().find(|(path, _)| path.extension().unwrap() == "parquet").unwrap().0);
    let mut permissions = file.metadata().unwrap().permissions();
    permissions.set_mode(0o644);
    std::fs::set_permissions(&file, permissions).unwrap();
    assert_ne!(adopt("copied"), [Sharing::HardLink], "whoever writes to the one would change the other");
}
