//! Streams that are partitioned, brought together, divided, and read at different parallelisms.

use std::collections::BTreeMap;
use std::time::Duration;

use spt_format::Partitioning;
use spt_runtime::operators::{CoProcess, OperatorListState, OperatorStates, Process, ProcessContext};
use spt_runtime::state::{Bytes, Uuid};
use spt_runtime::{Environment, JobOptions, OutputTag, Watermarks, Windows};

use super::collect::Collect;
use super::stored::{newest, values};
use super::word_count::at;

fn run(env: &Environment, parallelism: u32) {
    env.start("topology", at(parallelism)).unwrap().wait().unwrap();
}

fn sorted<T: Ord + Clone>(sink: &Collect<T>) -> Vec<T> {
    let mut records = sink.records();
    records.sort();
    records
}

#[test]
fn a_union_has_the_records_of_all_its_streams() {
    for parallelism in [1, 3] {
        let (env, sink) = (Environment::new(), Collect::default());
        let low = env.sequence(0..1_000);
        let high = env.sequence(1_000..2_000).map(|n| *n).parallelism(2);
        low.union(high).union(env.sequence(2_000..3_000)).sink(sink.clone());
        run(&env, parallelism);
        assert_eq!(sorted(&sink), (0..3_000).collect::<Vec<i64>>());
    }
}

#[test]
fn both_ways_of_a_divided_stream_have_all_records() {
    let (env, all, even) = (Environment::new(), Collect::default(), Collect::default());
    let (numbers, copy) = env.sequence(0..1_000).map(|n| *n).tee();
    numbers.filter(|n| n % 2 == 0).sink(even.clone());
    copy.sink(all.clone());
    run(&env, 2);
    assert_eq!(sorted(&all), (0..1_000).collect::<Vec<i64>>());
    assert_eq!(sorted(&even), (0..1_000).step_by(2).collect::<Vec<i64>>());
}

#[test]
fn divided_ways_may_meet_again_while_checkpoints_are_taken() {
    let dir = tempfile::tempdir().unwrap();
    let (env, sink) = (Environment::new(), Collect::default());
    let (numbers, copy) = env.sequence(0..200_000).uid("numbers").tee();
    let summed = numbers.union(copy.map(|n| *n)).key_by_value(|n| n % 10).sum(|_| 1i64).uid("sum");
    summed.sink(sink.clone());
    let options = JobOptions {
        checkpoint_dir: Some(dir.path().into()),
        checkpoint_interval: Some(Duration::from_millis(5)),
        ..at(2)
    };
    let job = env.start("diamond", options).unwrap();
    job.wait().unwrap();
    assert_eq!(sink.largest(), (0..10).map(|key| (key, 40_000)).collect::<BTreeMap<i64, i64>>());
}

/// Which subtask saw how many records.
#[derive(Clone, Default)]
pub(super) struct WhoSaw {
    seen: OperatorListState<i64>,
}

impl Process<i64> for WhoSaw {
    type Out = i64;

    fn declare(&mut self, states: &mut OperatorStates) {
        self.seen = states.list("seen");
    }

    fn process(&mut self, record: i64, context: &mut ProcessContext<'_, i64>) -> spt_runtime::Result<()> {
        let seen = self.seen.get_mut(context);
        match seen.first_mut() {
            Some(seen) => *seen += 1,
            None => seen.push(1),
        }
        context.emit(record);
        Ok(())
    }
}

/// How many records each subtask saw, for a partitioning.
fn shares(partition: impl Fn(&Environment, Collect<i64>)) -> Vec<i64> {
    let dir = tempfile::tempdir().unwrap();
    let (env, sink) = (Environment::new(), Collect::default());
    partition(&env, sink.clone());
    let options = JobOptions { checkpoint_dir: Some(dir.path().into()), ..at(3) };
    let job = env.start("shares", options).unwrap();
    job.wait().unwrap();
    values(&newest(dir.path()), "who", "seen")
}

#[test]
fn each_partitioning_reaches_the_subtasks_it_says() {
    let source = |env: &Environment| env.sequence(0..3_000).uid("numbers");
    let even =
        shares(|env, sink| drop(source(env).rebalance().process(WhoSaw::default()).uid("who").sink(sink)));
    assert_eq!(even, [1_000, 1_000, 1_000]);
    let first =
        shares(|env, sink| drop(source(env).global().process(WhoSaw::default()).uid("who").sink(sink)));
    assert_eq!(first, [3_000]);
    let every =
        shares(|env, sink| drop(source(env).broadcast().process(WhoSaw::default()).uid("who").sink(sink)));
    assert_eq!(every, [3_000, 3_000, 3_000]);
    let any =
        shares(|env, sink| drop(source(env).shuffle().process(WhoSaw::default()).uid("who").sink(sink)));
    assert_eq!((any.len(), any.iter().sum()), (3, 3_000));
    assert!(any.iter().all(|seen| *seen > 500) && any != [1_000; 3], "{any:?}");
    let own =
        shares(|env, sink| drop(source(env).forward().process(WhoSaw::default()).uid("who").sink(sink)));
    assert_eq!(own, [1_000, 1_000, 1_000]);
    let two =
        shares(|env, sink| drop(source(env).process(WhoSaw::default()).uid("who").parallelism(2).sink(sink)));
    assert_eq!(two.len(), 2);
}

