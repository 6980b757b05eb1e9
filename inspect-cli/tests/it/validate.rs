use std::path::{Path, PathBuf};

use snapbox::{assert_data_eq, str};

use crate::support::{as_it_is, columnar, flink, run, walk, word_count};

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
    let text = validate(&path, &[]);
    assert!(text.contains("info SPT-207  operator stream-001, state \"SourceReaderState\""), "{text}");
    assert!(text.ends_with("77 rows checked: 2 remarks, nothing is wrong\n--- exit 0\n"), "{text}");
    assert_data_eq!(
        validate(&path, &["--quick", "--json"]),
        str![[r#"
{"schema":"spt.validate/1","valid":true,"findings":[],"checked":{"files":4,"bytes":6882,"rows":0},"complete":true,"rows_unread":0,"rows_opaque":0}
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
        assert_eq!(text.matches("error SPT-").count(), 1, "{text}");
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

#[test]
fn what_follows_from_damage_is_told_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = savepoint(folder.path());
    rewrite(&data(&path), |bytes| bytes[40] ^= 1);
    let text = validate(&path, &["--json"]);
    let consequence =
        r#""consequences":["operator sum-001, state \"_op_state\": 72 rows could not be read"]"#;
    assert!(text.contains(consequence), "{text}");
    assert!(text.contains("\"rows_unread\":72"), "{text}");
}

#[test]
fn a_sample_reads_some_rows_and_the_same_ones_each_time() {
    let folder = tempfile::tempdir().unwrap();
    let path = savepoint(folder.path());
    let text = validate(&path, &["--sample", "50%", "--json"]);
    assert_eq!(text, validate(&path, &["--sample", "50", "--json"]));
    assert!(text.contains("\"valid\":true") && text.ends_with("--- exit 0\n"), "{text}");
    assert!(validate(&path, &["--sample", "100%"]).contains("and 77 rows checked"));
    for wrong in ["0%", "101%", "some"] {
        assert!(validate(&path, &["--sample", wrong]).ends_with("--- exit 2\n"), "{wrong}");
    }
}

#[test]
fn sarif_has_a_rule_and_a_result_for_each_finding() {
    let folder = tempfile::tempdir().unwrap();
    let path = savepoint(folder.path());
    std::fs::write(path.join("notes<1>.txt"), "mine").unwrap();
    let text = validate(&path, &["--quick", "--format", "sarif"]);
    let (document, exit) = text.split_once("--- exit").unwrap();
    let document: serde_json::Value = serde_json::from_str(document).unwrap();
    let run = &document["runs"][0];
    assert_eq!(document["version"], "2.1.0");
    assert_eq!(run["tool"]["driver"]["rules"][0]["id"], "SPT-106");
    let result = &run["results"][0];
    assert_eq!((&result["ruleId"], &result["level"]), (&"SPT-106".into(), &"warning".into()));
    let place = &result["locations"][0]["logicalLocations"][0]["fullyQualifiedName"];
    assert_eq!((place, exit.trim()), (&"notes<1>.txt".into(), "0"));
}

#[test]
fn junit_has_a_failed_test_for_an_error_and_a_passed_one_for_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = savepoint(folder.path());
    assert_data_eq!(
        validate(&path, &["--quick", "--format", "junit"]),
        str![[r#"
<?xml version="1.0" encoding="UTF-8"?>
<testsuite name="spt validate" tests="1" failures="0">
  <testcase classname="spt.validate" name="savepoint"/>
</testsuite>
--- exit 0

"#]]
    );
    std::fs::remove_file(data(&path)).unwrap();
    std::fs::write(path.join("a&b"), "mine").unwrap();
    let text = validate(&path, &["--quick", "--format", "junit"]);
    assert!(text.contains("tests=\"2\" failures=\"1\""), "{text}");
    assert!(text.contains("<failure message=\"file is missing") && text.contains("a&amp;b"), "{text}");
    assert!(text.ends_with("--- exit 1\n"), "{text}");
}

/// Every code is named in a test: by what it is called, or as people see it.
#[test]
fn every_code_stands_in_a_test() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let folders =
        ["format/tests", "format/src", "format/flink/tests", "inspect-cli/tests", "inspect-cli/src"];
    let files = folders.iter().flat_map(|folder| walk(&root.join(folder)));
    let rust = files.filter(|file| file.extension().is_some_and(|end| end == "rs"));
    let tests = |file: PathBuf| {
        let text = std::fs::read_to_string(&file).unwrap();
        let is_test = file.components().any(|part| part.as_os_str() == "tests") || file.ends_with("tests.rs");
        if is_test { text } else { text.split("#[cfg(test)]\nmod tests {").skip(1).collect() }
    };
    let tests: String = rust.map(tests).collect();
    let missing: Vec<_> = spt_format::validate::Code::ALL
        .iter()
        .filter(|code| !tests.contains(&format!("Code::{code:?}")) && !tests.contains(code.name()))
        .collect();
    assert!(missing.is_empty(), "no test has {missing:?}");
}

/// The codes of findings about a restore by a plan.
fn against(path: &Path, plan: &str) -> String {
    let file = path.with_file_name("plan.json");
    std::fs::write(&file, plan).unwrap();
    validate(path, &["--against", file.to_str().unwrap(), "--json"])
}

#[test]
fn states_that_are_new_unused_or_need_a_migration_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = savepoint(folder.path());
    let plan = r#"{"schema":"spt.plan/1","operators":[{"uid":"stream-001"},{"uid":"sum-001","states":[
        {"name":"other","kind":"value","key_type":"utf8","value_type":"int64"}]}]}"#;
    let text = against(&path, plan);
    assert!(text.contains("\"code\":\"SPT-405\"") && text.contains("\"code\":\"SPT-406\""), "{text}");
    let plan = r#"{"schema":"spt.plan/1","operators":[{"uid":"stream-001"},{"uid":"sum-001","states":[
        {"name":"_op_state","kind":"value","key_type":"utf8","value_type":"tuple<utf8?, int16>"}]}]}"#;
    let text = against(&path, plan);
    assert!(text.contains("\"code\":\"SPT-403\"") && text.contains("--cast"), "{text}");
}

