//! Snapshots and values that Flink wrote, read to the last byte; and what damage does to them.

use std::path::Path;

use serde_json::Value;
use spt_format::{Cursor, JsonOptions, JsonValues};

use super::values::{Column, append_whole, field_of};
use super::{KryoVersion, Serializer};

/// One serializer of `testdata/flink-serializers`.
struct Fixture {
    name: String,
    length: Option<usize>,
    snapshot: Vec<u8>,
    values: Vec<(Vec<u8>, String)>,
}

fn fixtures() -> Vec<Fixture> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap();
    let text = std::fs::read_to_string(root.join("testdata/flink-serializers/2.1.0.txt")).unwrap();
    let fixtures: Vec<_> = text.trim_end().split("\n\n").map(fixture).collect();
    assert_eq!(fixtures.len(), 83);
    fixtures
}

fn fixture(block: &str) -> Fixture {
    let mut fixture = Fixture { name: String::new(), length: None, snapshot: Vec::new(), values: Vec::new() };
    for line in block.lines() {
        let (key, rest) = line.split_once(' ').unwrap();
        match key {
            "name" => fixture.name = rest.to_owned(),
            "length" => fixture.length = usize::try_from(rest.parse::<i32>().unwrap()).ok(),
            "snapshot" => fixture.snapshot = unhex(rest),
            "value" => {
                let (bytes, json) = rest.split_once(' ').unwrap();
                fixture.values.push((unhex(bytes), json.to_owned()));
            }
            other => panic!("{other}"),
        }
    }
    fixture
}

fn unhex(text: &str) -> Vec<u8> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let byte = |index| u8::from_str_radix(&digits[index..index + 2], 16).unwrap();
    (0..digits.len()).step_by(2).map(byte).collect()
}

/// A fixture's serializer, knowing which Flink wrote it.
fn serializer(fixture: &Fixture) -> Serializer {
    let mut serializer = Serializer::parse(&fixture.snapshot).unwrap();
    serializer.data_type.set_kryo(KryoVersion::Five);
    serializer
}

fn column(serializer: &Serializer) -> Column {
    Column::new(&field_of(&serializer.data_type).ty.to_arrow()).unwrap()
}

#[test]
fn every_snapshot_flink_wrote_is_read_to_its_last_byte() {
    for fixture in fixtures() {
        let name = &fixture.name;
        let serializer =
            Serializer::parse(&fixture.snapshot).unwrap_or_else(|error| panic!("{name}: {error}"));
        // The length matters for keys and namespaces, which buffered elements of a join never are.
        if name != "buffer-entry" {
            assert_eq!(serializer.data_type.reported_length(), fixture.length, "{name}");
        }
        assert_eq!(*serializer.bytes, fixture.snapshot[4..], "{name}");
    }
}

#[test]
fn every_value_flink_wrote_becomes_the_json_it_should() {
    let mut problems = Vec::new();
    for fixture in fixtures() {
        let serializer = serializer(&fixture);
        let field = field_of(&serializer.data_type);
        let mut column = column(&serializer);
        for (bytes, _) in &fixture.values {
            if let Err(error) = append_whole(&serializer.data_type, &mut column, &mut Cursor::new(bytes)) {
                problems.push(format!("{}: {error}", fixture.name));
                column.push_null();
            }
        }
        let array = column.finish().unwrap();
        let json = JsonValues::new(&field, &array, JsonOptions::default()).unwrap();
        for (row, (_, wanted)) in fixture.values.iter().enumerate() {
            let found: Value = serde_json::from_str(&json.text(row)).unwrap();
            let same = match wanted.as_str() {
                "opaque" => found.get("$opaque").is_some(),
                wanted => found == serde_json::from_str::<Value>(wanted).unwrap(),
            };
            if !same {
                problems.push(format!("{}: {found}, wanted {wanted}", fixture.name));
            }
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

#[test]
fn no_beginning_of_a_snapshot_is_a_snapshot() {
    for fixture in fixtures() {
        for length in 0..fixture.snapshot.len() {
            let parsed = Serializer::parse(&fixture.snapshot[..length]);
            assert!(parsed.is_err(), "{} cut to {length} bytes", fixture.name);
        }
    }
}

#[test]
fn no_beginning_of_a_value_is_a_value_and_nothing_of_it_stays() {
    for fixture in fixtures() {
        let serializer = serializer(&fixture);
        let mut column = column(&serializer);
        for (bytes, _) in &fixture.values {
            for length in 0..bytes.len() {
                let cut = &mut Cursor::new(&bytes[..length]);
                let result = append_whole(&serializer.data_type, &mut column, cut);
                assert!(result.is_err(), "{} cut to {length} bytes", fixture.name);
                assert_eq!(column.len(), 0);
            }
            append_whole(&serializer.data_type, &mut column, &mut Cursor::new(bytes)).unwrap();
            assert_eq!(column.finish().unwrap().len(), 1, "{}", fixture.name);
        }
    }
}

#[test]
fn a_flipped_bit_gives_an_error_or_another_type_but_no_panic() {
    for fixture in fixtures() {
        // Large snapshots repeat the same few kinds of bytes.
        let step = fixture.snapshot.len() / 150 + 1;
        for position in (0..fixture.snapshot.len()).step_by(step) {
            let mut damaged = fixture.snapshot.clone();
            damaged[position] ^= 1 << (position % 8);
            let Ok(serializer) = Serializer::parse(&damaged) else { continue };
            let mut column = column(&serializer);
            for (bytes, _) in &fixture.values {
                if append_whole(&serializer.data_type, &mut column, &mut Cursor::new(bytes)).is_ok() {
                    assert_eq!(column.finish().unwrap().len(), 1);
                }
            }
        }
    }
}

#[test]
fn a_flipped_bit_of_a_value_gives_an_error_or_another_value_but_no_panic() {
    for fixture in fixtures() {
        let serializer = serializer(&fixture);
        let mut column = column(&serializer);
        for (bytes, _) in &fixture.values {
            for bit in 0..bytes.len() * 8 {
                let mut damaged = bytes.clone();
                damaged[bit / 8] ^= 1 << (bit % 8);
                if append_whole(&serializer.data_type, &mut column, &mut Cursor::new(&damaged)).is_ok() {
                    assert_eq!(column.finish().unwrap().len(), 1);
                }
            }
        }
    }
}
