//! Joins of windows against a model: random shapes, and records of two streams that meet in any order.
//!
//! Which of two streams is read first is nobody's promise, so the model knows no watermarks: it says what is in each
//! window in the end. A record that is late for one that was told before makes it be told again.

use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use spt_runtime::{Environment, JobControl, JobHandle, JobOptions, Out, RestoreOptions, Watermarks};

use super::collect::Collect;
use super::script::Script;
use super::window_model::{Record, Shape, ms, records, shapes, starts};
use super::word_count::at;

/// More than any record is behind another one of its stream.
const IN_TIME: i64 = 300;
/// More than all event times there are.
const FOR_EVER: i64 = 1_000_000;

/// Key, start and end of a window.
type Window = (i64, (i64, i64));
/// The numbers of both sides.
type Sides = [Vec<i64>; 2];

/// Two streams, and where each is when the job is stopped.
#[derive(Debug, Clone)]
struct Streams {
    sides: [Vec<Record>; 2],
    stop_at: Option<[usize; 2]>,
}

/// What both operators tell.
#[derive(Clone, Default)]
struct Sinks {
    groups: Collect<(Window, String)>,
    pairs: Collect<(i64, i64)>,
}

fn line(mut sides: Sides) -> String {
    sides.iter_mut().for_each(|side| side.sort_unstable());
    format!("{sides:?}")
}

/// Runs the job, and one that goes on from its savepoint at another parallelism if it is to be stopped.
fn run(shape: Shape, out_of_orderness: i64, lateness: i64, streams: &Streams) -> Sinks {
    let (sinks, scripts) = (Sinks::default(), streams.sides.clone().map(Script::new));
    let start = |options| start(shape, out_of_orderness, lateness, &scripts, &sinks, options);
    let (mut options, dir) = (at(1), tempfile::tempdir().unwrap());
    if let Some(stop_at) = streams.stop_at {
        let job = start(options);
        scripts.iter().zip(stop_at).for_each(|(script, stop_at)| script.read_to(stop_at));
        let path = job.stop(Some(dir.path()), false).unwrap();
        options = JobOptions { restore: Some(RestoreOptions::new(path)), ..at(2) };
    }
    scripts.iter().for_each(Script::let_go);
    start(options).wait().unwrap();
    sinks
}

fn start(
    shape: Shape,
    out_of_orderness: i64,
    lateness: i64,
    scripts: &[Script<Record>; 2],
    sinks: &Sinks,
    options: JobOptions,
) -> JobHandle {
    let env = Environment::new();
    let read = |side: usize, uid: &str| {
        let watermarks = Watermarks::bounded_out_of_orderness(ms(out_of_orderness)).after_each_record();
        env.source(scripts[side].clone())
            .uid(format!("{uid}-{side}"))
            .assign_timestamps(|(_, (time, _))| *time, watermarks)
            .uid(format!("{uid}-time-{side}"))
            .key_by_value(|(key, _)| *key)
    };
    read(0, "group")
        .connect(read(1, "group"))
        .window(shape.windows())
        .allowed_lateness(ms(lateness))
        .co_group(|key: &i64, window, left, right, out: &mut Out<'_, (Window, String)>| {
            let sides = [left, right].map(|side| side.iter().map(|(_, (_, number))| *number).collect());
            out.emit(((*key, (window.start, window.end)), line(sides)));
        })
        .uid("group")
        .sink(sinks.groups.clone());
    read(0, "join")
        .connect(read(1, "join"))
        .window(shape.windows())
        .allowed_lateness(ms(lateness))
        .join(|(_, (_, left)), (_, (_, right)), out: &mut Out<'_, (i64, i64)>| out.emit((*left, *right)))
        .uid("join")
        .sink(sinks.pairs.clone());
    env.start("join", options).unwrap()
}

