//! Stops that fail: what is said of them, what they exit with, and that the job goes on from its checkpoint as if
//! nobody had asked.

use std::path::{Path, PathBuf};

use spt_runtime::control::{Client, Registry};

use super::lab::{JOB, Lab, Said, example, latest, until, visible};

const NUMBERS: usize = 200_000;
/// Numbers a second: more seconds of work than the test has stops to try.
const SLOWLY: &str = "1000";
/// Nobody can make a folder there.
const NOWHERE: &str = "/proc";

/// Starts numbers into files, detached, from a checkpoint if there is one.
fn start(lab: &Lab, interval: &str, rate: &str, failpoints: &str, from: Option<&str>) -> Said {
    let (program, numbers, output) = (example("numbers"), NUMBERS.to_string(), lab.text("output"));
    let keys = [
        format!("spt.job-id={JOB}"),
        format!("execution.checkpointing.dir={}", lab.text("checkpoints")),
        format!("execution.checkpointing.interval={interval}"),
        "restart-strategy.type=fixed-delay".to_owned(),
        "restart-strategy.fixed-delay.attempts=9".to_owned(),
        "restart-strategy.fixed-delay.delay=1 ms".to_owned(),
    ];
    let mut args = vec!["run", "-d", "-p", "2"];
    args.extend(keys.iter().flat_map(|key| ["-D", key]));
    args.extend(from.iter().flat_map(|path| ["-s", path]));
    args.extend(["--", program.to_str().unwrap()]);
    args.extend(["--count", &numbers, "--rate", rate, "--output", &output]);
    lab.say(lab.command(&args).env("SPT_FAILPOINTS", failpoints))
}

/// A job that has taken a checkpoint, which is what it goes back to: it takes no other one.
fn with_a_checkpoint(lab: &Lab, failpoints: &str) -> String {
    start(lab, "20 ms", SLOWLY, "", None).line();
    until(|| match latest(lab) {
        Some(_) if !visible(&lab.path("output")).is_empty() => Ok(()),
        latest => Err(format!("{latest:?}\n{}", lab.log(JOB))),
    });
    assert_eq!(lab.spt(&["cancel", JOB]).code, 0);
    let latest = latest(lab).unwrap();
    start(lab, "1 h", SLOWLY, failpoints, Some(&latest)).line();
    latest
}

/// Waits until the job has failed and runs again, from this checkpoint.
fn await_restart(lab: &Lab, checkpoint: &str) {
    until(|| {
        let (log, jobs) = (lab.log(JOB), lab.jobs());
        let failures = log.lines().filter(|line| line.contains("the job failed, and starts again")).count();
        let is_running = failures == 1 && jobs[0]["state"] == "RUNNING";
        if is_running { Ok(()) } else { Err(format!("{jobs:?}\n{log}")) }
    });
    let entry = Registry::at(lab.path("run").join("jobs")).unwrap().find(JOB).unwrap();
    let checkpoints = Client::of(&entry).unwrap().detail("checkpoints").unwrap();
    assert_eq!(checkpoints["latest"]["restored"]["external_path"], checkpoint);
}

/// The job ends behind a savepoint, and one that goes on from there has every number in its output once.
fn stop_and_finish(lab: &Lab) {
    let path = lab.spt(&["stop", JOB, &lab.text("savepoints")]).line().to_owned();
    assert!(lab.jobs().is_empty());
    let committed = visible(&lab.path("output")).len();
    assert!(0 < committed && committed < NUMBERS, "{committed}");
    start(lab, "1 h", "1000000", "", Some(&path)).line();
    until(|| if lab.jobs().is_empty() { Ok(()) } else { Err(format!("{:?}", lab.jobs())) });
    assert_eq!(visible(&lab.path("output")), (0..NUMBERS).collect::<Vec<_>>());
}

/// The savepoint that a text begins with.
fn savepoint_in(text: &str) -> PathBuf {
    PathBuf::from(text.split_once(" is whole").unwrap_or_else(|| panic!("{text}")).0)
}

#[test]
fn a_stop_that_cannot_commit_exits_2_and_names_its_savepoint_and_the_job_goes_on_from_its_checkpoint() {
    let lab = Lab::new();
    let checkpoint = with_a_checkpoint(&lab, "commit.before=error@1");
    let before = visible(&lab.path("output"));
    let said = lab.spt(&["stop", JOB, &lab.text("savepoints")]);
    let start = format!("error: job {JOB} was not stopped: ");
    let told = said.refusal().strip_prefix(&start).unwrap_or_else(|| panic!("{said:?}"));
    let savepoint = savepoint_in(told);
    let end = " is whole, but its output could not be committed: failpoint commit.before\n";
    assert_eq!(told, format!("{}{end}", savepoint.display()));
    assert_eq!(savepoint.parent(), Some(lab.path("savepoints").as_path()));
    assert_eq!(lab.spt(&["validate", savepoint.to_str().unwrap()]).code, 0);
    await_restart(&lab, &checkpoint);
    assert_eq!(visible(&lab.path("output")), before, "nothing of it is visible");
    stop_and_finish(&lab);
}

#[test]
fn a_drain_whose_savepoint_fails_exits_2_and_the_job_goes_on_from_its_checkpoint() {
    let lab = Lab::new();
    let checkpoint = with_a_checkpoint(&lab, "");
    let said = lab.spt(&["stop", "--drain", JOB, NOWHERE]);
    let start = format!("error: job {JOB} was not stopped: savepoint in {NOWHERE}/savepoint-");
    assert!(said.refusal().starts_with(&start) && said.err.contains(" failed: "), "{said:?}");
    await_restart(&lab, &checkpoint);
    stop_and_finish(&lab);
}

#[test]
fn a_drain_that_cannot_commit_exits_2_and_names_its_savepoint_and_the_job_goes_on_from_its_checkpoint() {
    let lab = Lab::new();
    let checkpoint = with_a_checkpoint(&lab, "commit.before=error@1");
    let said = lab.spt(&["stop", "--drain", JOB, &lab.text("savepoints")]);
    let start = format!("error: job {JOB} was not stopped: ");
    let told = said.refusal().strip_prefix(&start).unwrap_or_else(|| panic!("{said:?}"));
    assert!(Path::new(&savepoint_in(told)).join("manifest.json").is_file(), "{told}");
    await_restart(&lab, &checkpoint);
    stop_and_finish(&lab);
}
