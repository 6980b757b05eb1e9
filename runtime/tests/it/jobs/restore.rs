//! What a job may start from, and what is refused.

use std::path::{Path, PathBuf};

use spt_format::{ColumnarReader, SavepointSource};
use spt_runtime::config::NonRestored;
use spt_runtime::sources::Sequence;
use spt_runtime::state::State;
use spt_runtime::{Environment, Error, JobControl, JobOptions, RestoreOptions};

use super::collect::Collect;
use super::leash::Leash;
use super::stored::{newest, values};
use super::topology::WhoSaw;
use super::word_count::{at, counted, word_count};

/// A savepoint of a word count that is still running.
fn savepoint(dir: &Path, parallelism: u32) -> PathBuf {
    let sink = Collect::default();
    let job = word_count(Leash::new(0..10_000), &sink).start("wordcount", at(parallelism)).unwrap();
    sink.wait_for(5_000);
    job.stop(Some(dir), false).unwrap()
}

fn from(path: &Path) -> JobOptions {
    JobOptions { restore: Some(RestoreOptions::new(path)), ..at(2) }
}

/// A job with the word count's source, and a sum under this uid.
fn renamed(uid: &str) -> Environment {
    let env = Environment::new();
    let numbers = env.source(Sequence::new(0..5_000)).uid("stream-001");
    numbers
        .map(|number| (number.to_string(), 1i64))
        .key_by(|(word, _)| *word)
        .sum(|(_, n)| *n)
        .uid(uid)
        .sink(Collect::default());
    env
}

fn refusal(env: &Environment, options: JobOptions) -> Error {
    let error = env.start("wordcount", options).err().unwrap();
    assert!(error.is_refusal(), "{error:?}");
    error
}

#[test]
fn any_parallelism_goes_on_from_any_other() {
    let dir = tempfile::tempdir().unwrap();
    let (sink, mut path) = (Collect::default(), None);
    for parallelism in [1, 4, 2, 3, 1, 5] {
        let restore = path.map(|path: PathBuf| RestoreOptions::new(path));
        let before = sink.records().len();
        let options = JobOptions { restore, ..at(parallelism) };
        let job = word_count(Leash::new(0..30_000), &sink).start("wordcount", options).unwrap();
        sink.wait_for(before + 300);
        path = Some(job.stop(Some(dir.path()), false).unwrap());
    }
    let job = word_count(Sequence::new(0..30_000), &sink).start("wordcount", from(&path.unwrap())).unwrap();
    job.wait().unwrap();
    assert_eq!(sink.largest(), counted(0..30_000));
    assert_eq!(sink.records().len(), 90_000);
}

#[test]
fn every_subtask_reads_its_part_of_a_paced_sequence_after_scaling_up() {
    let dir = tempfile::tempdir().unwrap();
    let sink = Collect::default();
    let job = |source: Sequence| {
        let env = Environment::new();
        env.source(source).uid("numbers").process(WhoSaw::default()).uid("who").sink(sink.clone());
        env
    };
    let first = job(Sequence::new(0..3_000).per_second(200.0)).start("paced", at(1)).unwrap();
    sink.wait_for(10);
    let path = first.stop(Some(dir.path()), false).unwrap();
    let left = 3_000 - sink.records().len() as i64;

    let checkpoints = tempfile::tempdir().unwrap();
    let options =
        JobOptions { checkpoint_dir: Some(checkpoints.path().into()), parallelism: Some(3), ..from(&path) };
    job(Sequence::new(0..3_000).per_second(1e9)).start("paced", options).unwrap().wait().unwrap();
    let mut records = sink.records();
    records.sort_unstable();
    assert_eq!(records, (0..3_000).collect::<Vec<i64>>());
    let seen = values(&newest(checkpoints.path()), "who", "seen");
    assert_eq!(seen.len(), 3);
    assert!(seen.iter().all(|seen| *seen >= left / 3), "{seen:?} of {left}");
}

#[test]
fn a_savepoint_tells_uids_ids_kinds_and_rows() {
    let dir = tempfile::tempdir().unwrap();
    let path = savepoint(dir.path(), 2);
    let reader = ColumnarReader::options().open(&path).unwrap();
    let savepoint = reader.savepoint();
    let sum = savepoint.operators.iter().find(|operator| operator.label() == "sum-001").unwrap();
    assert_eq!((sum.parallelism, sum.max_parallelism), (2, 128));
    let state = &sum.states[0];
    assert_eq!((state.name.as_str(), state.kind.name()), ("sum", "reducing"));
    assert_eq!(state.schema.key.as_ref().unwrap().to_string(), "utf8");
    assert!(state.rows.unwrap() > 97);
    let labels: Vec<_> = savepoint.operators.iter().map(|operator| operator.label()).collect();
    assert_eq!(labels[..4], ["stream-001", "flatMap-001", "map-001", "sum-001"]);
    assert_eq!(savepoint.graph.as_ref().unwrap().edges.len(), 4);
    assert!(savepoint.operators.iter().all(|operator| !operator.finished), "no input had ended");
}