/// Every window there is in the end, and what is in it.
fn model(shape: Shape, streams: &Streams) -> BTreeMap<Window, Sides> {
    let both = streams.sides.iter().enumerate();
    let records =
        || both.clone().flat_map(|(side, records)| records.iter().map(move |record| (side, *record)));
    let mut windows: BTreeMap<Window, Sides> = BTreeMap::new();
    for (side, (key, (time, number))) in records() {
        let spans = match shape {
            Shape::Aligned { size, slide, offset } => {
                starts(time, size, slide, offset).into_iter().map(|start| (start, start + size)).collect()
            }
            Shape::Session { gap } => {
                let times = records().filter(|(_, (other, _))| *other == key).map(|(_, (_, (time, _)))| time);
                vec![session(time, gap, times.collect())]
            }
        };
        for span in spans {
            windows.entry((key, span)).or_default()[side].push(number);
        }
    }
    windows
}

/// The session that a time belongs to, of all times of its key.
fn session(time: i64, gap: i64, mut times: Vec<i64>) -> (i64, i64) {
    times.sort_unstable();
    let together = times.chunk_by(|earlier, later| later - earlier <= gap).find(|run| run.contains(&time));
    let run = together.unwrap();
    (run[0], run[run.len() - 1] + gap)
}

fn streams(is_stopped: bool) -> impl Strategy<Value = Streams> {
    let places = any::<[prop::sample::Index; 2]>();
    ([records(), records()], places).prop_map(move |(sides, places)| {
        let stop_at = [0, 1].map(|side| places[side].index(sides[side].len() + 1));
        Streams { sides, stop_at: is_stopped.then_some(stop_at) }
    })
}

/// Nothing is late: every window is told once, and whole; every two of its records meet once.
fn in_time(shape: Shape, streams: &Streams) -> Result<(), TestCaseError> {
    let (sinks, model) = (run(shape, IN_TIME, 0, streams), model(shape, streams));
    let mut told = sinks.groups.records();
    told.sort_unstable();
    let expected: Vec<_> = model.iter().map(|(window, sides)| (*window, line(sides.clone()))).collect();
    prop_assert_eq!(told, expected);
    let meet = |[left, right]: &Sides| -> Vec<(i64, i64)> {
        left.iter().flat_map(|left| right.iter().map(move |right| (*left, *right))).collect()
    };
    let (mut pairs, mut expected) =
        (sinks.pairs.records(), model.values().flat_map(meet).collect::<Vec<_>>());
    pairs.sort_unstable();
    expected.sort_unstable();
    prop_assert_eq!(pairs, expected);
    Ok(())
}

/// Much is late, and all is waited for: what is told last of a window is whole. What is told of any other one was the
/// beginning of a session.
fn late(shape: Shape, out_of_orderness: i64, streams: &Streams) -> Result<(), TestCaseError> {
    let model = model(shape, streams);
    let told = run(shape, out_of_orderness, FOR_EVER, streams).groups.records();
    let last: BTreeMap<_, _> = told.into_iter().collect();
    for (window, sides) in &model {
        prop_assert_eq!(last.get(window), Some(&line(sides.clone())), "{:?}", window);
    }
    for (key, (start, end)) in last.into_keys().filter(|window| !model.contains_key(window)) {
        let holds = |(of, span): &Window| *of == key && span.0 <= start && end <= span.1;
        let is_beginning = matches!(shape, Shape::Session { .. }) && model.keys().any(holds);
        prop_assert!(is_beginning, "key {}, {}..{}", key, start, end);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, rng_seed: RngSeed::Fixed(1), ..ProptestConfig::default() })]

    #[test]
    fn records_in_time_meet_once_in_each_window_they_share(shape in shapes(), streams in streams(false)) {
        in_time(shape, &streams)?;
    }

    #[test]
    fn a_savepoint_in_their_midst_changes_nothing(shape in shapes(), streams in streams(true)) {
        in_time(shape, &streams)?;
    }

    #[test]
    fn late_records_join_those_that_were_there(
        shape in shapes(),
        out_of_orderness in 0i64..20,
        streams in prop_oneof![streams(false), streams(true)],
    ) {
        late(shape, out_of_orderness, &streams)?;
    }
}
