//! Payloads that the serializers of Flink and of its Kafka connector wrote, and some by hand.

use std::path::Path;

use serde_json::{Value as Json, json};
use spt_format::{Cursor, JsonOptions, JsonValues};

use super::{
    Evidence, Layout, Versioned, committables, file_sink, files, hybrid, kafka, kafka_dynamic, numbers,
    sinks, sources,
};
use crate::serializers::values::Column;

/// A payload of `testdata/flink-payloads`.
struct Fixture {
    name: String,
    version: i32,
    bytes: Vec<u8>,
    json: Json,
}

fn fixtures() -> Vec<Fixture> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap();
    let files = [("2.1.0", 12), ("kafka-3.0.0", 6), ("kafka-4.0.1", 11), ("kafka-5.0.0", 10)];
    let mut fixtures = Vec::new();
    for (file, payloads) in files {
        let path = root.join(format!("testdata/flink-payloads/{file}.txt"));
        let text = std::fs::read_to_string(path).unwrap();
        assert_eq!(text.lines().count(), payloads, "{file}");
        fixtures.extend(text.lines().map(fixture));
    }
    fixtures
}

fn fixture(line: &str) -> Fixture {
    let mut parts = line.splitn(4, ' ');
    let mut next = || parts.next().unwrap();
    Fixture {
        name: next().to_owned(),
        version: next().parse().unwrap(),
        bytes: unhex(next()),
        json: serde_json::from_str(next()).unwrap(),
    }
}

fn unhex(text: &str) -> Vec<u8> {
    let byte = |index| u8::from_str_radix(&text[index..index + 2], 16).unwrap();
    (0..text.len()).step_by(2).map(byte).collect()
}

/// What is committed to Kafka, which stands in the state of a committer.
static KAFKA_COMMITTABLE: Layout = Layout {
    name: "Kafka committable",
    evidence: Evidence::Values(&[1]),
    field: kafka::committable_field,
    read: kafka::committable,
};

/// Every layout, by the name that fixtures have for it.
fn layouts() -> Vec<(&'static str, &'static Layout)> {
    vec![
        ("numbers.split", &numbers::NUMBERS.split),
        ("numbers.enumerator", &numbers::NUMBERS.enumerator),
        ("files.split", &files::FILES.split),
        ("files.enumerator", &files::FILES.enumerator),
        ("hybrid.split", &hybrid::HYBRID.split),
        ("hybrid.enumerator", &hybrid::HYBRID.enumerator),
        ("kafka.split", &kafka::KAFKA.split),
        ("kafka.enumerator", &kafka::KAFKA.enumerator),
        ("kafka.writer", &kafka::WRITER),
        ("kafka.committable", &KAFKA_COMMITTABLE),
        ("kafka.committables", &committables::KAFKA),
        ("kafka-dynamic.split", &kafka_dynamic::KAFKA_DYNAMIC.split),
        ("kafka-dynamic.enumerator", &kafka_dynamic::KAFKA_DYNAMIC.enumerator),
        ("file.bucket", &file_sink::BUCKET),
        ("file.committables", &committables::FILES),
        ("empty.committables", &committables::OTHER),
    ]
}

fn layout(name: &str) -> &'static Layout {
    layouts().into_iter().find(|(found, _)| *found == name).unwrap().1
}

fn payload(version: i32, bytes: &[u8]) -> Versioned<'_> {
    Versioned { version, bytes, start: 0 }
}

/// The value as spt shows it.
fn read(layout: &Layout, version: i32, bytes: &[u8]) -> spt_format::Result<Json> {
    let value = layout.value(payload(version, bytes))?;
    let field = (layout.field)();
    let mut column = Column::new(&field.ty.to_arrow()).unwrap();
    value.append(&mut column).unwrap();
    let array = column.finish().unwrap();
    let json = JsonValues::new(&field, &array, JsonOptions::default()).unwrap();
    Ok(serde_json::from_str(&json.text(0)).unwrap())
}

/// What `DataOutput.writeUTF` writes of ASCII.
fn utf(text: &str) -> Vec<u8> {
    [&u16::try_from(text.len()).unwrap().to_be_bytes(), text.as_bytes()].concat()
}

