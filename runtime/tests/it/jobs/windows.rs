//! Windows against a count by hand: shapes, lateness, joins, and savepoints in their midst.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use spt_runtime::operators::Aggregate;
use spt_runtime::sources::TextFiles;
use spt_runtime::{
    Clock, Environment, JobControl, JobHandle, JobOptions, Out, OutputTag, RestoreOptions, Watermarks,
    Windows,
};

use super::collect::Collect;
use super::leash::Leash;
use super::script::Script;
use super::stored::states;
use super::word_count::at;

const KEYS: i64 = 7;

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// The event time of a number: out of order by up to 20 ms, with a pause every hundred numbers.
fn time_of(number: i64) -> i64 {
    number * 3 - (number * 7919) % 20 + number / 100 * 500
}

/// The windows of aligned shape that cover a time.
fn covering(time: i64, size: i64, slide: i64) -> Vec<i64> {
    let starts = (time - size + 1)..=time;
    starts.filter(|start| start.rem_euclid(slide) == 0).collect()
}

/// The sum of each key and window, by hand.
fn summed(size: i64, slide: i64, numbers: i64) -> BTreeMap<(i64, i64), i64> {
    let mut sums = BTreeMap::new();
    for number in 0..numbers {
        for start in covering(time_of(number), size, slide) {
            *sums.entry((number % KEYS, start)).or_default() += number;
        }
    }
    sums
}

/// Key, start of the window, sum.
fn windowed(
    source: impl spt_runtime::sources::Source<Item = i64>,
    windows: Windows,
    sink: &Collect<(i64, (i64, i64))>,
) -> Environment {
    let env = Environment::new();
    env.source(source)
        .uid("numbers")
        .assign_timestamps(|n| time_of(*n), Watermarks::bounded_out_of_orderness(ms(20)))
        .uid("time")
        .key_by_value(|n| n % KEYS)
        .window(windows)
        .aggregate_with(Sum, |key, window, sum, out: &mut Out<'_, (i64, (i64, i64))>| {
            out.emit((*key, (window.start, sum)));
        })
        .uid("windows")
        .sink(sink.clone());
    env
}

#[derive(Clone)]
struct Sum;

impl Aggregate<i64> for Sum {
    type Accumulator = i64;
    type Result = i64;

    fn start(&self) -> i64 {
        0
    }

    fn add(&self, sum: &mut i64, record: i64) {
        *sum += record;
    }

    fn merge(&self, sum: &mut i64, other: i64) {
        *sum += other;
    }

    fn result(&self, sum: &i64) -> i64 {
        *sum
    }
}

fn results(sink: &Collect<(i64, (i64, i64))>) -> BTreeMap<(i64, i64), i64> {
    let records = sink.records();
    let by_window: BTreeMap<_, _> =
        records.iter().map(|(key, (start, sum))| ((*key, *start), *sum)).collect();
    assert_eq!(by_window.len(), records.len(), "a window fired twice");
    by_window
}

#[test]
fn aligned_windows_hold_what_covers_them() {
    for (size, slide) in [(100, 100), (100, 40), (50, 120)] {
        for parallelism in [1, 3] {
            let sink = Collect::default();
            let windows = Windows::sliding(ms(size), ms(slide));
            let numbers = Leash::one(0..3_000);
            numbers.let_go();
            windowed(numbers, windows, &sink).start("w", at(parallelism)).unwrap().wait().unwrap();
            let expected = summed(size as i64, slide as i64, 3_000);
            assert_eq!(results(&sink), expected, "{size} {slide} {parallelism}");
        }
    }
}

/// Sessions by hand: key, start, sum.
fn sessions(gap: i64, numbers: i64) -> BTreeMap<(i64, i64), i64> {
    let mut sums = BTreeMap::new();
    for key in 0..KEYS {
        let mut times: Vec<_> =
            (0..numbers).filter(|n| n % KEYS == key).map(|number| (time_of(number), number)).collect();
        times.sort();
        let (mut start, mut last) = (times[0].0, times[0].0);
        for (time, number) in times {
            if time > last + gap {
                start = time;
            }
            last = time;
            *sums.entry((key, start)).or_default() += number;
        }
    }
    sums
}

