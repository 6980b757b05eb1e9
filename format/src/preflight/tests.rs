use super::*;
use crate::model::{PendingOutput, SavepointKind, State, StateKind, StateSchema, Ttl, Uid};

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
    preflight(&savepoint, &Target::new(job))
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
fn no_uid_is_made_up_for_an_operator_that_has_none() {
    let nameless = |id: &str, name: &str| {
        let states = operator("any", &[("sum", "int64")]).states;
        let generated = Operator::with_id(OperatorId::of_uid(id), 2, 128);
        Operator { uid_origin: UidOrigin::Generated, name: Some(name.to_owned()), states, ..generated }
    };
    let (old, new) = (nameless("here", "sum"), nameless("there", "total"));
    let id = old.label();
    let found = judge(vec![old.clone()], &[new]);
    assert_eq!(found.migrate(), Vec::<String>::new());
    let expected = format!(
        "the job has no such operator; \"total\" declares exactly its states and has no uid: give it one in the job, \
         and --rename-uid {id}=UID gives these states the same"
    );
    assert_eq!(found.states[0].reason, Some(expected));

    let found = judge(vec![old.clone()], &[operator("total", &[("sum", "int64")])]);
    assert_eq!(found.migrate(), ["--rename-uid".to_owned(), format!("{id}=total")]);

    let found = judge(vec![old], &[]);
    let expected = format!(
        "the job has no such operator; it had no uid: --rename-uid {id}=UID gives it that of an operator of the job"
    );
    assert_eq!(only(&found).reason, Some(expected));
}

#[test]
fn a_state_that_is_dropped_needs_no_other_flag() {
    let of = |key: &str, value: &str| {
        let mut operator = operator("sum-001", &[]);
        let schema = StateSchema::keyed(key.parse().unwrap(), value.parse().unwrap());
        operator.states.push(State::new("sum", StateKind::Value, schema));
        operator
    };
    let job = of("struct<a: utf8, b: int64>", "int32");
    let found = judge(vec![of("struct<a: utf8>", "int64")], &[job]);
    assert_eq!(only(&found).verdict, Verdict::Incompatible);
    assert!(only(&found).reason.as_ref().unwrap().contains("value: int64"), "{found:?}");
    assert_eq!(found.migrate(), ["--drop-state", "sum-001/sum"]);
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

/// The verdict and code of the only state when Flink restores it.
fn by_flink(version: &str, old: Operator, new: Operator) -> (Verdict, Code) {
    let savepoint = Savepoint { operators: vec![old], ..Savepoint::new(SavepointKind::Savepoint, "s") };
    let found = preflight(&savepoint, &Target::new(&[new]).flink(Some(version.parse().unwrap())));
    (only(&found).verdict, only(&found).code)
}

#[test]
fn flink_widens_nothing_and_adds_fields_to_pojos_only() {
    let of = |ty: &str| operator("sum-001", &[("sum", ty)]);
    let cases = [
        ("int32", "int64", Verdict::Incompatible),
        ("struct<a: int32>", "struct<a: int64>", Verdict::Unknown),
        ("tuple<int32>", "tuple<int64>", Verdict::Incompatible),
        ("struct<a: int32>", "struct<a: int32, b: utf8?>", Verdict::Compatible),
        ("list<struct<a: int32>>", "list<struct<a: int32, b: utf8?>>", Verdict::Compatible),
        ("tuple<int32>", "tuple<int32, utf8?>", Verdict::Incompatible),
        ("utf8", "int32", Verdict::Incompatible),
        ("int32", "int32", Verdict::Compatible),
    ];
    for (old, new, expected) in cases {
        assert_eq!(by_flink("2.1", of(old), of(new)).0, expected, "{old} to {new}");
    }
}

#[test]
fn a_time_to_live_that_is_switched_depends_on_the_flink() {
    let plain = operator("sum-001", &[("sum", "int64")]);
    let mut timed = plain.clone();
    timed.states[0].ttl = Some(Ttl { duration_ms: None });
    timed.states[0].schema.ttl = true;
    for (old, new) in [(&plain, &timed), (&timed, &plain)] {
        let judged = |version| by_flink(version, old.clone(), new.clone());
        assert_eq!(judged("1.20"), (Verdict::Incompatible, Code::TtlSwitched));
        assert_eq!(judged("2.1"), (Verdict::Unknown, Code::TtlSwitched));
        assert_eq!(judged("2.3").0, Verdict::Compatible);
    }
}

#[test]
fn coordinator_state_goes_to_the_same_source_as_it_is() {
    let mut source = operator("source", &[]);
    let schema = StateSchema::per_subtask("opaque<coordinator>".parse().unwrap());
    source.states.push(State::new("coordinator", StateKind::Coordinator, schema));
    assert_eq!(judge(vec![source.clone()], &[operator("source", &[])]).verdict(), Verdict::Compatible);
    assert_eq!(judge(vec![source], &[]).verdict(), Verdict::Lost);
}

#[test]
fn states_of_which_a_plan_tells_nothing_are_unknown() {
    let savepoint = Savepoint {
        operators: vec![operator("sum-001", &[("sum", "int64")])],
        ..Savepoint::new(SavepointKind::Savepoint, "s")
    };
    let job = [operator("sum-001", &[])];
    let found = preflight(&savepoint, &Target::new(&job).untold(&|_| true));
    assert_eq!(only(&found).verdict, Verdict::Unknown);
}

#[test]
fn pending_output_of_a_sink_that_is_gone_is_lost_once() {
    let sink = operator("sink", &[]);
    let pending = PendingOutput { operator: sink.id, output: serde_json::Value::Null };
    let savepoint = Savepoint {
        operators: vec![sink.clone()],
        pending: vec![pending.clone(), pending],
        ..Savepoint::new(SavepointKind::Savepoint, "s")
    };
    assert_eq!(preflight(&savepoint, &Target::new(&[sink])).states, []);
    let found = preflight(&savepoint, &Target::new(&[]));
    assert_eq!((only(&found).verdict, only(&found).code), (Verdict::Lost, Code::PendingOutputLost));
}

#[test]
fn what_the_reader_objects_to_counts_if_it_is_worse() {
    let operators = vec![operator("sum-001", &[("sum", "int64")])];
    let savepoint =
        Savepoint { operators: operators.clone(), ..Savepoint::new(SavepointKind::Savepoint, "s") };
    let objection = |verdict| Objection { verdict, code: Code::KryoOfFlink1, reason: "so".into() };
    for (verdict, code) in
        [(Verdict::Unknown, Code::KryoOfFlink1), (Verdict::Incompatible, Code::KryoOfFlink1)]
    {
        let objections = |_| vec![objection(verdict)];
        let found = preflight(&savepoint, &Target::new(&operators).objections(&objections));
        assert_eq!((only(&found).verdict, only(&found).code), (verdict, code));
        assert_eq!(only(&found).finding().unwrap().message, "so");
    }
}
