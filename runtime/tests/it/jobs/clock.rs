//! A clock that jumps, forwards and back: nothing fires twice, nothing is lost, nothing waits for the time to come
//! again.

use std::collections::BTreeMap;
use std::time::Duration;

use spt_runtime::operators::{Descriptor, FiredTimer, KeyedContext, KeyedProcess, States, ValueState};
use spt_runtime::state::Ttl;
use spt_runtime::{
    Clock, Environment, JobControl, JobHandle, JobOptions, Out, RestoreOptions, Result, Watermarks, Windows,
};

use super::collect::Collect;
use super::script::Script;
use super::word_count::at;

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn by(clock: &Clock, parallelism: u32) -> JobOptions {
    JobOptions { clock: clock.clone(), watermark_interval: ms(100), ..at(parallelism) }
}

/// Start of the window, then the key and the numbers in it.
type Found = (i64, (i64, i64));

/// Windows of the time of day over a script of numbers.
fn by_the_clock(windows: Windows, script: &Script<i64>, clock: &Clock, sink: &Collect<Found>) -> JobHandle {
    let env = Environment::new();
    env.source(script.clone())
        .key_by_value(|n| n % 2)
        .window(windows.of_processing_time())
        .process(|key: &i64, window, records, out: &mut Out<'_, Found>| {
            out.emit((window.start, (*key, records.len() as i64)));
        })
        .sink(sink.clone());
    env.start("clock", by(clock, 1)).unwrap()
}

/// Lets a script be read on to here, and the records come into their windows.
fn read(script: &Script<i64>, job: &JobHandle, to: usize) {
    script.read_to(to);
    let end = std::time::Instant::now() + Duration::from_secs(60);
    while job.status().vertices.last().unwrap().records_in < to as u64 {
        assert!(std::time::Instant::now() < end, "{:?}", job.status());
        std::thread::sleep(ms(1));
    }
    // Records are counted before they are in their windows.
    std::thread::sleep(ms(20));
}

fn sorted(sink: &Collect<Found>) -> Vec<Found> {
    let mut found = sink.records();
    found.sort_unstable();
    found
}

#[test]
fn each_record_is_in_one_window_however_the_clock_jumps() {
    let (script, clock, sink) = (Script::new((0..40).collect()), Clock::manual(1_000), Collect::default());
    let job = by_the_clock(Windows::tumbling(ms(100)), &script, &clock, &sink);
    read(&script, &job, 10);
    // Far ahead: the window is over, and those that nothing fell into never were.
    clock.set(5_050);
    sink.wait_for(2);
    assert_eq!(sorted(&sink), [(1_000, (0, 5)), (1_000, (1, 5))]);
    read(&script, &job, 20);
    // Back: what is in the window of then waits for its end, what comes now is in the window of now.
    clock.set(2_020);
    read(&script, &job, 30);
    assert_eq!(sink.records().len(), 2);
    clock.set(2_100);
    sink.wait_for(4);
    assert_eq!(sorted(&sink)[2..], [(2_000, (0, 5)), (2_000, (1, 5))]);
    // Back into a window that has fired: it is a new one.
    clock.set(1_010);
    read(&script, &job, 40);
    clock.set(5_100);
    sink.wait_for(8);
    let found = sorted(&sink);
    assert_eq!(found[..4], [(1_000, (0, 5)), (1_000, (0, 5)), (1_000, (1, 5)), (1_000, (1, 5))]);
    assert_eq!(found[6..], [(5_000, (0, 5)), (5_000, (1, 5))]);
    assert_eq!(found.iter().map(|(_, (_, count))| count).sum::<i64>(), 40);
    job.cancel().unwrap();
}