#[test]
fn sessions_are_one_where_records_bridge_them() {
    for gap in [25, 40, 400] {
        let sink = Collect::default();
        let numbers = Leash::one(0..3_000);
        numbers.let_go();
        windowed(numbers, Windows::session(ms(gap)), &sink).start("s", at(2)).unwrap().wait().unwrap();
        assert_eq!(results(&sink), sessions(gap as i64, 3_000), "gap {gap}");
    }
}

#[test]
fn windows_go_on_from_a_savepoint_at_any_parallelism() {
    let dir = tempfile::tempdir().unwrap();
    for windows in [Windows::tumbling(ms(700)), Windows::session(ms(40))] {
        let (sink, mut path) = (Collect::default(), None);
        for parallelism in [2, 4, 1, 3] {
            let restore = path.map(|path: std::path::PathBuf| RestoreOptions::new(path));
            let options = JobOptions { restore, ..at(parallelism) };
            let job = windowed(Leash::one(0..8_000), windows, &sink).start("w", options).unwrap();
            std::thread::sleep(ms(50));
            path = Some(job.stop(Some(dir.path()), false).unwrap());
        }
        let path = path.unwrap();
        let kinds: BTreeSet<_> = states(&path, "windows").into_iter().map(|(name, ..)| name).collect();
        assert!(kinds.contains("window-contents") && kinds.contains("window-timers"), "{kinds:?}");
        let numbers = Leash::one(0..8_000);
        numbers.let_go();
        let options = JobOptions { restore: Some(RestoreOptions::new(&path)), ..at(2) };
        windowed(numbers, windows, &sink).start("w", options).unwrap().wait().unwrap();
        let expected = match windows == Windows::tumbling(ms(700)) {
            true => summed(700, 700, 8_000),
            false => sessions(40, 8_000),
        };
        assert_eq!(results(&sink), expected);
    }
}

type Pairs = Vec<(i64, i64)>;

/// Records that all operators of a job have dropped.
fn late_records(job: &JobHandle) -> u64 {
    let status = job.status();
    let counts = status.operators.iter().flat_map(|operator| &operator.subtasks);
    counts.map(|counts| counts.late_records).sum()
}

/// Records with their times, each behind the watermark of those before.
fn in_turn(records: &[(i64, i64)], windows: Windows, lateness: u64) -> (Pairs, Pairs, u64) {
    let (env, sink, late) = (Environment::new(), Collect::default(), Collect::default());
    let tag = OutputTag::new("late");
    let summed = env
        .collection(records.to_vec())
        .uid("records")
        .assign_timestamps(|(time, _)| *time, Watermarks::ascending().after_each_record())
        .key_by_value(|_| 1i64)
        .window(windows)
        .allowed_lateness(ms(lateness))
        .late_to(&tag)
        .sum(|(_, n)| *n)
        .uid("sum");
    summed.side_output(&tag).sink(late.clone());
    summed.sink(sink.clone());
    let job = env.start("late", at(1)).unwrap();
    job.wait().unwrap();
    let dropped = late_records(&job);
    (sink.records(), late.records(), dropped)
}

#[test]
fn a_late_record_makes_a_new_result_or_leaves_by_the_side() {
    let records = [(1, 1), (5, 2), (12, 4), (3, 8), (25, 16), (4, 32), (31, 64), (22, 128)];
    let ten = Windows::tumbling(ms(10));
    let (results, late, dropped) = in_turn(&records, ten, 0);
    assert_eq!(results, [(1, 3), (1, 4), (1, 16), (1, 64)]);
    assert_eq!((late, dropped), (vec![(3, 8), (4, 32), (22, 128)], 0));
    let (results, late, _) = in_turn(&records, ten, 10);
    assert_eq!(results, [(1, 3), (1, 11), (1, 4), (1, 16), (1, 144), (1, 64)]);
    assert_eq!(late, [(4, 32)]);
}

#[test]
fn a_late_record_that_bridges_sessions_makes_them_one() {
    let records = [(10, 1), (40, 2), (60, 4), (25, 8), (200, 16)];
    let (results, late, _) = in_turn(&records, Windows::session(ms(15)), 100);
    assert_eq!(results, [(1, 1), (1, 2), (1, 11), (1, 4), (1, 16)]);
    assert!(late.is_empty());
}

