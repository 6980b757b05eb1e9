//! A value that is not understood hides nothing behind it: neither the rest of its state nor later states of the
//! same file.

use std::collections::BTreeMap;

use spt_flink::FlinkSource;
use spt_format::{Operator, SavepointSource, Scan, StateKind};

use crate::support::corpus;

/// The layouts that the corpus has with such values, and with a state behind them.
const LAYOUTS: [&str; 14] = [
    "hashmap canonical keyed",
    "hashmap canonical operator",
    "hashmap changelog operator",
    "hashmap full keyed",
    "hashmap full operator",
    "hashmap native keyed",
    "hashmap native operator",
    "rocksdb canonical keyed",
    "rocksdb canonical operator",
    "rocksdb changelog operator",
    "rocksdb full operator",
    "rocksdb incremental operator",
    "rocksdb native keyed",
    "rocksdb native operator",
];

/// A state with values that are shown by their bytes.
fn is_opaque(state: &spt_format::State) -> bool {
    state.schema.parts().any(|(_, field)| field.has_opaque())
}

fn has_opaque(operator: &Operator) -> bool {
    operator.states.iter().any(|state| is_opaque(state) && state.kind != StateKind::Coordinator)
}

#[test]
fn a_later_state_in_the_same_file_is_still_read() {
    let mut seen: BTreeMap<String, (usize, u64)> = BTreeMap::new();
    for case in corpus().into_iter().filter(|case| case.name != "2.1.0/wordcount-changelog-alone") {
        let source = FlinkSource::open(&case.path).unwrap();
        let snapshot = source.savepoint();
        let text = |name: &str| case.expected[name].as_str().unwrap_or_default().to_owned();
        for (place, operator, state) in snapshot.states() {
            if !has_opaque(operator) {
                continue;
            }
            let of_keys =
                if state.kind.is_keyed() || state.kind == StateKind::Timer { "keyed" } else { "operator" };
            let layout = format!(
                "{} {} {of_keys}",
                text("backend"),
                serde_json::json!(snapshot.layout).as_str().unwrap()
            );
            let context = format!("{}: {} {}", case.name, operator.label(), state.name);
            let mut rows = source.scan(place, &Scan::default()).unwrap();
            let read: usize = rows.by_ref().map(|batch| batch.unwrap().num_rows()).sum();
            assert_eq!(rows.completeness().rows_unread, 0, "{context}");
            let (states, opaque) = seen.entry(layout).or_default();
            *states += 1;
            *opaque += rows.completeness().rows_opaque.min(read as u64);
        }
    }
    for (layout, (states, opaque)) in &seen {
        println!("{layout}: {states} states, {opaque} opaque rows");
    }
    for layout in LAYOUTS {
        assert!(
            seen.get(layout).is_some_and(|(states, opaque)| *states > 1 && *opaque > 0),
            "{layout}: {seen:?}"
        );
    }
}
