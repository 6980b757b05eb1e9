//! Manifests: what is live after all their records.

use std::sync::Arc;

use bytes::Bytes;

use super::super::testing::{internal_key, log, prefixed, varint};
use super::*;

fn replay(records: &[Vec<u8>]) -> Result<Version> {
    let limits = ReadLimits::default();
    Version::replay(LogReader::new(Arc::new(Bytes::from(log(records))), &limits), &limits)
}

fn field(tag: u64, content: &[Vec<u8>]) -> Vec<u8> {
    [varint(tag), content.concat()].concat()
}

fn family(id: u64) -> Vec<u8> {
    field(200, &[varint(id)])
}

fn add_family(id: u64, name: &str) -> Vec<u8> {
    [field(201, &[prefixed(name.as_bytes())]), family(id)].concat()
}

/// A table of level 1 with the keys `b` to `d`.
fn new_table(number: u64, level: u64) -> Vec<u8> {
    let (smallest, largest) = (internal_key("b", 9, 1), internal_key("d", 4, 1));
    let custom = [varint(5), prefixed(&varint(1)), varint(63), prefixed(b"later"), varint(1)].concat();
    let bounds = [prefixed(&smallest), prefixed(&largest), varint(4), varint(9), custom];
    field(103, &[varint(level), varint(number), varint(1000), bounds.concat()])
}

#[test]
fn replays_families_and_tables() {
    let version = replay(&[
        [field(1, &[prefixed(b"leveldb.BytewiseComparator")]), field(3, &[varint(20)])].concat(),
        add_family(1, "counts"),
        add_family(2, "dropped"),
        [field(2, &[varint(11)]), new_table(12, 0), new_table(13, 1), family(1)].concat(),
        [field(6, &[varint(0), varint(12)]), new_table(12, 2), family(1)].concat(),
        [field(6, &[varint(1), varint(13)]), family(1)].concat(),
        [vec![], field(202, &[]), family(2)].concat(),
        [varint(8192 + 77), prefixed(b"from a later release")].concat(),
    ])
    .unwrap();
    let names = version.families().map(|family| String::from_utf8_lossy(&family.name)).collect::<Vec<_>>();
    assert_eq!(names, ["default", "counts"]);
    let counts = version.family(b"counts").unwrap();
    assert_eq!((counts.id, counts.log_number), (1, 11));
    let expected = LiveTable {
        level: 2,
        number: 12,
        size: 1000,
        smallest: b"b".to_vec(),
        end: b"d\0".to_vec(),
        newest_sequence: Some(9),
    };
    assert_eq!(counts.tables.values().collect::<Vec<_>>(), [&expected]);
    assert_eq!(expected.file_name(), "000012.sst");
}

#[test]
fn a_table_that_ends_with_a_range_deletion_does_not_hold_its_end() {
    let bounds = [prefixed(&internal_key("b", 9, 1)), prefixed(&internal_key("x", (1 << 56) - 1, 0xf))];
    let record = field(100, &[varint(0), varint(5), varint(9), bounds.concat(), varint(0), varint(9)]);
    let version = replay(&[record]).unwrap();
    let table = &version.family(b"default").unwrap().tables[&5];
    assert_eq!(table.end, b"x");
    assert!(table.overlaps(b"", None) && table.overlaps(b"w", Some(b"z")));
    assert!(!table.overlaps(b"x", None) && !table.overlaps(b"", Some(b"b")));
}

#[test]
fn contradictions_are_refused_with_their_record() {
    let cases = [
        (new_table(12, 0), "record 1: table 12 is added twice"),
        (field(6, &[varint(3), varint(12)]), "record 1: table 12 is deleted from level 3, where it is not"),
        ([new_table(13, 0), family(5)].concat(), "record 1: there is no column family 5"),
        (add_family(0, "twice"), "record 1: column family 0 is added twice"),
        (field(300, &[varint(2)]), "the last group lacks 2 records"),
        (field(400, &[]), "record 1, byte 2: a blob file is not supported"),
        (field(99, &[]), "record 1, byte 1: manifest field 99 is not supported"),
        (field(1, &[prefixed(b"mine")]), "record 1: key order \"mine\" is not supported"),
    ];
    for (record, message) in cases {
        assert_eq!(replay(&[new_table(12, 0), record]).unwrap_err().to_string(), message);
    }
    assert!(replay(&[]).is_err());
}

#[test]
fn a_cut_record_is_refused() {
    let record = new_table(12, 0);
    for length in 1..record.len() {
        assert!(replay(&[record[..length].to_vec()]).is_err(), "{length}");
    }
}
