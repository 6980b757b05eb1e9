//! What is left of the entries of several tables.

use std::sync::Arc;

use bytes::Bytes;
use spt_format::{ErrorKind, ReadLimits, Result};

use super::super::table::{Table, TableHints};
use super::super::testing::{DELETE, Entry, MERGE, PUT, SINGLE_DELETE, Spec, table};
use super::*;

type Deletion = (&'static str, &'static str, u64);

/// A run over a table whose range is that of its entries and deletions.
fn run(name: &str, entries: &[Entry], deletions: &[Deletion]) -> Run {
    let starts = entries.iter().map(|entry| entry.0).chain(deletions.iter().map(|deletion| deletion.0));
    let ends = entries.iter().map(|entry| format!("{}\0", entry.0));
    let ends = ends.chain(deletions.iter().map(|deletion| deletion.1.to_owned()));
    run_between(name, starts.min().unwrap(), &ends.max().unwrap(), &Spec::default(), entries, deletions)
}

fn run_between(
    name: &str,
    smallest: &str,
    end: &str,
    spec: &Spec,
    entries: &[Entry],
    deletions: &[Deletion],
) -> Run {
    let bytes = Bytes::from(table(spec, entries, deletions));
    Run {
        file: "some-uuid".into(),
        name: name.into(),
        smallest: smallest.into(),
        end: end.into(),
        open: Box::new(move || Table::open(Arc::new(bytes), TableHints::default(), &ReadLimits::default())),
    }
}

fn read(runs: Vec<Run>, span: Span) -> Result<Vec<(String, String)>> {
    let mut merge = Merge::new(runs, span, &ReadLimits::default());
    let mut rows = Vec::new();
    while merge.advance()? {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        rows.push((text(merge.key()), text(merge.value())));
    }
    Ok(rows)
}

fn live(runs: Vec<Run>) -> Vec<(String, String)> {
    read(runs, Span::default()).unwrap()
}

fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    expected.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect()
}

#[test]
fn the_newest_value_of_a_key_counts_wherever_it_is() {
    let runs = vec![
        run("1", &[("a", 5, PUT, "new"), ("b", 1, PUT, "old"), ("d", 9, PUT, "only")], &[]),
        run("2", &[("a", 2, PUT, "old"), ("b", 7, PUT, "new"), ("c", 3, PUT, "")], &[]),
    ];
    assert_eq!(live(runs), pairs(&[("a", "new"), ("b", "new"), ("c", ""), ("d", "only")]));
}

#[test]
fn deletions_hide_what_is_older_and_nothing_else() {
    let runs = vec![
        run("1", &[("a", 5, DELETE, ""), ("b", 5, SINGLE_DELETE, ""), ("c", 2, DELETE, "")], &[]),
        run("2", &[("a", 2, PUT, "gone"), ("b", 4, PUT, "gone"), ("c", 3, PUT, "again")], &[]),
    ];
    assert_eq!(live(runs), pairs(&[("c", "again")]));
}

#[test]
fn operands_are_joined_oldest_first() {
    let runs = vec![
        run(
            "1",
            &[("a", 9, MERGE, "4"), ("a", 7, MERGE, "3"), ("b", 8, MERGE, "y"), ("c", 5, MERGE, "alone")],
            &[],
        ),
        run("2", &[("a", 5, MERGE, "2"), ("b", 6, DELETE, ""), ("d", 3, MERGE, "q")], &[]),
        run("3", &[("a", 1, PUT, "1"), ("b", 2, PUT, "x"), ("d", 2, MERGE, ""), ("d", 1, PUT, "")], &[]),
    ];
    assert_eq!(live(runs), pairs(&[("a", "1,2,3,4"), ("b", "y"), ("c", "alone"), ("d", ",,q")]));
}

#[test]
fn range_deletions_hide_what_is_older_in_every_table() {
    let runs = vec![
        run("1", &[("b", 9, MERGE, "kept"), ("z", 1, PUT, "out of range")], &[("b", "d", 5)]),
        run(
            "2",
            &[("a", 1, PUT, "1"), ("b", 3, PUT, "gone"), ("c", 4, PUT, "gone"), ("d", 2, PUT, "end")],
            &[],
        ),
        run("3", &[("b", 6, MERGE, "newer"), ("c", 1, DELETE, "")], &[]),
    ];
    let expected = [("a", "1"), ("b", "newer,kept"), ("d", "end"), ("z", "out of range")];
    assert_eq!(live(runs), pairs(&expected));
}

#[test]
fn a_table_of_range_deletions_alone_counts() {
    let runs =
        vec![run("1", &[], &[("a", "b", 5)]), run("2", &[("a", 1, PUT, "gone"), ("b", 1, PUT, "2")], &[])];
    assert_eq!(live(runs), pairs(&[("b", "2")]));
}

