//! Sources that keep together in event time.

use std::time::{Duration, Instant};

use spt_runtime::sources::{Sequence, TextFiles};
use spt_runtime::{Environment, JobControl, JobHandle, Watermarks};

use super::collect::Collect;
use super::leash::Leash;
use super::word_count::at;

/// Numbers that the fast source reads in a second; each is a millisecond of event time.
const RATE: f64 = 200_000.0;

fn together() -> Watermarks {
    Watermarks::ascending().aligned("together", Duration::from_secs(5))
}

/// Adds the fast source; what it reads goes nowhere.
fn add_fast(env: &Environment) {
    let fast = env.source(Sequence::new(0..i64::MAX).per_second(RATE)).uid("fast");
    fast.assign_timestamps(|n| *n, together()).filter(|_| false).sink(Collect::default());
}

/// Records that a source has read.
fn read(job: &JobHandle, uid: &str) -> u64 {
    let status = job.status();
    let source = status.operators.iter().find(|operator| operator.uid.as_deref() == Some(uid)).unwrap();
    source.subtasks.iter().map(|subtask| subtask.records_in).sum()
}

fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(60);
    while !is_so() {
        assert!(Instant::now() < end, "waited in vain: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_source_that_is_ahead_waits_for_the_slowest_and_lets_barriers_pass() {
    let (dir, env, slow) = (tempfile::tempdir().unwrap(), Environment::new(), Leash::one(0..i64::MAX));
    add_fast(&env);
    let numbers = env.source(slow.clone()).uid("slow").assign_timestamps(|n| *n, together());
    numbers.filter(|_| false).sink(Collect::default());
    let options = spt_runtime::JobOptions { watermark_interval: Duration::from_millis(5), ..at(1) };
    let job = env.start("aligned", options).unwrap();
    // In this time it would read tens of thousands.
    until("the fast source is held", || {
        let (fast, slow) = (read(&job, "fast"), read(&job, "slow"));
        std::thread::sleep(Duration::from_millis(200));
        fast > 0 && read(&job, "fast") == fast && read(&job, "slow") > slow
    });
    let held_at = read(&job, "fast");
    job.savepoint(Some(dir.path())).unwrap();
    assert!(read(&job, "fast") - held_at < 10_000, "the savepoint let it go");
    slow.let_go();
    until("the fast source goes on", || read(&job, "fast") > held_at + 50_000);
    job.cancel().unwrap();
}

#[test]
fn who_is_idle_or_has_ended_holds_nobody_up() {
    let (dir, env) = (tempfile::tempdir().unwrap(), Environment::new());
    add_fast(&env);
    let silent = env.source(TextFiles::new(dir.path()).watch(Duration::from_millis(5))).uid("silent");
    let silent = silent.assign_timestamps(|_| 0, together().idle_after(Duration::from_millis(50)));
    silent.sink(Collect::default());
    env.sequence(0..10).assign_timestamps(|n| *n, together()).sink(Collect::default());
    let job = env.start("aligned", at(1)).unwrap();
    until("the fast source goes on", || read(&job, "fast") > 50_000);
    job.cancel().unwrap();
}

#[test]
fn what_cannot_be_held_is_refused() {
    let env = Environment::new();
    let numbers = env.sequence(0..10).rebalance().assign_timestamps(|n| *n, together()).uid("time");
    numbers.sink(Collect::default());
    let refusal = env.start("aligned", at(1)).err().unwrap().full();
    assert!(refusal.contains("operator time") && refusal.contains("only a source can be held"), "{refusal}");
}
