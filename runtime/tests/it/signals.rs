//! What a signal does to a job's process. The job is this test once more, in a process of its own.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use spt_runtime::sinks::Discard;
use spt_runtime::sources::Sequence;
use spt_runtime::{Environment, JobControl, JobOptions, exit_code};

/// How long the job takes for a record, in a process that is to run it.
const PAUSE_MS: &str = "SIGNALLED_JOB_PAUSE_MS";

/// Runs the job, if this process is to; says first that it runs.
fn is_the_job() -> bool {
    let Some(pause) = std::env::var_os(PAUSE_MS) else { return false };
    let pause = Duration::from_millis(pause.to_str().unwrap().parse().unwrap());
    let env = Environment::new();
    env.source(Sequence::new(0..i64::MAX))
        .uid("numbers")
        .map(move |number| {
            std::io::stderr().write_all(format!("number {number}\n").as_bytes()).unwrap();
            std::thread::sleep(pause);
            *number
        })
        .sink(Discard);
    let result = env.execute("signalled");
    let told = result.as_ref().map_or_else(|error| error.full(), |state| state.name().to_owned());
    let told = format!("outcome: {told}; {:?}\n", exit_code(result));
    std::io::stdout().write_all(told.as_bytes()).unwrap();
    true
}

/// Starts the job, waits until it runs, sends signals, each so many seconds after what came before, and waits for its end: what it said.
fn signalled(
    test: &str,
    dir: &Path,
    pause_ms: u32,
    with: &[(&str, &Path)],
    signals: &[(u64, Signal)],
) -> (Child, String) {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", &format!("signals::{test}"), "--nocapture"]);
    command.env(PAUSE_MS, pause_ms.to_string()).env("SPT_RUN_DIR", dir);
    command.envs(with.iter().copied()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let mut said = String::new();
    let mut listen = |until: &str| {
        for line in lines.by_ref() {
            let line = line.unwrap();
            said.extend([line.as_str(), "\n"]);
            if line.contains(until) {
                break;
            }
        }
    };
    listen("number ");
    // The handlers are there once the job can be found.
    while !std::fs::read_dir(dir.join("jobs"))
        .unwrap()
        .any(|entry| entry.unwrap().path().extension().is_some_and(|extension| extension == "json"))
    {
        std::thread::sleep(Duration::from_millis(2));
    }
    for (seconds, signal) in signals {
        std::thread::sleep(Duration::from_secs(*seconds));
        kill_process(Pid::from_child(&child), *signal).unwrap();
        listen("once more");
    }
    listen("nothing like it");
    child.stdout.take().unwrap().read_to_string(&mut said).unwrap();
    child.wait().unwrap();
    (child, said)
}

#[test]
fn sigterm_ends_the_job_where_it_is() {
    if is_the_job() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let test = "sigterm_ends_the_job_where_it_is";
    let (_, said) = signalled(test, dir.path(), 1, &[], &[(0, Signal::TERM)]);
    assert!(said.contains("outcome: ended by SIGTERM; its checkpoints stay"), "{said}");
    assert!(said.contains("143"), "{said}");
    let (_, said) = signalled(test, dir.path(), 1, &[], &[(0, Signal::INT)]);
    assert!(said.contains("outcome: ended by SIGINT") && said.contains("130"), "{said}");
}

#[test]
fn sigterm_stops_the_job_with_a_savepoint_where_that_is_configured() {
    if is_the_job() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let savepoints = dir.path().join("savepoints");
    let with = [("SPT_SPT_SAVEPOINT_ON_SIGTERM", Path::new("true")), ("SPT_SAVEPOINT_DIR", &savepoints)];
    let test = "sigterm_stops_the_job_with_a_savepoint_where_that_is_configured";
    let (_, said) = signalled(test, dir.path(), 1, &with, &[(0, Signal::TERM)]);
    assert!(said.contains("outcome: FINISHED"), "{said}");
    let savepoint = std::fs::read_dir(&savepoints).unwrap().next().unwrap().unwrap().path();
    assert!(savepoint.join("manifest.json").exists());
    assert!(said.contains(&format!("its savepoint is {}", savepoint.display())), "{said}");
}

#[test]
fn the_log_is_json_where_that_is_asked_for() {
    if is_the_job() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let with = [("SPT_LOG_FORMAT", Path::new("json")), ("SPT_LOG", Path::new("debug"))];
    let test = "the_log_is_json_where_that_is_asked_for";
    let (_, said) = signalled(test, dir.path(), 1, &with, &[(0, Signal::TERM)]);
    let events: Vec<serde_json::Value> = said
        .lines()
        .filter(|line| line.starts_with('{'))
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let running = events.iter().find(|event| event["fields"]["state"] == "RUNNING").unwrap();
    assert_eq!((&running["level"], &running["target"]), (&"DEBUG".into(), &"spt".into()));
    let told =
        |event: &serde_json::Value| event["fields"]["message"].as_str().unwrap().starts_with("SIGTERM: ");
    assert!(events.iter().any(told), "{said}");
}

#[test]
fn a_savepoint_at_a_signal_needs_a_folder() {
    if is_the_job() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "signals::a_savepoint_at_a_signal_needs_a_folder", "--nocapture"]);
    command.env(PAUSE_MS, "1").env("SPT_RUN_DIR", dir.path());
    let output = command.env("SPT_SPT_SAVEPOINT_ON_SIGTERM", "true").output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(said.contains("execution.checkpointing.savepoint-dir"), "{said}");
}

#[test]
fn a_savepoint_that_is_no_longer_needed_is_said_to_be() {
    if is_the_job() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let env = Environment::new();
    let numbers = env.source(Sequence::new(0..i64::MAX).per_second(100.0)).uid("numbers");
    numbers.map(|number| *number).sink(Discard);
    let job = env.start("signalled", JobOptions::default()).unwrap();
    let savepoint = job.stop(Some(dir.path()), false).unwrap();

    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "signals::a_savepoint_that_is_no_longer_needed_is_said_to_be", "--nocapture"]);
    command.env(PAUSE_MS, "1").env("SPT_RUN_DIR", dir.path()).env("SPT_SAVEPOINT", &savepoint);
    command.env("SPT_CHECKPOINT_DIR", dir.path()).env("SPT_CHECKPOINT_INTERVAL", "10 ms");
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let expected = format!("note: this job no longer needs {}", savepoint.display());
    let begin = Instant::now();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map(|line| line.unwrap());
    let is_said = lines.any(|line| line == expected || begin.elapsed() > Duration::from_secs(60));
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(is_said && begin.elapsed() < Duration::from_secs(60), "nobody said {expected:?}");
    assert!(savepoint.join("manifest.json").exists(), "it is its owner's");
}

#[test]
fn a_second_signal_ends_the_process_at_once() {
    use std::os::unix::process::ExitStatusExt;
    if is_the_job() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    // The job is asleep for longer than any test.
    let test = "a_second_signal_ends_the_process_at_once";
    let (mut child, said) =
        signalled(test, dir.path(), 10_000_000, &[], &[(0, Signal::TERM), (2, Signal::TERM)]);
    assert_eq!(child.wait().unwrap().signal(), Some(15), "{said}");
}

#[test]
fn a_signal_that_comes_by_two_ways_counts_once() {
    if is_the_job() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let test = "a_signal_that_comes_by_two_ways_counts_once";
    let (_, said) = signalled(test, dir.path(), 1, &[], &[(0, Signal::TERM), (0, Signal::TERM)]);
    assert!(said.contains("outcome: ended by SIGTERM; its checkpoints stay"), "{said}");
}
