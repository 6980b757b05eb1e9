//! `spt run`, `list`, `savepoint`, `stop`, `cancel`: what they say when the other side is not a job, is gone, or
//! refuses. What they do with real jobs: `seed_flow`.

use std::path::Path;
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

use crate::support::spt;

/// `spt` with a registry of its own.
fn command(run_dir: &Path, args: &[&str]) -> Command {
    let mut command = spt(args);
    command.env("SPT_RUN_DIR", run_dir).env("PATH", "/usr/bin:/bin").stdin(Stdio::null());
    command
}

fn run(args: &[&str]) -> (i32, String, String) {
    let dir = TempDir::new().unwrap();
    said(command(dir.path(), args).output().unwrap())
}

fn said(output: Output) -> (i32, String, String) {
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

/// A program that answers its starter as a job would, in one piece, and ends.
fn answering(outcome: &str, code: i32) -> String {
    format!(
        r#"printf '%s' '{outcome}' > "$SPT_HANDSHAKE.new"; mv "$SPT_HANDSHAKE.new" "$SPT_HANDSHAKE"; exit {code}"#
    )
}

#[test]
fn without_jobs_the_list_is_empty() {
    assert_eq!(run(&["list"]), (0, String::new(), "note: no job is running\n".into()));
    let (code, out, _) = run(&["list", "--json"]);
    assert_eq!((code, out.as_str()), (0, "{\"schema\":\"spt.list/1\",\"jobs\":[],\"stale\":[]}\n"));
}

#[test]
fn a_job_that_does_not_run_is_not_found() {
    for args in [["savepoint", "wordcount"], ["stop", "wordcount"], ["cancel", "wordcount"]] {
        let (code, out, err) = run(&args);
        assert_eq!((code, out.as_str()), (2, ""));
        assert_eq!(err, "error: no job \"wordcount\": no job is running\n");
    }
}

#[test]
fn detached_prints_the_id_alone_and_leaves_nothing_behind() {
    let dir = TempDir::new().unwrap();
    let running = answering(r#"{"outcome":"running","id":"00000000000000000000000000000007"}"#, 0);
    let (code, out, err) =
        said(command(dir.path(), &["run", "-d", "--", "sh", "-c", &running]).output().unwrap());
    assert_eq!((code, out.as_str()), (0, "00000000000000000000000000000007\n"), "{err}");
    assert_eq!(std::fs::read_dir(dir.path().join("jobs")).unwrap().count(), 0);
}

#[test]
fn a_refusal_is_told_and_exits_2() {
    let refused = answering(r#"{"outcome":"refused","error":"no state for sum-001"}"#, 2);
    let (code, out, err) = run(&["run", "-d", "--", "sh", "-c", &refused]);
    assert_eq!((code, out.as_str()), (2, ""));
    assert_eq!(err, "error: the job was refused: no state for sum-001\n");
    assert_eq!(run(&["run", "--", "sh", "-c", &refused]).0, 2);
}

#[test]
fn a_program_that_ends_before_it_runs_is_quoted() {
    let (code, out, err) = run(&["run", "-d", "--", "sh", "-c", "echo no server at port 1 >&2; exit 1"]);
    assert_eq!((code, out.as_str()), (1, ""));
    assert!(err.contains("exit status: 1") && err.contains("it said:\nno server at port 1\n"), "{err}");
    assert!(err.contains("hint: its whole output is in"), "{err}");
}

#[test]
fn a_job_that_does_not_come_to_run_exits_1_as_in_the_foreground() {
    let failed = answering(r#"{"outcome":"failed","error":"no server"}"#, 1);
    let (code, out, err) = run(&["run", "-d", "--", "sh", "-c", &failed]);
    assert_eq!((code, out.as_str()), (1, ""));
    assert_eq!(err, "error: the job did not come to run: no server\n");
    assert_eq!(run(&["run", "--", "sh", "-c", &failed]).0, 1);
    // What ends well and says nothing is no job.
    assert_eq!(run(&["run", "-d", "--", "true"]).0, 2);
}

#[test]
fn detached_says_what_there_is_to_know_of_the_start() {
    let noted = answering(r#"{"outcome":"running","id":"7","notes":["left behind: a sum"]}"#, 0);
    let (code, out, err) = run(&["run", "-d", "--", "sh", "-c", &noted]);
    assert_eq!((code, out.as_str()), (0, "7\n"));
    assert!(err.starts_with("note: left behind: a sum\n"), "{err}");
}

/// A program that says which signals it gets, and ends at SIGTERM.
const LISTENING: &str = "trap 'echo INT' INT; trap 'echo in good order; exit 143' TERM; echo runs; \
                         while :; do sleep 0.05; done";

#[test]
fn in_the_foreground_signals_are_passed_on_and_the_last_is_told() {
    use rustix::process::{Pid, Signal, kill_process};
    use std::io::{BufRead, BufReader};
    let dir = TempDir::new().unwrap();
    let mut command = command(dir.path(), &["run", "--", "sh", "-c", LISTENING]);
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut heard = || lines.next().unwrap().unwrap();
    assert_eq!(heard(), "runs");
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    assert_eq!(heard(), "INT");
    kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
    assert_eq!(heard(), "in good order");
    assert_eq!(child.wait().unwrap().code(), Some(143));
}

#[test]
fn what_a_terminal_sends_to_both_reaches_the_job_once() {
    use rustix::fs::{Mode, OFlags, open};
    use rustix::process::{Pid, Signal, kill_process};
    use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
    use std::io::{BufRead, BufReader, Write};
    let dir = TempDir::new().unwrap();
    let terminal = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&terminal).unwrap();
    unlockpt(&terminal).unwrap();
    let name = ptsname(&terminal, Vec::new()).unwrap();
    let ours = || open(name.as_c_str(), OFlags::RDWR | OFlags::NOCTTY, Mode::empty()).unwrap();
    let spt = command(dir.path(), &[]);
    let mut child = Command::new("setsid")
        .args(["--ctty", "--wait"])
        .arg(spt.get_program())
        .args(["run", "--", "sh", "-c", LISTENING])
        .env("SPT_RUN_DIR", dir.path())
        .stdin(ours())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut heard = || lines.next().unwrap().unwrap();
    let mut keyboard = std::fs::File::from(terminal);
    assert_eq!(heard(), "runs");
    for _ in 0..2 {
        keyboard.write_all(b"\x03").unwrap();
        assert_eq!(heard(), "INT");
    }
    // Had one been passed on, it would be heard before this.
    std::thread::sleep(std::time::Duration::from_millis(300));
    kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
    assert_eq!(heard(), "in good order");
    assert_eq!(child.wait().unwrap().code(), Some(143));
}

#[test]
fn in_the_foreground_the_exit_code_says_whether_the_job_finished() {
    assert_eq!(run(&["run", "--", "sh", "-c", "echo result"]), (0, "result\n".into(), String::new()));
    assert_eq!(run(&["run", "--", "sh", "-c", "exit 7"]).0, 1);
}

#[test]
fn a_program_that_is_not_there_is_named() {
    let (code, _, err) = run(&["run", "-d", "--", "/nowhere/wordcount"]);
    assert_eq!(code, 2);
    assert!(err.starts_with("error: /nowhere/wordcount: start failed: "), "{err}");
}

#[test]
fn flags_reach_the_program_and_beat_the_environment() {
    let dir = TempDir::new().unwrap();
    let script = "echo $SPT_PARALLELISM_DEFAULT $SPT_PARALLELISM  \
                  $SPT_EXECUTION_STATE_RECOVERY_IGNORE_UNCLAIMED_STATE $SPT_PIPELINE_MAX_PARALLELISM";
    let args = [
        "run",
        "-p",
        "3",
        "-n",
        "sum-001,map-001",
        "-D",
        "pipeline.max-parallelism=64",
        "--",
        "sh",
        "-c",
        script,
    ];
    let output = command(dir.path(), &args).env("SPT_PARALLELISM", "9").output().unwrap();
    assert_eq!(said(output), (0, "3 sum-001,map-001 64\n".into(), String::new()));
}

#[test]
fn what_is_said_of_a_savepoint_reaches_the_program() {
    let dir = TempDir::new().unwrap();
    let savepoint = dir.path().join("savepoint");
    std::fs::create_dir(&savepoint).unwrap();
    std::fs::write(savepoint.join("manifest.json"), "{}").unwrap();
    let path = savepoint.to_str().unwrap();
    let script = "echo $SPT_EXECUTION_STATE_RECOVERY_PATH $SPT_EXECUTION_STATE_RECOVERY_CLAIM_MODE \
                  $SPT_SPT_RESTORE_ALLOW_DRAINED $SPT_SPT_RESTORE_PENDING_OUTPUT";
    let flags = ["--claim", "--allow-drained", "--pending", "discard"];
    let args = [&["run", "-s", path], &flags[..], &["--", "sh", "-c", script]].concat();
    let told = format!("{path} CLAIM true discard\n");
    assert_eq!(said(command(dir.path(), &args).output().unwrap()), (0, told, String::new()));
    // Each of them is about a savepoint, and there is no other way to discard output.
    for args in
        [&["run", "--claim", "--", "true"][..], &["run", "-s", path, "--pending", "keep", "--", "true"]]
    {
        assert_eq!(said(command(dir.path(), args).output().unwrap()).0, 2, "{args:?}");
    }
}

#[test]
fn a_snapshot_of_flink_is_refused_with_the_way_to_convert_it() {
    let dir = TempDir::new().unwrap();
    std::fs::write(dir.path().join("_metadata"), [0x49, 0x60, 0x67, 0x2d, 0, 0, 0, 5]).unwrap();
    let (code, out, err) = run(&["run", "-s", dir.path().to_str().unwrap(), "--", "echo", "started"]);
    assert_eq!((code, out.as_str()), (2, ""));
    assert!(err.contains("a snapshot of Flink's") && err.contains("hint: `spt convert"), "{err}");
}

#[test]
fn a_configuration_that_makes_no_sense_starts_nothing() {
    let dir = TempDir::new().unwrap();
    let file = dir.path().join("config.yaml");
    std::fs::write(&file, "parallelism:\n  default: none\n").unwrap();
    let file = file.to_str().unwrap();
    let (code, out, err) = run(&["run", "--config", file, "--", "echo", "started"]);
    assert_eq!((code, out.as_str()), (2, ""));
    assert!(err.contains("config.yaml, line 2") && err.contains("\"none\" is not a whole number"), "{err}");
    let (code, out, err) = run(&["run", "-D", "paralelism.default=2", "--", "echo", "started"]);
    assert_eq!((code, out.as_str()), (2, ""));
    assert!(
        err.contains("there is no such key") && err.contains("did you mean parallelism.default?"),
        "{err}"
    );
    assert_eq!(run(&["run", "-p", "0", "--", "echo", "started"]).0, 2);
}

#[test]
fn a_folder_that_others_can_read_is_no_registry() {
    use std::os::unix::fs::PermissionsExt;
    let dir = TempDir::new().unwrap();
    let jobs = dir.path().join("jobs");
    std::fs::create_dir(&jobs).unwrap();
    std::fs::set_permissions(&jobs, std::fs::Permissions::from_mode(0o755)).unwrap();
    let (code, _, err) = said(command(dir.path(), &["list"]).output().unwrap());
    assert_eq!(code, 2);
    assert!(err.contains("chmod 700"), "{err}");
}

const PLAN: &str = r#"{"schema":"spt.plan/1","job":"wordcount","parallelism":2,"operators":[
{"uid":"stream-001","name":"socket"},
{"uid":"sum-001","name":"sum","states":[{"name":"sum","kind":"reducing","key_type":"utf8","value_type":"int64"}]}],
"edges":[{"from":"8cf889e999ec449278fe4c4a68026b6b","to":"36aebf8f07ef4b7d5e3fbac1d1dea2a5","partitioning":"hash"}],
"warnings":["operator \"print\" has no uid"]}"#;

#[test]
fn a_plan_is_shown_as_the_program_prints_it() {
    let script = format!("[ \"$SPT_PLAN\" = 1 ] && echo '{PLAN}'");
    let shown = |flags: &[&str]| run(&[&["plan"], flags, &["--", "sh", "-c", &script]].concat());
    let (code, text, err) = shown(&[]);
    assert_eq!(code, 0, "{err}");
    assert!(text.starts_with("job wordcount, parallelism 2\n"), "{text}");
    assert!(text.contains("    reducing  sum  utf8 → int64\n"), "{text}");
    assert_eq!(err, "warning: operator \"print\" has no uid\n");
    assert_eq!(shown(&["--json"]).1.trim_end(), PLAN);
    assert!(shown(&["--format", "mermaid"]).1.contains("8cf889e999ec449278fe4c4a68026b6b -->|hash| "));
    assert!(shown(&["--format", "dot"]).1.contains("[label=\"hash\"];"));
}

#[test]
fn what_is_no_plan_is_refused() {
    let (code, out, err) = run(&["plan", "--", "echo", "hello"]);
    assert_eq!((code, out.as_str()), (2, ""));
    assert!(err.contains("not a plan document"), "{err}");
    assert!(run(&["plan", "--", "false"]).2.contains("printed no plan (exit status: 1)"));
}
