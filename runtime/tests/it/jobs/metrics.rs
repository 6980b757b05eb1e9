//! What a job counts, operator by operator.

use std::time::Duration;

use spt_runtime::job::{JobStatus, OperatorCounts};
use spt_runtime::operators::{Process, ProcessContext};
use spt_runtime::sources::{CsvFiles, Malformed, Sequence};
use spt_runtime::{Environment, JobControl, JobOptions, OutputTag, Watermarks};

use super::collect::Collect;
use super::leash::Leash;
use super::word_count::at;

/// What the subtasks of an operator counted together; of watermarks, the lowest.
fn of(status: &JobStatus, uid: &str) -> OperatorCounts {
    let operator = status.operators.iter().find(|operator| operator.uid.as_deref() == Some(uid)).unwrap();
    let subtasks = operator.subtasks.iter().copied();
    subtasks
        .reduce(|a, b| OperatorCounts {
            records_in: a.records_in + b.records_in,
            records_out: a.records_out + b.records_out,
            late_records: a.late_records + b.late_records,
            skipped_records: a.skipped_records + b.skipped_records,
            input_watermark_ms: a.input_watermark_ms.min(b.input_watermark_ms),
            output_watermark_ms: a.output_watermark_ms.min(b.output_watermark_ms),
        })
        .unwrap()
}

fn records(status: &JobStatus, uid: &str) -> (u64, u64) {
    let counts = of(status, uid);
    (counts.records_in, counts.records_out)
}

/// Emits every record, and those that 10 divides by the side too.
#[derive(Clone)]
struct Tens(OutputTag<i64>);

impl Process<i64> for Tens {
    type Out = i64;

    fn process(&mut self, record: i64, context: &mut ProcessContext<'_, i64>) -> spt_runtime::Result<()> {
        context.emit(record);
        if record % 10 == 0 {
            context.emit_to(&self.0, record);
        }
        Ok(())
    }
}

#[test]
fn each_operator_of_a_chain_counts_what_it_takes_and_emits() {
    let (env, tag) = (Environment::new(), OutputTag::new("tens"));
    let chain = env
        .sequence(0..1_000)
        .uid("source")
        .filter(|n| n % 2 == 0)
        .uid("filter")
        .flat_map(|n, out| out.extend([*n, *n + 1, *n + 2]))
        .uid("flatMap")
        .process(Tens(tag.clone()))
        .uid("process");
    chain.side_output(&tag).map(|n| *n).uid("tens").sink(Collect::default()).uid("side");
    let (main, copy) = chain.tee();
    copy.broadcast().map(|n| *n).uid("everywhere").sink(Collect::default());
    main.key_by_value(|n| n % 7).sum(|n| *n).uid("sum").sink(Collect::default()).uid("sink");
    let job = env.start("metrics", at(2)).unwrap();
    job.wait().unwrap();
    let status = job.status();
    assert_eq!(records(&status, "source"), (1_000, 1_000));
    assert_eq!(records(&status, "filter"), (1_000, 500));
    assert_eq!(records(&status, "flatMap"), (500, 1_500));
    // Of three numbers in a row that begin with an even one, two are even: a fifth of those divide by 10.
    let tens = (0..1_000).step_by(2).flat_map(|n| n..n + 3).filter(|n| n % 10 == 0).count() as u64;
    assert_eq!(records(&status, "process"), (1_500, 1_500 + tens));
    assert_eq!(records(&status, "tens"), (tens, tens));
    assert_eq!(records(&status, "side"), (tens, 0));
    assert_eq!(records(&status, "everywhere"), (3_000, 3_000));
    assert_eq!(records(&status, "sum"), (1_500, 1_500));
    assert_eq!(records(&status, "sink"), (1_500, 0));
    let sum = status.operators.iter().find(|operator| operator.uid.as_deref() == Some("sum")).unwrap();
    assert!(sum.subtasks.len() == 2 && sum.subtasks.iter().all(|subtask| subtask.records_in > 0));
}

