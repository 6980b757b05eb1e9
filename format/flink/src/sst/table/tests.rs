//! Tables in every variant the reader must know, and damaged ones.

use std::sync::Arc;

use bytes::Bytes;
use spt_format::{ErrorKind, ReadLimits, Result};

use super::super::testing::{DELETE, Entry, MERGE, PUT, Spec, table};
use super::*;

const ENTRIES: [Entry; 10] = [
    ("apple", 9, PUT, "red"),
    ("apple", 3, PUT, "green"),
    ("apricot", 4, MERGE, "x"),
    ("banana", 8, DELETE, ""),
    ("banana", 5, PUT, "yellow"),
    ("cherry", 6, PUT, ""),
    ("cherry-pie", 7, PUT, "warm, and with a value that is longer than the others"),
    ("date", 1, PUT, "brown"),
    ("elder", 0, PUT, "black"),
    ("fig", 2, PUT, "blue"),
];

fn open(bytes: Vec<u8>) -> Result<Table> {
    Table::open(Arc::new(Bytes::from(bytes)), TableHints::default(), &ReadLimits::default())
}

type Row = (String, u64, String);

fn rows_from(table: Table, lower: &str) -> Result<Vec<Row>> {
    let mut entries = table.entries_from(lower.as_bytes())?;
    let mut rows = Vec::new();
    while entries.advance()? {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        rows.push((text(entries.user_key()), entries.sequence(), text(entries.value())));
    }
    Ok(rows)
}

fn rows(bytes: Vec<u8>) -> Result<Vec<Row>> {
    rows_from(open(bytes)?, "")
}

fn expected() -> Vec<Row> {
    ENTRIES.iter().map(|(key, sequence, _, value)| (key.to_string(), *sequence, value.to_string())).collect()
}

fn every_variant() -> Vec<Spec> {
    let mut specs = Vec::new();
    for version in 2..=6 {
        for checksum in 0..=4 {
            specs.push(Spec { version, checksum, ..Spec::default() });
        }
    }
    for index_type in 0..=3 {
        for (user_keys, delta_values, restart_interval) in
            [(false, false, 1), (true, false, 1), (true, true, 1), (true, true, 4), (false, true, 16)]
        {
            specs.push(Spec { index_type, user_keys, delta_values, restart_interval, ..Spec::default() });
        }
    }
    for compression in [0, 1, 4, 7] {
        specs.push(Spec { compression, ..Spec::default() });
    }
    for compression in [4, 7] {
        specs.push(Spec {
            compression,
            dictionary: Some(b"apple banana cherry a value that is"),
            ..Spec::default()
        });
    }
    specs
}

#[test]
fn every_variant_reads_back_the_same_entries() {
    for spec in every_variant() {
        assert_eq!(rows(table(&spec, &ENTRIES, &[])).unwrap(), expected(), "version {}", spec.version);
    }
}

#[test]
fn a_walk_can_begin_at_any_key() {
    for spec in every_variant() {
        for lower in ["", "a", "apple", "apple\0", "banana", "cherry-pie", "dog", "fig", "fih", "z"] {
            let table = open(table(&spec, &ENTRIES, &[])).unwrap();
            let expected = expected().into_iter().filter(|row| row.0.as_str() >= lower).collect::<Vec<_>>();
            assert_eq!(rows_from(table, lower).unwrap(), expected, "from {lower:?}");
        }
    }
}

/// Before version 6 nothing protects the footer's version; 2 to 5 mean the same to a reader of properties.
#[test]
fn notices_every_flipped_bit_but_those_of_an_old_version() {
    for version in [5, 6] {
        let bytes = table(&Spec { version, ..Spec::default() }, &ENTRIES, &[("b", "c", 7)]);
        for bit in 0..bytes.len() * 8 {
            let mut damaged = bytes.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            let is_old_version = matches!(damaged[bytes.len() - 12], 2..=5);
            let outcome = open(damaged).and_then(|table| {
                table.verify_meta_blocks()?;
                rows_from(table, "")
            });
            let may_pass = version == 5 && bit / 8 + 12 == bytes.len();
            assert_eq!(outcome.is_ok(), may_pass && is_old_version, "version {version}: bit {bit}");
        }
    }
}