#[test]
fn state_without_an_operator_is_refused_unless_it_is_allowed() {
    let dir = tempfile::tempdir().unwrap();
    let path = savepoint(dir.path(), 2);
    let error = refusal(&renamed("total-001"), from(&path)).to_string();
    for part in ["sum-001", "reducing state \"sum\"", "rows", "--rename-uid sum-001=NEW", "-n sum-001"] {
        assert!(error.contains(part), "{part}: {error}");
    }
    let allowing = |non_restored| JobOptions {
        restore: Some(RestoreOptions { non_restored, ..RestoreOptions::new(&path) }),
        ..at(2)
    };
    refusal(&renamed("total-001"), allowing(NonRestored::Allow(vec!["other".into()])));
    for allowed in [NonRestored::AllowAll, NonRestored::Allow(vec!["sum-001".into()])] {
        renamed("total-001").start("wordcount", allowing(allowed)).unwrap().wait().unwrap();
    }
}

#[test]
fn another_max_parallelism_is_refused_and_the_savepoints_is_adopted() {
    let dir = tempfile::tempdir().unwrap();
    let path = savepoint(dir.path(), 2);
    let counting = || word_count(Sequence::new(0..5_000), &Collect::default());
    let error = refusal(&counting(), JobOptions { max_parallelism: Some(256), ..from(&path) }).to_string();
    assert!(error.contains("128") && error.contains("--max-parallelism sum-001=256"), "{error}");
    let error = refusal(&counting(), JobOptions { parallelism: Some(129), ..from(&path) }).to_string();
    assert!(error.contains("parallelism 129") && error.contains("128"), "{error}");
    let job = counting().start("wordcount", JobOptions { parallelism: Some(100), ..from(&path) }).unwrap();
    assert!(job.status().vertices.iter().all(|vertex| vertex.max_parallelism >= 100));
    assert_eq!(job.status().vertices[1].max_parallelism, 128);
    job.wait().unwrap();
}

#[test]
fn a_drained_savepoint_is_refused_unless_it_is_allowed() {
    let dir = tempfile::tempdir().unwrap();
    let job = word_count(Leash::new(0..50_000), &Collect::default()).start("wordcount", at(2)).unwrap();
    let path = job.stop(Some(dir.path()), true).unwrap();
    let counting = || word_count(Sequence::new(0..5_000), &Collect::default());
    let error = refusal(&counting(), from(&path)).to_string();
    assert!(error.contains("--allow-drained"), "{error}");
}

#[test]
fn a_state_of_another_type_is_refused_with_both_types() {
    let dir = tempfile::tempdir().unwrap();
    let path = savepoint(dir.path(), 2);
    let env = Environment::new();
    let numbers = env.source(Sequence::new(0..5_000)).uid("stream-001");
    numbers
        .map(|number| (*number, 1i64))
        .key_by(|(number, _)| number)
        .sum(|(_, n)| *n)
        .uid("sum-001")
        .sink(Collect::default());
    let error = refusal(&env, from(&path)).to_string();
    assert!(error.contains("key: utf8 in the savepoint, int64 in the job"), "{error}");
}

#[test]
fn a_refusal_names_all_that_does_not_fit_and_one_migration() {
    let dir = tempfile::tempdir().unwrap();
    let counting = |first: &str, groups: u32| {
        let env = Environment::new();
        let numbers = env.source(Leash::new(0..10_000)).uid("numbers");
        let first = numbers.key_by_value(|number| number % 10).sum(|number| *number).uid(first);
        first
            .key_by_value(|(number, _)| number % 10)
            .sum(|(_, sum)| *sum)
            .uid("second")
            .max_parallelism(groups)
            .sink(Collect::default());
        env
    };
    let job = counting("first", 16).start("sums", at(2)).unwrap();
    let path = job.stop(Some(dir.path()), false).unwrap();

    let env = Environment::new();
    let numbers = env.source(Leash::new(0..10_000)).uid("numbers").map(|number| number.to_string());
    let first = numbers.key_by(|text| *text).sum(|_| 1.5f64).uid("first");
    first.key_by_value(|_| 7i64).sum(|_| 7i32).uid("second").max_parallelism(32).sink(Collect::default());
    let error = refusal(&env, from(&path)).to_string();
    for part in [
        "operator first, state \"sum\": key: int64 in the savepoint, utf8 in the job",
        "operator second has max parallelism 16 in the savepoint and 32 in the job",
        "operator second, state \"sum\": value: int64 in the savepoint, int32 in the job",
        "--cast first/sum:key=utf8",
        "--max-parallelism second=32 --cast second/sum:value=int32` would make it fit",
    ] {
        assert!(error.contains(part), "{part}: {error}");
    }
    assert_eq!(error.matches("spt migrate").count(), 1, "{error}");
}