#[test]
fn what_was_late_before_a_restore_is_late_after_it() {
    let dir = tempfile::tempdir().unwrap();
    let (sink, late) = (Collect::default(), Collect::default());
    let script = Script::new(vec![(5i64, 1i64), (25, 2), (3, 4), (22, 8), (41, 16)]);
    let start = |options: JobOptions| {
        let (env, tag) = (Environment::new(), OutputTag::new("late"));
        let summed = env
            .source(script.clone())
            .uid("records")
            .assign_timestamps(|(time, _)| *time, Watermarks::ascending().after_each_record())
            .uid("time")
            .key_by_value(|_| 1i64)
            .window(Windows::tumbling(ms(10)))
            .late_to(&tag)
            .sum(|(_, n)| *n)
            .uid("sum");
        summed.side_output(&tag).sink(late.clone());
        summed.sink(sink.clone());
        env.start("late", options).unwrap()
    };
    let job = start(at(1));
    script.read_to(2);
    sink.wait_for(1);
    let path = job.stop(Some(dir.path()), false).unwrap();
    // The window of the first record has fired and is gone: only the watermark tells that the third one is late.
    script.let_go();
    start(JobOptions { restore: Some(RestoreOptions::new(&path)), ..at(1) }).wait().unwrap();
    assert_eq!(sink.records(), [(1, 1), (1, 10), (1, 16)]);
    assert_eq!(late.records(), [(3, 4)]);
}

#[test]
fn late_records_that_nobody_reads_are_counted() {
    let (env, sink) = (Environment::new(), Collect::default());
    env.collection(vec![(1i64, 1i64), (100, 2), (2, 4), (3, 8)])
        .assign_timestamps(|(time, _)| *time, Watermarks::ascending().after_each_record())
        .key_by_value(|_| 1i64)
        .window(Windows::tumbling(ms(10)))
        .reduce(|a, b| (a.0, a.1 + b.1))
        .sink(sink.clone());
    let job = env.start("late", at(1)).unwrap();
    job.wait().unwrap();
    assert_eq!(sink.records(), [(1, 1), (100, 2)]);
    assert_eq!(late_records(&job), 2);
}

#[test]
fn a_record_that_falls_between_windows_is_not_late() {
    let gaps = Windows::sliding(ms(2), ms(10));
    let (results, late, dropped) = in_turn(&[(11, 1), (15, 2), (41, 4), (45, 8), (33, 16)], gaps, 0);
    assert_eq!(results, [(1, 1), (1, 4)]);
    assert_eq!((late, dropped), (vec![(33, 16)], 0));
}

#[test]
fn windows_fire_at_the_end_of_an_input_that_had_fallen_idle() {
    let (env, sink) = (Environment::new(), Collect::default());
    // All at once, and the end a little later.
    env.source(Leash::one(0..1_000))
        .assign_timestamps(|n| *n, Watermarks::ascending().idle_after(Duration::ZERO))
        .key_by_value(|_| 1i64)
        .window(Windows::tumbling(ms(10_000)))
        .sum(|_| 1i64)
        .sink(sink.clone());
    let options = || JobOptions { watermark_interval: ms(1), ..at(1) };
    env.start("idle", options()).unwrap().wait().unwrap();
    assert_eq!(sink.records(), [(1, 1_000)]);
}

#[test]
fn a_job_that_goes_on_after_its_input_had_ended_takes_records_as_before() {
    let dir = tempfile::tempdir().unwrap();
    let (first, second) = (Collect::default(), Collect::default());
    let path = windowed(Leash::one(0..100_000), Windows::tumbling(ms(700)), &first)
        .start("w", at(2))
        .unwrap()
        .stop(Some(dir.path()), true)
        .unwrap();
    let restore = RestoreOptions { allow_drained: true, ..RestoreOptions::new(&path) };
    let numbers = Leash::one(0..100_000);
    numbers.let_go();
    let job = windowed(numbers, Windows::tumbling(ms(700)), &second);
    let job = job.start("w", JobOptions { restore: Some(restore), ..at(2) }).unwrap();
    job.wait().unwrap();
    let numbers: i64 = first.records().iter().chain(&second.records()).map(|(_, (_, sum))| *sum).sum();
    assert_eq!(numbers, (0..100_000).sum::<i64>());
}

