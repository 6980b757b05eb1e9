//! A job that is killed again and again, and whose output is as if it had not been.

use std::fs::File;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::lab::{Lab, example};

/// Some seconds of work at the pace given below.
const NUMBERS: usize = 90_000;

/// The job as a process of its own, told by its environment what `spt run` would tell it.
fn start(lab: &Lab, from: Option<&str>) -> Child {
    let mut job = Command::new(example("numbers"));
    job.args(["--count", &NUMBERS.to_string(), "--rate", "15000", "--output", &lab.text("output")]);
    job.env("SPT_RUN_DIR", lab.path("run")).env("SPT_JOB_ID", "0123456789abcdef0123456789abcdef");
    job.env("SPT_CHECKPOINT_DIR", lab.path("checkpoints")).env("SPT_CHECKPOINT_INTERVAL", "50 ms");
    job.env("SPT_PARALLELISM", "2").envs(from.map(|path| ("SPT_SAVEPOINT", path)));
    let told = File::options().append(true).create(true).open(lab.path("told")).unwrap();
    job.stdin(Stdio::null()).stdout(Stdio::null()).stderr(told).spawn().unwrap()
}

/// What all of them have said on stderr.
fn told(lab: &Lab) -> String {
    std::fs::read_to_string(lab.path("told")).unwrap()
}

fn latest(lab: &Lab) -> Option<String> {
    let said = lab.spt(&["latest", &lab.text("checkpoints/0123456789abcdef0123456789abcdef")]);
    (said.code == 0).then(|| said.line().to_owned())
}

fn visible(output: &Path) -> Vec<usize> {
    let files = std::fs::read_dir(output).unwrap().map(|file| file.unwrap().path());
    let parts = files.filter(|path| path.file_name().unwrap().to_str().unwrap().starts_with("part-"));
    let texts: Vec<_> = parts.map(|path| std::fs::read_to_string(path).unwrap()).collect();
    let mut numbers: Vec<_> =
        texts.iter().flat_map(|text| text.lines()).map(|line| line.parse().unwrap()).collect();
    numbers.sort_unstable();
    numbers
}

#[test]
fn every_number_is_in_the_output_once_however_often_the_process_is_killed() {
    let lab = Lab::new();
    let mut from = None;
    let mut kills = 0;
    // Pauses that end at other places of a checkpoint's cycle each time.
    for pause in [430, 510, 370, 490, 411, 540] {
        let mut child = start(&lab, from.as_deref());
        std::thread::sleep(Duration::from_millis(pause));
        child.kill().unwrap();
        kills += usize::from(!child.wait().unwrap().success());
        from = latest(&lab);
    }
    assert!(from.is_some(), "no checkpoint was ever complete: {}", told(&lab));
    assert!(kills >= 2, "it was killed {kills} times: {}", told(&lab));
    assert!(start(&lab, from.as_deref()).wait().unwrap().success(), "{}", told(&lab));
    assert_eq!(visible(&lab.path("output")), (0..NUMBERS).collect::<Vec<_>>());
    let hidden =
        Command::new("sh").arg("-c").arg(format!("ls -A {} | grep -c '^\\.'", lab.text("output"))).output();
    assert_eq!(String::from_utf8(hidden.unwrap().stdout).unwrap(), "0\n", "something was left pending");
}
