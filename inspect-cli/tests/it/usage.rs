use std::process::Stdio;

use snapbox::{assert_data_eq, str};

use crate::support::{run, spt};

#[test]
fn bad_usage_exits_2() {
    assert_data_eq!(
        run(&["uid"]),
        str![[r#"
--- stderr
error: the following required arguments were not provided:
  <TEXT>...

Usage: spt uid <TEXT>...

For more information, try '--help'.
--- exit 2

"#]]
    );
}

#[test]
fn an_empty_uid_is_an_error_in_one_line() {
    assert_data_eq!(
        run(&["uid", ""]),
        str![[r#"
--- stderr
error: a uid is empty
--- exit 2

"#]]
    );
}

#[test]
fn a_closed_pipe_is_silent() {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let output = spt(&["uid", "a"]).stdout(Stdio::from(writer)).stderr(Stdio::piped()).output().unwrap();
    assert_eq!(output.stderr, b"");
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn colours_are_used_when_asked_for() {
    let text = run(&["uid", "", "--color", "always"]);
    assert!(text.contains("\u{1b}[1;31merror:\u{1b}[0m a uid is empty"), "{text}");
}

#[test]
fn a_missing_configuration_file_is_told_as_one() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = spt(&["run", "--config", "/nowhere/at-all.yaml", "--", "true"]);
    let output = command.env("SPT_RUN_DIR", folder.path()).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_data_eq!(
        said,
        str![[r#"
error: /nowhere/at-all.yaml: no such file
hint: `--config` names a YAML file with configuration keys

"#]]
    );
}
