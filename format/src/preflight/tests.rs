use super::*;
use crate::model::{SavepointKind, State, StateKind, StateSchema, Uid};

fn operator(uid: &str, states: &[(&str, &str)]) -> Operator {
    let mut operator = Operator::with_uid(Uid::new(uid).unwrap(), 2, 128);
    for (name, value) in states {
        let schema = StateSchema::keyed("utf8".parse().unwrap(), value.parse().unwrap());
        operator.states.push(State::new(*name, StateKind::Value, schema));
    }
    operator
}

fn judge(savepoint: Vec<Operator>, job: &[Operator]) -> Preflight {
    let savepoint = Savepoint { operators: savepoint, ..Savepoint::new(SavepointKind::Savepoint, "s") };
    preflight(&savepoint, job, &|_, _| Aliases::default())
}

fn only(preflight: &Preflight) -> &StateVerdict {
    let [state] = preflight.states.as_slice() else { panic!("one state: {preflight:?}") };
    state
}

#[test]
fn the_same_job_restores() {
    let operators = vec![operator("sum-001", &[("sum", "int64")])];
    let found = judge(operators.clone(), &operators);
    assert_eq!(only(&found).verdict, Verdict::Compatible);
    assert_eq!(found.verdict(), Verdict::Compatible);
}

#[test]
fn a_renamed_uid_is_found_by_its_states_and_the_migrate_is_named() {
    let found =
        judge(vec![operator("sum-001", &[("sum", "int64")])], &[operator("total", &[("sum", "int64")])]);
    let [lost, new] = found.states.as_slice() else { panic!("two states: {found:?}") };
    assert_eq!(lost.verdict, Verdict::Lost);
    assert_eq!(lost.migrate, ["--rename-uid", "sum-001=total"]);
    assert_eq!(new.verdict, Verdict::New);
    assert_eq!(found.verdict(), Verdict::Lost);
    assert_eq!(found.migrate(), ["--rename-uid", "sum-001=total"]);
}

#[test]
fn two_candidates_are_both_shown_and_none_is_chosen() {
    let job = [operator("a", &[("sum", "int64")]), operator("b", &[("sum", "int64")])];
    let found = judge(vec![operator("sum-001", &[("sum", "int64")])], &job);
    let lost = &found.states[0];
    assert_eq!(lost.verdict, Verdict::Lost);
    assert!(lost.migrate.is_empty());
    assert_eq!(lost.reason.as_deref(), Some("the job has no such operator; it may be one of \"a\", \"b\""));
}

#[test]
fn a_changed_type_names_the_cast_and_a_changed_max_parallelism_the_rewrite() {
    let mut job = operator("sum-001", &[("sum", "int32")]);
    job.max_parallelism = 256;
    let found = judge(vec![operator("sum-001", &[("sum", "int64")])], &[job]);
    let [groups, state] = found.states.as_slice() else { panic!("two verdicts: {found:?}") };
    assert_eq!(groups.verdict, Verdict::Incompatible);
    assert_eq!(groups.migrate, ["--max-parallelism", "sum-001=256"]);
    assert_eq!(state.verdict, Verdict::NeedsMigration);
    assert_eq!(state.migrate, ["--cast", "sum-001/sum:value=int32"]);
}

#[test]
fn what_is_opaque_is_unknown_and_unknown_is_not_compatible() {
    let operators = vec![operator("sum-001", &[("sum", "struct<a: opaque<com.acme.Blob>>")])];
    let found = judge(operators.clone(), &operators);
    assert_eq!(only(&found).verdict, Verdict::Unknown);
    assert!(!found.verdict().restores());
}

#[test]
fn a_state_nobody_declares_is_carried_and_an_empty_one_is_not_lost() {
    let found = judge(
        vec![operator("sum-001", &[("sum", "int64"), ("old", "utf8")])],
        &[operator("sum-001", &[("sum", "int64")])],
    );
    assert_eq!(found.states[1].verdict, Verdict::CarriedUnused);
    assert_eq!(found.verdict(), Verdict::Compatible);
    let mut gone = operator("gone", &[("x", "int64")]);
    gone.states[0].rows = Some(0);
    assert_eq!(judge(vec![gone], &[]).states, []);
}
