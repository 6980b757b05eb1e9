//! What a job says of itself before a record flows.

use spt_format::OperatorId;
use spt_runtime::operators::{Process, ProcessContext};
use spt_runtime::sinks::{FileSink, Lines};
use spt_runtime::sources::Sequence;
use spt_runtime::{Environment, JobOptions, OutputTag};

use super::collect::Collect;
use super::word_count::{at, word_count};

/// A sum without a uid, behind so many maps.
fn nameless(maps: usize) -> Environment {
    let env = Environment::new();
    let numbers = env.sequence(0..10).uid("numbers");
    if maps == 0 {
        numbers.key_by_value(|number| number % 3).sum(|number| *number).sink(Collect::default());
    } else {
        numbers
            .map(|number| *number)
            .key_by_value(|number| number % 3)
            .sum(|number| *number)
            .sink(Collect::default());
    }
    env
}

fn sum_id(env: &Environment) -> OperatorId {
    let plan = env.plan("job", &at(1)).unwrap();
    let sum = plan.operators.iter().find(|operator| operator.name.as_deref() == Some("sum")).unwrap();
    sum.operator_id.unwrap()
}

#[test]
fn a_plan_lists_operators_states_and_types() {
    let plan = word_count(Sequence::new(0..1), &Collect::default()).plan("wordcount", &at(2)).unwrap();
    let uids: Vec<_> = plan.operators.iter().filter_map(|operator| operator.uid.as_deref()).collect();
    assert_eq!(uids, ["stream-001", "flatMap-001", "map-001", "sum-001"]);
    let states: Vec<_> = plan
        .operators
        .iter()
        .flat_map(|operator| &operator.states)
        .flatten()
        .map(|state| (state.name.as_str(), state.kind.name(), state.value_type.as_deref().unwrap()))
        .collect();
    assert_eq!(
        states,
        [("splits", "operator-list", "struct<next: int64, end: int64>"), ("sum", "reducing", "int64")]
    );
    assert_eq!(plan.operators[3].operator_id, Some(OperatorId::of_uid("sum-001")));
    let chains: Vec<_> = plan.operators.iter().map(|operator| operator.chain.unwrap()).collect();
    assert_eq!(chains, [0, 0, 0, 1, 1]);
    assert!(plan.warnings.is_empty());
}

/// Emits every number to two side outputs.
#[derive(Clone)]
struct Both([OutputTag<i64>; 2]);

impl Process<i64> for Both {
    type Out = i64;

    fn process(&mut self, number: i64, context: &mut ProcessContext<'_, i64>) -> spt_runtime::Result<()> {
        self.0.iter().for_each(|tag| context.emit_to(tag, number));
        Ok(())
    }
}

/// The ids of two sums without uids behind side outputs of these names, in the order of the program.
fn ids_behind(names: [&str; 2]) -> [OperatorId; 2] {
    let tags = names.map(OutputTag::new);
    let env = Environment::new();
    let both = env.sequence(0..10).uid("numbers").process(Both(tags.clone())).uid("both");
    for tag in &tags {
        both.side_output(tag)
            .key_by_value(|number| number % 3)
            .sum(|number| *number)
            .sink(Collect::default());
    }
    both.sink(Collect::default());
    let plan = env.plan("job", &at(1)).unwrap();
    let sums = plan.operators.iter().filter(|operator| operator.name.as_deref() == Some("sum"));
    let ids: Vec<_> = sums.filter_map(|sum| sum.operator_id).collect();
    ids.try_into().unwrap()
}

#[test]
fn an_id_behind_a_side_output_goes_by_its_tag_and_not_by_its_place() {
    let [high, low] = ids_behind(["high", "low"]);
    assert_ne!(high, low);
    assert_eq!(ids_behind(["low", "high"]), [low, high]);
}

#[test]
fn an_id_without_a_uid_follows_from_what_is_around_the_operator() {
    assert_eq!(sum_id(&nameless(0)), sum_id(&nameless(0)));
    assert_ne!(sum_id(&nameless(0)), sum_id(&nameless(1)));
}

#[test]
fn state_without_a_uid_is_a_warning_and_refused_in_strict_mode() {
    let plan = nameless(0).plan("job", &at(1)).unwrap();
    assert_eq!(plan.warnings.len(), 1);
    assert!(plan.warnings[0].contains("\"sum\" has state and no uid"), "{:?}", plan.warnings);
    let error = nameless(0).start("job", JobOptions { strict_uids: true, ..at(1) }).err().unwrap();
    assert!(error.is_refusal() && error.to_string().contains("no uid"), "{error}");
}

#[test]
fn a_sink_with_pending_output_needs_a_uid_as_state_does() {
    let dir = tempfile::tempdir().unwrap();
    let plan = |uid: Option<&str>| {
        let env = Environment::new();
        let written = env.sequence(0..10).uid("numbers").sink(FileSink::<Lines>::new(dir.path()));
        uid.map(|uid| written.uid(uid));
        env
    };
    let warnings = plan(None).plan("job", &at(1)).unwrap().warnings;
    assert_eq!(warnings.len(), 1);
    assert!(warnings[0].contains("has pending output and no uid"), "{warnings:?}");
    let strict = || JobOptions { strict_uids: true, ..at(1) };
    let error = plan(None).start("job", strict()).err().unwrap();
    assert!(error.is_refusal() && error.to_string().contains("no uid"), "{error}");
    assert_eq!(plan(Some("files")).plan("job", &at(1)).unwrap().warnings, [""; 0]);
    plan(Some("files")).start("job", strict()).unwrap().wait().unwrap();
}

#[test]
fn a_graph_that_cannot_run_is_refused() {
    let refusal = |env: &Environment| env.start("job", at(1)).err().unwrap().to_string();
    assert_eq!(refusal(&Environment::new()), "the job has no operators");
    let env = Environment::new();
    let _ = env.sequence(0..1).map(|number| *number);
    assert_eq!(refusal(&env), "nothing reads what operator map emits; add a sink");
    let env = Environment::new();
    env.sequence(0..1).uid("twice").map(|number| *number).uid("twice").sink(Collect::default());
    assert_eq!(refusal(&env), "two operators have the uid \"twice\"; a uid names one operator");
}

#[test]
fn records_are_rebalanced_over_the_subtasks_of_what_follows() {
    let env = Environment::new();
    let sink = Collect::default();
    env.source(Sequence::new(0..10_000)).rebalance().map(|number| *number).sink(sink.clone());
    env.start("job", at(3)).unwrap().wait().unwrap();
    let mut numbers = sink.records();
    numbers.sort_unstable();
    assert_eq!(numbers, (0..10_000).collect::<Vec<i64>>());
}

#[test]
fn reduce_keeps_what_its_function_makes_of_each_record() {
    let env = Environment::new();
    let sink = Collect::default();
    env.sequence(0..1_000)
        .map(|number| (number % 7, *number))
        .key_by(|(key, _)| key)
        .reduce(|held, (key, number)| (*key, held.1.max(*number)))
        .sink(sink.clone());
    env.start("job", at(2)).unwrap().wait().unwrap();
    let largest = sink.largest();
    assert_eq!(largest.len(), 7);
    assert!(largest.iter().all(|(key, number)| number % 7 == *key && *number > 992));
}
