use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::{ArrayRef, Int64Array, RecordBatch, StringArray, StructArray, UInt16Array, UInt32Array};
use arrow_schema::DataType;
use arrow_select::take::take;
use spt_format::patch::{Patch, Patched, write_patch};
use spt_format::{
    Column, ColumnarReader, ColumnarWriter, Field, KeyHash, Operator, OperatorId, PendingOutput, Result,
    Savepoint, SavepointKind, SavepointSink, SavepointSource, Scan, State, StateKind, StateSchema, Type,
    key_group_of, sort_batch,
};

use crate::columnar::{files, scratch};
use crate::support::{MemorySink, MemorySource, array, batch, operator};

fn golden(name: &str) -> ColumnarReader {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata/columnar/v1");
    ColumnarReader::options().open(folder.join(name)).unwrap()
}

fn patch_text(left: &dyn SavepointSource, right: &dyn SavepointSource) -> String {
    let mut text = Vec::new();
    write_patch(left, right, &mut |lines| {
        text.extend_from_slice(lines);
        Ok(())
    })
    .unwrap();
    String::from_utf8(text).unwrap()
}

fn apply(source: &dyn SavepointSource, text: &str) -> Result<(MemorySink, Patched)> {
    let mut sink = MemorySink { adopts: true, ..MemorySink::default() };
    let patched = Patch::open(text.as_bytes())?.apply(source, &mut sink)?;
    Ok((sink, patched))
}

/// Applies a patch for real, under the id of the savepoint it leads to.
fn apply_to_disk(source: &dyn SavepointSource, text: &str, to: &Path) -> ColumnarReader {
    let patch = Patch::open(text.as_bytes()).unwrap();
    patch.check_input(source).unwrap();
    let mut sink = ColumnarWriter::options().create(to).unwrap();
    let patched = patch.apply(source, &mut sink).unwrap();
    sink.commit(&patched.target).unwrap();
    ColumnarReader::options().open(to).unwrap()
}

/// The savepoint with every state's values turned round and its last rows gone.
fn scrambled(source: &dyn SavepointSource, to: &Path) -> ColumnarReader {
    let mut sink = ColumnarWriter::options().create(to).unwrap();
    for (place, operator, state) in source.savepoint().states() {
        let mut table = SavepointSink::state(&mut sink, operator, state).unwrap();
        for batch in source.scan(place, &Scan::default()).unwrap() {
            let batch = batch.unwrap();
            let rows = batch.num_rows();
            let turned = UInt32Array::from_iter_values((0..rows as u32).rev());
            let schema = batch.schema();
            let columns = schema.fields().iter().zip(batch.columns()).map(|(field, column)| {
                let moves = matches!(field.name().as_str(), "value" | "last_access");
                if moves { take(column, &turned, None).unwrap() } else { column.clone() }
            });
            let batch = RecordBatch::try_new(schema.clone(), columns.collect()).unwrap();
            table.write(&batch.slice(0, rows - rows / 3)).unwrap();
        }
        table.finish().unwrap();
    }
    let savepoint = Savepoint { id: "scrambled".to_owned(), ..source.savepoint().clone() };
    sink.commit(&savepoint).unwrap();
    ColumnarReader::options().open(to).unwrap()
}

/// Every file of two savepoints, the manifests too.
fn assert_same_files(left: &Path, right: &Path) {
    let (left, right) = (files(left), files(right));
    assert!(left.len() > 1);
    let names = |files: &[(PathBuf, Vec<u8>)]| -> Vec<PathBuf> {
        files.iter().map(|(name, _)| name.clone()).collect()
    };
    assert_eq!(names(&left), names(&right));
    assert!(left == right, "files differ");
}

fn golden_folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata/columnar/v1").join(name)
}

#[test]
fn every_type_and_kind_comes_out_of_a_patch_to_the_byte() {
    let folder = scratch();
    let right = golden("every-type");
    let scrambled = scrambled(&right, &folder.path().join("scrambled"));
    let lefts: [(&str, &dyn SavepointSource); 3] =
        [("added", &golden("word-count")), ("changed", &scrambled), ("same", &golden("every-type"))];
    for (name, left) in lefts {
        let text = patch_text(left, &right);
        let out = folder.path().join(name);
        apply_to_disk(left, &text, &out);
        assert_same_files(&out, &golden_folder("every-type"));
        let rows = text.lines().filter(|line| line.starts_with("{\"op\"")).count() as u64;
        match name {
            "added" => assert_eq!(rows, right.savepoint().rows().unwrap()),
            "changed" => {
                assert!(rows > 10 && text.contains("{\"op\":\"~\"") && text.contains("{\"op\":\"+\""))
            }
            _ => assert_eq!(rows, 0),
        }
    }
    let text = patch_text(&right, &scrambled);
    assert!(text.contains("{\"op\":\"-\""));
    let out = folder.path().join("back");
    apply_to_disk(&right, &text, &out);
    assert_same_files(&out, &folder.path().join("scrambled"));
}

