use std::path::Path;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use arrow_array::{RecordBatch, StructArray};
use snapbox::{assert_data_eq, str};
use spt_format::{ColumnarWriter, Operator, OperatorId, PendingOutput, Savepoint, SavepointKind, Uid};

use crate::support::{columnar, flink, run, walk, word_count};

#[test]
fn two_backends_hold_the_same_state() {
    assert_data_eq!(
        run(&["diff", &word_count("hashmap-canonical"), &word_count("rocksdb-native")]),
        str![[r#"
--- stderr
note: 10 rows with values nobody here can decode: shown by their bytes
note: the states are the same
--- exit 0

"#]]
    );
}

#[test]
fn rows_and_schemas_that_differ_exit_1() {
    let big = flink("2.1.0/wordcountbig-rocksdb-canonical");
    assert_data_eq!(
        run(&["diff", &word_count("hashmap-canonical"), &big, "--uid", "sum-001", "--limit", "2"]),
        str![[r#"
~ sum-001
  ~ _op_state  +10,007 -72 ~0, 0 the same, in the fields that both have
    value.f1  int32 → int64
    - key bread  f0 bread, f1 1
    + key word1000  f0 word1000, f1 2
    … 10,077 more
--- exit 1

"#]]
    );
}

#[test]
fn the_document_has_the_names_of_the_design() {
    let big = flink("2.1.0/wordcountbig-rocksdb-canonical");
    assert_data_eq!(
        run(&["diff", &word_count("hashmap-canonical"), &big, "--uid", "sum-001", "--json"]),
        str![[r#"
{"schema":"spt.diff/1","equal":false,"operators":[{"uid":"sum-001","operator_id":"90f4efa99ed969755ccb0285495357c6","change":"changed","states":[{"name":"_op_state","change":"changed","rows_added":10007,"rows_removed":72,"rows_changed":0,"rows_touched":0,"rows_same":0,"schema_changes":[{"field":"value.f1","before":"int32","after":"int64"}]}]}],"complete":true,"rows_unread":0,"rows_opaque":0}
--- exit 1

"#]]
    );
}

#[test]
fn rows_are_lines_for_programs() {
    let big = flink("2.1.0/wordcountbig-rocksdb-canonical");
    assert_data_eq!(
        run(&[
            "diff",
            &word_count("hashmap-canonical"),
            &big,
            "--uid",
            "sum-001",
            "--rows",
            "--json",
            "--limit",
            "2"
        ]),
        str![[r#"
{"operator_id":"90f4efa99ed969755ccb0285495357c6","uid":"sum-001","state":"_op_state","key_group":0,"key":"bread","op":"-","before":{"f0":"bread","f1":1}}
{"operator_id":"90f4efa99ed969755ccb0285495357c6","uid":"sum-001","state":"_op_state","key_group":0,"key":"word1000","op":"+","after":{"f0":"word1000","f1":2}}
--- exit 1

"#]]
    );
}

#[test]
fn names_alone_can_be_piped() {
    let (left, right) =
        (flink("2.1.0/collections-hashmap-canonical"), flink("2.1.0/collections-rocksdb-canonical-p2"));
    assert_data_eq!(
        run(&["diff", &left, &right, "--name-only", "-q"]),
        str![[r#"
collections-001	cleared
collections-001	last
collections-001	people
collections-001	strings
collections-001	tuples
collections-001	by-name
--- exit 1

"#]]
    );
}

#[test]
fn a_savepoint_that_is_not_there_is_trouble() {
    assert_data_eq!(
        run(&["diff", &word_count("hashmap-canonical"), "no/such"]),
        str![[r#"
--- stderr
error: no/such: no such file or directory
--- exit 2

"#]]
    );
}

/// The source of numbers has gone on by 311.
fn gone_on(state: &str, batch: &RecordBatch) -> RecordBatch {
    let values = batch.column(2).as_struct_opt().filter(|values| values.column_by_name("from").is_some());
    let (true, Some(values)) = (state == "SourceReaderState", values) else { return batch.clone() };
    let (fields, mut columns, nulls) = values.clone().into_parts();
    let place = fields.iter().position(|field| field.name() == "from").unwrap();
    columns[place] =
        Arc::new(columns[place].as_primitive::<Int64Type>().unary::<_, Int64Type>(|from| from + 311));
    let mut all = batch.columns().to_vec();
    all[2] = Arc::new(StructArray::new(fields, columns, nulls));
    RecordBatch::try_new(batch.schema(), all).unwrap()
}

#[test]
fn source_positions_are_a_movement() {
    let folder = tempfile::tempdir().unwrap();
    let from = flink("2.1.0/sources-hashmap-canonical");
    let later = columnar(&from, &folder.path().join("later"), gone_on);
    assert_data_eq!(
        run(&["diff", "-q", &from, &later]),
        str![[r#"
~ numbers-001
  ~ SourceReaderState  +0 -0 ~1, 0 the same
    ~ split 1: 110 → 421, +311
--- exit 1

"#]]
    );
    assert_data_eq!(
        run(&["diff", "-q", &from, &later, "--uid", "numbers-001", "--state", "SourceReaderState", "--json"]),
        str![[r#"
{"schema":"spt.diff/1","equal":false,"operators":[{"uid":"numbers-001","operator_id":"703a1feb0b2efe8202347b93c326fc9a","change":"changed","states":[{"name":"SourceReaderState","change":"changed","rows_added":0,"rows_removed":0,"rows_changed":1,"rows_touched":0,"rows_same":0,"schema_changes":[],"positions":[{"split":{"split":"1"},"before":110,"after":421,"moved":311}]}]}],"complete":true,"rows_unread":0,"rows_opaque":0}
--- exit 1

"#]]
    );
}

#[test]
fn output_that_is_not_committed_is_compared() {
    let folder = tempfile::tempdir().unwrap();
    let save = |name: &str, outputs: &[&str]| {
        let mut savepoint = Savepoint::new(SavepointKind::Savepoint, name);
        savepoint.operators.push(Operator::with_uid(Uid::new("sink-001").unwrap(), 1, 128));
        let pending = |text: &&str| PendingOutput {
            operator: OperatorId::of_uid("sink-001"),
            output: serde_json::json!({ "file": text }),
        };
        savepoint.pending = outputs.iter().map(pending).collect();
        let path = folder.path().join(name);
        ColumnarWriter::options().create(&path).unwrap().commit(&savepoint).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let (one, two) = (save("one", &["part-0"]), save("two", &["part-0", "part-1"]));
    assert_data_eq!(
        run(&["diff", &one, &two]),
        str![[r#"
~ sink-001  pending output: 1 before, 2 now
--- exit 1

"#]]
    );
    let text = run(&["diff", &one, &two, "--json"]);
    let expected = format!(
        r#""pending":[{{"uid":"sink-001","operator_id":"{}","before":1,"after":2}}]"#,
        OperatorId::of_uid("sink-001")
    );
    assert!(text.contains(&expected) && text.contains(r#""equal":false"#), "{text}");
    assert_eq!(run(&["diff", "-q", &one, &save("same", &["part-0"])]), "--- exit 0\n");
}

#[test]
fn what_cannot_be_read_on_either_side_leaves_the_answer_open() {
    let folder = tempfile::tempdir().unwrap();
    let whole =
        columnar(&word_count("hashmap-canonical"), &folder.path().join("whole"), |_, batch| batch.clone());
    let less = |state: &str, batch: &RecordBatch| match state {
        "_op_state" => batch.slice(1, batch.num_rows() - 1),
        _ => batch.clone(),
    };
    let damaged = columnar(&word_count("hashmap-canonical"), &folder.path().join("damaged"), less);
    let file = walk(Path::new(&damaged)).into_iter().find(|path| path.to_str().unwrap().contains("op-state"));
    let file = file.unwrap();
    let mut bytes = std::fs::read(&file).unwrap();
    bytes[300] ^= 1;
    std::fs::remove_file(&file).unwrap();
    std::fs::write(&file, bytes).unwrap();
    for (left, right, side) in [(&whole, &damaged, "right"), (&damaged, &whole, "left")] {
        let text = run(&["diff", left, right]);
        assert!(text.contains(&format!("{side}, row group 0: checksum is ")), "{text}");
        assert!(text.contains("warning: 143 rows could not be read\n--- exit 2"), "{text}");
        let text = run(&["diff", left, right, "--json", "-q"]);
        assert!(text.contains(r#""complete":false,"rows_unread":143"#), "{text}");
        let text = run(&["diff", left, right, "--format", "patch"]);
        assert!(!text.contains("\"end\"") && text.ends_with("--- exit 2\n"), "{text}");
    }
}
