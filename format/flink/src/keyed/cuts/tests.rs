//! Files of random entries whose values are random bytes: what is shown is what was written, or it is not shown.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_array::cast::AsArray;
use arrow_array::types::{Int64Type, UInt16Type};
use bytes::Bytes;
use spt_format::{Cursor, KeyGroup, ReadLimits, RowStream};

use super::super::heap::HeapScan;
use super::super::{Block, KeyedFile, KeyedHeader, KeyedLayout};
use crate::serializers::{
    FlinkType, Kryo, KryoVersion, MapType, Nulls, Opaque, OpaqueEnd, PojoType, Record, Scalar, Sequence,
    Serializer, SqlField, SqlType, TypeField, Unit, key_hash,
};
use crate::state_meta::{BackendKind, StateMeta};

struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % end.max(1)
    }

    /// Zeros and small numbers as often as not, as in real objects.
    fn byte(&mut self) -> u8 {
        if self.below(3) == 0 { self.below(3) as u8 } else { self.below(256) as u8 }
    }

    fn bytes(&mut self, length: usize) -> Vec<u8> {
        (0..length).map(|_| self.byte()).collect()
    }

    fn text(&mut self) -> Vec<u8> {
        let units = self.below(12);
        let mut text = vec![units as u8 + 1];
        text.extend((0..units).map(|_| b'a' + self.below(26) as u8));
        text
    }
}

type Generator = fn(&mut Random) -> Vec<u8>;

/// Every type of key with one of its values.
fn keys() -> Vec<(FlinkType, Generator)> {
    let scalar = FlinkType::Scalar;
    let pojo = PojoType {
        class: "Key".into(),
        fields: vec![TypeField { name: "id".into(), data_type: scalar(Scalar::Long) }],
        registered: Vec::new(),
        others: Vec::new(),
    };
    let row = vec![SqlField { name: "id".into(), data_type: SqlType::BigInt }];
    vec![
        (scalar(Scalar::Boolean), |r| vec![r.below(2) as u8]),
        (scalar(Scalar::Byte), |r| r.bytes(1)),
        (scalar(Scalar::Short), |r| r.bytes(2)),
        (scalar(Scalar::Char), |r| vec![0, b'a' + r.below(26) as u8]),
        (scalar(Scalar::Int), |r| r.bytes(4)),
        (scalar(Scalar::Long), |r| r.bytes(8)),
        (scalar(Scalar::Float), |r| r.bytes(4)),
        (scalar(Scalar::Double), |r| r.bytes(8)),
        (scalar(Scalar::Millis), |r| [vec![0, 0, 1], r.bytes(5)].concat()),
        (scalar(Scalar::SqlTimestamp), |r| [vec![0, 0, 1], r.bytes(5), vec![0, 0], r.bytes(2)].concat()),
        (scalar(Scalar::Instant), |r| [vec![0, 0, 0, 0], r.bytes(4), vec![0, 0], r.bytes(2)].concat()),
        (scalar(Scalar::LocalDate), |r| {
            vec![0, 0, 7, 200 + r.below(40) as u8, 1 + r.below(12) as u8, 1 + r.below(28) as u8]
        }),
        (scalar(Scalar::LocalTime), |r| vec![r.below(24) as u8, r.below(60) as u8, 3, 0, 0, 0, 0]),
        (scalar(Scalar::Text), Random::text),
        (scalar(Scalar::BigInteger), |r| [vec![0, 0, 0, 7, 1 + r.below(100) as u8], r.bytes(2)].concat()),
        (scalar(Scalar::BigDecimal), |r| {
            [vec![0, 0, 0, 7, 1 + r.below(100) as u8], r.bytes(2), vec![0, 0, 0, 2]].concat()
        }),
        (
            FlinkType::Record(Record::tuple(vec![
                TypeField { name: "f0".into(), data_type: scalar(Scalar::Text) },
                TypeField { name: "f1".into(), data_type: scalar(Scalar::Long) },
            ])),
            |r| [r.text(), r.bytes(8)].concat(),
        ),
        (FlinkType::RowData(row), |r| [vec![0, 0, 0, 16, 0, 0, 0, 0, 0, 0, 0, 0], r.bytes(8)].concat()),
        (FlinkType::Pojo(pojo), |r| [vec![2, 0], r.bytes(8)].concat()),
    ]
}

