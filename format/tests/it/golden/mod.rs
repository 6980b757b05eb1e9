//! Golden savepoints: what version 1 has written must stay readable, and must be written again to the byte.
//!
//! A golden savepoint's `build` never changes once it is released. `cargo xtask fixtures` writes those that are
//! missing; it never replaces one.

mod every_type;
mod word_count;

use std::path::{Path, PathBuf};

use serde_json::Value;
use spt_format::{
    ColumnarReader, ColumnarWriter, JsonOptions, JsonRows, KeyHash, Operator, Savepoint, SavepointSink,
    SavepointSource, Scan, State, StateKind, StateSchema, array_from_json, key_group_of, sort_batch,
};

use crate::columnar::{files, scratch};

/// A golden savepoint: its name, and what it is.
struct Golden {
    name: &'static str,
    build: fn() -> (Savepoint, Vec<Table>),
}

const GOLDEN: [Golden; 2] = [
    Golden { name: "every-type", build: every_type::build },
    Golden { name: "word-count", build: word_count::build },
];

/// The rows of one state, as exported lines in the model's order.
struct Table {
    uid: &'static str,
    state: State,
    /// One JSON object per row of the table, its members named after the columns but `key_group`.
    rows: &'static str,
    /// What `export` makes of them.
    lines: &'static str,
}

fn schema(parts: [Option<&str>; 4], ttl: bool) -> StateSchema {
    let [key, namespace, map_key, value] = parts.map(|text| text.map(|text| text.parse().unwrap()));
    StateSchema { key, namespace, map_key, value, ttl, ..StateSchema::default() }.number()
}

fn state(name: &str, kind: StateKind, schema: StateSchema) -> State {
    let key_hash = schema.key.as_ref().map(KeyHash::for_key);
    State { key_hash, ..State::new(name, kind, schema) }
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata/columnar/v1")
}

/// Writes a golden savepoint to a path.
fn write(golden: &Golden, path: &Path) {
    let (mut savepoint, tables) = (golden.build)();
    let mut writer = ColumnarWriter::options().create(path).unwrap();
    for table in &tables {
        let operator = savepoint.operators.iter_mut().find(|operator| operator.label() == table.uid).unwrap();
        operator.states.push(table.state.clone());
        let operator: Operator = operator.clone();
        let mut sink = writer.state(&operator, &table.state).unwrap();
        sink.write(&batch(&operator, table)).unwrap();
        sink.finish().unwrap();
    }
    writer.commit(&savepoint).unwrap();
}

fn batch(operator: &Operator, table: &Table) -> arrow_array::RecordBatch {
    let rows: Vec<Value> = table.rows.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let columns = table.state.schema.columns(table.state.kind).unwrap();
    let keys = table.state.schema.key.as_ref().map(|field| (field, column(field, &rows)));
    let arrays = columns.iter().map(|(_, field)| match (field.name.as_str(), &keys) {
        ("key_group", Some((key, keys))) => {
            let hash = table.state.key_hash.unwrap();
            let group = |row| key_group_of(key, keys, row, operator.max_parallelism, hash).unwrap().0;
            std::sync::Arc::new((0..rows.len()).map(group).collect::<arrow_array::UInt16Array>())
        }
        _ => column(field, &rows),
    });
    let arrays = arrays.collect();
    let schema = table.state.schema.to_arrow(table.state.kind).unwrap();
    let batch = arrow_array::RecordBatch::try_new(schema, arrays).unwrap();
    sort_batch(&batch, &table.state.schema.sort_columns(table.state.kind)).unwrap()
}

fn column(field: &spt_format::Field, rows: &[Value]) -> arrow_array::ArrayRef {
    let values: Vec<Option<&Value>> = rows.iter().map(|row| Some(&row[&field.name])).collect();
    array_from_json(field, &values).unwrap()
}

fn lines(reader: &ColumnarReader, table: &Table) -> String {
    let savepoint = reader.savepoint();
    let found = savepoint.states().find(|(_, operator, state)| {
        operator.label() == table.uid && state.name == table.state.name && state.kind == table.state.kind
    });
    let (place, _, state) = found.unwrap();
    assert_eq!(state.schema, table.state.schema);
    let mut rows = JsonRows::new(state.kind, &state.schema, JsonOptions::default()).unwrap();
    let mut text = Vec::new();
    for batch in reader.scan(place, &Scan::default()).unwrap() {
        rows.write(&batch.unwrap(), &mut text).unwrap();
    }
    rows.finish(&mut text);
    String::from_utf8(text).unwrap()
}

#[test]
fn the_golden_savepoints_are_those_that_are_listed() {
    let mut found: Vec<String> = std::fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    found.sort();
    assert_eq!(found, GOLDEN.map(|golden| golden.name));
}

#[test]
fn v1_golden_reads_value_by_value() {
    for golden in &GOLDEN {
        let reader = ColumnarReader::options().open(folder().join(golden.name)).unwrap();
        let (expected, tables) = (golden.build)();
        assert_eq!(reader.savepoint().states().count(), tables.len());
        for table in &tables {
            assert_eq!(lines(&reader, table), table.lines, "{} of {}", table.state.name, golden.name);
        }
        let savepoint = reader.savepoint();
        assert_eq!((&savepoint.id, &savepoint.job), (&expected.id, &expected.job));
        assert_eq!((&savepoint.graph, &savepoint.lineage), (&expected.graph, &expected.lineage));
        assert_eq!(savepoint.pending, expected.pending);
    }
}

#[test]
fn v1_golden_is_written_again_to_the_byte() {
    for golden in &GOLDEN {
        let scratch = scratch();
        let path = scratch.path().join("savepoint");
        write(golden, &path);
        let (written, kept) = (files(&path), files(&folder().join(golden.name)));
        let names =
            |files: &[(PathBuf, Vec<u8>)]| files.iter().map(|file| file.0.clone()).collect::<Vec<_>>();
        assert_eq!(names(&written), names(&kept));
        for ((name, written), (_, kept)) in written.iter().zip(&kept) {
            assert!(written == kept, "{} of {} has other bytes", name.display(), golden.name);
        }
    }
}

#[test]
fn the_sample_in_the_spec_is_the_golden_word_count() {
    let spec = include_str!("../../../SPEC.md");
    let files = files(&folder().join("word-count"));
    let (_, manifest) = files.iter().find(|(name, _)| name.ends_with("manifest.json")).unwrap();
    assert!(spec.contains(std::str::from_utf8(manifest).unwrap()));
    let (_, counts) = files.iter().find(|(name, _)| name.starts_with("sum-001-63514f5609f536a5")).unwrap();
    for (index, bytes) in counts.chunks(32).enumerate() {
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        let line = format!("\n{:04x}  {hex}\n", index * 32);
        assert!(spec.contains(&line), "{line}");
    }
}

/// Writes what is missing if it is asked to, see `cargo xtask fixtures`.
#[test]
fn fixtures_that_are_asked_for_are_written() {
    if std::env::var_os("SPT_WRITE_FIXTURES").is_none() {
        return assert!(folder().is_dir());
    }
    std::fs::create_dir_all(folder()).unwrap();
    for golden in GOLDEN.iter().filter(|golden| !folder().join(golden.name).exists()) {
        write(golden, &folder().join(golden.name));
    }
    assert!(GOLDEN.iter().all(|golden| folder().join(golden.name).join("manifest.json").is_file()));
}
