use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use arrow_array::{Array, ArrayRef, Int64Array, RecordBatch, UInt16Array};
use rustix::process::{Pid, Signal, kill_process};
use snapbox::{assert_data_eq, str};
use spt_format::{
    ColumnarWriter, Operator, Savepoint, SavepointKind, SavepointSink, State, StateKind, StateSchema, Uid,
};

use crate::support::{as_it_is, columnar, flink, run, spt, walk, word_count};

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
stream-001  SourceReaderState  kept     4  2.06 kB
stream-001  coordinator        kept     1  2.04 kB
total 结果  _op_state          kept    72  2.78 kB

made DIR/b: 0 rows rewritten (0 B), 6.88 kB shared
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
fn a_decimal_is_cast_to_more_digits_and_to_fewer_that_are_enough() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    std::fs::write(path("prices.csv"), "key,value\na,-123456789.120\n").unwrap();
    let types = ["--key-type", "utf8", "--value-type", "decimal(12, 3)", "--uid", "prices", "--state", "of"];
    run(&[&["import", &path("prices.csv"), "-o", &path("sp")][..], &types].concat());
    let cast = |ty: &str| {
        let to = path(ty);
        let said = run(&["migrate", &path("sp"), &to, "--cast", &format!("prices/of:value={ty}")]);
        let validated = run(&["validate", &to]);
        (said, validated, run(&["export", &to]))
    };
    // The files are kept where only digits before the point were added.
    for (ty, rewritten, value) in [
        ("decimal(14, 3)", "0 rows", "-123456789.120"),
        ("decimal(14, 5)", "1 row", "-123456789.12000"),
        ("decimal(11, 2)", "1 row", "-123456789.12"),
    ] {
        let (said, validated, exported) = cast(ty);
        assert!(said.contains(&format!(": {rewritten} rewritten")), "{ty}: {said}");
        assert!(validated.ends_with("nothing is wrong\n--- exit 0\n"), "{ty}: {validated}");
        assert!(exported.contains(&format!("\"value\":\"{value}\"")), "{ty}: {exported}");
    }
    for ty in ["decimal(10, 1)", "decimal(12, 5)"] {
        let (said, ..) = cast(ty);
        assert!(said.contains("--- exit 2"), "{ty}: {said}");
    }
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
made DIR/sp: 15 states, 335 rows, 28.9 kB
--- exit 0

"#]]
    );
    assert!(run(&["diff", "-q", &from, out.to_str().unwrap()]).ends_with("--- exit 0\n"));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
}

/// A savepoint of enough rows that a rewrite takes a while.
fn large(folder: &Path) -> String {
    let path = folder.join("large");
    let schema = StateSchema::keyed("int64".parse().unwrap(), "int64".parse().unwrap());
    let state = State::new("counts", StateKind::Value, schema);
    let operator = Operator::with_uid(Uid::new("sum").unwrap(), 1, 1);
    let operator = Operator { states: vec![state], ..operator };
    let mut sink = ColumnarWriter::options().create(&path).unwrap();
    let mut table = SavepointSink::state(&mut sink, &operator, &operator.states[0]).unwrap();
    let arrow = operator.states[0].schema.to_arrow(StateKind::Value).unwrap();
    for first in (0..400_000).step_by(8192) {
        let numbers: ArrayRef = Arc::new(Int64Array::from_iter_values(first..(first + 8192).min(400_000)));
        let groups = Arc::new(UInt16Array::from(vec![0; numbers.len()]));
        let columns = vec![groups as ArrayRef, numbers.clone(), numbers];
        table.write(&RecordBatch::try_new(arrow.clone(), columns).unwrap()).unwrap();
    }
    table.finish().unwrap();
    let savepoint =
        Savepoint { operators: vec![operator], ..Savepoint::new(SavepointKind::Savepoint, "large") };
    sink.commit(&savepoint).unwrap();
    path.to_str().unwrap().to_owned()
}

