//! The tutorial `docs/own-sources-and-sinks.md`: its code is the example's, and the example's job is exactly once.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use spt_runtime::config::RestartStrategy;
use spt_runtime::{Environment, JobControl, JobOptions, RestoreOptions};

use super::word_count::at;

#[allow(unreachable_pub, reason = "written as it would stand in a library of its own")]
#[path = "../../../examples/own_connectors/ledger.rs"]
mod ledger;
#[allow(unreachable_pub, reason = "as above")]
#[path = "../../../examples/own_connectors/log.rs"]
mod log;

use ledger::Ledger;
use log::FolderLog;

fn append(log: &Path, partition: &str, text: &str) {
    let file = OpenOptions::new().append(true).create(true).open(log.join(partition));
    file.unwrap().write_all(text.as_bytes()).unwrap();
}

fn copy(log: &Path, ledger: &Path) -> Environment {
    let env = Environment::new();
    env.source(FolderLog::new(log)).uid("log-001").sink(Ledger::new(ledger)).uid("ledger-001");
    env
}

/// Every line of the ledger, sorted.
fn entries(ledger: &Path) -> Vec<String> {
    let files = std::fs::read_dir(ledger.join("committed")).unwrap();
    let texts: Vec<_> = files.map(|file| std::fs::read_to_string(file.unwrap().path()).unwrap()).collect();
    let mut lines: Vec<String> = texts.iter().flat_map(|text| text.lines()).map(str::to_owned).collect();
    lines.sort();
    lines
}

fn until(is_so: impl Fn() -> bool) {
    let end = Instant::now() + Duration::from_secs(60);
    while !is_so() {
        assert!(Instant::now() < end, "waited in vain");
        std::thread::sleep(Duration::from_millis(2));
    }
}

#[test]
fn what_is_appended_to_the_log_is_in_the_ledger_once() {
    let dir = tempfile::tempdir().unwrap();
    let (log, ledger, checkpoints) =
        (dir.path().join("log"), dir.path().join("ledger"), dir.path().join("chk"));
    std::fs::create_dir(&log).unwrap();
    append(&log, "0", "a\nb\nhalf a ");
    let options = JobOptions {
        // The second start is the same job, as in another process: it must not write over what this one has committed.
        job_id: Some("a".repeat(32)),
        checkpoint_dir: Some(checkpoints.clone()),
        checkpoint_interval: Some(Duration::from_millis(10)),
        restart: RestartStrategy::FixedDelay { attempts: 3, delay: Duration::from_millis(5) },
        ..at(2)
    };
    let job = copy(&log, &ledger).start("copy", options.clone()).unwrap();
    until(|| entries(&ledger).len() == 2);
    append(&log, "0", "line\n");
    append(&log, "1", "c\n");
    until(|| entries(&ledger).len() == 4);
    // The log cannot be read for a moment: the job starts again from its last checkpoint.
    std::fs::rename(log.join("1"), dir.path().join("1")).unwrap();
    until(|| job.status().restarts > 0);
    std::fs::rename(dir.path().join("1"), log.join("1")).unwrap();
    append(&log, "1", "d\n");
    until(|| entries(&ledger).len() == 5);
    let path = job.stop(Some(dir.path()), false).unwrap();

    append(&log, "2", "e\n");
    let options = JobOptions { restore: Some(RestoreOptions::new(path)), parallelism: Some(3), ..options };
    let job = copy(&log, &ledger).start("copy", options).unwrap();
    until(|| entries(&ledger).len() == 6);
    job.cancel().unwrap();
    assert_eq!(entries(&ledger), ["a", "b", "c", "d", "e", "half a line"]);
}

#[test]
fn the_tutorial_shows_the_code_of_the_example() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let read = |path: &str| std::fs::read_to_string(root.join(path)).unwrap();
    let tutorial = read("../docs/own-sources-and-sinks.md");
    let shown: Vec<&str> =
        tutorial.split("```rust\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    let code = ["main.rs", "log.rs", "ledger.rs"]
        .map(|file| read(&format!("examples/own_connectors/{file}")))
        .join("\n");
    // A method is shown without the indentation it has in its type.
    let flat = |text: &str| text.lines().map(str::trim).collect::<Vec<_>>().join("\n");
    let code = flat(&code);
    assert!(shown.len() >= 6, "{} pieces of code", shown.len());
    for piece in shown {
        assert!(code.contains(flat(piece).trim()), "not in the example:\n{piece}");
    }
}
