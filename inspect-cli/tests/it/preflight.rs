//! Whether a savepoint restores: against plans, other savepoints and other versions of Flink.

use serde_json::Value;
use snapbox::{assert_data_eq, str};

use crate::support::{flink, run, word_count};

fn validate(path: &str, more: &[&str]) -> String {
    run(&[&["validate", path], more].concat())
}

/// The verdict and the codes of the findings, and the exit code's line.
fn judged(path: &str, more: &[&str]) -> (String, Vec<String>, String) {
    let text = validate(path, &[more, &["--json"]].concat());
    let (document, exit) = text.split_once("--- exit").unwrap();
    let document: Value = serde_json::from_str(document).unwrap();
    let findings = document["findings"].as_array().unwrap().iter();
    let codes = findings.map(|finding| finding["code"].as_str().unwrap().to_owned()).collect();
    (document["verdict"].as_str().unwrap().to_owned(), codes, exit.trim().to_owned())
}

#[test]
fn flink_2_is_told_to_refuse_what_it_refused() {
    // Flink 2.1.0 and 2.3.0 refused both, because of the POJO with collections.
    for case in ["1.20.5/kryo-hashmap-canonical", "1.18.1/kryo-rocksdb-canonical"] {
        let (verdict, codes, exit) = judged(&flink(case), &["--flink-target", "2.3"]);
        assert_eq!((verdict.as_str(), exit.as_str()), ("incompatible", "1"), "{case}");
        assert_eq!(codes, ["SPT-409", "SPT-408", "SPT-408", "SPT-408"], "{case}");
    }
}

#[test]
fn flink_2_is_told_to_restore_what_it_restored() {
    for case in [
        "1.13.6/collections-rocksdb-canonical",
        "1.15.4/valuetypes-hashmap-canonical-p2",
        "1.18.1/sqlaggregate-rocksdb-canonical",
        "1.20.5/valuetypes-hashmap-canonical",
        "1.20.5/collections-rocksdb-canonical-p2",
        "1.20.5/ttl-hashmap-canonical",
        "1.20.5/windows-rocksdb-canonical",
        "1.20.5/operatorstates-hashmap-canonical-p3",
    ] {
        let (verdict, codes, exit) = judged(&flink(case), &["--flink-target", "2.3"]);
        assert_eq!((verdict.as_str(), exit.as_str()), ("compatible", "0"), "{case}");
        assert!(codes.is_empty(), "{case}: {codes:?}");
    }
}

#[test]
fn the_field_that_is_refused_is_named() {
    let text = validate(&flink("1.20.5/kryo-hashmap-canonical"), &["--flink-target", "2.1", "--json"]);
    assert!(text.contains("value.items: java.util.List in a POJO was Kryo's in Flink 1"), "{text}");
    assert!(text.contains(r#""state":"basket","verdict":"incompatible""#), "{text}");
}

#[test]
fn kryo_on_the_flink_that_wrote_it_is_only_opaque() {
    let (verdict, codes, exit) = judged(&flink("1.20.5/kryo-hashmap-canonical"), &["--flink-target", "1.20"]);
    assert_eq!((verdict.as_str(), exit.as_str()), ("unknown", "2"));
    assert!(codes.iter().all(|code| code == "SPT-404"), "{codes:?}");
    let accepted = ["--flink-target", "1.20", "--accept-unknown"];
    assert_eq!(judged(&flink("1.20.5/kryo-hashmap-canonical"), &accepted).2, "0");
}

#[test]
fn a_newer_savepoint_of_the_job_says_which_flink_it_runs_on() {
    let older = flink("1.20.5/kryo-hashmap-canonical");
    let (verdict, codes, _) = judged(&older, &["--against", &flink("2.1.0/kryo-hashmap-canonical")]);
    assert_eq!(verdict, "incompatible");
    assert!(codes.contains(&"SPT-409".to_owned()), "{codes:?}");
    let (verdict, _, exit) = judged(
        &flink("1.20.5/wordcount-hashmap-canonical"),
        &["--against", &word_count("rocksdb-canonical")],
    );
    assert_eq!((verdict.as_str(), exit.as_str()), ("compatible", "0"));
}

#[test]
fn the_plan_in_the_documentation_fits_the_word_count() {
    let plan = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/flink-plan/example.json");
    assert_data_eq!(
        validate(&word_count("hashmap-canonical"), &["--against", plan]),
        str![[r#"
OPERATOR    STATE              VERDICT     REASON
stream-001  SourceReaderState  compatible  it is handed to its connector as it is
stream-001  coordinator        compatible  it is handed to the source as it is
sum-001     _op_state          compatible

the job restores from it
--- exit 0

"#]]
    );
}

#[test]
fn a_plan_without_states_leaves_them_unknown() {
    let folder = tempfile::tempdir().unwrap();
    let plan = folder.path().join("plan.json");
    let document = r#"{"schema":"spt.plan/1","flink_version":"2.1","operators":[{"uid":"sum-001"},{"uid":"stream-001"}]}"#;
    std::fs::write(&plan, document).unwrap();
    let (verdict, codes, exit) =
        judged(&word_count("hashmap-canonical"), &["--against", plan.to_str().unwrap()]);
    assert_eq!((verdict.as_str(), exit.as_str()), ("unknown", "2"));
    assert_eq!(codes, ["SPT-404", "SPT-404"]);
    std::fs::write(&plan, document.replace("2.1", "7")).unwrap();
    let text = validate(&word_count("hashmap-canonical"), &["--against", plan.to_str().unwrap()]);
    assert!(text.contains("is no version of Flink") && text.ends_with("--- exit 2\n"), "{text}");
}
