use std::path::Path;
use std::process::Stdio;

use snapbox::{assert_data_eq, str};

use crate::support::{as_it_is, columnar, flink, run, run_with_stdin, spt, walk, word_count};

fn patch_of(left: &str, right: &str) -> String {
    let output =
        spt(&["diff", left, right, "--format", "patch", "-q"]).stdin(Stdio::null()).output().unwrap();
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Makes `out` of the left and the patch, and looks that it is the right.
fn assert_leads_to(left: &str, right: &str, out: &Path) -> String {
    let patch = patch_of(left, right);
    let out = out.to_str().unwrap();
    let made = run_with_stdin(&["patch", "-q", left, "-", "-o", out], &patch);
    assert!(made.ends_with("--- exit 0\n"), "{made}");
    let same = run(&["diff", "-q", right, out, "--ttl"]);
    assert_eq!(same, "--- exit 0\n", "{left} {right}");
    patch
}

#[test]
fn every_kind_of_state_that_flink_writes_can_be_patched() {
    let folder = tempfile::tempdir().unwrap();
    let pairs = [
        ("2.1.0/collections-hashmap-canonical", "2.1.0/collections-rocksdb-canonical-p2"),
        ("2.1.0/timers-hashmap-canonical-max300-p3", "2.1.0/timers-rocksdb-canonical-p2"),
        ("2.1.0/ttl-hashmap-canonical", "2.1.0/ttl-rocksdb-canonical"),
        ("2.1.0/keytypes-rocksdb-canonical-p2-max5", "2.1.0/keytypes-rocksdb-canonical-p4-max300"),
        ("2.1.0/windows-hashmap-canonical-p2", "2.1.0/windows-rocksdb-native-p2"),
        ("2.1.0/valuetypes-hashmap-native-p2", "2.1.0/valuetypes-rocksdb-canonical"),
        ("2.1.0/operatorstates-hashmap-canonical-p3", "2.1.0/valuetypes-rocksdb-canonical"),
        ("2.1.0/wordcount-hashmap-canonical", "2.1.0/operatorstates-hashmap-canonical-p3"),
        ("2.1.0/sqlaggregate-hashmap-canonical", "2.1.0/sqltop-rocksdb-canonical-p2"),
        ("2.1.0/sqltop-rocksdb-canonical-p2", "2.1.0/twoinputs-hashmap-canonical"),
        ("2.1.0/wordcount-hashmap-canonical", "2.1.0/wordcountbig-rocksdb-canonical"),
    ];
    for (number, (left, right)) in pairs.into_iter().enumerate() {
        assert_leads_to(&flink(left), &flink(right), &folder.path().join(number.to_string()));
    }
}

#[test]
fn data_files_are_those_of_the_right() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let first = columnar(&word_count("hashmap-canonical"), &folder.path().join("a"), as_it_is);
    run(&["migrate", "-q", &first, &path("b"), "--delete-where", "sum-001/_op_state:key like 'b%'"]);
    let patch = assert_leads_to(&first, &path("b"), Path::new(&path("c")));
    assert!(patch.lines().filter(|line| line.starts_with("{\"op\":\"-\"")).count() > 0, "{patch}");
    let data = |name: &str| -> Vec<(String, Vec<u8>)> {
        let root = folder.path().join(name);
        let mut files: Vec<_> = walk(&root)
            .into_iter()
            .filter(|path| path.extension().is_some_and(|extension| extension == "parquet"))
            .map(|path| {
                let name = path.strip_prefix(&root).unwrap().to_str().unwrap().to_owned();
                (name, std::fs::read(path).unwrap())
            })
            .collect();
        files.sort();
        files
    };
    assert_eq!(data("b").len(), 3);
    assert!(data("b") == data("c"), "files differ");
}

