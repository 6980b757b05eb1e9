//! Every parallelism from 1 to 8 goes on from every other, with all kinds of state at once.

use std::collections::BTreeSet;
use std::path::PathBuf;

use spt_runtime::{Environment, JobControl, JobOptions, Out, RestoreOptions, Watermarks, Windows};

use super::collect::Collect;
use super::leash::Leash;
use super::process::{Everything, Mean, Price};
use super::stored::states;
use super::word_count::at;

/// The largest parallelism.
const LARGEST: u32 = 8;
/// More numbers than all starts together emit at once.
const NUMBERS: i64 = 90_000;

/// Parallelisms one after the other, so that each follows each once: a walk over all edges of the complete graph.
fn walk() -> Vec<u32> {
    let mut left: Vec<BTreeSet<u32>> = (0..=LARGEST).map(|_| (1..=LARGEST).collect()).collect();
    let (mut path, mut walk) = (vec![1u32], Vec::new());
    while let Some(here) = path.last().copied() {
        match left[here as usize].pop_first() {
            Some(next) => path.push(next),
            None => walk.extend(path.pop()),
        }
    }
    walk
}

/// A branch for each kind of operator with state; all say what they found as text.
fn everything(numbers: &Leash, sink: &Collect<(i64, String)>) -> Environment {
    let env = Environment::new();
    let read = |uid: &str| {
        let numbers = env.source(numbers.clone()).uid(uid);
        numbers.assign_timestamps(|n| *n, Watermarks::ascending()).uid(format!("time of {uid}"))
    };
    let ms = std::time::Duration::from_millis;
    read("numbers-1")
        .key_by_value(|n| n % 23)
        .process(Everything::default())
        .uid("everything")
        .sink(sink.clone());
    read("numbers-2")
        .key_by_value(|n| n % 11)
        .window(Windows::tumbling(ms(700)))
        .aggregate_with(Mean, |key, window, mean, out: &mut Out<'_, (i64, String)>| {
            out.emit((*key, format!("window {} {mean}", window.start)));
        })
        .uid("windows")
        .sink(sink.clone());
    read("numbers-3")
        .filter(|n| n % 1_000 < 800)
        .key_by_value(|n| n % 5)
        .window(Windows::session(ms(100)))
        .max(|n| *n)
        .uid("sessions")
        .map(|(key, max)| (*key, format!("session {max}")))
        .sink(sink.clone());
    let (left, right) = (read("numbers-4").filter(|n| n % 3 == 0), read("numbers-5").filter(|n| n % 5 == 0));
    left.key_by_value(|n| n % 7)
        .connect(right.key_by_value(|n| n % 7))
        .window(Windows::tumbling(ms(1_000)))
        .co_group(|key: &i64, window, left, right, out: &mut Out<'_, (i64, String)>| {
            out.emit((*key, format!("join {} {} {}", window.start, left.len(), right.len())));
        })
        .uid("join")
        .sink(sink.clone());
    let rates = env.collection(vec![("rate".to_owned(), 3), ("other".to_owned(), 5)]).uid("rates");
    read("numbers-6")
        .filter(|n| *n > NUMBERS - 10)
        .key_by_value(|n| n % 10)
        .connect_broadcast(rates)
        .process(Price::default())
        .uid("price")
        .map(|(number, price)| (*number, format!("price {price}")))
        .sink(sink.clone());
    env
}

fn sorted(sink: &Collect<(i64, String)>) -> Vec<(i64, String)> {
    let mut records = sink.records();
    records.sort();
    records
}

#[test]
fn the_walk_goes_from_every_parallelism_to_every_other() {
    let walk = walk();
    let steps: BTreeSet<_> = walk.windows(2).map(|step| (step[0], step[1])).collect();
    assert_eq!((walk.len(), steps.len()), (65, 64));
}

#[test]
fn output_does_not_depend_on_how_often_and_to_what_parallelism_a_job_was_rescaled() {
    let dir = tempfile::tempdir().unwrap();
    let undisturbed = Collect::default();
    let numbers = Leash::one(0..NUMBERS);
    let job = everything(&numbers, &undisturbed).start("rescaled", at(2)).unwrap();
    // Rates are broadcast before the numbers that they are for, as they are where the job is rescaled.
    let has_rates = |(name, _, rows): (String, String, u64)| name == "rates" && rows == 2;
    while !states(&job.savepoint(Some(dir.path())).unwrap(), "price").into_iter().any(has_rates) {}
    numbers.let_go();
    job.wait().unwrap();
    let (sink, mut path) = (Collect::default(), None::<PathBuf>);
    let numbers = Leash::one(0..NUMBERS);
    for parallelism in walk() {
        let restore = path.as_deref().map(RestoreOptions::new);
        let job =
            everything(&numbers, &sink).start("rescaled", JobOptions { restore, ..at(parallelism) }).unwrap();
        let next = job.stop(Some(dir.path()), false).unwrap();
        if let Some(used) = path.replace(next) {
            std::fs::remove_dir_all(used).unwrap();
        }
    }
    let path = path.unwrap();
    let union: u64 = states(&path, "everything")
        .iter()
        .filter(|(_, kind, _)| kind == "union")
        .map(|(.., rows)| rows)
        .sum();
    assert!(union <= 2 * u64::from(LARGEST), "union lists grew to {union} rows");
    numbers.let_go();
    let restore = Some(RestoreOptions::new(&path));
    everything(&numbers, &sink).start("rescaled", JobOptions { restore, ..at(3) }).unwrap().wait().unwrap();
    assert_eq!(sorted(&sink), sorted(&undisturbed));
}
