//! The same commands over this project's own format.

use snapbox::{assert_data_eq, str};

use crate::support::{as_it_is, columnar, flink, run, spt, walk, word_count};

#[test]
fn what_flink_wrote_and_what_was_made_of_it_are_the_same() {
    let folder = tempfile::tempdir().unwrap();
    for case in [
        "2.1.0/collections-hashmap-canonical",
        "2.1.0/timers-rocksdb-canonical-p2",
        "2.1.0/operatorstates-hashmap-canonical-p3",
        "2.1.0/ttl-hashmap-canonical",
        "2.1.0/valuetypes-rocksdb-canonical",
        "2.1.0/keytypes-rocksdb-canonical-p4-max300",
        "2.1.0/windows-hashmap-canonical-p2",
    ] {
        let made = columnar(&flink(case), &folder.path().join(case.replace('/', "-")), as_it_is);
        let text = run(&["diff", "-q", &flink(case), &made]);
        assert!(text.ends_with("--- exit 0\n"), "{case}\n{text}");
    }
}

#[test]
fn a_summary_is_complete_without_reading_data() {
    let folder = tempfile::tempdir().unwrap();
    let path = columnar(&word_count("hashmap-canonical"), &folder.path().join("sp-1"), as_it_is);
    for entry in walk(std::path::Path::new(&path)) {
        if entry.extension().is_some_and(|extension| extension == "parquet") {
            std::fs::remove_file(entry).unwrap();
        }
    }
    let output = spt(&["inspect", &path]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let (first, rest) = text.split_once('\n').unwrap();
    assert!(first.starts_with("Savepoint 0123456789abcdef, taken 2023-11-14T22:13:20Z ("), "{first}");
    assert_data_eq!(
        rest.to_owned(),
        str![[r#"
spt format 1, columnar, 5 operators, 3 states, 77 rows, 6.88 kB in 3 files

OPERATOR        NAME                   PARALLELISM  STATES  ROWS     SIZE   SHARE
flatMap-001     Flat Map                     1/128       –
map-001         Map                          1/128       –
stream-001      Source: paused source        1/128       2     5  4.10 kB  59.6 %
sum-001         Keyed Aggregation            1/128       1    72  2.78 kB  40.4 %
206700a46774…*  out                          1/128       –

OPERATOR    STATE              KIND           KEY   VALUE                                         ROWS     SIZE  PER ROW
stream-001  SourceReaderState  operator-list  –     struct<version: int32, split: opaque<split>>     4  2.06 kB    516 B
            coordinator        coordinator    –     struct<version: int32, enumerator: opaque<e…     1  2.04 kB  2.04 kB
sum-001     _op_state          value          utf8  tuple<utf8?, int32>                             72  2.78 kB     38 B

"#]]
    );
}

#[test]
fn one_key_less_is_the_only_difference() {
    let folder = tempfile::tempdir().unwrap();
    let left = columnar(&word_count("hashmap-canonical"), &folder.path().join("a"), as_it_is);
    let right = columnar(&word_count("hashmap-canonical"), &folder.path().join("b"), |name, batch| {
        if name == "_op_state" { batch.slice(0, batch.num_rows() - 1) } else { batch.clone() }
    });
    assert_data_eq!(
        run(&["diff", "-q", &left, &right]),
        str![[r#"
~ sum-001
  ~ _op_state  +0 -1 ~0, 71 the same
    - key road  f0 road, f1 3
--- exit 1

"#]]
    );
    assert_data_eq!(
        run(&["diff", "-q", &left, &right, "--rows", "--json"]),
        str![[r#"
{"operator_id":"90f4efa99ed969755ccb0285495357c6","uid":"sum-001","state":"_op_state","key_group":122,"key":"road","op":"-","before":{"f0":"road","f1":3}}
--- exit 1

"#]]
    );
    assert_data_eq!(
        run(&["diff", "-q", &left, &left, "--stat"]),
        str![[r#"
   OPERATOR                          STATE              ADDED  REMOVED  CHANGED  TOUCHED  SAME
=  flatMap-001
=  map-001
=  stream-001                        SourceReaderState      0        0        0        0     4
=  stream-001                        coordinator            0        0        0        0     1
=  sum-001                           _op_state              0        0        0        0    72
=  206700a467744679ae4788ad875a28d1
--- exit 0

"#]]
    );
}

#[test]
fn a_key_and_a_condition_find_the_same_row() {
    let folder = tempfile::tempdir().unwrap();
    let path = columnar(&word_count("rocksdb-canonical"), &folder.path().join("sp"), as_it_is);
    let by_key = run(&["inspect", &path, "--uid", "sum", "--key", "bread", "--json"]);
    let by_condition = run(&["inspect", &path, "--uid", "sum", "--where", "key = 'bread'", "--json"]);
    assert_eq!(by_key, by_condition);
    assert_data_eq!(
        by_key,
        str![[r#"
{"key_group":0,"key":"bread","value":{"f0":"bread","f1":1}}
--- exit 0

"#]]
    );
}

#[test]
fn a_file_that_is_gone_is_told_and_exits_2() {
    let folder = tempfile::tempdir().unwrap();
    let path = columnar(&word_count("hashmap-canonical"), &folder.path().join("sp"), as_it_is);
    let whole = columnar(&word_count("hashmap-canonical"), &folder.path().join("whole"), |name, batch| {
        if name == "_op_state" { batch.slice(0, batch.num_rows() - 1) } else { batch.clone() }
    });
    let data: Vec<_> = walk(std::path::Path::new(&path))
        .into_iter()
        .filter(|file| file.extension().is_some_and(|extension| extension == "parquet"))
        .collect();
    assert_eq!(data.len(), 3);
    data.iter().for_each(|file| std::fs::remove_file(file).unwrap());
    let text = run(&["inspect", &path, "--uid", "sum", "--rows", "--json"]);
    assert!(text.contains("file is missing"), "{text}");
    assert!(text.ends_with("--- exit 2\n"), "{text}");
    let text = run(&["diff", &path, &whole, "--json"]);
    assert!(text.contains("\"complete\":false"), "{text}");
    assert!(text.ends_with("--- exit 2\n"), "{text}");
}

#[test]
fn the_graph_is_drawn_where_it_is_recorded() {
    let folder = tempfile::tempdir().unwrap();
    let path = columnar(&word_count("hashmap-canonical"), &folder.path().join("sp"), as_it_is);
    assert_data_eq!(
        run(&["inspect", &path, "--graph"]),
        str![[r#"
flatMap-001  Flat Map  ×1
  └─ by key ─► map-001
map-001  Map  ×1
  └─ by key ─► stream-001
stream-001  Source: paused source  ×1
  └─ by key ─► sum-001
sum-001  Keyed Aggregation  ×1
  └─ by key ─► out
out  ×1
--- exit 0

"#]]
    );
    let text = run(&["inspect", &path, "--graph", "--json"]);
    assert!(text.starts_with("{\"schema\":\"spt.graph/1\",\"nodes\":[{\"id\":"), "{text}");
    assert!(run(&["inspect", &word_count("hashmap-canonical"), "--graph"]).ends_with("--- exit 2\n"));
}