#[test]
fn sliding_windows_and_sessions_of_the_time_of_day_end_by_the_clock() {
    let (script, clock, sink) = (Script::new((0..20).collect()), Clock::manual(1_000), Collect::default());
    let job = by_the_clock(Windows::sliding(ms(100), ms(50)), &script, &clock, &sink);
    read(&script, &job, 10);
    clock.set(1_060);
    sink.wait_for(2);
    assert_eq!(sorted(&sink), [(950, (0, 5)), (950, (1, 5))]);
    read(&script, &job, 20);
    clock.set(2_000);
    sink.wait_for(6);
    assert_eq!(sorted(&sink)[2..], [(1_000, (0, 10)), (1_000, (1, 10)), (1_050, (0, 5)), (1_050, (1, 5))]);
    job.cancel().unwrap();

    let (script, clock, sink) = (Script::new((0..30).collect()), Clock::manual(1_000), Collect::default());
    let job = by_the_clock(Windows::session(ms(100)), &script, &clock, &sink);
    read(&script, &job, 10);
    clock.set(1_080);
    read(&script, &job, 20);
    // The gap begins anew with every record.
    clock.set(1_170);
    std::thread::sleep(ms(30));
    assert!(sink.records().is_empty());
    clock.set(1_180);
    sink.wait_for(2);
    assert_eq!(sorted(&sink), [(1_000, (0, 10)), (1_000, (1, 10))]);
    read(&script, &job, 30);
    clock.set(1_300);
    sink.wait_for(4);
    assert_eq!(sorted(&sink)[2..], [(1_180, (0, 5)), (1_180, (1, 5))]);
    job.cancel().unwrap();
}

#[test]
fn watermarks_go_on_at_once_when_the_clock_steps_back() {
    let (script, clock, sink) =
        (Script::new((0..1_000i64).collect()), Clock::manual(100_000), Collect::default());
    let env = Environment::new();
    env.source(script.clone())
        .assign_timestamps(|n| *n, Watermarks::ascending())
        .key_by_value(|_| 0i64)
        .window(Windows::tumbling(ms(10)))
        .sum(|_| 1i64)
        .sink(sink.clone());
    let job = env.start("back", by(&clock, 1)).unwrap();
    script.read_to(101);
    clock.set(100_200);
    sink.wait_for(10);
    // An hour back, and then only a little forwards.
    clock.set(100_200 - 3_600_000);
    script.read_to(201);
    clock.set(100_400 - 3_600_000);
    sink.wait_for(20);
    assert!(sink.records().iter().all(|record| *record == (0, 10)));
    job.cancel().unwrap();
}

/// Counts the numbers of a key until none came for 100 ms, and tells the count.
#[derive(Clone, Default)]
struct Forgetful {
    count: ValueState<i64>,
}

impl KeyedProcess<i64> for Forgetful {
    type In = i64;
    type Out = (i64, i64);

    fn declare(&mut self, states: &mut States<i64>) {
        self.count = states.value(Descriptor::new("count").ttl(Ttl::of_ms(100)));
    }

    fn process(&mut self, number: i64, context: &mut KeyedContext<'_, i64, Self::Out>) -> Result<()> {
        let count = self.count.get(context).copied().unwrap_or_default() + 1;
        self.count.set(context, count);
        context.emit((number, count));
        Ok(())
    }
}

#[test]
fn a_clock_that_jumps_ahead_lets_values_expire_and_one_that_steps_back_none() {
    let (script, clock, sink) = (Script::new((0..6).collect()), Clock::manual(1_000), Collect::default());
    let env = Environment::new();
    env.source(script.clone())
        .key_by_value(|_| 1i64)
        .process(Forgetful::default())
        .uid("forgetful")
        .sink(sink.clone());
    let job = env.start("ttl", by(&clock, 1)).unwrap();
    let next = |now| {
        clock.set(now);
        let count = sink.records().len() + 1;
        script.read_to(count);
        sink.wait_for(count);
        sink.records()[count - 1].1
    };
    // Touched at 1_000; back at 200 it has longer to live, not shorter, and is touched then.
    assert_eq!([next(1_000), next(200), next(299), next(500), next(100), next(199)], [1, 2, 3, 1, 2, 3]);
    job.cancel().unwrap();
}

/// Sets a timer for 1 s in the time of day with each number before that, and tells numbers and timers apart: the
/// subtask, which has a thread of its own, then the key and the time, 0 for a number.
#[derive(Clone, Default)]
struct Early;

type Told = (String, (i64, i64));

impl Early {
    fn tell(context: &mut KeyedContext<'_, i64, Told>, time: i64) {
        let subtask = std::thread::current().name().unwrap().to_owned();
        let key = *context.key();
        context.emit((subtask, (key, time)));
    }
}

impl KeyedProcess<i64> for Early {
    type In = i64;
    type Out = Told;

    fn declare(&mut self, states: &mut States<i64>) {
        states.timers();
    }

    fn process(&mut self, _: i64, context: &mut KeyedContext<'_, i64, Told>) -> Result<()> {
        let (key, now) = (*context.key(), context.now_ms());
        if now < 1_000 {
            context.set_processing_timer(1_000);
            context.set_processing_timer(1_000 - key);
        }
        Self::tell(context, 0);
        Ok(())
    }