#[test]
fn windows_of_the_time_of_day_end_by_the_clock() {
    let (env, sink, clock) = (Environment::new(), Collect::default(), Clock::manual(1_000));
    env.source(Leash::one(0..100_000))
        .key_by_value(|n| n % 2)
        .window(Windows::tumbling(ms(100)).of_processing_time())
        .process(|key: &i64, window, records, out: &mut Out<'_, (i64, (i64, i64))>| {
            out.emit((*key, (window.start, records.len() as i64)));
        })
        .sink(sink.clone());
    let job = env.start("clock", JobOptions { clock: clock.clone(), ..at(1) }).unwrap();
    std::thread::sleep(ms(50));
    assert!(sink.records().is_empty());
    // The last millisecond of the window is not over yet.
    clock.set(1_099);
    std::thread::sleep(ms(50));
    assert!(sink.records().is_empty());
    clock.set(1_100);
    sink.wait_for(2);
    let first = sink.records();
    assert!(first.iter().all(|(_, (start, count))| *start == 1_000 && *count > 0), "{first:?}");
    job.cancel().unwrap();
}

#[test]
fn a_record_without_event_time_fails_the_window_by_name() {
    let env = Environment::new();
    let windows = env.sequence(0..10).key_by_value(|n| *n).window(Windows::tumbling(ms(1)));
    windows.sum(|n| *n).uid("timeless").sink(Collect::default());
    let error = env.start("timeless", at(1)).and_then(|job| job.wait()).unwrap_err().full();
    assert!(error.contains("timeless") && error.contains("assign_timestamps"), "{error}");
}

#[test]
fn records_of_two_streams_meet_in_their_window() {
    let (env, joined, grouped) = (Environment::new(), Collect::default(), Collect::default());
    let time = |n: &i64| *n * 10;
    let pair = |env: &Environment| {
        let left = env.sequence(0..200).assign_timestamps(time, Watermarks::ascending());
        let right = env.sequence(100..300).assign_timestamps(time, Watermarks::ascending());
        left.key_by_value(|n| n % 5)
            .connect(right.map(|n| n.to_string()).key_by_value(|text| text.parse::<i64>().unwrap() % 5))
    };
    pair(&env)
        .window(Windows::tumbling(ms(100)))
        .join(|left, right, out: &mut Out<'_, (i64, i64)>| out.emit((*left, right.parse::<i64>().unwrap())))
        .uid("join")
        .sink(joined.clone());
    pair(&env)
        .window(Windows::tumbling(ms(100)))
        .co_group(|key: &i64, window, left, right, out: &mut Out<'_, (i64, (i64, i64))>| {
            out.emit((window.start + key, (left.len() as i64, right.len() as i64)));
        })
        .uid("group")
        .sink(grouped.clone());
    env.start("join", at(2)).unwrap().wait().unwrap();
    let mut pairs = joined.records();
    pairs.sort();
    // Ten numbers to a window, two of each key; both streams have 100 to 199.
    let expected: BTreeSet<_> = (100..200)
        .flat_map(|left: i64| (100..200).map(move |right| (left, right)))
        .filter(|(left, right)| left % 5 == right % 5 && left / 10 == right / 10)
        .collect();
    assert_eq!(pairs, expected.into_iter().collect::<Vec<_>>());
    let counts: BTreeSet<_> = grouped.records().into_iter().map(|(_, sides)| sides).collect();
    assert_eq!(counts, BTreeSet::from([(2, 0), (2, 2), (0, 2)]));
    assert_eq!(grouped.records().len(), 30 * 5);
}