#[test]
fn each_operator_knows_the_watermark_it_takes_and_the_one_it_passes_on() {
    let env = Environment::new();
    env.source(Sequence::new(0..1_000_000).per_second(100_000.0))
        .uid("source")
        .assign_timestamps(|n| *n, Watermarks::ascending())
        .uid("time")
        .key_by_value(|n| n % 7)
        .sum(|n| *n)
        .uid("sum")
        .sink(Collect::default())
        .uid("sink");
    let options = JobOptions { watermark_interval: Duration::from_millis(5), ..at(2) };
    let job = env.start("watermarks", options).unwrap();
    let end = std::time::Instant::now() + Duration::from_secs(60);
    while of(&job.status(), "sink").input_watermark_ms.is_none() {
        assert!(std::time::Instant::now() < end, "no watermark came");
        std::thread::sleep(Duration::from_millis(2));
    }
    job.cancel().unwrap();
    let status = job.status();
    assert_eq!(of(&status, "source").output_watermark_ms, None);
    assert_eq!(of(&status, "time").input_watermark_ms, None);
    let [time, sum, sink] = ["time", "sum", "sink"].map(|uid| of(&status, uid));
    assert!(time.output_watermark_ms >= Some(0) && time.output_watermark_ms < Some(1_000_000));
    assert!(sum.input_watermark_ms >= Some(0) && sum.output_watermark_ms >= Some(0));
    assert_eq!(sum.output_watermark_ms, sink.input_watermark_ms);
    assert_eq!(status.vertices[1].watermark_ms, sum.input_watermark_ms);
}

#[test]
fn records_that_a_source_passes_over_are_counted_apart() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("a.csv"), "f0,f1\n1,2\nx,3\n4,5\n6\n").unwrap();
    let (env, sink) = (Environment::new(), Collect::default());
    env.source(CsvFiles::<(i64, i64)>::new(dir.path()).on_malformed(Malformed::Skip))
        .uid("source")
        .sink(sink.clone());
    let job = env.start("skipped", at(1)).unwrap();
    job.wait().unwrap();
    let counts = of(&job.status(), "source");
    assert_eq!(sink.records().len(), 2);
    assert_eq!((counts.records_in, counts.skipped_records), (2, 2));
}

#[test]
fn a_task_that_works_all_the_time_is_busy_and_one_without_input_idle() {
    let env = Environment::new();
    let busy = |n: &i64| {
        let until = std::time::Instant::now() + Duration::from_millis(2);
        while std::time::Instant::now() < until {}
        *n
    };
    env.sequence(0..200).uid("source").map(busy).rebalance().sink(Collect::default());
    let job = env.start("times", at(1)).unwrap();
    job.wait().unwrap();
    let status = job.status();
    let (source, sink) = (status.vertices[0].time(), status.vertices[1].time());
    assert!(source.backpressured_ms < source.busy_ms, "{source:?}");
    assert!(source.busy_ms >= 300 && source.idle_ms < source.busy_ms, "{source:?}");
    assert!(sink.idle_ms >= 300 && sink.busy_ms < sink.idle_ms, "{sink:?}");
}

#[test]
fn a_task_whose_output_nobody_takes_is_backpressured() {
    let env = Environment::new();
    let slow = |number: &i64| {
        std::thread::sleep(Duration::from_micros(100));
        *number
    };
    // Far more than fits between the two.
    env.sequence(0..i64::MAX).uid("source").rebalance().map(slow).sink(Collect::default());
    let job = env.start("times", at(1)).unwrap();
    std::thread::sleep(Duration::from_millis(800));
    let status = job.status();
    let (source, sink) = (status.vertices[0].time(), status.vertices[1].time());
    assert!(source.backpressured_ms > source.busy_ms + source.idle_ms, "{source:?}");
    assert!(sink.backpressured_ms == 0, "{sink:?}");
    job.cancel().unwrap();
}

#[test]
fn rows_and_bytes_of_each_state_are_those_of_the_newest_snapshot() {
    let (dir, env) = (tempfile::tempdir().unwrap(), Environment::new());
    let numbers = env.source(Leash::one(0..100_000)).uid("source");
    numbers.key_by_value(|n| n % 70).sum(|_| 1i64).uid("sum").sink(Collect::default());
    let job = env.start("states", JobOptions { checkpoint_dir: Some(dir.path().into()), ..at(2) }).unwrap();
    while of(&job.status(), "sum").records_out < 70 {
        std::thread::sleep(Duration::from_millis(1));
    }
    assert!(job.checkpoints().states.is_empty());
    job.checkpoint().unwrap();
    let checkpoints = job.checkpoints();
    job.cancel().unwrap();
    let sum = checkpoints.states.iter().find(|state| state.operator == "sum" && state.name == "sum").unwrap();
    assert_eq!((sum.rows, sum.kind.name()), (70, "reducing"));
    let last = checkpoints.latest_completed.unwrap();
    assert!(sum.bytes > 0 && sum.bytes < last.bytes, "{} of {}", sum.bytes, last.bytes);
    assert_eq!((checkpoints.counts.completed, checkpoints.completed_bytes), (1, last.bytes));
}