#[test]
fn a_state_that_is_no_longer_declared_goes_from_snapshot_to_snapshot() {
    let dir = tempfile::tempdir().unwrap();
    let path = savepoint(dir.path(), 2);
    let env = Environment::new();
    env.source(Leash::new(0..10_000))
        .uid("stream-001")
        .map(|number| *number)
        .uid("sum-001")
        .sink(Collect::default());
    let job = env
        .start("wordcount", JobOptions { checkpoint_dir: Some(dir.path().into()), ..from(&path) })
        .unwrap();
    let said = job.notes().join("\n");
    assert!(said.contains("operator sum-001 does not declare its reducing state \"sum\" ("), "{said}");
    assert!(said.contains("--drop-state sum-001/sum"), "{said}");
    job.checkpoint().unwrap();
    std::fs::remove_dir_all(&path).unwrap();
    let later = job.stop(Some(dir.path()), false).unwrap();
    let job =
        word_count(Sequence::new(0..5_000), &Collect::default()).start("wordcount", from(&later)).unwrap();
    job.wait().unwrap();
    let reader = ColumnarReader::options().open(&later).unwrap();
    let sum = reader.savepoint().operators.iter().find(|operator| operator.label() == "sum-001").unwrap();
    assert!(sum.states[0].rows.unwrap() > 97);
}

#[test]
fn what_is_no_savepoint_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let counting = word_count(Sequence::new(0..5), &Collect::default());
    let error = refusal(&counting, from(dir.path())).full();
    assert!(error.contains("cannot be started from"), "{error}");
}

#[derive(Debug, Clone, PartialEq, State)]
struct Visits {
    page: String,
    times: i32,
}

#[derive(Debug, Clone, PartialEq, State)]
struct NextVisits {
    page: String,
    #[state(alias = "times")]
    seen: i64,
    #[state(default = 1u8)]
    weight: u8,
}

/// Visits of three pages by number.
fn page(number: i64) -> String {
    format!("page-{}", number % 3)
}

#[test]
fn state_of_the_last_version_is_read_as_that_of_the_next() {
    let dir = tempfile::tempdir().unwrap();
    let (env, sink) = (Environment::new(), Collect::default());
    env.source(Leash::new(0..30_000))
        .uid("numbers")
        .map(|number| Visits { page: page(*number), times: 1 })
        .key_by(|visits| visits.page.as_str())
        .reduce(|held, more| Visits { times: held.times + more.times, ..held.clone() })
        .uid("visits")
        .sink(sink.clone());
    let job = env.start("visits", at(2)).unwrap();
    sink.wait_for(100);
    let path = job.stop(Some(dir.path()), false).unwrap();

    let (env, sink) = (Environment::new(), Collect::default());
    env.source(Sequence::new(0..30_000))
        .uid("numbers")
        .map(|number| NextVisits { page: page(*number), seen: 1, weight: 2 })
        .key_by(|visits| visits.page.as_str())
        .reduce(|held, more| NextVisits { seen: held.seen + more.seen, ..held.clone() })
        .uid("visits")
        .sink(sink.clone());
    let job = env.start("visits", from(&path)).unwrap();
    let said = job.notes().join("\n");
    for part in ["value.seen was called times", "value.seen was int32, and is widened", "value.weight is new"]
    {
        assert!(said.contains(part), "{part}: {said}");
    }
    job.wait().unwrap();
    let last = sink.records().into_iter().max_by_key(|visits| visits.seen).unwrap();
    // The weight is the one a field that was not there before begins with.
    assert_eq!((last.seen, last.weight), (10_000, 1));
}

#[test]
fn an_operator_may_have_a_name_and_key_groups_of_its_own() {
    let dir = tempfile::tempdir().unwrap();
    let summing = |groups: Option<u32>| {
        let env = Environment::new();
        let numbers = env.source(Leash::new(0..10_000)).uid("numbers").name("count up");
        let mut sum =
            numbers.key_by_value(|number| number % 10).sum(|number| *number).uid("sum").name("add up");
        if let Some(groups) = groups {
            sum = sum.max_parallelism(groups);
        }
        sum.sink(Collect::default());
        env
    };
    let options = JobOptions { max_parallelism: Some(64), ..at(2) };
    let plan = summing(Some(16)).plan("sums", &options).unwrap();
    let said: Vec<_> =
        plan.operators.iter().map(|operator| (operator.name.as_deref(), operator.max_parallelism)).collect();
    assert_eq!(said[..2], [(Some("count up"), Some(64)), (Some("add up"), Some(16))]);
    let job = summing(Some(16)).start("sums", options).unwrap();
    let path = job.stop(Some(dir.path()), false).unwrap();

    let error = refusal(&summing(Some(32)), from(&path)).to_string();
    assert!(error.contains("16 in the savepoint and 32 in the job"), "{error}");
    assert!(error.contains("--max-parallelism sum=32"), "{error}");
    let job = summing(None).start("sums", from(&path)).unwrap();
    let sum = job.status().vertices.into_iter().find(|vertex| vertex.name.starts_with("add up")).unwrap();
    assert_eq!(sum.max_parallelism, 16);
    job.cancel().unwrap();
}
