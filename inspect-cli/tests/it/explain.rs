use snapbox::{assert_data_eq, str};

use crate::support::{run, run_with_stdin, word_count};

fn log(name: &str) -> String {
    format!("{}/../testdata/logs/{name}.log", env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn a_log_tells_which_operator_is_gone_and_what_helps() {
    let savepoint = word_count("hashmap-canonical");
    let text = run(&["explain", "--log", &log("flink-2.3.0-operator-gone"), &savepoint]);
    assert_data_eq!(
        text.replace(&savepoint, "sp-1"),
        str![[r#"
SPT-401  state would be left behind  (line 1)
  operator    sum-001
  cause       the savepoint has state of an operator that the job does not have: its uid was changed or never given
  what to do  spt validate sp-1 --against PLAN names the operator it became; give it its uid back, or restore with --allowNonRestoredState
--- exit 0

"#]]
    );
}

#[test]
fn a_log_may_come_through_a_pipe() {
    let log = std::fs::read_to_string(log("flink-2.3.0-other-backend")).unwrap();
    let text = run_with_stdin(&["explain", "--json", "--log", "-"], &log);
    assert!(text.contains(r#""code":"SPT-503""#) && text.contains(r#""times":2"#), "{text}");
    assert!(text.contains(r#""operator_id":"90f4efa99ed969755ccb0285495357c6""#), "{text}");
    assert!(text.ends_with("--- exit 0\n"), "{text}");
}

#[test]
fn a_log_without_a_known_failure_is_a_no() {
    assert_data_eq!(
        run_with_stdin(&["explain", "--log", "-"], "INFO all is well\n"),
        str![[r#"
--- stderr
note: - tells of no failed restore that is known here
--- exit 1

"#]]
    );
    assert!(run(&["explain", "--log", "nowhere.log"]).ends_with("--- exit 2\n"));
}
