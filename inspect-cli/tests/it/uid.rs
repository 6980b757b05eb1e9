use snapbox::{assert_data_eq, str};

use crate::support::{run, run_with_stdin};

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
error: none of 1 candidates has the id 00ff
hint: an id that was derived from the job's graph belongs to no uid
--- exit 2

"#]]
    );
}