/// The range deletion was split over two tables; the second was rewritten, its entries are newer, and
/// their sequence number became 0.
#[test]
fn a_range_deletion_ends_with_its_table() {
    let whole = [("a", "z", 5)];
    let runs = vec![
        run_between("1", "a", "m\0", &Spec::default(), &[("m", 6, PUT, "1")], &whole),
        run("2", &[("b", 2, PUT, "gone"), ("p", 0, PUT, "2")], &[]),
    ];
    assert_eq!(live(runs), pairs(&[("m", "1"), ("p", "2")]));
}

#[test]
fn only_the_tables_of_the_span_are_opened() {
    let never = |name: &str, smallest: &str| Run {
        file: "some-uuid".into(),
        name: name.into(),
        smallest: smallest.into(),
        end: "zz".into(),
        open: Box::new(|| panic!("opened a table beyond the span")),
    };
    let runs = || {
        vec![
            run("1", &[("a", 1, PUT, "1"), ("b", 1, PUT, "2"), ("c", 1, PUT, "3"), ("d", 1, PUT, "4")], &[]),
            never("2", "d"),
        ]
    };
    let span = Span { lower: b"b".to_vec(), upper: Some(b"d".to_vec()) };
    assert_eq!(read(runs(), span).unwrap(), pairs(&[("b", "2"), ("c", "3")]));
}

#[test]
fn operands_of_an_unknown_operator_are_refused_with_the_file() {
    let spec = Spec { merge_operator: "UInt64AddOperator", ..Spec::default() };
    let entries = [("a", 1, MERGE, "1")];
    let error =
        read(vec![run_between("000009.sst", "a", "b", &spec, &entries, &[])], Span::default()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "some-uuid, 000009.sst: merge operator \"UInt64AddOperator\" is not supported"
    );
}

#[test]
fn keys_below_what_the_manifest_says_are_refused() {
    let runs = vec![
        run("1", &[("b", 1, PUT, "1"), ("c", 1, PUT, "1")], &[]),
        run_between("2", "c", "d", &Spec::default(), &[("a", 1, PUT, "2")], &[]),
    ];
    let error = read(runs, Span::default()).unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Invalid { .. }), "{error}");
}

#[test]
fn a_value_beyond_the_limit_is_refused() {
    let mut limits = ReadLimits::default();
    limits.value_bytes = 5;
    let entries = [("a", 3, MERGE, "123"), ("a", 2, MERGE, "456")];
    let mut merge = Merge::new(vec![run("1", &entries, &[])], Span::default(), &limits);
    let error = merge.advance().unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::LimitExceeded { found: 6, limit: 5, .. }), "{error}");
}

/// A model of what RocksDB does, over pseudo-random histories spread over tables at random.
#[test]
fn agrees_with_a_history_replayed_one_by_one() {
    const KEYS: [&str; 6] = ["a", "b", "c", "d", "e", "f"];
    const VALUES: [&str; 4] = ["", "x", "yy", ","];
    let mut seed = 42u64;
    let mut random = move |bound: usize| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) as usize % bound
    };
    for _ in 0..300 {
        let mut model = std::collections::BTreeMap::<&str, String>::new();
        let mut tables = vec![(Vec::<Entry>::new(), Vec::<Deletion>::new()); 3];
        for sequence in 1..=30 {
            let (key, value, place) = (KEYS[random(6)], VALUES[random(4)], random(3));
            match random(5) {
                0 => {
                    model.remove(key);
                    tables[place].0.push((key, sequence, DELETE, ""));
                }
                1 => {
                    let end = KEYS[random(6)];
                    if key < end {
                        model.retain(|found, _| !(key..end).contains(found));
                        tables[place].1.push((key, end, sequence));
                    }
                }
                2 => {
                    model.insert(key, value.into());
                    tables[place].0.push((key, sequence, PUT, value));
                }
                _ => {
                    model
                        .entry(key)
                        .and_modify(|old| *old = format!("{old},{value}"))
                        .or_insert(value.into());
                    tables[place].0.push((key, sequence, MERGE, value));
                }
            }
        }
        let tables =
            tables.iter().filter(|(entries, deletions)| !entries.is_empty() || !deletions.is_empty());
        let runs =
            tables.enumerate().map(|(n, (entries, deletions))| run(&n.to_string(), entries, deletions));
        let expected = model.into_iter().map(|(key, value)| (key.to_owned(), value)).collect::<Vec<_>>();
        assert_eq!(live(runs.collect()), expected);
    }
}
