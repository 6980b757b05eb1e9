use std::collections::BTreeMap;

use arrow_array::{StringArray, UInt16Array, UInt64Array};
use spt_format::{Column, Field, Heaviest, State, StateKind, StateSchema, Type, heaviest_keys};

use crate::support::{MemorySource, array, batch, operator};

/// Key group, key and the bytes of the value of every row.
type Row = (u16, String, usize);

/// Some rows, several of one weight, many of one key, by key group and key.
fn rows() -> Vec<Row> {
    let numbers = (0..600u64).map(|n| n.wrapping_mul(0x9E37_79B9_7F4A_7C15));
    let mut rows: Vec<Row> = numbers
        .map(|n| (n >> 58, n >> 48 & 3, n >> 40 & 3))
        .map(|(group, key, bytes)| (group as u16, format!("{group}-{key}"), bytes as usize))
        .collect();
    rows.sort();
    rows
}

/// The rows as a state, a segment for each `segment_rows` of them.
fn source(kind: StateKind, rows: &[Row], segment_rows: usize) -> MemorySource {
    let schema = StateSchema::keyed(Field::new("key", Type::Utf8), Field::new("value", Type::Utf8));
    let batches = rows.chunks(segment_rows).map(|rows| {
        let columns = vec![
            (Column::KeyGroup, array(rows.iter().map(|row| row.0).collect::<UInt16Array>())),
            (Column::Key, array(rows.iter().map(|row| Some(&row.1)).collect::<StringArray>())),
            (Column::Index, array((0..rows.len() as u64).collect::<UInt64Array>())),
            (Column::Value, array(rows.iter().map(|row| Some("x".repeat(row.2))).collect::<StringArray>())),
        ];
        batch(kind, &schema, columns)
    });
    let batches = batches.collect();
    MemorySource::new().operator(operator("sum")).state(State::new("n", kind, schema), batches)
}

fn top(source: &MemorySource, count: usize) -> (Heaviest, Vec<(u16, String, u64, u64)>) {
    let found = heaviest_keys(source, source.place("sum", "n"), count).unwrap();
    let keys = found.keys.iter().map(|key| (key.key_group, key.key.clone(), key.bytes, key.rows)).collect();
    (found, keys)
}

/// All keys, the heaviest first, then in the order of the state.
fn expected(rows: &[Row]) -> Vec<(u16, String, u64, u64)> {
    let mut keys: BTreeMap<(u16, &str), (u64, u64)> = BTreeMap::new();
    for (group, key, bytes) in rows {
        let weight = keys.entry((*group, key)).or_default();
        *weight = (weight.0 + *bytes as u64, weight.1 + 1);
    }
    let mut keys: Vec<_> = keys
        .into_iter()
        .map(|((group, key), (bytes, rows))| (group, format!("\"{key}\""), bytes, rows))
        .collect();
    keys.sort_by_key(|key| std::cmp::Reverse((key.2, key.3)));
    keys
}

#[test]
fn the_heaviest_keys_of_a_list_are_found_however_it_is_cut() {
    let rows = rows();
    let expected = expected(&rows);
    assert!(expected.len() > 50 && expected[0].3 > 1);
    for segment_rows in [1, 7, 100, 10_000] {
        let source = source(StateKind::List, &rows, segment_rows);
        for count in [0, 1, 10, 10_000] {
            let (found, keys) = top(&source, count);
            assert_eq!(keys, expected[..count.min(expected.len())], "{count} of segments of {segment_rows}");
            assert_eq!((found.distinct_keys, found.rows), (expected.len() as u64, rows.len() as u64));
            assert_eq!(found.bytes, rows.iter().map(|row| row.2 as u64).sum::<u64>());
        }
    }
}

#[test]
fn keys_of_one_weight_come_in_the_order_of_the_state_though_rows_do_not() {
    let mut rows: Vec<Row> =
        (0..64u16).flat_map(|group| (0..20).map(move |n| (group, format!("k{n:02}"), n % 3))).collect();
    let expected = expected(&rows);
    // Key groups ascend, keys do not.
    rows.sort_by_key(|row| (row.0, std::cmp::Reverse(row.1.clone())));
    for segment_rows in [20, 60, 10_000] {
        let (_, keys) = top(&source(StateKind::Value, &rows, segment_rows), 30);
        assert_eq!(keys, expected[..30], "segments of {segment_rows}");
    }
}