fn kafka_split(topic: &str, partition: i32, offset: i64, stop: i64) -> Vec<u8> {
    [&utf(topic)[..], &partition.to_be_bytes(), &offset.to_be_bytes(), &stop.to_be_bytes()].concat()
}

#[test]
fn every_payload_flink_wrote_becomes_the_json_it_should() {
    for Fixture { name, version, bytes, json } in fixtures() {
        let found = read(layout(&name), version, &bytes).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(found, json, "{name}");
    }
}

#[test]
fn a_version_counts_as_verified_where_a_fixture_has_it_and_only_there() {
    for (name, layout) in layouts() {
        for version in 0..=4 {
            let written = fixtures().iter().any(|fixture| {
                // A committer without committables is written like any other.
                let same = fixture.name == name
                    || (name, &*fixture.name) == ("empty.committables", "file.committables");
                same && fixture.version == version
            });
            assert_eq!(layout.is_verified(&[payload(version, &[])]), Some(written), "{name} {version}");
        }
    }
    assert_eq!(sources::UNKNOWN.split.is_verified(&[payload(1, &[])]), None);
    let both = [payload(1, &[]), payload(0, &[])];
    assert_eq!(kafka::KAFKA.enumerator.is_verified(&both), Some(false));
}

#[test]
fn no_payload_is_taken_for_anothers() {
    for Fixture { name, version, bytes, .. } in fixtures() {
        for (other, layout) in layouts() {
            // A committer without committables may be of any sink; any sink's has the frame of one.
            let both_committers = name.ends_with("committables") && other.ends_with("committables");
            let may_fit = name == other
                || (both_committers && (name.starts_with("empty") || other.starts_with("empty")));
            assert_eq!(layout.reads(payload(version, &bytes)), may_fit, "{name} as {other}");
        }
    }
}

#[test]
fn no_beginning_of_a_payload_is_one_and_no_flipped_bit_makes_the_reader_panic() {
    for Fixture { name, version, bytes, .. } in fixtures() {
        for length in 0..bytes.len() {
            assert!(!layout(&name).reads(payload(version, &bytes[..length])), "{name} cut to {length} bytes");
        }
        for bit in 0..bytes.len() * 8 {
            let mut damaged = bytes.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            for (_, layout) in layouts() {
                let _ = read(layout, version, &damaged);
            }
        }
    }
}

#[test]
fn splits_of_kafka_are_partitions_with_their_offsets() {
    let split = layout("kafka.split");
    let found = read(split, 0, &kafka_split("orders.eu-1", 3, 1234, i64::MIN)).unwrap();
    let wanted = json!({"topic": "orders.eu-1", "partition": 3, "offset": 1234, "stopping_offset": null});
    assert_eq!(found, wanted);
    let earliest = read(split, 0, &kafka_split("orders", 0, -2, 99)).unwrap();
    let wanted = json!({"topic": "orders", "partition": 0, "offset": -2, "stopping_offset": 99});
    assert_eq!(earliest, wanted);
}

#[test]
fn what_no_partition_of_kafka_can_be_is_not_taken_for_one() {
    let split = layout("kafka.split");
    let refused = [
        kafka_split("", 0, 1, 2),
        kafka_split("two words", 0, 1, 2),
        kafka_split("orders", -1, 1, 2),
        kafka_split("orders", 0, -4, 2),
        [kafka_split("orders", 0, 1, 2), vec![0]].concat(),
    ];
    for bytes in &refused {
        assert!(!split.reads(payload(0, bytes)), "{bytes:?}");
    }
    assert!(!split.reads(payload(1, &kafka_split("orders", 0, 1, 2))));
}

