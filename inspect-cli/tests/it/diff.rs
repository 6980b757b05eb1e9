use snapbox::{assert_data_eq, str};

use crate::support::{flink, run, word_count};

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
  ~ _op_state  +10,007 -72 ~0, 0 the same
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
