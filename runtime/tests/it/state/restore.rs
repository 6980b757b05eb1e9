//! A state's rows, written by one version of a job and restored by the next.

use spt_format::evolution::Reading;
use spt_format::{KeyHash, StateKind};
use spt_runtime::state::{Decimal, Declaration, FrozenStore, KeyedStore, KeyedTable, ListCell, State, Timed};

use super::tables::{GROUPS, all, place};

#[derive(Debug, Clone, PartialEq, State)]
struct Count {
    words: i32,
    source: String,
    price: Decimal<12, 3>,
}

#[derive(Debug, Clone, PartialEq, State)]
struct NextCount {
    #[state(default = 1u8)]
    weight: u8,
    #[state(alias = "words")]
    seen: i64,
    price: Decimal<14, 5>,
}

fn fill<S: KeyedStore<String, Count, ()>>(store: &mut S) {
    for (key, words) in [("a", 1), ("b", 2)] {
        let first = || Count { words: 0, source: "s".to_owned(), price: "-0.125".parse().unwrap() };
        store.update(place(key), key, &(), first, |count| count.words += words);
    }
}

#[test]
fn rows_of_the_last_version_are_restored_as_those_of_the_next() {
    let stored = Declaration::keyed::<String, Count, ()>("count", StateKind::Value).state;
    let mut table = KeyedTable::<String, Count>::new(all());
    fill(&mut table);
    let frozen = KeyedStore::freeze(&mut table);

    let next = Declaration::keyed::<String, Timed<NextCount>, ()>("count", StateKind::Value);
    let reading = Reading::new("count-001", &stored, &next.state, &next.aliases).unwrap();
    let mut again = KeyedTable::<String, Timed<NextCount>>::new(all());
    for batch in FrozenStore::batches(&frozen, all(), stored.schema.to_arrow(stored.kind).unwrap()) {
        again.restore(&reading.read(&batch.unwrap()).unwrap(), GROUPS).unwrap();
    }
    let value = |key| again.read(place(key), key, &(), |timed| timed.map(|timed| timed.value.clone()));
    let price = Decimal::new(-12_500).unwrap();
    assert_eq!(value("a"), Some(NextCount { weight: 1, seen: 1, price }));
    assert_eq!(value("b"), Some(NextCount { weight: 1, seen: 2, price }));
    assert_eq!(value("c"), None);

    // The next savepoint keeps the field ids, so that the version after it can rename again.
    let schema = reading.schema().to_arrow(StateKind::Value).unwrap();
    assert_eq!(again.freeze().batches(all(), schema).count(), 1);
}

#[test]
fn another_kind_or_key_is_refused() {
    let value = Declaration::keyed::<String, i64, ()>("s", StateKind::Value);
    let list = Declaration::keyed::<String, ListCell<i64>, ()>("s", StateKind::List);
    let unsigned = Declaration::keyed::<u64, i64, ()>("s", StateKind::Value);
    let refused = |declared: &Declaration| {
        let reading = Reading::new("u", &value.state, &declared.state, &declared.aliases);
        reading.err().unwrap().to_string()
    };
    assert!(refused(&list).contains("kind: value in the savepoint, list in the job"));
    assert!(refused(&unsigned).contains("`spt migrate IN OUT --cast u/s:key=uint64` would make it fit"));

    let mut hashed = value.clone();
    hashed.state.key_hash = Some(KeyHash::Spt1);
    assert!(refused(&hashed).contains("key_hash: java-1 in the savepoint, spt-1 in the job"));
}
