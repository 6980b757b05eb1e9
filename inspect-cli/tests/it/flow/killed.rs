//! A job that is killed again and again, and whose output is as if it had not been.

use std::fs::File;
use std::process::{Command, Stdio};
use std::time::Duration;

use super::lab::{Ended, JOB, Lab, example, latest, until, visible};

const NUMBERS: usize = 90_000;
/// Numbers a second while it is killed: more seconds of work than it lives.
const SLOWLY: &str = "3000";

/// The job as a process of its own, told by its environment what `spt run` would tell it.
fn start(lab: &Lab, from: Option<&str>, rate: &str) -> Ended {
    let mut job = Command::new(example("numbers"));
    job.env_clear().args(["--count", &NUMBERS.to_string(), "--rate", rate, "--output", &lab.text("output")]);
    job.env("SPT_RUN_DIR", lab.path("run")).env("SPT_JOB_ID", JOB);
    job.env("SPT_CHECKPOINT_DIR", lab.path("checkpoints")).env("SPT_CHECKPOINT_INTERVAL", "50 ms");
    job.env("SPT_PARALLELISM", "2").envs(from.map(|path| ("SPT_SAVEPOINT", path)));
    let told = File::options().append(true).create(true).open(lab.path("told")).unwrap();
    Ended(job.stdin(Stdio::null()).stdout(Stdio::null()).stderr(told).spawn().unwrap())
}

/// What all of them have said on stderr.
fn told(lab: &Lab) -> String {
    std::fs::read_to_string(lab.path("told")).unwrap()
}

#[test]
fn every_number_is_in_the_output_once_however_often_the_process_is_killed() {
    let lab = Lab::new();
    let mut from = None;
    // Pauses behind a checkpoint that end at other places of the next one each time.
    for pause in [3, 50, 20, 75, 35, 11] {
        let mut job = start(&lab, from.as_deref(), SLOWLY);
        until(|| match latest(&lab) {
            Some(path) if Some(&path) != from.as_ref() => Ok(()),
            _ => Err(told(&lab)),
        });
        std::thread::sleep(Duration::from_millis(pause));
        job.0.kill().unwrap();
        assert!(!job.0.wait().unwrap().success(), "it ended before it was killed: {}", told(&lab));
        from = latest(&lab);
    }
    let ended = start(&lab, from.as_deref(), "1000000").0.wait().unwrap();
    assert!(ended.success(), "{}", told(&lab));
    assert_eq!(visible(&lab.path("output")), (0..NUMBERS).collect::<Vec<_>>());
    let hidden =
        Command::new("sh").arg("-c").arg(format!("ls -A {} | grep -c '^\\.'", lab.text("output"))).output();
    assert_eq!(String::from_utf8(hidden.unwrap().stdout).unwrap(), "0\n", "something was left pending");
}
