use snapbox::{assert_data_eq, str};

use crate::support::{as_it_is, columnar, flink, run, word_count};

/// The same savepoint in a folder whose name is gone from the transcript.
fn shown(text: &str, folder: &std::path::Path) -> String {
    text.replace(folder.to_str().unwrap(), "DIR")
}

#[test]
fn a_renamed_uid_rewrites_nothing_and_can_be_undone() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let first = columnar(&word_count("hashmap-canonical"), &folder.path().join("a"), as_it_is);
    let text = run(&["migrate", &first, &path("b"), "--rename-uid", "sum-001=total 结果"]);
    assert_data_eq!(
        shown(&text, folder.path()),
        str![[r#"
  --rename-uid sum-001=total 结果

OPERATOR    STATE                    ROWS     SIZE
stream-001  SourceReaderState  kept     4  1.52 kB
stream-001  coordinator        kept     1  1.57 kB
total 结果  _op_state          kept    72  2.84 kB

made DIR/b: 0 rows rewritten (0 B), 5.93 kB shared
--- stderr
note: to go back, start from DIR/a: it was not touched
--- exit 0

"#]]
    );
    let text = run(&["diff", "-q", &first, &path("b")]);
    assert_data_eq!(
        text,
        str![[r#"
> total 结果  renamed from sum-001
--- exit 1

"#]]
    );
    run(&["migrate", "-q", &path("b"), &path("c"), "--rename-uid", "total 结果=sum-001"]);
    assert!(run(&["diff", "-q", &first, &path("c")]).ends_with("--- exit 0\n"));
    assert!(run(&["validate", &path("c")]).ends_with("nothing is wrong\n--- exit 0\n"));
}

#[test]
fn rows_are_deleted_and_set() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let first = columnar(&word_count("hashmap-canonical"), &folder.path().join("a"), as_it_is);
    let text = run(&[
        "migrate",
        "-q",
        &first,
        &path("b"),
        "--delete-where",
        "sum-001/_op_state:key = 'road'",
        "--set",
        r#"sum-001/_op_state:bread={"f0":"bread","f1":9}"#,
    ]);
    assert!(text.ends_with("--- exit 0\n"), "{text}");
    assert_data_eq!(
        run(&["diff", "-q", &first, &path("b")]),
        str![[r#"
~ sum-001
  ~ _op_state  +0 -1 ~1, 70 the same
    ~ key bread  f1 1 → 9
    - key road  f0 road, f1 3
--- exit 1

"#]]
    );
    assert!(run(&["validate", &path("b")]).ends_with("nothing is wrong\n--- exit 0\n"));
}

#[test]
fn another_max_parallelism_keeps_every_row() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let first = columnar(&word_count("hashmap-canonical"), &folder.path().join("a"), as_it_is);
    run(&["migrate", "-q", &first, &path("b"), "--max-parallelism", "300"]);
    assert!(run(&["validate", &path("b")]).ends_with("nothing is wrong\n--- exit 0\n"));
    let text = run(&["diff", "-q", &first, &path("b"), "--uid", "sum-001"]);
    assert_data_eq!(
        text,
        str![[r#"
~ sum-001  max parallelism 128 → 300
--- exit 1

"#]]
    );
}

#[test]
fn what_does_not_fit_is_refused_and_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("b");
    let text = run(&[
        "migrate",
        &word_count("hashmap-canonical"),
        out.to_str().unwrap(),
        "--drop-state",
        "sum-001/nope",
    ]);
    assert_data_eq!(
        text,
        str![[r#"
--- stderr
error: "sum-001/nope" is no UID/STATE whose operator and state are in the savepoint
--- exit 1

"#]]
    );
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn a_taken_place_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().to_str().unwrap();
    let text = run(&["migrate", &word_count("hashmap-canonical"), out, "--rename-uid", "sum-001=b"]);
    assert!(text.contains("already exists") && text.ends_with("--- exit 2\n"), "{text}");
}

#[test]
fn a_converted_savepoint_is_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("sp");
    let from = flink("2.1.0/collections-hashmap-canonical");
    let text = run(&["convert", &from, out.to_str().unwrap(), "--to", "spt"]);
    assert_data_eq!(
        shown(&text, folder.path()),
        str![[r#"
made DIR/sp: 15 states, 335 rows, 28.4 kB
--- exit 0

"#]]
    );
    assert!(run(&["diff", "-q", &from, out.to_str().unwrap()]).ends_with("--- exit 0\n"));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
}