fn namespaces() -> Vec<(FlinkType, Generator)> {
    vec![
        (FlinkType::Unit(Unit { bytes: 1, reported: 0 }), |_| vec![0]),
        (FlinkType::TimeWindow, |r| {
            let start = 1_700_000_000_000i64 + 60_000 * r.below(100_000) as i64;
            [start.to_be_bytes(), (start + 60_000).to_be_bytes()].concat()
        }),
        (FlinkType::Scalar(Scalar::Text), Random::text),
    ]
}

fn opaque() -> FlinkType {
    FlinkType::Opaque(Opaque { class: "com.acme.Odd".into(), end: OpaqueEnd::Unmarked })
}

fn kryo() -> FlinkType {
    let registrations = vec!["com.acme.Odd".to_owned(), "com.acme.Even".to_owned()];
    let kryo = Kryo { version: KryoVersion::Five, registrations };
    FlinkType::Opaque(Opaque { class: "com.acme.Odd".into(), end: OpaqueEnd::Kryo(kryo) })
}

fn kryo_bytes(random: &mut Random, class: u8) -> Vec<u8> {
    let length = random.below(40);
    [vec![class, 1], random.bytes(length)].concat()
}

/// What states may hold: their kind, the serializer of the whole, bytes of a value, and the rows these are.
type Shape = (&'static str, FlinkType, fn(&mut Random) -> (Vec<u8>, Vec<Vec<u8>>));

fn list(element: FlinkType) -> FlinkType {
    FlinkType::Sequence(Sequence { element: Box::new(element), nulls: Nulls::Unmarked, set: false })
}

fn map(value: FlinkType) -> FlinkType {
    let key = Box::new(FlinkType::Scalar(Scalar::Long));
    FlinkType::Map(MapType { key, value: Box::new(value), null_keys: false })
}

fn counted(elements: &[Vec<u8>]) -> Vec<u8> {
    [(elements.len() as i32).to_be_bytes().to_vec(), elements.concat()].concat()
}

fn shapes() -> Vec<Shape> {
    vec![
        ("VALUE", kryo(), |r| {
            let bytes = kryo_bytes(r, 87);
            (bytes.clone(), vec![bytes])
        }),
        ("VALUE", opaque(), |r| {
            let length = r.below(24);
            let bytes = r.bytes(length);
            (bytes.clone(), vec![bytes])
        }),
        ("VALUE", FlinkType::Ttl(Box::new(kryo())), |r| {
            let bytes = kryo_bytes(r, 87);
            ([1_700_000_000_000i64.to_be_bytes().to_vec(), bytes.clone()].concat(), vec![bytes])
        }),
        ("LIST", list(kryo()), |r| {
            let elements: Vec<_> = (0..r.below(4)).map(|_| kryo_bytes(r, 87)).collect();
            let joined = elements.concat();
            let rows = if elements.is_empty() { Vec::new() } else { vec![joined] };
            (counted(&elements), rows)
        }),
        ("MAP", map(kryo()), |r| {
            let bytes = kryo_bytes(r, 87);
            let entry = [r.bytes(8), vec![0], bytes.clone()].concat();
            (counted(&[entry]), vec![bytes])
        }),
        ("VALUE", FlinkType::Scalar(Scalar::Long), |r| {
            let bytes = r.bytes(8);
            (bytes.clone(), vec![bytes])
        }),
        ("LIST", list(FlinkType::Scalar(Scalar::Long)), |r| {
            let elements: Vec<_> = (0..r.below(4)).map(|_| r.bytes(8)).collect();
            (counted(&elements), elements)
        }),
    ]
}

fn serializer(data_type: FlinkType) -> Serializer {
    Serializer { class: String::new(), version: 0, data_type, bytes: Arc::from([]) }
}

fn state(name: usize, kind: &str, namespace: &FlinkType, value: FlinkType) -> StateMeta {
    let serializers = [("NAMESPACE_SERIALIZER", namespace.clone()), ("VALUE_SERIALIZER", value)];
    StateMeta {
        name: format!("state-{name}"),
        kind: BackendKind::KeyValue,
        options: vec![("KEYED_STATE_TYPE".into(), kind.into())],
        serializers: serializers.map(|(key, data_type)| (key.to_owned(), serializer(data_type))).to_vec(),
    }
}

/// A heap file, and for each state and key group the values in it.
struct Written {
    file: KeyedFile,
    values: Vec<BTreeMap<u16, Vec<Vec<u8>>>>,
}

struct Plan {
    max_parallelism: u32,
    keys: usize,
    compressed: bool,
    windows: bool,
}

fn write(random: &mut Random, key: &(FlinkType, Generator), states: &[Shape], plan: &Plan) -> Written {
    let all = namespaces();
    let choices = if plan.windows { all.len() } else { 1 };
    let namespaces: Vec<_> = states.iter().map(|_| &all[random.below(choices)]).collect();
    let mut order: Vec<usize> = (0..states.len()).collect();
    order.sort_by_key(|_| random.below(1000));
    let mut entries: Vec<BTreeMap<u16, Vec<Vec<u8>>>> = vec![BTreeMap::new(); states.len()];
    let mut values = entries.clone();
    for (state, (_, _, value)) in states.iter().enumerate() {
        let mut known = HashSet::new();
        for _ in 0..random.below(plan.keys) {
            let bytes = key.1(random);
            let hash = key_hash::java_hash(&key.0, &mut Cursor::new(&bytes)).unwrap();
            let hash = hash.unwrap_or_else(|| random.below(1 << 20) as i32);
            let group = KeyGroup::of_hash(hash, plan.max_parallelism).0;
            let namespace = namespaces[state].1(random);
            if !known.insert((namespace.clone(), bytes.clone())) {
                continue;
            }
            let (value, rows) = value(random);
            entries[state].entry(group).or_default().push([namespace, bytes, value].concat());
            values[state].entry(group).or_default().extend(rows);
        }
    }
    let mut bytes = vec![0xAB; 7];
    let mut blocks = Vec::new();
    for group in 0..plan.max_parallelism as u16 {
        let start = bytes.len() as u64;
        bytes.extend(i32::from(group).to_be_bytes());
        for state in &order {
            let empty = Vec::new();
            let entries = entries[*state].get(&group).unwrap_or(&empty);
            let part = [(*state as u16).to_be_bytes().to_vec(), counted(entries)].concat();
            bytes.extend(if plan.compressed { framed(&part) } else { part });
        }
        blocks.push(Block { key_group: group, start, end: bytes.len() as u64 });
    }
    let metas = states.iter().zip(&namespaces).enumerate();
    let metas =
        metas.map(|(name, ((kind, value, _), namespace))| state(name, kind, &namespace.0, value.clone()));
    let header = KeyedHeader {
        compressed: plan.compressed,
        key: serializer(key.0.clone()),
        states: metas.collect(),
        length: 7,
    };
    let file = KeyedFile {
        source: Arc::new(Bytes::from(bytes)),
        header: Arc::new(header),
        layout: KeyedLayout::Heap,
        blocks: blocks.into(),
        max_parallelism: plan.max_parallelism,
        limits: ReadLimits::default(),
        runs: Arc::default(),
    };
    Written { file, values }
}

fn framed(part: &[u8]) -> Vec<u8> {
    let mut encoder = snap::write::FrameEncoder::new(Vec::new());
    std::io::Write::write_all(&mut encoder, part).unwrap();
    encoder.into_inner().unwrap()
}

fn values(batch: &RecordBatch) -> Vec<(u16, Vec<u8>)> {
    let groups = batch.column_by_name("key_group").unwrap().as_primitive::<UInt16Type>();
    let column = batch.column_by_name("value").unwrap();
    let value = |row| match column.as_binary_opt::<i32>() {
        Some(column) => column.value(row).to_vec(),
        None => column.as_primitive::<Int64Type>().value(row).to_be_bytes().to_vec(),
    };
    (0..batch.num_rows()).map(|row| (groups.value(row), value(row))).collect()
}

/// Key groups that were shown, of all; each as it was written.
fn check(written: &Written, context: &str) -> (usize, usize) {
    let (mut shown, mut all) = (0, 0);
    for (state, expected) in written.values.iter().enumerate() {
        let mut scan = HeapScan::new(&written.file, state as u16, None).unwrap();
        let mut found: BTreeMap<u16, Vec<Vec<u8>>> = BTreeMap::new();
        for batch in scan.by_ref() {
            for (group, value) in values(&batch.unwrap()) {
                found.entry(group).or_default().push(value);
            }
        }
        let mut missing = 0;
        for (group, expected) in expected.iter().filter(|(_, values)| !values.is_empty()) {
            all += 1;
            let rows = found.remove(group).unwrap_or_default();
            // What came before the value whose end is uncertain was read.
            assert_eq!(rows, expected[..rows.len()], "{context}: state {state}, key group {group}");
            shown += usize::from(rows.len() == expected.len());
            missing += expected.len() - rows.len();
        }
        assert!(found.is_empty(), "{context}: {found:?}");
        let unread = scan.completeness().rows_unread;
        assert!(unread > 0 || missing == 0, "{context}: {missing} rows are missing");
    }
    (shown, all)
}

#[test]
fn values_without_an_end_are_shown_as_written_or_not_at_all() {
    let mut random = Random(0x5EED);
    for key in keys() {
        let (mut shown, mut all) = (0, 0);
        for round in 0..12 {
            let mut states = shapes();
            states.sort_by_key(|_| random.below(1000));
            states.truncate(1 + random.below(5));
            let plan = Plan {
                max_parallelism: [4, 32, 128, 300][random.below(4)],
                keys: [3, 30, 90][random.below(3)],
                compressed: round % 4 == 3,
                windows: round % 2 == 1,
            };
            let written = write(&mut random, &key, &states, &plan);
            let (some, of) = check(&written, &format!("{:?}, round {round}", key.0));
            (shown, all) = (shown + some, all + of);
        }
        assert!(all > 20, "{:?}: {all}", key.0);
        println!("{:?}: {shown} of {all} key groups", key.0);
    }
}

#[test]
fn kryo_objects_are_nearly_always_certain() {
    let mut random = Random(0x5EED);
    for key in keys().into_iter().filter(|(data_type, _)| {
        matches!(
            data_type,
            FlinkType::Scalar(Scalar::Long | Scalar::Int | Scalar::Text) | FlinkType::RowData(_)
        )
    }) {
        let mut states = shapes();
        states.truncate(1);
        states.extend(shapes().into_iter().skip(5));
        let plan = Plan { max_parallelism: 128, keys: 3_000, compressed: false, windows: false };
        let (mut shown, mut all) = (0, 0);
        for _ in 0..3 {
            let (some, of) = check(&write(&mut random, &key, &states, &plan), "kryo");
            (shown, all) = (shown + some, all + of);
        }
        assert!(shown * 100 >= all * 97, "{:?}: {shown} of {all}", key.0);
    }
}

#[test]
fn objects_of_several_classes_are_shown_as_written_or_not_at_all() {
    let mut random = Random(0x5EED);
    let mixed: Shape = ("VALUE", kryo(), |r| {
        let class = 87 + r.below(2) as u8;
        let bytes = kryo_bytes(r, class);
        (bytes.clone(), vec![bytes])
    });
    let (mut shown, mut all) = (0, 0);
    for key in keys() {
        for keys in [30, 700] {
            let states = [mixed.clone(), shapes()[5].clone()];
            let plan = Plan { max_parallelism: 128, keys, compressed: false, windows: false };
            let (some, of) = check(&write(&mut random, &key, &states, &plan), &format!("{:?}", key.0));
            (shown, all) = (shown + some, all + of);
        }
    }
    assert!(shown * 2 > all, "{shown} of {all}");
}

#[test]
fn hostile_bytes_take_time_by_their_number() {
    let mut random = Random(0x5EED);
    let key = keys().remove(5);
    let states: Vec<_> = shapes().into_iter().take(5).collect();
    let plan = Plan { max_parallelism: 1, keys: 3, compressed: false, windows: false };
    for fill in [0u8, 1, 87, 255] {
        let mut written = write(&mut random, &key, &states, &plan);
        let mut bytes = written.file.source.read_at(0, written.file.source.size() as usize).unwrap().to_vec();
        // Forty entries are announced, and anything may be one.
        bytes.truncate(17);
        bytes[13..17].copy_from_slice(&40i32.to_be_bytes());
        bytes.extend(std::iter::repeat_n(fill, 1 << 18));
        let block = Block { key_group: 0, start: 7, end: bytes.len() as u64 };
        written.file.blocks = Arc::from([block]);
        written.file.source = Arc::new(Bytes::from(bytes));
        let started = std::time::Instant::now();
        for state in 0..states.len() as u16 {
            let scan = HeapScan::new(&written.file, state, None).unwrap();
            let rows = scan.map_while(Result::ok).map(|batch| batch.num_rows()).sum::<usize>();
            assert!(rows <= 1 << 18);
        }
        assert!(started.elapsed().as_secs() < 60, "{fill}: {:?}", started.elapsed());
    }
}
