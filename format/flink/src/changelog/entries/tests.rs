//! A base under changes: one byte of key group, key, namespace and map key each.

use std::sync::Arc;

use spt_format::{Cursor, ErrorKind};

use super::*;
use crate::keyed::KeyedTable;
use crate::serializers::{FlinkType, MapType, Nulls, Scalar, Sequence, Serializer};
use crate::state_meta::{BackendKind, StateMeta};

fn serializer(data_type: FlinkType) -> Serializer {
    Serializer { class: String::new(), version: 1, data_type, bytes: Arc::from([]) }
}

fn byte() -> Box<FlinkType> {
    Box::new(FlinkType::Scalar(Scalar::Byte))
}

fn table(kind: &str, value: FlinkType) -> Arc<KeyedTable> {
    let state = StateMeta {
        name: "state".into(),
        kind: BackendKind::KeyValue,
        options: vec![("KEYED_STATE_TYPE".into(), kind.into())],
        serializers: vec![
            ("NAMESPACE_SERIALIZER".into(), serializer(*byte())),
            ("VALUE_SERIALIZER".into(), serializer(value)),
        ],
    };
    Arc::new(KeyedTable::new(&serializer(*byte()), &state).unwrap())
}

fn value() -> Arc<KeyedTable> {
    table("VALUE", *byte())
}

fn list() -> Arc<KeyedTable> {
    table("LIST", FlinkType::Sequence(Sequence { element: byte(), nulls: Nulls::Unmarked, set: false }))
}

fn map() -> Arc<KeyedTable> {
    table("MAP", FlinkType::Map(MapType { key: byte(), value: byte(), null_keys: false }))
}

/// Entries from memory.
struct Base(std::vec::IntoIter<(Vec<u8>, Vec<u8>)>, Vec<u8>, Vec<u8>);

impl Entries for Base {
    fn advance(&mut self) -> Result<bool> {
        let next = self.0.next();
        let found = next.is_some();
        (self.1, self.2) = next.unwrap_or_default();
        Ok(found)
    }

    fn key(&self) -> &[u8] {
        &self.1
    }

    fn value(&self) -> &[u8] {
        &self.2
    }

    fn place(&self) -> String {
        "base".into()
    }
}

/// Operation, key group, and what stands behind the number of the state.
type Change<'a> = (u8, u16, &'a [u8]);

fn read(table: &Arc<KeyedTable>, base: &[(&[u8], &[u8])], changes: &[Change<'_>]) -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut overlay = Overlay::empty(table, 128).unwrap();
    for (operation, key_group, content) in changes {
        overlay.apply(*operation, *key_group, &mut Cursor::new(content)).unwrap();
    }
    let base = base.iter().map(|(key, value)| (key.to_vec(), value.to_vec())).collect::<Vec<_>>();
    let mut entries = ChangelogEntries::new(Box::new(Base(base.into_iter(), vec![], vec![])), overlay);
    let mut rows = Vec::new();
    while entries.advance().unwrap() {
        rows.push((entries.key().to_vec(), entries.value().to_vec()));
    }
    assert!(!entries.advance().unwrap());
    rows
}

fn rows(expected: &[(&[u8], &[u8])]) -> Vec<(Vec<u8>, Vec<u8>)> {
    expected.iter().map(|(key, value)| (key.to_vec(), value.to_vec())).collect()
}

#[test]
fn values_are_set_cleared_and_added_by_key_group() {
    let base: [(&[u8], &[u8]); 3] = [(&[1, 10, 0], &[1]), (&[1, 11, 0], &[2]), (&[3, 12, 0], &[3])];
    let changes: [Change<'_>; 6] = [
        (1, 1, &[10, 0, 7]),
        (0, 1, &[11, 0]),
        (1, 2, &[20, 0, 8]),
        (1, 4, &[21, 0, 9]),
        (0, 4, &[22, 0]),
        (2, 4, &[21, 0, 99]),
    ];
    let expected =
        rows(&[(&[1, 10, 0], &[7]), (&[2, 20, 0], &[8]), (&[3, 12, 0], &[3]), (&[4, 21, 0], &[99])]);
    assert_eq!(read(&value(), &base, &changes), expected);
    assert_eq!(read(&value(), &base, &[]), rows(&base));
    assert_eq!(read(&value(), &[], &changes[2..3]), rows(&[(&[2, 20, 0], &[8])]));
}

#[test]
fn lists_grow_are_replaced_and_end() {
    let base: [(&[u8], &[u8]); 3] = [(&[1, 1, 0], b"a,b"), (&[1, 2, 0], b"c"), (&[1, 3, 0], b"d")];
    let changes: [Change<'_>; 7] = [
        (5, 1, &[1, 0, b'x']),
        (3, 1, &[1, 0, 0, 0, 0, 2, b'y', b'z']),
        (0, 1, &[2, 0]),
        (5, 1, &[2, 0, b'n']),
        (1, 1, &[3, 0, 0, 0, 0, 0]),
        (5, 1, &[4, 0, b'o']),
        (1, 1, &[5, 0, 0, 0, 0, 1, b'p']),
    ];
    let expected: [(&[u8], &[u8]); 4] =
        [(&[1, 1, 0], b"a,b,x,y,z"), (&[1, 2, 0], b"n"), (&[1, 4, 0], b"o"), (&[1, 5, 0], b"p")];
    assert_eq!(read(&list(), &base, &changes), rows(&expected));
}

#[test]
fn maps_lose_what_was_there_when_they_were_cleared() {
    let base: [(&[u8], &[u8]); 4] = [
        (&[1, 1, 0, 5], &[0, 1]),
        (&[1, 1, 0, 6], &[0, 2]),
        (&[1, 2, 0, 5], &[0, 3]),
        (&[1, 2, 0, 6], &[0, 4]),
    ];
    let changes: [Change<'_>; 7] = [
        (6, 1, &[1, 0, 7, 9]),
        (0, 1, &[1, 0]),
        (6, 1, &[1, 0, 6, 8]),
        (7, 1, &[2, 0, 5]),
        (3, 1, &[2, 0, 0, 0, 0, 2, 3, 0, 33, 4, 1]),
        (6, 1, &[2, 0, 6, 44]),
        (7, 1, &[2, 0, 99]),
    ];
    let expected: [(&[u8], &[u8]); 4] = [
        (&[1, 1, 0, 6], &[0, 8]),
        (&[1, 2, 0, 6], &[0, 44]),
        (&[1, 2, 0, 3], &[0, 33]),
        (&[1, 2, 0, 4], &[1]),
    ];
    let mut found = read(&map(), &base, &changes);
    let mut expected = rows(&expected);
    found.sort();
    expected.sort();
    assert_eq!(found, expected);
}

#[test]
fn a_change_that_cannot_be_followed_is_an_error_and_not_passed_over() {
    let mut overlay = Overlay::empty(&value(), 128).unwrap();
    let error = overlay.apply(4, 1, &mut Cursor::new(&[1, 0, 2])).unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Unsupported { .. }), "{error}");
    let error = overlay.apply(1, 1, &mut Cursor::new(&[1])).unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Truncated { .. }), "{error}");
}
