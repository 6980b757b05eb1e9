//! Lists, maps, values with a time to live and broadcast maps, against simple models and through snapshots.

use std::collections::BTreeMap;

use proptest::prelude::*;
use spt_format::{StateKind, StateSchema};
use spt_runtime::state::{
    BroadcastTable, Key, KeyedTable, ListCell, MapCell, State, TimeWindow, Timed, Touch, Ttl,
};

use super::tables::{all, place, snapshot, through_snapshot};

type Lists = KeyedTable<String, ListCell<i64>>;
type Maps = KeyedTable<String, MapCell<i32, String>, TimeWindow>;

const WINDOW: TimeWindow = TimeWindow { start: 0, end: 1000 };

#[test]
fn a_list_is_a_row_per_element_and_comes_back() {
    let mut lists = Lists::new(all());
    for (key, count) in [("a", 1), ("long", 20_000), ("b", 300)] {
        let list = lists.get_or_insert_with(place(key), key, &(), ListCell::default).unwrap();
        list.extend(0..count);
    }
    let frozen = lists.freeze();
    assert_eq!(frozen.rows().iter().map(|(_, rows)| rows).sum::<u64>(), 20_301);
    lists.get_mut(place("long"), "long", &()).unwrap().push(-1);
    let batches = snapshot(&frozen, StateKind::List);
    assert!(batches.iter().all(|batch| batch.num_rows() <= 8192));
    let again: Lists = through_snapshot(&frozen, StateKind::List);
    assert!(again.get(place("long"), "long", &()).unwrap().iter().copied().eq(0..20_000));
    assert_eq!(again.get(place("b"), "b", &()).unwrap().len(), 300);
}

#[test]
fn a_list_whose_elements_are_not_all_there_is_refused() {
    let mut lists = Lists::new(all());
    lists.get_or_insert_with(place("a"), "a", &(), ListCell::default).unwrap().extend([1, 2, 3]);
    let batch = snapshot(&lists.freeze(), StateKind::List).remove(0);
    let error = Lists::new(all()).restore(&batch.slice(1, 2), 128).unwrap_err();
    assert_eq!(error.to_string(), "row 0: index is 1, expected 0");
}

#[derive(Debug, Clone)]
enum Step {
    Put(i32, String),
    Remove(i32),
    RetainAbove(i32),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        20 => (0..2000i32, "[a-z]{0,3}").prop_map(|(key, value)| Step::Put(key, value)),
        12 => (0..2000i32).prop_map(Step::Remove),
        1 => (0..500i32).prop_map(Step::RetainAbove),
    ];
    prop::collection::vec(step, 0..1500)
}

fn apply(step: &Step, cell: &mut MapCell<i32, String>, model: &mut BTreeMap<i32, String>) {
    match step {
        Step::Put(key, value) => assert_eq!(cell.put(key, value.clone()), model.insert(*key, value.clone())),
        Step::Remove(key) => assert_eq!(cell.remove(key), model.remove(key)),
        Step::RetainAbove(least) => {
            cell.retain(|key, _| key >= least);
            model.retain(|key, _| key >= least);
        }
    }
    assert_eq!(cell.len(), model.len());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn a_map_behaves_like_a_sorted_map_and_a_snapshot_of_it_stays(
        before in steps(),
        after in steps(),
    ) {
        let (mut maps, mut model) = (Maps::new(all()), BTreeMap::new());
        let cell = maps.get_or_insert_with(place("k"), "k", &WINDOW, MapCell::default).unwrap();
        before.iter().for_each(|step| apply(step, cell, &mut model));
        let (frozen, then) = (maps.freeze(), model.clone());
        let cell = maps.get_mut(place("k"), "k", &WINDOW).unwrap();
        after.iter().for_each(|step| apply(step, cell, &mut model));
        prop_assert!(cell.iter().eq(model.iter()));
        prop_assert!((0..2000).all(|key| cell.get(&key) == model.get(&key)));

        let again: Maps = through_snapshot(&frozen, StateKind::Map);
        let found: Vec<_> = again.get(place("k"), "k", &WINDOW).map_or(vec![], |cell| cell.iter().collect());
        prop_assert!(found.into_iter().eq(then.iter()));
    }
}

#[test]
fn a_large_map_is_cut_into_batches() {
    let mut maps = Maps::new(all());
    let cell = maps.get_or_insert_with(place("k"), "k", &WINDOW, MapCell::default).unwrap();
    (0..20_000).rev().for_each(|key| drop(cell.put(&key, key.to_string())));
    let frozen = maps.freeze();
    assert_eq!(snapshot(&frozen, StateKind::Map).len(), 3);
    let again: Maps = through_snapshot(&frozen, StateKind::Map);
    assert!(again.get(place("k"), "k", &WINDOW).unwrap().iter().map(|(key, _)| *key).eq(0..20_000));
}

