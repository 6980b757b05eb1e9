//! A savepoint that does not fit the disk: it fails with the reason, and the job goes on.
//!
//! The limit is a real one (`ulimit -f`), on a process of its own: this test runs itself once more below it.

use std::process::Command;

use spt_runtime::sources::Sequence;
use spt_runtime::{Environment, ErrorKind, JobControl};

use super::collect::Collect;
use super::word_count::at;

const CHILD: &str = "SPT_TEST_BELOW_A_LIMIT";

#[test]
fn a_savepoint_that_does_not_fit_the_disk_fails_and_the_job_goes_on() {
    if std::env::var_os(CHILD).is_some() {
        return below_the_limit();
    }
    let this = std::env::current_exe().unwrap();
    let name = "jobs::disk::a_savepoint_that_does_not_fit_the_disk_fails_and_the_job_goes_on";
    // A process that ignores the signal gets an error from the write instead, as from a full disk.
    let script = format!(
        "trap '' XFSZ; ulimit -f 64; exec {:?} --exact {name} --nocapture",
        this.display().to_string()
    );
    let child = Command::new("bash").args(["-c", &script]).env(CHILD, "1").output().unwrap();
    let said = String::from_utf8_lossy(&child.stdout);
    assert!(
        child.status.success() && said.contains("1 passed"),
        "{said}\n{}",
        String::from_utf8_lossy(&child.stderr)
    );
}

/// Files end at 64 blocks here: far below what the state needs, far above the state of a few keys.
fn below_the_limit() {
    let dir = tempfile::tempdir().unwrap();
    let env = Environment::new();
    let sink = Collect::default();
    env.source(Sequence::new(0..i64::MAX).per_second(100_000.0))
        .uid("numbers")
        .key_by_value(|number| format!("{:x}", number.wrapping_mul(0x9e37_79b9_7f4a_7c15_u64.cast_signed())))
        .sum(|_| 1i64)
        .uid("sum-001")
        .sink(sink.clone());
    let job = env.start("wide", at(2)).unwrap();
    sink.wait_for(40_000);
    let error = job.savepoint(Some(dir.path())).unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::SnapshotFailed { .. }), "{error:?}");
    assert!(error.full().contains("File too large"), "{}", error.full());
    let place = dir.path().display().to_string();
    assert!(error.full().contains(&place), "which disk: {}", error.full());
    let left: Vec<_> = std::fs::read_dir(dir.path()).unwrap().collect();
    assert!(left.is_empty(), "half a savepoint was left: {left:?}");
    // The job goes on.
    sink.wait_for(sink.records().len() + 1_000);
    job.cancel().unwrap();
}
