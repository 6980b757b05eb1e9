//! The job that is killed. A branch for every kind of state; each ends in a file sink of its own.

use std::path::{Path, PathBuf};
use std::time::Duration;

use spt_runtime::job::JobState;
use spt_runtime::operators::{FiredTimer, KeyedContext, KeyedProcess, MapState, States};
use spt_runtime::sinks::{FileSink, Lines};
use spt_runtime::sources::Sequence;
use spt_runtime::{Chain, DataStream, Environment, Out, Result, Watermarks, Windows};

/// The folder that a process is to run the job in, the numbers it is to read, and how many a second (0: no limit).
pub(super) const VARIABLES: [&str; 3] = ["KILLED_JOB_DIR", "KILLED_JOB_NUMBERS", "KILLED_JOB_RATE"];

/// The folders of the branches' output.
pub(super) const OUTPUTS: [&str; 6] = ["counts", "reduced", "copies", "windows", "timers", "pairs"];

/// Runs the job to its end, if this process is to.
pub(super) fn asked_for() -> Option<Result<JobState>> {
    let [dir, numbers, rate] = VARIABLES.map(std::env::var_os);
    let parse = |text: Option<std::ffi::OsString>| text?.to_str()?.parse().ok();
    let numbers = Sequence::new(0..parse(numbers)?).per_second(parse(rate)? as f64);
    std::thread::spawn(end_with_the_test);
    Some(run(&PathBuf::from(dir?), &numbers))
}

/// Ends this process once the one that would kill it is gone itself.
fn end_with_the_test() {
    let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
    std::process::exit(3);
}

fn run(dir: &Path, numbers: &Sequence) -> Result<JobState> {
    let env = Environment::new();
    let files = |name: &str| FileSink::<Lines>::new(dir.join(name));
    let [counts, reduced, copies, windows, timers, pairs] = OUTPUTS;
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
    // A file for every few numbers: a barrier finds several of a subtask.
    let several = files(copies).roll_at_bytes(1);
    read("numbers-3").map(|number| format!("{number:08}")).rebalance().sink(several).uid("copies");
    timed(read("numbers-4"))
        .key_by_value(|number| number % 7)
        .window(Windows::sliding(Duration::from_millis(40), Duration::from_millis(20)))
        .sum(|number| *number)
        .uid("window")
        .sink(files(windows))
        .uid("windows");
    timed(read("numbers-5"))
        .key_by_value(|number| number % 11)
        .process(Buckets::default())
        .uid("process")
        .sink(files(timers))
        .uid("timers");
    let left = timed(read("numbers-6")).key_by_value(|number| number % 5);
    let right = timed(read("numbers-7")).filter(|number| number % 3 == 0).key_by_value(|number| number % 5);
    left.connect(right)
        .window(Windows::tumbling(Duration::from_millis(25)))
        .join(|left, right, out: &mut Out<'_, (i64, i64)>| out.emit((*left, *right)))
        .uid("join")
        .sink(files(pairs))
        .uid("pairs");
    env.execute("killed")
}

/// A number's event time is itself.
fn timed(numbers: DataStream<i64, impl Chain<Out = i64>>) -> DataStream<i64, impl Chain<Out = i64>> {
    numbers.assign_timestamps(|number| *number, Watermarks::ascending())
}

/// Counts the numbers of each stretch of event time, and tells it when a timer says that the stretch is over.
#[derive(Clone, Default)]
struct Buckets {
    counts: MapState<i64, i64>,
}

const STRETCH_MS: i64 = 30;

impl KeyedProcess<i64> for Buckets {
    type In = i64;
    type Out = (i64, (i64, i64));

    fn declare(&mut self, states: &mut States<i64>) {
        self.counts = states.map("counts");
        states.timers();
    }

    fn process(&mut self, number: i64, context: &mut KeyedContext<'_, i64, Self::Out>) -> Result<()> {
        let end = (number / STRETCH_MS + 1) * STRETCH_MS;
        let held = self.counts.get(context, &end).copied().unwrap_or_default();
        self.counts.put(context, &end, held + 1);
        context.set_event_timer(end);
        Ok(())
    }

    fn on_timer(&mut self, timer: FiredTimer, context: &mut KeyedContext<'_, i64, Self::Out>) -> Result<()> {
        let count = self.counts.remove(context, &timer.timestamp).unwrap_or_default();
        let key = *context.key();
        context.emit((key, (timer.timestamp, count)));
        Ok(())
    }
}