fn counts_schema() -> StateSchema {
    StateSchema::keyed(Field::new("", Type::Utf8), Field::new("", Type::Int64))
}

/// A value state of counts, in the model's order.
fn counts(rows: &[(&str, i64)], max_parallelism: u32) -> MemorySource {
    let key = Field::new("key", Type::Utf8);
    let group = |text: &str| {
        key_group_of(&key, &StringArray::from(vec![text]), 0, max_parallelism, KeyHash::Java1).unwrap().0
    };
    let schema = counts_schema();
    let rows = batch(
        StateKind::Value,
        &schema,
        vec![
            (Column::KeyGroup, array(rows.iter().map(|row| group(row.0)).collect::<UInt16Array>())),
            (Column::Key, array(rows.iter().map(|row| Some(row.0)).collect::<StringArray>())),
            (Column::Value, array(rows.iter().map(|row| row.1).collect::<Int64Array>())),
        ],
    );
    let rows = sort_batch(&rows, &schema.sort_columns(StateKind::Value)).unwrap();
    let batches = (0..rows.num_rows()).step_by(2).map(|row| rows.slice(row, 2.min(rows.num_rows() - row)));
    let batches: Vec<RecordBatch> = batches.collect();
    let sum = Operator { max_parallelism, ..operator("sum") };
    MemorySource::new().operator(sum).state(State::new("n", StateKind::Value, schema), batches)
}

fn everything(source: &dyn SavepointSource) -> MemorySink {
    let mut sink = MemorySink::default();
    for (place, operator, state) in source.savepoint().states() {
        let mut table = sink.state(operator, state).unwrap();
        for batch in source.scan(place, &Scan::default()).unwrap() {
            table.write(&batch.unwrap()).unwrap();
        }
        table.finish().unwrap();
    }
    sink
}

const OLD: [(&str, i64); 6] = [("a", 1), ("b", 2), ("c", 3), ("d", 4), ("e", 5), ("结果", 6)];
const NEW: [(&str, i64); 6] = [("a", 1), ("b", 20), ("d", 4), ("e", 5), ("f", 7), ("结果", 6)];

#[test]
fn only_what_changed_is_told() {
    let (left, right) = (counts(&OLD, 128), counts(&NEW, 128));
    let text = patch_text(&left, &right);
    let mut rows: Vec<&str> = text.lines().filter(|line| line.starts_with("{\"op\"")).collect();
    rows.sort_unstable();
    assert_eq!(
        rows,
        [
            r#"{"op":"+","key_group":28,"key":"f","after":7}"#,
            r#"{"op":"-","key_group":62,"key":"c","before":3}"#,
            r#"{"op":"~","key_group":22,"key":"b","before":2,"after":20}"#,
        ]
    );
    assert!(text.ends_with("{\"end\":{\"rows\":3}}\n"));
    assert_eq!(apply(&left, &text).unwrap().0.states, everything(&right).states);
}

#[test]
fn another_max_parallelism_changes_no_row_but_gives_each_its_place() {
    let (left, right) = (counts(&OLD, 128), counts(&NEW, 300));
    let text = patch_text(&left, &right);
    assert!(text.ends_with("{\"end\":{\"rows\":3}}\n"), "{text}");
    assert_eq!(apply(&left, &text).unwrap().0.states, everything(&right).states);
}

#[test]
fn what_did_not_change_is_taken_over_unread() {
    let (left, right) = (counts(&OLD, 128), counts(&OLD, 128));
    let text = patch_text(&left, &right);
    let (sink, patched) = apply(&left, &text).unwrap();
    assert_eq!(sink.adopted, ["sum/n"]);
    assert!(patched.states[0].is_taken_over);
    assert_eq!(left.rows_read.load(std::sync::atomic::Ordering::Relaxed), 0);
}

