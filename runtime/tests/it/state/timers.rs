//! Timers against a sorted set, and through snapshots.

use std::collections::BTreeSet;

use proptest::prelude::*;
use spt_format::StateKind;
use spt_runtime::state::{Domain, Timers};

use super::tables::{GROUPS, all, place, snapshot};

type Table = Timers<String, i32>;
type Model = BTreeSet<(Domain, i64, String, i32)>;

#[derive(Debug, Clone)]
enum Step {
    Set(Domain, i64, String, i32),
    Delete(Domain, i64, String, i32),
    Fire(Domain, i64),
}

fn domain() -> impl Strategy<Value = Domain> + Clone {
    prop_oneof![Just(Domain::Event), Just(Domain::Processing)]
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let timer = || (domain(), -5..50i64, "[a-d]", 0..2i32);
    let step = prop_oneof![
        6 => timer().prop_map(|(domain, time, key, namespace)| Step::Set(domain, time, key, namespace)),
        2 => timer().prop_map(|(domain, time, key, namespace)| Step::Delete(domain, time, key, namespace)),
        1 => (domain(), -5..50i64).prop_map(|(domain, now)| Step::Fire(domain, now)),
    ];
    prop::collection::vec(step, 0..200)
}

/// All timers of a domain that are due, and whether they came in order.
fn fire(table: &mut Table, domain: Domain, now: i64) -> Model {
    let mut fired = Model::new();
    let mut last = i64::MIN;
    while let Some(timer) = table.pop_due(domain, now) {
        assert!(timer.timestamp >= last && timer.timestamp <= now);
        last = timer.timestamp;
        assert!(fired.insert((domain, timer.timestamp, timer.key, timer.namespace)), "fired twice");
    }
    fired
}

fn apply(step: &Step, table: &mut Table, model: &mut Model) {
    match step.clone() {
        Step::Set(domain, time, key, namespace) => {
            let is_new = table.set(domain, time, place(&key), &key, &namespace);
            assert_eq!(is_new, model.insert((domain, time, key, namespace)));
        }
        Step::Delete(domain, time, key, namespace) => {
            let was_set = table.delete(domain, time, place(&key), &key, &namespace);
            assert_eq!(was_set, model.remove(&(domain, time, key, namespace)));
        }
        Step::Fire(domain, now) => {
            let due: Model =
                model.iter().filter(|(found, time, ..)| *found == domain && *time <= now).cloned().collect();
            assert_eq!(fire(table, domain, now), due);
            model.retain(|timer| !due.contains(timer));
            let next = model.iter().find(|(found, ..)| *found == domain).map(|(_, time, ..)| *time);
            assert_eq!(table.next(domain), next);
        }
    }
    assert_eq!(table.len(), model.len());
}

proptest! {
    #[test]
    fn timers_behave_like_a_sorted_set_also_after_a_restore(before in steps(), after in steps()) {
        let (mut table, mut model) = (Table::new(all(), "window-timers"), Model::new());
        before.iter().for_each(|step| apply(step, &mut table, &mut model));
        let (frozen, then) = (table.freeze(), model.clone());
        after.iter().for_each(|step| apply(step, &mut table, &mut model));

        let mut again = Table::new(all(), "window-timers");
        let batches = snapshot(&frozen, StateKind::Timer);
        batches.iter().for_each(|batch| again.restore(batch, GROUPS).unwrap());
        again.restored();
        prop_assert_eq!(again.len(), then.len());
        let mut found = fire(&mut again, Domain::Event, i64::MAX);
        found.extend(fire(&mut again, Domain::Processing, i64::MAX));
        prop_assert_eq!(found, then);
        prop_assert!(again.is_empty());
    }
}

#[test]
fn a_clock_that_steps_back_never_fires_a_timer_twice() {
    let mut table = Table::new(all(), "t");
    table.set(Domain::Processing, 100, place("a"), "a", &0);
    assert_eq!(table.pop_due(Domain::Processing, 150).unwrap().timestamp, 100);
    assert_eq!(table.pop_due(Domain::Processing, 50), None);
    assert_eq!(table.pop_due(Domain::Processing, 150), None);
}

#[test]
fn event_timers_wait_for_the_watermark_whatever_the_time_of_day() {
    let mut table = Table::new(all(), "t");
    table.set(Domain::Event, 100, place("a"), "a", &0);
    assert_eq!(table.pop_due(Domain::Processing, i64::MAX), None);
    assert_eq!(table.next(Domain::Processing), None);
    assert_eq!(table.next(Domain::Event), Some(100));
}

#[test]
fn timers_of_another_service_are_refused() {
    let mut table = Table::new(all(), "mine");
    table.set(Domain::Event, 1, place("a"), "a", &0);
    let batch = snapshot(&table.freeze(), StateKind::Timer).remove(0);
    let error = Table::new(all(), "yours").restore(&batch, GROUPS).unwrap_err();
    assert_eq!(error.to_string(), "row 0: timer of service \"mine\", this is \"yours\"");
}