/// Starts a rewrite of `from` and sends it a signal as soon as it has begun to write.
fn interrupted(from: &str, out: &Path, signal: Signal) -> ExitStatus {
    let folder = out.parent().unwrap();
    let begun = || names(folder).iter().any(|name| name.contains(".partial-"));
    let mut child = spt(&["migrate", from, out.to_str().unwrap(), "--rewrite"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    while !begun() {
        assert_eq!(child.try_wait().unwrap(), None, "it ended before it was seen to write");
        std::thread::sleep(Duration::from_millis(1));
    }
    kill_process(Pid::from_child(&child), signal).unwrap();
    child.wait().unwrap()
}

fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    entries.map(|entry| entry.unwrap().file_name().to_str().unwrap().to_owned()).collect()
}

#[test]
fn an_interrupted_one_leaves_nothing_and_a_killed_one_is_cleared_away() {
    let folder = tempfile::tempdir().unwrap();
    let from = large(folder.path());
    let out = folder.path().join("out");
    for signal in [Signal::TERM, Signal::INT] {
        let status = interrupted(&from, &out, signal);
        assert_eq!(status.signal(), Some(signal.as_raw()), "{status}");
        assert_eq!(names(folder.path()), ["large"]);
    }
    interrupted(&from, &out, Signal::KILL);
    assert_eq!(names(folder.path()).len(), 2, "nobody could clean up");
    let text = run(&["migrate", &from, out.to_str().unwrap(), "--rename-uid", "sum=total"]);
    assert!(text.contains("which a killed process left") && text.ends_with("--- exit 0\n"), "{text}");
    let mut left = names(folder.path());
    left.sort();
    assert_eq!(left, ["large", "out"]);
}

#[test]
fn a_saved_plan_fits_the_savepoint_it_was_made_for_and_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let first = columnar(&word_count("hashmap-canonical"), path("a").as_ref(), as_it_is);
    let plan = path("plan.toml");
    let set = r#"sum-001/_op_state:bread={"f0":"bread","f1":9}"#;
    let flags = ["--rename-uid", "sum-001=a/b = c", "--set", set, "--dry-run", "--out-plan", &plan];
    let text = run(&[&["migrate", "-q", &first][..], &flags].concat());
    assert!(text.contains("would be: 72 rows rewritten (2.78 kB), 4.10 kB shared\n--- exit 0\n"), "{text}");
    let text = run(&["migrate", "-q", &first, &path("b"), "--plan", &plan, "--name", "other"]);
    assert!(text.contains("  --rename-uid sum-001=a/b = c\n  --name other\n"), "{text}");
    let text = run(&["migrate", "-q", &path("b"), &path("c"), "--plan", &plan]);
    assert!(text.contains("plan.toml is for savepoint 0123456789abcdef with SHA-256 "), "{text}");
    assert!(text.ends_with("--- exit 1\n"), "{text}");
    let text = run(&["migrate", "-q", &first, "--dry-run", "--name", "x", "--out-plan", &plan]);
    assert!(text.contains("already exists") && text.ends_with("--- exit 2\n"), "{text}");
    std::fs::write(&plan, "schema = 'spt.migrate-plan/1'\n\n[[change]]\nop = 'drop-uid'\nuid = 'x'\n")
        .unwrap();
    assert_data_eq!(
        shown(&run(&["migrate", &first, &path("c"), "--plan", &plan]), folder.path()),
        str![[r#"
--- stderr
error: DIR/plan.toml:3, --drop-uid x: there is no operator "x"; there are [..]
--- exit 1

"#]]
    );
    assert!(!folder.path().join("c").exists());
}

#[test]
fn what_a_missing_file_held_is_listed_and_the_rest_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let first = columnar(&word_count("hashmap-canonical"), &folder.path().join("a"), as_it_is);
    let files = walk(&folder.path().join("a"));
    let lost = files.iter().find(|file| file.to_str().unwrap().contains("/sum-001-")).unwrap();
    std::fs::remove_file(lost).unwrap();
    let text = run(&["migrate", &first, &path("b"), "--rename-uid", "sum-001=total"]);
    assert!(text.contains("file is missing") && text.contains("--drop-unreadable leaves it out"), "{text}");
    assert!(text.ends_with("--- exit 2\n"), "{text}");
    let text = run(&["migrate", "-q", &first, &path("b"), "--drop-unreadable"]);
    assert_data_eq!(
        shown(&text, folder.path()),
        str![[r#"
  --drop-unreadable

OPERATOR    STATE                         ROWS     SIZE
stream-001  SourceReaderState  kept          4  2.06 kB
stream-001  coordinator        kept          1  2.04 kB
sum-001     _op_state          rewritten    72  2.78 kB

lost:
  sum-001/_op_state, key groups 0..122: 72 rows: [..]/0.parquet: file is missing: [..]

made DIR/b: 0 rows rewritten (2.78 kB), 4.10 kB shared
--- exit 0

"#]]
    );
    assert!(run(&["validate", &path("b")]).ends_with("nothing is wrong\n--- exit 0\n"));
    let manifest = std::fs::read_to_string(folder.path().join("b/manifest.json")).unwrap();
    assert!(manifest.contains(r#""lost":[{"operator":"sum-001""#), "{manifest}");
}