#[test]
fn a_patch_is_small_and_says_what_it_did() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let first = columnar(&word_count("hashmap-canonical"), &folder.path().join("a"), as_it_is);
    let value = r#"sum-001/_op_state:bread={"f0":"bread","f1":9}"#;
    run(&["migrate", "-q", &first, &path("b"), "--set", value, "--rename-uid", "sum-001=total"]);
    let patch = patch_of(&first, &path("b"));
    let rows: Vec<&str> = patch.lines().filter(|line| line.starts_with("{\"op\"")).collect();
    let expected = r#"{"op":"~","key_group":0,"key":"bread","before":{"f0":"bread","f1":1},"after":{"f0":"bread","f1":9}}"#;
    assert_eq!(rows, [expected]);
    let text = run_with_stdin(&["patch", &first, "-", "-o", &path("c")], &patch);
    assert_data_eq!(
        text.replace(folder.path().to_str().unwrap(), "DIR"),
        str![[r#"
OPERATOR    STATE                         CHANGES  ROWS
stream-001  SourceReaderState  kept             0     4
stream-001  coordinator        kept             0     1
total       _op_state          rewritten        1    72

made DIR/c: 1 change, 72 rows rewritten
--- stderr
note: to go back, start from DIR/a: it was not touched
--- exit 0

"#]]
    );
    assert_eq!(run(&["diff", "-q", &path("b"), &path("c")]), "--- exit 0\n");
    assert!(run(&["validate", &path("c")]).ends_with("nothing is wrong\n--- exit 0\n"));
}

#[test]
fn a_patch_for_another_savepoint_is_refused_and_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let first = columnar(&word_count("hashmap-canonical"), &folder.path().join("a"), as_it_is);
    run(&["migrate", "-q", &first, &path("b"), "--delete-where", "sum-001/_op_state:key = 'bread'"]);
    let patch = patch_of(&first, &path("b"));
    std::fs::write(path("p.ndjson"), &patch).unwrap();
    let text = run(&["patch", &word_count("rocksdb-native"), &path("p.ndjson"), "-o", &path("c")]);
    assert!(text.contains("p.ndjson: the patch is for savepoint 0123456789abcdef, this is "), "{text}");
    assert!(text.contains("hint: name the savepoint it was made from, or apply"), "{text}");
    assert!(text.ends_with("--- exit 2\n"), "{text}");
    let text = run(&["patch", &path("b"), &path("p.ndjson"), "-o", &path("c"), "--other-input"]);
    assert!(text.contains("line 9: there is no such row to change"), "{text}");
    // The same state in another layout is as good.
    let other = word_count("rocksdb-native");
    let text = run(&["patch", "-q", &other, &path("p.ndjson"), "-o", &path("c"), "--other-input"]);
    assert!(text.ends_with("--- exit 0\n"), "{text}");
    assert_eq!(run(&["diff", "-q", &path("b"), &path("c")]), "--- exit 0\n");
    let text = run(&["patch", &first, &path("p.ndjson"), "-o", &path("b")]);
    assert!(text.contains("already exists") && text.ends_with("--- exit 2\n"), "{text}");
    let cut = &patch[..patch.len() - 20];
    let text = run_with_stdin(&["patch", "-q", &first, "-", "-o", &path("d")], cut);
    assert!(text.contains("error: stdin, "), "{text}");
    let mut names: Vec<_> =
        std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["a", "b", "c", "p.ndjson"]);
}

#[test]
fn a_patch_is_of_everything() {
    let (left, right) = (word_count("hashmap-canonical"), word_count("rocksdb-native"));
    assert_data_eq!(
        run(&["diff", &left, &right, "--format", "patch", "--uid", "sum-001"]),
        str![[r#"
--- stderr
error: --format patch cannot be used with --uid: a patch is of everything
--- exit 2

"#]]
    );
    let text = run(&["diff", &left, &right, "--format", "patch"]);
    assert!(text.contains("note: the states are the same\n--- exit 0\n"), "{text}");
}