#[test]
fn a_file_found_elsewhere_is_a_warning() {
    let checkpoint = flink("2.3.0/wordcount-rocksdb-incremental-p2-files");
    let job = Path::new(&checkpoint).with_file_name("checkpoint");
    let folder = tempfile::tempdir().unwrap();
    for part in ["chk-5", "shared"] {
        std::fs::create_dir(folder.path().join(part)).unwrap();
        for file in walk(&job.join(part)) {
            std::fs::copy(&file, folder.path().join(part).join(file.file_name().unwrap())).unwrap();
        }
    }
    let text = validate(&folder.path().join("chk-5"), &["--quick"]);
    assert!(text.contains("warning SPT-306") && text.ends_with("--- exit 0\n"), "{text}");
}

#[test]
fn a_missing_file_of_a_checkpoint_is_told_once() {
    let checkpoint = flink("2.3.0/wordcount-rocksdb-incremental-p2-files");
    let alone = tempfile::tempdir().unwrap();
    let metadata = Path::new(&checkpoint).with_file_name("checkpoint/chk-5/_metadata");
    std::fs::copy(metadata, alone.path().join("_metadata")).unwrap();
    let text = validate(alone.path(), &["--json"]);
    let (document, _) = text.split_once("--- exit").unwrap();
    let document: serde_json::Value = serde_json::from_str(document).unwrap();
    let findings = document["findings"].as_array().unwrap();
    let files: std::collections::BTreeSet<&str> =
        findings.iter().map(|found| found["where"].as_str().unwrap().split(',').next().unwrap()).collect();
    assert!(findings.len() > 10 && files.len() == findings.len(), "{text}");
}
