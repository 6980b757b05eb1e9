use snapbox::{assert_data_eq, str};

use crate::support::{flink, run, run_with_stdin, word_count};

#[test]
fn one_uid_shows_its_id_alone() {
    assert_data_eq!(
        run(&["uid", "stream-001"]),
        str![[r#"
8cf889e999ec449278fe4c4a68026b6b
--- exit 0

"#]]
    );
}

#[test]
fn several_uids_show_id_and_uid() {
    assert_data_eq!(
        run(&["uid", "stream-001", "结果 a/b"]),
        str![[r#"
8cf889e999ec449278fe4c4a68026b6b  stream-001
[..]  结果 a/b
--- exit 0

"#]]
    );
}

#[test]
fn an_id_finds_its_uid_among_lines() {
    assert_data_eq!(
        run_with_stdin(&["uid", "--json", "--resolve", "8CF889"], "map-001\nstream-001\n\nstream-001\n"),
        str![[r#"
{"schema":"spt.uid/1","uid":"stream-001","operator_id":"8cf889e999ec449278fe4c4a68026b6b"}
--- exit 0

"#]]
    );
}

#[test]
fn an_id_of_no_candidate_is_trouble() {
    assert_data_eq!(
        run(&["uid", "--resolve", "00ff", "map-001"]),
        str![[r#"
--- stderr
error: none of the candidates has the id 00ff
hint: an id that was derived from the job's graph belongs to no uid
--- exit 2

"#]]
    );
}

/// A savepoint of a Flink that recorded ids alone.
fn nameless() -> String {
    flink("1.20.5/wordcount-hashmap-canonical")
}

#[test]
fn the_operators_of_an_older_savepoint_are_named_from_candidates() {
    assert_data_eq!(
        run(&["uid", "--resolve", &nameless(), "sum-001", "stream-001"]),
        str![[r#"
8cf889e999ec449278fe4c4a68026b6b  stream-001
90f4efa99ed969755ccb0285495357c6  sum-001
--- stderr
note: 3 operators without a name among the candidates: [..]
--- exit 0

"#]]
    );
}

#[test]
fn a_newer_savepoint_of_the_job_names_the_operators_of_an_older_one() {
    let listed = run(&["uid", "--resolve", &nameless(), "--uid-list", &word_count("hashmap-canonical")]);
    assert!(listed.contains("90f4efa99ed969755ccb0285495357c6  sum-001\n"), "{listed}");
    let folder = tempfile::tempdir().unwrap();
    let list = folder.path().join("uids.txt");
    std::fs::write(&list, listed.split("---").next().unwrap()).unwrap();
    let inspect = |more: &[&str]| run(&[&["inspect", &nameless(), "--json"], more].concat());
    assert!(!inspect(&[]).contains("sum-001"));
    let named = inspect(&["--uid-list", list.to_str().unwrap()]);
    assert!(named.contains(r#""uid":"sum-001","uid_origin":"given","operator_id":"90f4efa9"#), "{named}");
}

#[test]
fn an_operator_known_by_its_id_is_found_by_its_uid() {
    let text = run(&["inspect", &nameless(), "--uid", "sum-001", "--json"]);
    assert!(text.contains(r#""uid":null,"uid_origin":"unknown","operator_id":"90f4efa9"#), "{text}");
}

#[test]
fn a_list_with_a_wrong_id_is_refused_with_its_line() {
    let folder = tempfile::tempdir().unwrap();
    let list = folder.path().join("uids.txt");
    std::fs::write(&list, "stream-001\n00000000000000000000000000000000  sum-001\n").unwrap();
    let text = run(&["inspect", &nameless(), "--uid-list", list.to_str().unwrap()]);
    assert!(text.contains("uids.txt, line 2: uid \"sum-001\" becomes the id 90f4"), "{text}");
    assert!(text.ends_with("--- exit 2\n"), "{text}");
}