#[test]
fn an_expired_value_is_never_returned_and_a_write_starts_anew() {
    let ttl = Ttl::of_ms(100);
    let mut table = KeyedTable::<String, Timed<i64>>::new(all());
    let mut add = |now, amount| {
        let sum = ttl.get_or_insert_with(&mut table, place("a"), "a", &(), now, || 0).unwrap();
        *sum += amount;
        *sum
    };
    assert_eq!([add(0, 1), add(99, 1), add(198, 1), add(298, 1)], [1, 2, 3, 1]);
    assert_eq!(ttl.get(&mut table, place("a"), "a", &(), 397), Some(&1));
    assert_eq!(ttl.get(&mut table, place("a"), "a", &(), 398), None);
    assert!(table.is_empty());
}

#[test]
fn a_read_is_a_touch_only_if_it_was_asked_for() {
    for (touch, left) in [(Touch::OnWrite, None), (Touch::OnReadAndWrite, Some(&7))] {
        let ttl = Ttl { touch, ..Ttl::of_ms(100) };
        let mut table = KeyedTable::<String, Timed<i64>>::new(all());
        table.put(place("a"), "a", &(), Timed { value: 7, last_access_ms: 0 });
        assert_eq!(ttl.get(&mut table, place("a"), "a", &(), 60), Some(&7));
        assert_eq!(ttl.get(&mut table, place("a"), "a", &(), 120), left, "{touch:?}");
    }
}

#[test]
fn a_sweep_removes_what_has_expired_and_nothing_else() {
    let mut table = KeyedTable::<String, Timed<i64>>::new(all());
    for number in 0..100 {
        let key = number.to_string();
        table.put(place(&key), &key, &(), Timed { value: number, last_access_ms: number });
    }
    assert_eq!(Ttl::of_ms(50).sweep(&mut table, 100), 51);
    assert_eq!(table.len(), 49);
    assert!(table.iter().all(|(_, (), timed)| timed.last_access_ms > 50));
}

#[test]
fn the_last_access_is_restored_and_a_new_duration_applies_to_it() {
    let mut table = KeyedTable::<String, Timed<i64>>::new(all());
    table.put(place("a"), "a", &(), Timed { value: 1, last_access_ms: 1_000 });
    let mut again: KeyedTable<String, Timed<i64>> = through_snapshot(&table.freeze(), StateKind::Value);
    assert_eq!(Ttl::of_ms(10_000).get(&mut again, place("a"), "a", &(), 5_000), Some(&1));
    assert_eq!(Ttl::of_ms(100).get(&mut again, place("a"), "a", &(), 5_000), None);
}

#[test]
fn rows_from_before_a_time_to_live_count_as_touched_when_they_are_restored() {
    let mut plain = KeyedTable::<String, i64>::new(all());
    plain.put(place("a"), "a", &(), 1);
    let before = spt_runtime::state::now_ms();
    let mut timed = KeyedTable::<String, Timed<i64>>::new(all());
    timed.restore(&snapshot(&plain.freeze(), StateKind::Value)[0], 128).unwrap();
    assert!(timed.get(place("a"), "a", &()).unwrap().last_access_ms >= before);
}

#[test]
fn elements_and_entries_may_have_a_time_to_live_of_their_own() {
    let mut table = KeyedTable::<String, MapCell<i32, Timed<i64>>>::new(all());
    let cell = table.get_or_insert_with(place("a"), "a", &(), MapCell::default).unwrap();
    for time in 0..10 {
        cell.put(&(time as i32), Timed { value: time, last_access_ms: time });
    }
    let mut again: KeyedTable<String, MapCell<i32, Timed<i64>>> =
        through_snapshot(&table.freeze(), StateKind::Map);
    let cell = again.get_mut(place("a"), "a", &()).unwrap();
    let is_live = Ttl::of_ms(5).is_live(8);
    cell.retain(|_, timed| is_live(timed));
    assert_eq!(cell.iter().map(|(key, _)| *key).collect::<Vec<_>>(), [4, 5, 6, 7, 8, 9]);

    let mut list: ListCell<Timed<i64>> =
        (0..10).map(|time| Timed { value: time, last_access_ms: time }).collect();
    list.retain(&is_live);
    assert_eq!(list.len(), 6);
}

#[test]
fn a_broadcast_map_comes_back_whole_and_sorted() {
    let mut table = BroadcastTable::<String, i64>::default();
    for number in 0..10_000 {
        table.entries_mut().put(&format!("rule{number}"), number);
    }
    let frozen = table.freeze();
    table.entries_mut().remove("rule1");
    let schema = BroadcastTable::<String, i64>::schema();
    let expected =
        StateSchema { map_key: Some(String::field()), value: Some(i64::field()), ..StateSchema::default() };
    assert_eq!(schema, expected.number());
    let mut again = BroadcastTable::<String, i64>::default();
    let mut last: Option<String> = None;
    for batch in frozen.batches(schema.to_arrow(StateKind::Broadcast).unwrap()) {
        again.restore(&batch.unwrap()).unwrap();
    }
    for (key, _) in again.entries().iter() {
        assert!(last.as_deref().is_none_or(|last| String::order(last, key).is_lt()));
        last = Some(key.clone());
    }
    assert_eq!((again.entries().len(), frozen.rows()), (10_000, 10_000));
    assert_eq!(table.entries().len(), 9_999);
}
