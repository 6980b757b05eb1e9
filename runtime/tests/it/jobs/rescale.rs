//! Every parallelism from 1 to 8 goes on from every other, with all kinds of state at once: of keys (with a time to
//! live and without), of operators (split, union, broadcast), timers of both clocks, windows, sessions, joins.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use spt_runtime::operators::{FiredTimer, KeyedContext, KeyedProcess, States};
use spt_runtime::state::Ttl;
use spt_runtime::{
    Clock, Environment, JobControl, JobOptions, Out, RestoreOptions, Result, Watermarks, Windows,
};

use super::collect::Collect;
use super::leash::Leash;
use super::process::{Everything, Mean, Price};
use super::stored::{newest, states, values};
use super::topology::WhoSaw;
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

/// When the timers of the time of day are due, in ms: later than any start but the last.
const DUE: i64 = 1_000_000;
/// Keys that have such a timer.
const ALARMS: i64 = 13;

/// A clock that goes on by itself, faster than that on the wall, but never to where timers are due.
struct Running {
    clock: Clock,
    is_over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Running {
    fn new() -> Self {
        let (clock, is_over) = (Clock::manual(0), Arc::new(AtomicBool::new(false)));
        let (hands, over) = (clock.clone(), Arc::clone(&is_over));
        let run = move || {
            for time in (0..DUE - 1).step_by(20) {
                if over.load(Ordering::SeqCst) {
                    return;
                }
                hands.set(time);
                std::thread::sleep(Duration::from_millis(2));
            }
        };
        Self { clock, is_over, thread: Some(std::thread::spawn(run)) }
    }

    fn options(&self, parallelism: u32) -> JobOptions {
        JobOptions { clock: self.clock.clone(), ..at(parallelism) }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::SeqCst);
        self.thread.take().into_iter().for_each(|thread| thread.join().unwrap());
    }
}

/// Sets a timer of the time of day for each key, and tells when it fires.
#[derive(Clone)]
struct Alarm;

impl KeyedProcess<i64> for Alarm {
    type In = i64;
    type Out = (i64, String);

    fn declare(&mut self, states: &mut States<i64>) {
        states.timers();
    }

    fn process(&mut self, _: i64, context: &mut KeyedContext<'_, i64, Self::Out>) -> Result<()> {
        if context.now_ms() < DUE {
            context.set_processing_timer(DUE);
        }
        Ok(())
    }

    fn on_timer(&mut self, timer: FiredTimer, context: &mut KeyedContext<'_, i64, Self::Out>) -> Result<()> {
        let key = *context.key();
        context.emit((key, format!("alarm {}", timer.timestamp)));
        Ok(())
    }
}

/// A branch for each kind of operator with state; all say what they found as text.
fn everything(numbers: &Leash, sink: &Collect<(i64, String)>) -> Environment {
    let env = Environment::new();
    let read = |uid: &str| {
        let numbers = env.source(numbers.clone()).uid(uid);
        numbers.assign_timestamps(|n| *n, Watermarks::ascending()).uid(format!("time of {uid}"))
    };
    let ms = Duration::from_millis;
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
    read("numbers-7")
        .key_by_value(|n| n % 23)
        .process(Everything::mortal(Ttl::of_ms(10 * DUE as u64)))
        .uid("mortal")
        .map(|(key, text)| (*key, format!("mortal {text}")))
        .sink(sink.clone());
    let alarms = read("numbers-8").key_by_value(|n| n % ALARMS).process(Alarm);
    alarms.uid("alarm").sink(sink.clone());
    let seen = read("numbers-9").rebalance().process(WhoSaw::default()).uid("who");
    seen.filter(|_| false).map(|n| (*n, String::new())).sink(sink.clone());
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
    let (numbers, running) = (Leash::one(0..NUMBERS), Running::new());
    let clock = running.clock.clone();
    let job = everything(&numbers, &undisturbed).start("rescaled", running.options(2)).unwrap();
    // Rates are broadcast before the numbers that they are for, as they are where the job is rescaled; and every
    // timer is set.
    let has_all = || {
        let path = job.savepoint(Some(dir.path())).unwrap();
        let has = |uid: &str, state: &str, count: u64| {
            states(&path, uid).into_iter().any(|(name, _, rows)| name == state && rows == count)
        };
        has("price", "rates", 2) && has("alarm", "timers", ALARMS as u64)
    };
    while !has_all() {}
    drop(running);
    clock.set(2 * DUE);
    undisturbed.wait_for(ALARMS as usize);
    numbers.let_go();
    job.wait().unwrap();

    let (sink, mut path) = (Collect::default(), None::<PathBuf>);
    let (numbers, running) = (Leash::one(0..NUMBERS), Running::new());
    for parallelism in walk() {
        let restore = path.as_deref().map(RestoreOptions::new);
        let options = JobOptions { restore, ..running.options(parallelism) };
        let job = everything(&numbers, &sink).start("rescaled", options).unwrap();
        let next = job.stop(Some(dir.path()), false).unwrap();
        if let Some(used) = path.replace(next) {
            std::fs::remove_dir_all(used).unwrap();
        }
    }
    let path = path.unwrap();
    for uid in ["everything", "mortal"] {
        let stored = states(&path, uid);
        let union: u64 = stored.iter().filter(|(_, kind, _)| kind == "union").map(|(.., rows)| rows).sum();
        assert!(union <= 2 * u64::from(LARGEST), "union lists grew to {union} rows");
        let kinds: BTreeSet<_> = stored.iter().map(|(_, kind, _)| kind.as_str()).collect();
        assert_eq!(
            kinds,
            BTreeSet::from(["aggregating", "list", "map", "reducing", "timer", "union", "value"])
        );
    }
    let alarms = sink.records().into_iter().filter(|(_, text)| text.starts_with("alarm"));
    assert_eq!(alarms.count(), 0, "none is due yet");
    numbers.let_go();
    let options = JobOptions {
        restore: Some(RestoreOptions::new(&path)),
        checkpoint_dir: Some(dir.path().join("checkpoints")),
        clock: Clock::manual(2 * DUE),
        ..at(3)
    };
    everything(&numbers, &sink).start("rescaled", options).unwrap().wait().unwrap();
    assert_eq!(sorted(&sink), sorted(&undisturbed));
    // A list that is split: each element is somebody's.
    let seen: i64 = values(&newest(&dir.path().join("checkpoints")), "who", "seen").into_iter().sum();
    assert_eq!(seen, NUMBERS);
}