fn people(fields: Vec<(Field, ArrayRef)>) -> MemorySource {
    let value = Type::Struct(fields.iter().map(|(field, _)| field.clone()).collect());
    let schema = StateSchema::keyed(Field::new("", Type::Utf8), Field::new("", value));
    let DataType::Struct(arrow) = schema.value.as_ref().unwrap().ty.to_arrow() else { panic!("a struct") };
    let values = StructArray::new(arrow, fields.into_iter().map(|(_, array)| array).collect(), None);
    let key = Field::new("key", Type::Utf8);
    let names = StringArray::from(vec!["x", "y", "z"]);
    let group = |row| key_group_of(&key, &names, row, 128, KeyHash::Java1).unwrap().0;
    let columns = vec![
        (Column::KeyGroup, array((0..3).map(group).collect::<UInt16Array>())),
        (Column::Key, array(names.clone())),
        (Column::Value, array(values)),
    ];
    let rows = batch(StateKind::Value, &schema, columns);
    let rows = sort_batch(&rows, &schema.sort_columns(StateKind::Value)).unwrap();
    MemorySource::new()
        .operator(operator("people"))
        .state(State::new("p", StateKind::Value, schema), vec![rows])
}

#[test]
fn another_schema_tells_only_rows_that_differ_in_it() {
    let name = |names: [&str; 3]| array(StringArray::from(names.to_vec()));
    let field = |id: u32, name: &str, ty: Type| Field { id, ..Field::new(name, ty) };
    let age = |ages: [i32; 3]| array(arrow_array::Int32Array::from(ages.to_vec()));
    let wide = |ages: [i64; 3]| array(Int64Array::from(ages.to_vec()));
    let left = people(vec![
        (field(16, "name", Type::Utf8), name(["a", "b", "c"])),
        (field(17, "age", Type::Int32), age([1, 2, 3])),
        (field(18, "gone", Type::Int32), age([7, 7, 7])),
    ]);
    // `name` is called otherwise, `age` is wider and has another id, one field is new.
    let right = people(vec![
        (field(19, "age", Type::Int64), wide([1, 20, 3])),
        (field(16, "label", Type::Utf8), name(["a", "b", "c"])),
        (field(20, "new", Type::Int64).nullable(), Arc::new(Int64Array::from(vec![None, None, Some(3)]))),
    ]);
    let text = patch_text(&left, &right);
    assert!(
        text.contains(
            r#""before":{"age":2,"label":"b","new":null},"after":{"age":20,"label":"b","new":null}"#
        )
    );
    assert!(text.ends_with("{\"end\":{\"rows\":2}}\n"), "{text}");
    assert_eq!(apply(&left, &text).unwrap().0.states, everything(&right).states);
}

#[test]
fn what_cannot_be_compared_is_told_whole() {
    let left = counts(&OLD, 128);
    let right = people(vec![(Field::new("n", Type::Int64), array(Int64Array::from(vec![1, 2, 3])))]);
    for (left, right, rows) in [(&left, &right, 3), (&right, &left, 6)] {
        let text = patch_text(left, right);
        assert!(text.ends_with(&format!("{{\"end\":{{\"rows\":{rows}}}}}\n")), "{text}");
        assert_eq!(apply(left, &text).unwrap().0.states, everything(right).states);
    }
}

#[test]
fn the_catalogue_is_that_of_the_right() {
    let mut right = Savepoint::new(SavepointKind::Checkpoint, "b");
    right.drained = true;
    right.created_at_ms = Some(1_700_000_000_123);
    right.job.name = Some("结果".to_owned());
    let output = serde_json::json!({"file": "part-0", "bytes": 12345678901234567890u64});
    right.pending.push(PendingOutput { operator: OperatorId::of_uid("sink"), output });
    right.operators.push(Operator { name: Some("a sink".to_owned()), ..operator("sink") });
    right.extensions.insert("later".to_owned(), serde_json::value::to_raw_value(&[1.5]).unwrap());
    let folder = scratch();
    let sink = ColumnarWriter::options().create(folder.path().join("b")).unwrap();
    sink.commit(&right).unwrap();
    let right = ColumnarReader::options().open(folder.path().join("b")).unwrap();
    let left = counts(&OLD, 128);
    let (_, patched) = apply(&left, &patch_text(&left, &right)).unwrap();
    assert_eq!(patched.target, *right.savepoint());
}