    fn on_timer(&mut self, timer: FiredTimer, context: &mut KeyedContext<'_, i64, Told>) -> Result<()> {
        Self::tell(context, timer.timestamp);
        Ok(())
    }
}

#[test]
fn timers_of_all_keys_that_came_due_while_the_job_was_down_fire_in_order_before_its_first_record() {
    const KEYS: i64 = 10;
    let dir = tempfile::tempdir().unwrap();
    let (clock, script) = (Clock::manual(0), Script::new((0..200).collect()));
    let start = |sink: &Collect<Told>, options: JobOptions| {
        let env = Environment::new();
        let numbers = env.source(script.clone()).uid("numbers").key_by_value(|n| 1 + n % KEYS);
        numbers.process(Early).uid("early").sink(sink.clone());
        env.start("early", options).unwrap()
    };
    let before = Collect::default();
    let job = start(&before, by(&clock, 2));
    script.read_to(100);
    before.wait_for(100);
    let path = job.stop(Some(dir.path()), false).unwrap();
    assert!(before.records().iter().all(|(_, (_, time))| *time == 0));

    clock.set(60_000);
    script.let_go();
    for parallelism in [1, 2, 3] {
        let after = Collect::default();
        let restore = Some(RestoreOptions::new(&path));
        start(&after, JobOptions { restore, ..by(&clock, parallelism) }).wait().unwrap();
        let mut by_subtask: BTreeMap<String, Vec<(i64, i64)>> = BTreeMap::new();
        after
            .records()
            .into_iter()
            .for_each(|(subtask, told)| by_subtask.entry(subtask).or_default().push(told));
        assert!(by_subtask.len() <= parallelism as usize, "{:?}", by_subtask.keys());
        let mut fired = Vec::new();
        for (subtask, told) in by_subtask {
            let (timers, records) = told.split_at(told.partition_point(|(_, time)| *time > 0));
            assert!(
                records.iter().all(|(_, time)| *time == 0),
                "{subtask}: a record, then a timer: {told:?}"
            );
            assert!(timers.is_sorted_by_key(|(_, time)| *time), "{subtask}: {timers:?}");
            fired.extend_from_slice(timers);
        }
        fired.sort_unstable();
        let each_once: Vec<_> = (1..=KEYS).flat_map(|key| [(key, 1_000 - key), (key, 1_000)]).collect();
        assert_eq!(fired, each_once);
        assert_eq!(after.records().len() - fired.len(), 100);
    }
}

#[test]
fn windows_of_the_time_of_day_that_ended_while_the_job_was_down_fire_before_its_first_record() {
    let dir = tempfile::tempdir().unwrap();
    let (script, clock) = (Script::new((0..40).collect()), Clock::manual(1_000));
    let start = |sink: &Collect<Found>, options: JobOptions| {
        let env = Environment::new();
        env.source(script.clone())
            .uid("numbers")
            .key_by_value(|n| n % 2)
            .window(Windows::tumbling(ms(100)).of_processing_time())
            .process(|key: &i64, window, records, out: &mut Out<'_, Found>| {
                out.emit((window.start, (*key, records.len() as i64)));
            })
            .uid("windows")
            .sink(sink.clone());
        env.start("clock", options).unwrap()
    };
    let before = Collect::default();
    let job = start(&before, by(&clock, 2));
    read(&script, &job, 20);
    let path = job.stop(Some(dir.path()), false).unwrap();
    assert!(before.records().is_empty());

    clock.set(5_010);
    let after = Collect::default();
    let job = start(&after, JobOptions { restore: Some(RestoreOptions::new(&path)), ..by(&clock, 3) });
    after.wait_for(2);
    script.read_to(40);
    let end = std::time::Instant::now() + Duration::from_secs(60);
    while job.status().vertices.last().unwrap().records_in < 20 {
        assert!(std::time::Instant::now() < end, "{:?}", job.status());
        std::thread::sleep(ms(1));
    }
    std::thread::sleep(ms(20));
    clock.set(5_100);
    after.wait_for(4);
    assert_eq!(sorted(&after), [(1_000, (0, 10)), (1_000, (1, 10)), (5_000, (0, 10)), (5_000, (1, 10))]);
    job.cancel().unwrap();
}
