//! The table against a map of the standard library, and round trips through snapshots.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow_array::{ArrayRef, Int64Array, RecordBatch, StringArray, UInt16Array};
use arrow_schema::SchemaRef;
use proptest::prelude::*;
use spt_format::{KeyGroupRange, Result, StateKind, StateSchema};

use super::*;
use crate::state::{Places, TextArena};

const GROUPS: u32 = 128;

fn place<K: Key>(key: &K::Borrowed) -> Place {
    Places::new(GROUPS).of::<K>(key)
}

fn schema<K: Key, C: Cell, N: Key>(kind: StateKind) -> SchemaRef {
    let mut schema = StateSchema { key: Some(K::field()), ..StateSchema::default() };
    schema.namespace = N::only().is_none().then(N::field);
    C::describe(&mut schema);
    schema.number().to_arrow(kind).unwrap()
}

fn batches<K: Key, C: Cell, N: Key>(frozen: &Frozen<K, C, N>, range: KeyGroupRange) -> Vec<RecordBatch> {
    let batches = frozen.batches(range, schema::<K, C, N>(StateKind::Value));
    batches.collect::<Result<_>>().unwrap()
}

fn restored<K: Key, C: Cell, N: Key>(batches: &[RecordBatch], range: KeyGroupRange) -> KeyedTable<K, C, N> {
    let mut table = KeyedTable::new(range);
    batches.iter().for_each(|batch| table.restore(batch, GROUPS).unwrap());
    table
}

fn contents<K: Key + Ord, C: Cell, N: Key + Ord>(table: &KeyedTable<K, C, N>) -> BTreeMap<(K, N), C> {
    table.iter().map(|(key, namespace, cell)| ((key.to_owned(), namespace.clone()), cell.clone())).collect()
}