#[test]
fn every_version_of_kafkas_enumerator_is_read() {
    let enumerator = layout("kafka.enumerator");
    let partition = |offset: Json, assigned: bool, subtask: Json| {
        json!([{"topic": "a", "partition": 5, "offset": offset, "stopping_offset": null,
                "assigned": assigned, "subtask": subtask}])
    };
    let one = 1i32.to_be_bytes();
    let topic = [&utf("a")[..], &5i32.to_be_bytes()].concat();
    let split = kafka_split("a", 5, 7, i64::MIN);
    let size = i32::try_from(split.len()).unwrap().to_be_bytes();
    let zero = [0; 4];
    let versions = [
        (
            0,
            [&zero[..], &one, &2i32.to_be_bytes(), &one, &size, &split].concat(),
            partition(json!(7), true, json!(2)),
            Json::Null,
        ),
        (1, [&one[..], &topic].concat(), partition(Json::Null, true, Json::Null), Json::Null),
        (2, [&one[..], &topic, &one, &[1]].concat(), partition(Json::Null, false, Json::Null), json!(true)),
        (
            3,
            [&one[..], &zero, &size, &split, &zero, &[0]].concat(),
            partition(json!(7), true, Json::Null),
            json!(false),
        ),
    ];
    for (version, bytes, partitions, discovered) in versions {
        let found = read(enumerator, version, &bytes).unwrap();
        assert_eq!(
            found,
            json!({"partitions": partitions, "initial_discovery_finished": discovered}),
            "{version}"
        );
    }
}

#[test]
fn a_source_is_of_the_connector_that_reads_all_its_payloads() {
    let kafka = kafka_split("orders", 3, 7, i64::MIN);
    let other = [&utf("part-1")[..], &[0; 7], &[4], &[0; 7], &[20]].concat();
    let none = [0; 4];
    let splits = [payload(0, &kafka), payload(0, &kafka)];
    let name = |splits: &[Versioned<'_>], enumerator| {
        sources::connector(splits, enumerator).map(|connector| connector.split.name)
    };
    assert_eq!(name(&splits, Some(payload(1, &none))), Some("Kafka split"));
    // One split, or an enumerator, that is another's.
    assert_eq!(name(&[splits[0], payload(1, &other)], None), None);
    assert_eq!(name(&splits, Some(payload(1, &[9; 7]))), None);
    // A text and two numbers, but no range of numbers that Flink would have made.
    assert_eq!(name(&[payload(1, &other)], None), None);
    // Nothing at all says nothing.
    assert_eq!(name(&[], Some(payload(1, &none))), None);
}

#[test]
fn writers_and_committers_of_kafka_are_read() {
    let first = utf("prefix");
    assert_eq!(read(layout("kafka.writer"), 1, &first).unwrap()["transactional_id_prefix"], "prefix");
    let transaction = [&utf("prefix-0-7")[..], &7i64.to_be_bytes()].concat();
    let numbers = [1i32, 4, 1, 1].map(i32::to_be_bytes).concat();
    let second = [&first[..], &numbers, &transaction].concat();
    let wanted = json!({"transactional_id_prefix": "prefix", "owned_subtask": 1, "owned_subtasks": 4,
        "ownership": "explicit_by_writer_state",
        "precommitted": [{"transactional_id": "prefix-0-7", "checkpoint_id": 7}]});
    assert_eq!(read(layout("kafka.writer"), 2, &second).unwrap(), wanted);
    assert_eq!(sinks::layout("writer_raw_states", &[payload(2, &second)]).unwrap().name, "Kafka writer");
    let committable = [&3i16.to_be_bytes()[..], &1000i64.to_be_bytes(), &utf("prefix-0-7")].concat();
    let size = i32::try_from(committable.len()).unwrap().to_be_bytes();
    // Before checkpoints were told apart: a list of committables of version 1.
    let list = [&1i32.to_be_bytes()[..], &1i32.to_be_bytes(), &size, &committable].concat();
    let found = sinks::layout("streaming_committer_raw_states", &[payload(1, &list)]).unwrap();
    assert_eq!(found.name, "Kafka committables");
    let found = read(found, 1, &list).unwrap();
    let wanted = json!({"transactional_id": "prefix-0-7", "producer_id": 1000, "epoch": 3});
    assert_eq!(found["checkpoints"][0]["subtasks"][0]["requests"][0]["committable"], wanted);
}

#[test]
fn what_is_in_no_frame_is_refused() {
    let framed = [&15i32.to_be_bytes()[..], &1i32.to_be_bytes(), &7i32.to_be_bytes(), &[9; 7]].concat();
    let open =
        |bytes: &[u8]| super::Frame::Element.open(&mut Cursor::new(bytes)).map(|payload| payload.bytes.len());
    assert_eq!(open(&framed).unwrap(), 7);
    for length in 0..framed.len() {
        assert!(open(&framed[..length]).is_err());
    }
}
