//! A snapshot that hangs while it is written: it is given up, the job goes on, and nothing is left of it.
//!
//! What hangs is a failpoint, in a process of its own: each test runs itself once more with that.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use spt_runtime::sources::Sequence;
use spt_runtime::{Environment, JobControl, JobHandle, JobOptions};

use super::collect::Collect;
use super::word_count::at;

const CHILD: &str = "SPT_TEST_OF_A_STUCK_SNAPSHOT";

/// Runs this test in a process where the second snapshot hangs at a place for so long; `false` in that process.
fn hanging(test: &str, place: &str, ms: u32) -> bool {
    if std::env::var_os(CHILD).is_some() {
        return false;
    }
    let child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", &format!("jobs::stuck::{test}"), "--nocapture"])
        .env(CHILD, "1")
        .env("SPT_FAILPOINTS", format!("{place}=sleep:{ms}@2"))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&child.stdout);
    let errors = String::from_utf8_lossy(&child.stderr);
    assert!(child.status.success() && said.contains("1 passed"), "{said}\n{errors}");
    true
}

fn start(dir: &Path, sink: &Collect<(i64, i64)>) -> JobHandle {
    let env = Environment::new();
    env.source(Sequence::new(0..i64::MAX).per_second(2_000.0))
        .uid("numbers")
        .key_by_value(|number| number % 100)
        .sum(|_| 1i64)
        .uid("sum")
        .sink(sink.clone());
    let options = JobOptions {
        checkpoint_dir: Some(dir.to_owned()),
        checkpoint_interval: Some(Duration::from_millis(20)),
        checkpoint_timeout: Duration::from_secs(1),
        tolerable_failed_checkpoints: 1_000,
        ..at(2)
    };
    env.start("stuck", options).unwrap()
}

fn until(what: &str, is_so: impl Fn() -> bool) {
    let end = Instant::now() + Duration::from_secs(60);
    while !is_so() {
        assert!(Instant::now() < end, "waited in vain: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// The second checkpoint hangs; it fails, records flow on, later ones are whole, and it is none when it wakes up.
fn goes_on(hangs: Duration) {
    let (dir, sink) = (tempfile::tempdir().unwrap(), Collect::default());
    let begin = Instant::now();
    let job = start(dir.path(), &sink);
    // The first may be late on a busy machine, too.
    let given_up =
        || job.checkpoints().history.into_iter().find(|record| record.id > 1 && record.failure.is_some());
    until("the failure", || given_up().is_some());
    let record = given_up().unwrap();
    let (id, failure) = (record.id, record.failure.unwrap());
    assert!(
        failure.contains(&format!("checkpoint {id}")) && failure.contains("it was not written after 1s"),
        "{failure}"
    );
    assert!(begin.elapsed() < hangs, "it was waited for");
    sink.wait_for(sink.records().len() + 200);
    let latest = || job.checkpoints().latest_completed.map_or(0, |record| record.id);
    let before = latest().max(id);
    until("a later checkpoint", || latest() > before);
    assert!(begin.elapsed() >= hangs, "what was given up still held memory");
    let stuck = dir.path().join(job.id()).join(format!("chk-{id}"));
    until("the end of what was given up", || !stuck.exists());
    assert!(job.checkpoints().history.iter().all(|record| record.id != id || record.failure.is_some()));
    assert_eq!(job.status().restarts, 0);
    job.cancel().unwrap();
}

#[test]
fn a_checkpoint_that_hangs_before_it_is_written_is_given_up() {
    if !hanging("a_checkpoint_that_hangs_before_it_is_written_is_given_up", "snapshot.before-write", 5_000) {
        goes_on(Duration::from_millis(5_000));
    }
}

#[test]
fn a_checkpoint_that_is_given_up_is_none_even_if_it_becomes_whole() {
    let test = "a_checkpoint_that_is_given_up_is_none_even_if_it_becomes_whole";
    if !hanging(test, "manifest.before-rename", 5_000) {
        goes_on(Duration::from_millis(5_000));
    }
}

#[test]
fn a_job_is_cancelled_while_a_checkpoint_hangs() {
    if hanging("a_job_is_cancelled_while_a_checkpoint_hangs", "snapshot.before-write", 600_000) {
        return;
    }
    let (dir, sink) = (tempfile::tempdir().unwrap(), Collect::default());
    let job = start(dir.path(), &sink);
    until("the first checkpoint", || job.checkpoints().counts.completed == 1);
    until("the second checkpoint", || job.checkpoints().counts.in_progress == 1);
    job.cancel().unwrap();
    assert!(!dir.path().join(job.id()).join("chk-2").exists());
}
