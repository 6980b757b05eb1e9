//! The word count: counted once, whatever interrupts it.

use std::collections::BTreeMap;

use spt_runtime::job::JobState;
use spt_runtime::sources::{Sequence, Source};
use spt_runtime::{Environment, JobControl, JobOptions, RestoreOptions};

use super::collect::Collect;
use super::leash::Leash;

/// Words that a number stands for.
pub(super) fn words_of(number: i64) -> [String; 3] {
    [format!("w{}", number % 97), format!("w{}", number % 1009), "all".to_owned()]
}

pub(super) fn counted(numbers: std::ops::Range<i64>) -> BTreeMap<String, i64> {
    let mut counts = BTreeMap::new();
    numbers.flat_map(words_of).for_each(|word| *counts.entry(word).or_default() += 1);
    counts
}

/// A word count over the words of numbers.
pub(super) fn word_count(source: impl Source<Item = i64>, sink: &Collect<(String, i64)>) -> Environment {
    let env = Environment::new();
    env.source(source)
        .uid("stream-001")
        .flat_map(|number, out| out.extend(words_of(*number)))
        .uid("flatMap-001")
        .map_to::<(String, i64)>(|word| (word, 1))
        .uid("map-001")
        .key_by(|(word, _)| *word)
        .sum(|(_, n)| *n)
        .uid("sum-001")
        .sink(sink.clone());
    env
}

pub(super) fn at(parallelism: u32) -> JobOptions {
    JobOptions { parallelism: Some(parallelism), ..JobOptions::default() }
}

#[test]
fn counts_equal_a_sequential_count() {
    let sink = Collect::default();
    let job = word_count(Sequence::new(0..20_000), &sink).start("wordcount", at(2)).unwrap();
    assert_eq!(job.wait().unwrap(), JobState::Finished);
    assert_eq!(sink.largest(), counted(0..20_000));
    assert_eq!(sink.records().len(), 60_000);
}

#[test]
fn counts_are_exact_after_a_savepoint_and_a_restore_at_another_parallelism() {
    let dir = tempfile::tempdir().unwrap();
    let sink = Collect::default();
    let numbers = Leash::new(0..40_000);
    let job = word_count(numbers.clone(), &sink).start("wordcount", at(2)).unwrap();
    sink.wait_for(5_000);
    let path = job.savepoint(Some(dir.path())).unwrap();
    job.cancel().unwrap();
    assert_eq!(job.wait().unwrap(), JobState::Canceled);

    numbers.let_go();
    let restored = Collect::default();
    let options = JobOptions { restore: Some(RestoreOptions::new(path)), ..at(3) };
    let job = word_count(numbers, &restored).start("wordcount", options).unwrap();
    assert_eq!(job.wait().unwrap(), JobState::Finished);
    assert_eq!(restored.largest(), counted(0..40_000));
    assert!(restored.records().len() < 120_000, "it began anew");
}

#[test]
fn a_job_stopped_with_a_savepoint_goes_on_where_it_stopped() {
    let dir = tempfile::tempdir().unwrap();
    let sink = Collect::default();
    let numbers = Leash::new(0..20_000);
    let job = word_count(numbers.clone(), &sink).start("wordcount", at(3)).unwrap();
    sink.wait_for(5_000);
    let path = job.stop(Some(dir.path()), false).unwrap();
    assert_eq!(job.status().state, JobState::Finished);
    let emitted = sink.records().len();
    numbers.let_go();

    let options = JobOptions { restore: Some(RestoreOptions::new(path)), ..at(2) };
    let job = word_count(numbers, &sink).start("wordcount", options).unwrap();
    job.wait().unwrap();
    assert_eq!(sink.largest(), counted(0..20_000));
    assert_eq!(sink.records().len(), 60_000, "{emitted} before the stop");
}