#[test]
fn notices_every_truncation() {
    let bytes = table(&Spec::default(), &ENTRIES, &[]);
    for length in 0..bytes.len() {
        assert!(rows(bytes[..length].to_vec()).is_err(), "{length} of {} bytes", bytes.len());
    }
}

#[test]
fn a_block_that_does_not_fit_the_limit_is_refused() {
    let bytes = table(&Spec::default(), &ENTRIES, &[]);
    let mut limits = ReadLimits::default();
    limits.block_bytes = 64;
    let error = Table::open(Arc::new(Bytes::from(bytes)), TableHints::default(), &limits).err().unwrap();
    assert!(matches!(error.kind(), ErrorKind::LimitExceeded { limit: 64, .. }), "{error}");
}

#[test]
fn ingested_entries_have_the_sequence_number_of_their_table() {
    let spec = Spec { ingested: Some(77), ..Spec::default() };
    let entries = [("a", 1, PUT, "1"), ("b", 1, PUT, "2")];
    let found = rows(table(&spec, &entries, &[])).unwrap();
    assert_eq!(found.iter().map(|row| row.1).collect::<Vec<_>>(), [77, 77]);

    let hints = TableHints { newest_sequence: Some(78), column_family: None };
    let bytes = Bytes::from(table(&spec, &entries, &[]));
    let error = Table::open(Arc::new(bytes), hints, &ReadLimits::default()).err().unwrap();
    assert_eq!(error.to_string(), "sequence number of an ingested table is 77, expected 78");
}

#[test]
fn a_table_of_another_column_family_is_refused() {
    let bytes = Bytes::from(table(&Spec::default(), &ENTRIES, &[]));
    let hints = TableHints { newest_sequence: None, column_family: Some(8) };
    let error = Table::open(Arc::new(bytes), hints, &ReadLimits::default()).err().unwrap();
    assert_eq!(error.to_string(), "column family of the table is 7, expected 8");
}

#[test]
fn a_table_in_another_order_is_refused() {
    let spec = Spec { comparator: "rocksdb.ReverseBytewiseComparator", ..Spec::default() };
    assert!(matches!(open(table(&spec, &ENTRIES, &[])).err().unwrap().kind(), ErrorKind::Unsupported { .. }));
}

#[test]
fn newer_versions_are_told_from_damage() {
    let error = open(table(&Spec { version: 9, ..Spec::default() }, &ENTRIES, &[])).err().unwrap();
    assert_eq!(error.to_string(), "footer: table version is 9, readable are 2 to 6");
}

#[test]
fn a_file_that_is_no_table_is_refused() {
    assert!(open(vec![0; 200]).is_err());
    assert!(open(Vec::new()).is_err());
}

/// Without checksums the damage reaches everything behind them.
#[test]
fn damage_that_no_checksum_shows_is_an_error_or_other_rows_and_never_a_panic() {
    let mut limits = ReadLimits::default();
    limits.block_bytes = 1 << 20;
    for spec in every_variant().into_iter().skip(25) {
        let bytes = table(&Spec { checksum: 0, ..spec }, &ENTRIES, &[("b", "c", 7)]);
        for bit in (0..bytes.len() * 8).step_by(3) {
            let mut damaged = bytes.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            let opened = Table::open(Arc::new(Bytes::from(damaged)), TableHints::default(), &limits);
            let rows = opened.and_then(|table| rows_from(table, ""));
            assert!(rows.is_err() || rows.is_ok_and(|rows| rows.len() == ENTRIES.len()), "bit {bit}");
        }
    }
}

#[test]
fn a_block_without_entries_is_refused() {
    let spec = Spec { compression: 0, checksum: 0, entries_per_block: 1, ..Spec::default() };
    let mut bytes = table(&spec, &[("k", 1, PUT, "")], &[]);
    // Three lengths, `k`, its eight bytes and one restart point become four restart points.
    let block = bytes[..20].to_vec();
    assert_eq!(block[16..], 1u32.to_le_bytes());
    bytes[..20].copy_from_slice(&[&[0; 16][..], &4u32.to_le_bytes()].concat());
    let error = rows(bytes).unwrap_err();
    assert_eq!(error.to_string(), "block at byte 0: the block has no entries");
}