#[test]
fn a_patch_that_does_not_fit_is_refused_with_its_line() {
    let (left, right) = (counts(&OLD, 128), counts(&NEW, 128));
    let good = patch_text(&left, &right);
    let lines: Vec<&str> = good.lines().collect();
    assert_eq!(lines.len(), 7, "{good}");
    let with = |number: usize, line: &str| {
        let mut lines = lines.clone();
        lines[number - 1] = line;
        lines.join("\n")
    };
    let place = r#"operator sum, value state "n", "#;
    let cases = [
        (String::new(), "line 1: the patch is empty".to_owned()),
        ("[1]\n".to_owned(), r#"line 1: this is no patch: there is no "schema":"spt.patch/1""#.to_owned()),
        (
            lines[..6].join("\n"),
            format!("{place}line 7: the patch ends early: whatever wrote it did not finish"),
        ),
        (good[..good.len() - 5].to_owned(), format!("{place}line 7: is no JSON, or was cut short")),
        (with(7, r#"{"end":{"rows":4}}"#), format!("{place}line 7: number of rows is 3, expected 4")),
        (good.clone() + "{}\n", format!("{place}line 8: something follows the end")),
        (with(4, lines[4]), format!("{place}line 5: rows are not in order, or one comes twice")),
        (
            with(4, r#"{"op":"~","key_group":22,"key":"b","before":3,"after":20}"#),
            format!("{place}line 4: the row is not what the patch was made from"),
        ),
        (
            with(4, r#"{"op":"-","key_group":22,"key":"bb","before":3}"#),
            format!("{place}line 4: there is no such row to change"),
        ),
        (
            with(4, r#"{"op":"+","key_group":22,"key":"b","after":3}"#),
            format!("{place}line 4: the row it adds is there already"),
        ),
        (
            with(4, r#"{"op":"+","key_group":23,"key":"b","after":3}"#),
            format!("{place}line 4: key group of the key is 23, expected 22"),
        ),
        (
            with(4, r#"{"op":"~","key_group":22,"key":"b","before":2,"after":"x"}"#),
            format!(r#"{place}line 4, field "value": "x" is no int64"#),
        ),
        (
            with(4, r#"{"op":"~","key_group":22,"key":"b"}"#),
            format!(r#"{place}line 4: member "before" is missing"#),
        ),
        (with(4, r#"{"op":"!"}"#), format!(r#"{place}line 4: op is none of "+", "-", "~""#)),
        (with(4, "7"), format!("{place}line 4: is no object")),
        (with(2, ""), "line 3: a state without an operator before it".to_owned()),
        (with(3, ""), "line 4: a row without a state before it".to_owned()),
        (
            with(3, &lines[2].replace(r#""from":{"name":"n""#, r#""from":{"name":"m""#)),
            r#"line 3: there is no value state "m" in the savepoint"#.to_owned(),
        ),
        (
            with(2, &lines[1].replace("\"from\":\"", "\"from\":\"0")),
            "line 2: the line is no JSON that is known here".to_owned(),
        ),
    ];
    for (text, message) in cases {
        let error = apply(&left, &text).map(|(sink, _)| sink.states).unwrap_err();
        assert_eq!(error.to_string(), message, "{text}");
    }
    assert!(apply(&left, &good).is_ok());
}

#[test]
fn a_patch_for_another_savepoint_is_noticed_before_a_row_is_read() {
    let (left, right) = (counts(&OLD, 128), counts(&NEW, 128));
    let text = patch_text(&left, &right);
    let patch = Patch::open(text.as_bytes()).unwrap();
    patch.check_input(&left).unwrap();
    let error = patch.check_input(&counts(&NEW, 128)).unwrap_err();
    assert_eq!(error.to_string(), "savepoint memory is not as it was when the patch was made");
    let error = patch.check_input(&golden("word-count")).unwrap_err();
    assert!(error.to_string().starts_with("the patch is for savepoint memory, this is "), "{error}");
}

#[test]
fn rows_that_cannot_be_read_make_no_patch() {
    let (left, right) = (counts(&OLD, 128).without_digests().unread(1), counts(&NEW, 128));
    let mut text = Vec::new();
    let error = write_patch(&left, &right, &mut |lines| {
        text.extend_from_slice(lines);
        Ok(())
    });
    assert!(error.unwrap_err().to_string().contains("rows cannot be read, so that there is no patch"));
    assert!(!String::from_utf8(text).unwrap().contains("\"end\""));
}

#[test]
fn long_patches_are_applied_piece_by_piece() {
    let keys: Vec<String> = (0..20_000).map(|n| format!("key-{n}")).collect();
    let rows = |step: i64| -> Vec<(&str, i64)> {
        keys.iter().zip(0..).map(|(key, n)| (key.as_str(), if n % 2 == 0 { n } else { n * step })).collect()
    };
    let (old, new) = (rows(1), rows(3));
    let (left, right) = (counts(&old[..15_000], 128), counts(&new[5_000..], 128));
    let text = patch_text(&left, &right);
    assert!(text.ends_with("{\"end\":{\"rows\":15000}}\n"));
    assert_eq!(apply(&left, &text).unwrap().0.states, everything(&right).states);
}
