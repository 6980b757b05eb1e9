use std::path::{Path, PathBuf};

use snapbox::{assert_data_eq, str};

use crate::support::{as_it_is, columnar, run, walk, word_count};

fn savepoint(folder: &Path) -> PathBuf {
    PathBuf::from(columnar(&word_count("hashmap-canonical"), &folder.join("sp"), as_it_is))
}

/// The data file of the word counts: the largest.
fn data(path: &Path) -> PathBuf {
    let files =
        walk(path).into_iter().filter(|file| file.extension().is_some_and(|found| found == "parquet"));
    files.max_by_key(|file| std::fs::metadata(file).unwrap().len()).unwrap()
}

/// Data files are read-only once committed: damage goes into a copy that takes the file's place.
fn rewrite(file: &Path, change: impl Fn(&mut Vec<u8>)) {
    let mut bytes = std::fs::read(file).unwrap();
    change(&mut bytes);
    std::fs::remove_file(file).unwrap();
    std::fs::write(file, bytes).unwrap();
}

fn validate(path: &Path, more: &[&str]) -> String {
    let mut args = vec!["validate", path.to_str().unwrap()];
    args.extend(more);
    run(&args)
}

#[test]
fn a_whole_savepoint_is_said_to_be_whole() {
    let folder = tempfile::tempdir().unwrap();
    let path = savepoint(folder.path());
    assert_data_eq!(
        validate(&path, &[]),
        str![[r#"
4 files, 6.95 kB and 77 rows checked: nothing is wrong
--- exit 0

"#]]
    );
    assert_data_eq!(
        validate(&path, &["--quick", "--json"]),
        str![[r#"
{"schema":"spt.validate/1","valid":true,"findings":[],"checked":{"files":4,"bytes":6948,"rows":0},"complete":true,"rows_unread":0,"rows_opaque":0}
--- exit 0

"#]]
    );
}

#[test]
fn a_flipped_bit_is_found_with_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let path = savepoint(folder.path());
    rewrite(&data(&path), |bytes| bytes[40] ^= 1);
    for depth in [&["--quick"][..], &[]] {
        let text = validate(&path, depth);
        assert!(text.contains("error SPT-104") && text.contains("row group 0"), "{text}");
        assert!(text.ends_with("--- exit 1\n"), "{text}");
    }
}

#[test]
fn a_manifest_that_was_edited_is_damage() {
    let folder = tempfile::tempdir().unwrap();
    let path = savepoint(folder.path());
    rewrite(&path.join("manifest.json"), |bytes| bytes[30] ^= 1);
    let text = validate(&path, &["--json"]);
    assert!(text.contains("\"code\":\"SPT-101\""), "{text}");
    assert!(text.contains("\"complete\":false") && text.ends_with("--- exit 1\n"), "{text}");
}

#[test]
fn missing_and_foreign_files_are_found_in_one_run() {
    let folder = tempfile::tempdir().unwrap();
    let path = savepoint(folder.path());
    std::fs::remove_file(data(&path)).unwrap();
    std::fs::write(path.join("notes.txt"), "mine").unwrap();
    let text = validate(&path, &["--quick"]);
    assert!(text.contains("error SPT-102") && text.contains("warning SPT-106  notes.txt"), "{text}");
    assert!(text.ends_with(": 1 error, 1 warning\n--- exit 1\n"), "{text}");
}

#[test]
fn a_warning_fails_when_asked_to() {
    let folder = tempfile::tempdir().unwrap();
    let path = savepoint(folder.path());
    std::fs::write(path.join("notes.txt"), "mine").unwrap();
    assert!(validate(&path, &["--quick"]).ends_with("--- exit 0\n"));
    assert!(validate(&path, &["--quick", "--fail-on", "warning"]).ends_with("--- exit 1\n"));
}

#[test]
fn nothing_to_check_is_trouble() {
    let folder = tempfile::tempdir().unwrap();
    assert!(validate(folder.path(), &[]).ends_with("--- exit 2\n"));
}

#[test]
fn a_renamed_operator_is_found_and_the_migration_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = savepoint(folder.path());
    let plan = folder.path().join("plan.json");
    let document = r#"{"schema":"spt.plan/1","operators":[{"uid":"total 结果","max_parallelism":128,"states":[
        {"name":"_op_state","kind":"value","key_type":"utf8","value_type":"tuple<utf8?, int32>"}]}]}"#;
    std::fs::write(&plan, document).unwrap();
    let text = validate(&path, &["--against", plan.to_str().unwrap()]);
    assert!(text.contains("--rename-uid 'sum-001=total 结果'"), "{text}");
    assert!(text.ends_with("--- exit 1\n"), "{text}");
}

#[test]
fn a_code_is_explained() {
    assert_data_eq!(
        run(&["explain", "spt-203"]),
        str![[r#"
SPT-203  key is in the wrong key group  (error)

A key's hash gives another key group than the one it is stored in. The job would never find it.

what to do: write the state anew: `spt migrate IN OUT --max-parallelism N` with the present N deals all keys out again
--- exit 0

"#]]
    );
    assert!(run(&["explain", "SPT-999"]).ends_with("--- exit 2\n"));
}