fn words(count: u64) -> KeyedTable<String, i64> {
    let mut table = KeyedTable::<String, i64>::new(KeyGroupRange::all(GROUPS));
    for number in 0..count {
        let word = format!("word{}", number.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        table.put(place::<String>(&word), &word, &(), number as i64);
    }
    table
}

#[derive(Debug, Clone)]
enum Step {
    Put(String, i32, i64),
    Add(String, i32, i64),
    Remove(String, i32),
    Retain(i64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let key = || prop_oneof!["[a-c]{0,2}", "wörd[0-9]{1,3}"];
    let step = prop_oneof![
        4 => (key(), 0..3i32, any::<i64>()).prop_map(|(key, namespace, value)| Step::Put(key, namespace, value)),
        4 => (key(), 0..3i32, any::<i64>()).prop_map(|(key, namespace, value)| Step::Add(key, namespace, value)),
        2 => (key(), 0..3i32).prop_map(|(key, namespace)| Step::Remove(key, namespace)),
        1 => any::<i64>().prop_map(Step::Retain),
    ];
    prop::collection::vec(step, 0..400)
}

type Model = BTreeMap<(String, i32), i64>;

fn apply(step: &Step, table: &mut KeyedTable<String, i64, i32>, model: &mut Model) {
    match step {
        Step::Put(key, namespace, value) => {
            let before = table.put(place::<String>(key), key, namespace, *value);
            assert_eq!(before, model.insert((key.clone(), *namespace), *value));
        }
        Step::Add(key, namespace, value) => {
            let cell = table.get_or_insert_with(place::<String>(key), key, namespace, || 0).unwrap();
            *cell = cell.wrapping_add(*value);
            let cell = model.entry((key.clone(), *namespace)).or_default();
            *cell = cell.wrapping_add(*value);
        }
        Step::Remove(key, namespace) => {
            let before = table.remove(place::<String>(key), key, namespace);
            assert_eq!(before, model.remove(&(key.clone(), *namespace)));
        }
        Step::Retain(least) => {
            table.retain(|_, _, value| value >= least);
            model.retain(|_, value| *value >= *least);
        }
    }
    assert_eq!(table.len(), model.len());
}

proptest! {
    #[test]
    fn behaves_like_a_map_and_snapshots_stay_as_they_were(
        rounds in prop::collection::vec((steps(), any::<bool>()), 1..5),
    ) {
        let range = KeyGroupRange::all(GROUPS);
        let (mut table, mut model) = (KeyedTable::new(range), Model::new());
        let mut snapshots = Vec::new();
        for (steps, forgets) in rounds {
            steps.iter().for_each(|step| apply(step, &mut table, &mut model));
            prop_assert_eq!(&contents(&table), &model);
            if forgets {
                snapshots.clear();
            }
            snapshots.push((table.freeze(), model.clone()));
            for (frozen, then) in &snapshots {
                let again: KeyedTable<String, i64, i32> = restored(&batches(frozen, range), range);
                prop_assert_eq!(&contents(&again), then);
            }
        }
    }
}

#[test]
fn rows_of_a_snapshot_are_in_the_models_order() {
    let frozen = words(20_000).freeze();
    let all = batches(&frozen, KeyGroupRange::all(GROUPS));
    assert!(all.len() > 1);
    let mut keys = Vec::new();
    for batch in &all {
        let groups: arrow_array::UInt16Array = crate::state::downcast(batch.column(0), &"").unwrap();
        let texts: arrow_array::StringArray = crate::state::downcast(batch.column(1), &"").unwrap();
        keys.extend((0..batch.num_rows()).map(|row| (groups.value(row), texts.value(row).to_owned())));
    }
    assert_eq!(keys.len(), 20_000);
    assert!(keys.is_sorted());
}

/// The rows of one key group, sorted, against the order of the keys.
fn assert_sorted<K: Key + Ord>(keys: impl IntoIterator<Item = K>) {
    let range = KeyGroupRange::all(1);
    let (mut table, mut expected) = (KeyedTable::<K, i64>::new(range), BTreeMap::new());
    for (number, key) in (0..).zip(keys) {
        table.put(Places::new(1).of::<K>(key.borrow()), key.borrow(), &(), number);
        expected.insert(key, number);
    }
    let frozen = table.freeze();
    let numbers: Vec<i64> =
        frozen.groups().iter().flat_map(sorted::Sorted::of).map(|(_, cell)| *cell).collect();
    assert_eq!(numbers, expected.into_values().collect::<Vec<_>>());
}

#[test]
fn keys_are_sorted_whatever_they_share() {
    let scattered = || (0..3_000u64).map(|number| number.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    assert_sorted(scattered());
    assert_sorted(scattered().map(u64::cast_signed));
    assert_sorted(scattered().map(|number| (number % 5_000) as i64 - 2_500));
    assert_sorted((0..5).map(|bits| 1u64 << (bits * 15)));
    assert_sorted([7u64]);
    assert_sorted(scattered().map(|number| format!("{number:020}")));
    assert_sorted(scattered().map(|number| format!("shared by all {:b}", number % 4_000)));
    assert_sorted(
        scattered().map(|number| "a\0".repeat(number as usize % 9) + ["", "a", "b"][number as usize % 3]),
    );
    assert_sorted(["", "\0", "\0\0", "\0\0\0\0\0\0\0\0\0"].map(str::to_owned));
    assert_sorted(scattered().map(|number| (number % 3 == 0, format!("{}", number % 500))));
}

#[test]
fn a_key_group_of_any_size_is_whole_in_a_snapshot() {
    let range = KeyGroupRange::all(GROUPS);
    let in_first = |number: &i64| place::<i64>(number).group.0 == 0;
    for size in [1, 23, 24, 25, 500] {
        let keys: Vec<i64> = (0..).filter(in_first).take(size).collect();
        let mut table = KeyedTable::<i64, i64>::new(range);
        keys.iter().rev().for_each(|key| assert_eq!(table.put(place::<i64>(key), key, &(), -key), None));
        let again: KeyedTable<i64, i64> = restored(&batches(&table.freeze(), range), range);
        assert_eq!(contents(&again), keys.iter().map(|key| ((*key, ()), -key)).collect());
    }
}

#[test]
fn strings_of_any_length_are_found_and_restored() {
    let keys: Vec<String> = (0..60).map(|length| "wö".chars().cycle().take(length).collect()).collect();
    let range = KeyGroupRange::all(GROUPS);
    let mut table = KeyedTable::<String, u64>::new(range);
    for (number, key) in (0..).zip(&keys) {
        assert_eq!(table.put(place::<String>(key), key, &(), number), None);
    }
    let again: KeyedTable<String, u64> = restored(&batches(&table.freeze(), range), range);
    for (number, key) in (0..).zip(&keys) {
        assert_eq!(table.get(place::<String>(key), key, &()), Some(&number));
        assert_eq!(again.get(place::<String>(key), key, &()), Some(&number));
    }
    assert_eq!(contents(&again), contents(&table));
}

#[test]
fn ranges_of_a_snapshot_restore_at_another_parallelism() {
    let mut table = words(5_000);
    let frozen = table.freeze();
    assert_eq!(frozen.rows().iter().map(|(_, rows)| rows).sum::<u64>(), 5_000);
    let mut united = BTreeMap::new();
    for subtask in 0..3 {
        let range = KeyGroupRange::of_subtask(subtask, 3, GROUPS).unwrap();
        let part: KeyedTable<String, i64> = restored(&batches(&frozen, range), range);
        assert!(part.len() > 1_000);
        united.extend(contents(&part));
    }
    assert_eq!(united, contents(&table));
}

#[test]
fn a_row_of_another_subtask_is_refused() {
    let all = batches(&words(100).freeze(), KeyGroupRange::all(GROUPS));
    let mut table = KeyedTable::<String, i64>::new(KeyGroupRange::new(0, 1).unwrap());
    let error = table.restore(&all[0], GROUPS).unwrap_err().to_string();
    assert!(error.contains("this subtask has 0..1"), "{error}");
}

#[test]
fn a_row_in_the_wrong_key_group_is_refused() {
    let all = batches(&words(100).freeze(), KeyGroupRange::all(GROUPS));
    let mut table = KeyedTable::<String, i64>::new(KeyGroupRange::all(64));
    let error = table.restore(&all[0], 64).unwrap_err().to_string();
    assert!(error.contains("the key's is"), "{error}");
}

#[test]
fn a_second_row_of_a_key_is_refused() {
    let range = KeyGroupRange::all(GROUPS);
    let all = batches(&words(1).freeze(), range);
    let mut table: KeyedTable<String, i64> = restored(&all, range);
    let error = table.restore(&all[0], GROUPS).unwrap_err().to_string();
    assert_eq!(error, "row 0: a second row for the same key and namespace");
}

#[test]
fn a_key_that_comes_again_in_a_batch_is_refused_wherever_that_is() {
    let range = KeyGroupRange::all(GROUPS);
    for (first, again) in [(0, 1), (0, 127), (127, 128), (3, 299), (298, 299)] {
        let mut keys: Vec<String> = (0..300).map(|number| format!("word-{number}")).collect();
        keys[again] = keys[first].clone();
        let groups = UInt16Array::from_iter_values(keys.iter().map(|key| place::<String>(key).group.0));
        let counts = Int64Array::from_iter_values(0..300);
        let columns: [ArrayRef; 3] = [Arc::new(groups), Arc::new(StringArray::from(keys)), Arc::new(counts)];
        let schema = schema::<String, i64, ()>(StateKind::Value);
        let batch = RecordBatch::try_new(schema, columns.to_vec()).unwrap();
        let mut table = KeyedTable::<String, i64>::new(range);
        let error = table.restore(&batch, GROUPS).unwrap_err().to_string();
        assert_eq!(error, format!("row {again}: a second row for the same key and namespace"));
    }
}

/// Counts keys, and notes what their counts became.
#[derive(Default)]
struct Counting(Vec<(usize, String, i64)>);

impl BatchUpdate<String, i64> for Counting {
    fn first(&mut self, _: usize) -> crate::error::Result<i64> {
        Ok(1)
    }

    fn add(&mut self, _: usize, count: &mut i64) -> crate::error::Result<()> {
        *count += 1;
        Ok(())
    }

    fn emit(&mut self, index: usize, key: &str, count: &i64) -> crate::error::Result<()> {
        self.0.push((index, key.to_owned(), *count));
        Ok(())
    }
}

/// Counts each key of a batch; the keys and what their counts became, in order.
fn count(table: &mut KeyedTable<String, i64>, keys: &[&str], places: &[Place]) -> Vec<(String, i64)> {
    let mut arena = TextArena::default();
    keys.iter().for_each(|key| arena.push(key));
    let mut counting = Counting::default();
    table.update_batch(places, &arena, &mut counting).unwrap();
    assert!(counting.0.iter().map(|(index, ..)| *index).eq(0..keys.len()));
    counting.0.into_iter().map(|(_, key, count)| (key, count)).collect()
}

#[test]
fn a_batch_updates_each_key_in_order() {
    for held in [0, FAR_ROWS] {
        let mut table = words(held as u64);
        let keys = ["a", "b", "a", "c", "a"];
        let places: Vec<_> = keys.iter().map(|key| place::<String>(key)).collect();
        let mut seen = Vec::new();
        for _ in 0..2 {
            seen.extend(count(&mut table, &keys, &places));
        }
        let counts: Vec<_> = seen.iter().map(|(key, count)| (key.as_str(), *count)).collect();
        let expected = [
            ("a", 1),
            ("b", 1),
            ("a", 2),
            ("c", 1),
            ("a", 3),
            ("a", 4),
            ("b", 2),
            ("a", 5),
            ("c", 2),
            ("a", 6),
        ];
        assert_eq!(counts, expected);
        assert_eq!(table.len(), held + 3);
    }
}

#[test]
fn keys_of_one_tag_are_told_apart_in_a_batch() {
    let mut table = KeyedTable::<String, i64>::new(KeyGroupRange::all(GROUPS));
    let keys = ["a", "b", "c", "b", "a"];
    let places = keys.map(|_| Place { group: KeyGroup(3), tag: 7 });
    for round in 1..=2 {
        let seen = count(&mut table, &keys, &places);
        let counts = [("a", 1), ("b", 1), ("c", 1), ("b", 2), ("a", 2)];
        let earlier = |key| if key == "c" { round - 1 } else { 2 * (round - 1) };
        assert_eq!(seen, counts.map(|(key, count)| (key.to_owned(), count + earlier(key))));
    }
}

#[test]
fn a_batch_longer_than_is_looked_up_ahead_updates_each_place() {
    for held in [0, FAR_ROWS] {
        let mut table = words(held as u64);
        let keys: Vec<_> = (0..3 * AHEAD_ROWS + 1).map(|index| format!("key-{}", index % 200)).collect();
        let places: Vec<_> = keys.iter().map(|key| place::<String>(key)).collect();
        let words: Vec<_> = keys.iter().map(String::as_str).collect();
        let seen = count(&mut table, &words, &places);
        let expected = keys.iter().enumerate();
        let expected: Vec<_> = expected.map(|(index, key)| (key.clone(), (index / 200) as i64 + 1)).collect();
        assert_eq!(seen, expected);
    }
}

#[test]
fn a_batch_ends_with_the_first_failure() {
    struct Failing(usize);

    impl BatchUpdate<String, i64> for Failing {
        fn first(&mut self, index: usize) -> crate::error::Result<i64> {
            if index == self.0 { Err(crate::Error::failed("no more")) } else { Ok(index as i64) }
        }

        fn add(&mut self, _: usize, _: &mut i64) -> crate::error::Result<()> {
            Ok(())
        }

        fn emit(&mut self, _: usize, _: &str, _: &i64) -> crate::error::Result<()> {
            Ok(())
        }
    }

    let mut table = words(0);
    let (mut arena, mut places) = (TextArena::default(), Vec::new());
    for key in ["a", "b", "c"] {
        arena.push(key);
        places.push(place::<String>(key));
    }
    assert_eq!(table.update_batch(&places, &arena, &mut Failing(1)).unwrap_err().to_string(), "no more");
    assert_eq!(table.iter().map(|(key, ..)| key).collect::<Vec<_>>(), ["a"]);
    table.update_batch(&places, &arena, &mut Failing(3)).unwrap();
    assert_eq!(table.len(), 3);
}