#[test]
fn records_of_two_streams_meet_in_sliding_windows_and_in_sessions() {
    let join = |windows: Windows, gap: i64| {
        let (env, sink) = (Environment::new(), Collect::default());
        let read = |range: std::ops::Range<i64>| {
            let numbers = env.sequence(range).assign_timestamps(move |n| *n * gap, Watermarks::ascending());
            numbers.key_by_value(|n| n % 2)
        };
        read(0..60)
            .connect(read(30..90))
            .window(windows)
            .join(|left, right, out: &mut Out<'_, (i64, i64)>| out.emit((*left, *right)))
            .sink(sink.clone());
        env.start("join", at(2)).unwrap().wait().unwrap();
        let mut pairs = sink.records();
        pairs.sort_unstable();
        pairs
    };
    let alike = || {
        let pairs = (0..60i64).flat_map(|left| (30..90).map(move |right| (left, right)));
        pairs.filter(|(left, right)| left % 2 == right % 2)
    };
    // Once for each window that has both.
    let both = |(left, right): &(i64, i64)| {
        let starts: BTreeSet<_> = covering(left * 10, 100, 50).into_iter().collect();
        covering(right * 10, 100, 50).into_iter().filter(|start| starts.contains(start)).count()
    };
    let expected: Vec<_> = alike().flat_map(|pair| std::iter::repeat_n(pair, both(&pair))).collect();
    assert_eq!(join(Windows::sliding(ms(100), ms(50)), 10), expected);
    // Records of a key are 20 ms apart: all are one session, or each is one of its own.
    assert_eq!(join(Windows::session(ms(21)), 10), alike().collect::<Vec<_>>());
    let same: Vec<_> = alike().filter(|(left, right)| left == right).collect();
    assert_eq!(join(Windows::session(ms(19)), 10), same);
}

#[test]
fn windows_that_put_a_record_into_more_of_them_than_anyone_can_want_are_refused() {
    let start = |slide: u64| {
        let (env, day) = (Environment::new(), Duration::from_secs(86_400));
        let numbers = env.collection(vec![1i64]).assign_timestamps(|n| *n, Watermarks::ascending());
        let windows = numbers.key_by_value(|n| *n).window(Windows::sliding(day, ms(slide)));
        windows.sum(|n| *n).sink(Collect::default());
        env.start("slide", at(1))
    };
    let error = start(999).err().unwrap().full();
    assert!(error.contains("every 999 ms put each record into 86486"), "{error}");
    assert!(start(3_600_000).unwrap().wait().is_ok());
}

#[test]
fn a_silent_source_holds_windows_up_until_it_is_idle() {
    let dir = tempfile::tempdir().unwrap();
    let run = |idle: Option<Duration>| {
        let (env, sink, script) =
            (Environment::new(), Collect::default(), Script::new((0..100i64).collect()));
        let times = Watermarks::ascending;
        let silent = env.source(TextFiles::new(dir.path()).watch(ms(5))).map(|_| 0i64);
        let silent = silent.assign_timestamps(|n| *n, idle.map_or(times(), |idle| times().idle_after(idle)));
        let numbers = env.source(script.clone()).assign_timestamps(|n| *n, times());
        let both = numbers.union(silent).key_by_value(|_| 1i64).window(Windows::tumbling(ms(10)));
        both.sum(|_| 1i64).sink(sink.clone());
        let options = JobOptions { watermark_interval: ms(2), ..at(1) };
        let job = env.start("silent", options).unwrap();
        script.read_to(100);
        (job, sink)
    };
    let (job, sink) = run(None);
    std::thread::sleep(ms(100));
    assert!(sink.records().is_empty());
    job.cancel().unwrap();
    let (job, sink) = run(Some(ms(20)));
    // The last of ten waits for what is to come.
    sink.wait_for(9);
    assert_eq!(sink.records(), [(1, 10); 9]);
    job.cancel().unwrap();
}

#[test]
fn two_streams_wait_for_late_records_as_long_as_they_are_allowed_to() {
    let (env, sink) = (Environment::new(), Collect::default());
    let times = || Watermarks::ascending().after_each_record();
    let [left, right] = [vec![5i64, 25, 3, 60, 4], vec![6i64, 26, 61]].map(Script::new);
    let read = |script: &Script<i64>| env.source(script.clone()).assign_timestamps(|time| *time, times());
    read(&left)
        .key_by_value(|_| 1i64)
        .connect(read(&right).key_by_value(|_| 1i64))
        .window(Windows::tumbling(ms(10)))
        .allowed_lateness(ms(30))
        .co_group(|_: &i64, window, left, right, out: &mut Out<'_, (i64, (i64, i64))>| {
            out.emit((window.start, (left.len() as i64, right.len() as i64)));
        })
        .sink(sink.clone());
    let job = env.start("late", at(1)).unwrap();
    let read_to = |lefts: usize, rights: usize, results: usize| {
        left.read_to(lefts);
        right.read_to(rights);
        sink.wait_for(results);
    };
    read_to(2, 2, 1);
    // Behind the watermark, by less than the lateness: a new result.
    read_to(3, 2, 2);
    // The window is gone with this watermark, and the last record behind it.
    read_to(4, 3, 3);
    left.let_go();
    right.let_go();
    job.wait().unwrap();
    assert_eq!(sink.records(), [(0, (1, 1)), (0, (2, 1)), (20, (1, 1)), (60, (1, 1))]);
    assert_eq!(late_records(&job), 1);
}
