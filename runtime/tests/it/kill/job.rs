//! The job that is killed. A branch for every kind of state; each ends in a file sink of its own.

use std::path::{Path, PathBuf};

use spt_runtime::job::JobState;
use spt_runtime::sinks::{FileSink, Lines};
use spt_runtime::sources::Sequence;
use spt_runtime::{Environment, Result};

/// The folder that a process is to run the job in, the numbers it is to read, and how many a second (0: no limit).
pub(super) const VARIABLES: [&str; 3] = ["KILLED_JOB_DIR", "KILLED_JOB_NUMBERS", "KILLED_JOB_RATE"];

/// The folders of the branches' output.
pub(super) const OUTPUTS: [&str; 3] = ["counts", "reduced", "copies"];

/// Runs the job to its end, if this process is to.
pub(super) fn asked_for() -> Option<Result<JobState>> {
    let [dir, numbers, rate] = VARIABLES.map(std::env::var_os);
    let parse = |text: Option<std::ffi::OsString>| text?.to_str()?.parse().ok();
    let numbers = Sequence::new(0..parse(numbers)?).per_second(parse(rate)? as f64);
    Some(run(&PathBuf::from(dir?), &numbers))
}

fn run(dir: &Path, numbers: &Sequence) -> Result<JobState> {
    let env = Environment::new();
    let files = |name: &str| FileSink::<Lines>::new(dir.join(name));
    let [counts, reduced, copies] = OUTPUTS;
    let read = |uid: &str| env.source(numbers.clone()).uid(uid);
    read("numbers-1")
        .flat_map(|number, out| out.extend([format!("w{}", number % 97), format!("w{}", number % 1009)]))
        .map_to::<(String, i64)>(|word| (word, 1))
        .key_by(|(word, _)| *word)
        .sum(|(_, n)| *n)
        .uid("sum")
        .sink(files(counts))
        .uid("counts");
    read("numbers-2")
        .map(|number| (number % 31, 1i64))
        .key_by(|(key, _)| key)
        .reduce(|held, more| (held.0, held.1 + more.1))
        .uid("reduce")
        .sink(files(reduced))
        .uid("reduced");
    read("numbers-3").map(|number| format!("{number:08}")).rebalance().sink(files(copies)).uid("copies");
    env.execute("killed")
}