#[test]
fn an_operator_with_a_parallelism_of_its_own_runs_behind_an_exchange() {
    let env = Environment::new();
    env.sequence(0..10).uid("numbers").map(|n| *n).uid("map").parallelism(3).sink(Collect::default());
    let plan = env.plan("plan", &JobOptions::default()).unwrap();
    let parallelism: Vec<_> = plan.operators.iter().map(|operator| operator.parallelism).collect();
    assert_eq!(parallelism, [Some(1), Some(3), Some(3)]);
    let edges: Vec<_> = plan.edges.iter().map(|edge| edge.partitioning).collect();
    assert_eq!(edges, [Partitioning::Rebalance, Partitioning::Forward]);
}

#[test]
fn what_names_no_operator_is_refused() {
    let refused = |build: fn(&Environment)| {
        let env = Environment::new();
        build(&env);
        let error = env.start("mistake", JobOptions::default()).err().unwrap();
        assert!(error.is_refusal());
        error.to_string()
    };
    let error = refused(|env| drop(env.sequence(0..1).rebalance().uid("nobody").sink(Collect::default())));
    assert!(error.contains("`uid` names an operator"), "{error}");
    let error = refused(|env| {
        let (numbers, copy) = env.sequence(0..1).uid("numbers").tee();
        drop((numbers.parallelism(2).sink(Collect::default()), copy.sink(Collect::default())));
    });
    assert!(error.contains("parallelism of operator numbers before its stream is divided"), "{error}");
    let error = refused(|env| {
        let lines = env.socket_text_stream("127.0.0.1:1").unwrap();
        drop(lines.uid("lines").parallelism(2).sink(Collect::default()));
    });
    assert!(error.contains("operator lines has parallelism 1, and cannot have 2"), "{error}");
}

#[test]
fn uuids_and_bytes_are_records_and_keys_of_streams() {
    let (env, uuids, bytes) = (Environment::new(), Collect::default(), Collect::default());
    let of = |n: i64| Uuid([n as u8; 16]);
    env.sequence(0..100).map(move |n| of(n % 3)).key_by(|uuid| *uuid).sum(|_| 1i64).sink(uuids.clone());
    let pairs = env.sequence(0..100).map(|n| (Bytes(vec![0; *n as usize % 3]), *n));
    pairs.key_by_value(|(bytes, _)| (*bytes).clone()).max(|(_, n)| *n).sink(bytes.clone());
    run(&env, 2);
    assert_eq!(uuids.largest(), BTreeMap::from([(of(0), 34), (of(1), 33), (of(2), 33)]));
    let largest = [(0, 99), (1, 97), (2, 98)].map(|(length, n)| (Bytes(vec![0; length]), n));
    assert_eq!(bytes.largest(), BTreeMap::from(largest));
}

/// Numbers that are odd leave by another way.
#[derive(Clone)]
struct Sift(OutputTag<String>);

impl Process<i64> for Sift {
    type Out = i64;

    fn process(&mut self, record: i64, context: &mut ProcessContext<'_, i64>) -> spt_runtime::Result<()> {
        match record % 2 {
            0 => context.emit(record),
            _ => context.emit_to(&self.0, format!("odd {record}")),
        }
        Ok(())
    }
}

#[test]
fn a_side_output_has_its_own_type_and_any_number_of_readers() {
    let (env, even, odd, again) =
        (Environment::new(), Collect::default(), Collect::default(), Collect::default());
    let (tag, unread) = (OutputTag::new("odd"), OutputTag::<String>::new("odd"));
    let sifted = env.sequence(0..1_000).process(Sift(tag.clone())).uid("sift");
    sifted.side_output(&tag).sink(odd.clone());
    sifted.side_output(&tag).map(|text| text.len() as i64).sink(again.clone());
    sifted.side_output(&unread).sink(Collect::default());
    sifted.sink(even.clone());
    run(&env, 2);
    assert_eq!((even.records().len(), odd.records().len(), again.records().len()), (500, 500, 500));
    assert!(odd.records().contains(&"odd 7".to_owned()));
}

#[test]
fn a_side_output_of_an_operator_that_has_none_is_refused() {
    let refused = |build: fn(&Environment, &OutputTag<i64>)| {
        let env = Environment::new();
        build(&env, &OutputTag::new("late"));
        let error = env.start("mistake", JobOptions::default()).err().unwrap();
        assert!(error.is_refusal());
        error.to_string()
    };
    let error = refused(|env, tag| {
        let mapped = env.sequence(0..10).uid("numbers").map(|n| *n).uid("map-001");
        mapped.side_output(tag).sink(Collect::default());
        mapped.sink(Collect::default());
    });
    assert_eq!(
        error,
        "operator map-001 has no side outputs: take \"late\" from the process function or window that emits it, \
         right behind that"
    );
    let error = refused(|env, tag| {
        let numbers = env.sequence(0..10).uid("numbers-001");
        numbers.side_output(tag).sink(Collect::default());
        numbers.sink(Collect::default());
    });
    assert!(error.contains("operator numbers-001 has no side outputs"), "{error}");
    let error = refused(|env, tag| {
        let sums = env.sequence(0..10).key_by_value(|n| n % 3).sum(|n| *n).uid("sum-001");
        sums.side_output(tag).sink(Collect::default());
        sums.sink(Collect::default());
    });
    assert!(error.contains("operator sum-001 has no side outputs"), "{error}");
    let error = refused(|env, tag| {
        let windows = env.sequence(0..10).assign_timestamps(|n| *n, Watermarks::ascending());
        let windows = windows.key_by_value(|n| n % 3).window(Windows::tumbling(Duration::from_millis(5)));
        let sums = windows.late_to(tag).sum(|n| *n).uid("sum-001").map(|(_, sum)| *sum).uid("map-001");
        sums.side_output(tag).sink(Collect::default());
        sums.sink(Collect::default());
    });
    assert!(error.contains("operator map-001 has no side outputs"), "{error}");
    let error = refused(|env, tag| {
        let numbers = env.sequence(0..10).uid("numbers").rebalance();
        numbers.side_output(tag).sink(Collect::default());
        numbers.map(|n| *n).sink(Collect::default());
    });
    assert!(error.starts_with("a partitioning has no side outputs"), "{error}");
}

#[test]
fn a_side_output_that_nothing_is_emitted_to_ends_with_its_operator() {
    let (env, late) = (Environment::new(), Collect::<i64>::default());
    let tag = OutputTag::new("late");
    let timed = || env.sequence(0..10).assign_timestamps(|n| *n, Watermarks::ascending());
    let keyed = || timed().key_by_value(|n| n % 3);
    let windows = || Windows::tumbling(Duration::from_millis(5));
    let sums = keyed().window(windows()).sum(|n| *n);
    sums.side_output(&tag).sink(late.clone());
    sums.sink(Collect::default());
    let pairs = keyed().connect(keyed()).window(windows()).join(|a, _, out| out.emit(*a));
    pairs.side_output(&tag).sink(late.clone());
    pairs.sink(Collect::default());
    let (sifted, copy) = env.sequence(0..10).process(Sift(OutputTag::new("odd"))).tee();
    sifted.side_output(&tag).sink(late.clone());
    sifted.sink(Collect::default());
    copy.sink(Collect::default());
    let apart = env.sequence(0..10).process(Sift(OutputTag::new("odd"))).parallelism(3);
    apart.side_output(&tag).sink(late.clone());
    apart.sink(Collect::default());
    run(&env, 2);
    assert!(late.records().is_empty());
}

/// Adds what the second stream last said to the records of the first.
#[derive(Clone, Default)]
struct Add {
    seen: OperatorListState<i64>,
}

impl CoProcess for Add {
    type First = i64;
    type Second = String;
    type Out = String;

    fn declare(&mut self, states: &mut OperatorStates) {
        self.seen = states.list("seen");
    }

    fn first(&mut self, record: i64, context: &mut ProcessContext<'_, String>) -> spt_runtime::Result<()> {
        self.seen.get_mut(context).push(record);
        context.emit(record.to_string());
        Ok(())
    }

    fn second(&mut self, record: &str, context: &mut ProcessContext<'_, String>) -> spt_runtime::Result<()> {
        context.emit(record);
        Ok(())
    }
}

#[test]
fn two_streams_meet_in_one_operator() {
    for (is_broadcast, copies) in [(false, 1), (true, 2)] {
        let (env, sink) = (Environment::new(), Collect::default());
        let numbers = env.sequence(0..100);
        let words = env.collection((0..10).map(|n| format!("word {n}")));
        match is_broadcast {
            true => {
                drop(numbers.connect_broadcast(words).process(Add::default()).uid("add").sink(sink.clone()))
            }
            false => drop(numbers.connect(words).process(Add::default()).uid("add").sink(sink.clone())),
        }
        run(&env, 2);
        let words = sink.records().iter().filter(|record| record.starts_with("word")).count();
        assert_eq!((sink.records().len() - words, words), (100, 10 * copies));
    }
}
