//! Savepoints in spt's own format: what is written is read, and nothing else is a savepoint.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::{
    Array, ArrayRef, Int64Array, RecordBatch, StringArray, UInt16Array, UInt32Array, UInt64Array,
};
use spt_format::{
    Column, ColumnarReader, ColumnarWriter, ErrorKind, Field, KeyGroup, KeyGroupRange, Operator, Savepoint,
    SavepointKind, SavepointSink, SavepointSource, Scan, State, StateKind, StateRef, StateSchema, Type, Uid,
    java_hash_string, sort_batch,
};

pub(crate) const FIRST: StateRef = StateRef { operator: 0, state: 0 };

pub(crate) fn scratch() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

/// `rows` word counts, in order.
pub(crate) fn counts(rows: usize, max_parallelism: u32) -> RecordBatch {
    let words: Vec<String> =
        (0..rows).map(|row| format!("word-{:x}", row.wrapping_mul(0x9e37_79b9))).collect();
    let groups = words.iter().map(|word| KeyGroup::of_hash(java_hash_string(word), max_parallelism).0);
    let batch = RecordBatch::try_from_iter([
        ("key_group", Arc::new(UInt16Array::from_iter_values(groups)) as ArrayRef),
        ("key", Arc::new(StringArray::from_iter_values(&words))),
        ("value", Arc::new(Int64Array::from_iter_values((0..rows as i64).map(|row| row % 97)))),
    ])
    .unwrap();
    sort_batch(&batch, &[Column::KeyGroup, Column::Key]).unwrap()
}

pub(crate) fn count_state(rows: Option<u64>) -> State {
    let schema = StateSchema::keyed(Field::new("", Type::Utf8), Field::new("", Type::Int64));
    State { rows, ..State::new("count", StateKind::Reducing, schema) }
}

pub(crate) fn sum_operator(max_parallelism: u32) -> Operator {
    let states = vec![count_state(None)];
    Operator { states, ..Operator::with_uid(Uid::new("sum-001").unwrap(), 2, max_parallelism) }
}

pub(crate) fn catalogue(operators: Vec<Operator>) -> Savepoint {
    Savepoint { operators, created_at_ms: Some(1), ..Savepoint::new(SavepointKind::Savepoint, "s-1") }
}

pub(crate) fn batches(batch: &RecordBatch, rows: usize) -> Vec<RecordBatch> {
    (0..batch.num_rows())
        .step_by(rows)
        .map(|row| batch.slice(row, rows.min(batch.num_rows() - row)))
        .collect()
}

/// Writes one state through the sink, in batches of this many rows.
pub(crate) fn write_counts(path: &Path, rows: &RecordBatch, batch_rows: usize, max_parallelism: u32) {
    let mut writer = ColumnarWriter::options().create(path).unwrap();
    let operator = sum_operator(max_parallelism);
    let mut sink = writer.state(&operator, &operator.states[0]).unwrap();
    for batch in batches(rows, batch_rows) {
        sink.write(&batch).unwrap();
    }
    sink.finish().unwrap();
    writer.commit(&catalogue(vec![operator])).unwrap();
}

pub(crate) fn open(path: &Path) -> ColumnarReader {
    ColumnarReader::options().open(path).unwrap()
}

pub(crate) fn read_all(reader: &dyn SavepointSource, place: StateRef, scan: &Scan) -> RecordBatch {
    let stream = reader.scan(place, scan).unwrap();
    let schema = stream.schema();
    let batches: Vec<RecordBatch> = stream.map(Result::unwrap).collect();
    arrow_select::concat::concat_batches(&schema, &batches).unwrap()
}

pub(crate) fn files(path: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    let mut directories = vec![path.to_owned()];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(directory).unwrap() {
            let entry = entry.unwrap().path();
            if entry.is_dir() {
                directories.push(entry);
            } else {
                found.push((entry.strip_prefix(path).unwrap().to_owned(), fs::read(&entry).unwrap()));
            }
        }
    }
    found.sort();
    found
}

/// Equal columns; the schemas' metadata (field ids) may differ.
pub(crate) fn assert_same_rows(left: &RecordBatch, right: &RecordBatch) {
    assert_eq!(left.num_rows(), right.num_rows());
    for (left, right) in left.columns().iter().zip(right.columns()) {
        assert_eq!(left.to_data(), right.to_data());
    }
}

#[test]
fn what_is_written_is_read() {
    let scratch = scratch();
    let path = scratch.path().join("savepoint");
    let rows = counts(10_000, 128);
    write_counts(&path, &rows, 1_000, 128);
    for place in [path.clone(), path.join("manifest.json")] {
        let reader = open(&place);
        assert_eq!(reader.savepoint().rows(), Some(10_000));
        assert_eq!(reader.savepoint().operators[0].uid.as_ref().unwrap().as_str(), "sum-001");
        assert_same_rows(&read_all(&reader, FIRST, &Scan::default()), &rows);
    }
}

#[test]
fn bytes_depend_on_rows_alone() {
    let scratch = scratch();
    let rows = counts(40_000, 128);
    let write = |name: &str, batch_rows| {
        let path = scratch.path().join(name);
        write_counts(&path, &rows, batch_rows, 128);
        files(&path)
    };
    let expected = write("whole", 40_000);
    assert_eq!(expected.len(), 2);
    for batch_rows in [1, 777, 8_192, 10_000] {
        assert!(write(&format!("by-{batch_rows}"), batch_rows) == expected, "batches of {batch_rows}");
    }
}

#[test]
fn blocks_are_encoded_on_any_thread_to_the_same_bytes() {
    let scratch = scratch();
    let rows = counts(300_000, 128);
    write_counts(&scratch.path().join("sink"), &rows, 10_000, 128);
    let operator = sum_operator(128);
    let writer = ColumnarWriter::options().create(scratch.path().join("blocks")).unwrap();
    let mut state = writer.begin_state(&operator, &count_state(Some(300_000))).unwrap();
    let groups = rows.column(0).as_any().downcast_ref::<UInt16Array>().unwrap().values().clone();
    let blocks = state.blocks();
    assert_eq!(blocks.len(), 2, "300,000 rows in 128 groups: blocks of 64 groups");
    let encoded: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = blocks
            .iter()
            .rev()
            .map(|block| {
                let (state, rows, groups) = (&state, &rows, &groups);
                scope.spawn(move || {
                    let start = groups.partition_point(|group| *group < block.first());
                    let end = groups.partition_point(|group| *group <= block.last());
                    state.encode(*block, std::iter::once(Ok(rows.slice(start, end - start)))).unwrap()
                })
            })
            .collect();
        threads.into_iter().rev().map(|thread| thread.join().unwrap()).collect()
    });
    encoded.into_iter().for_each(|block| state.append(block).unwrap());
    state.finish().unwrap();
    writer.commit(&catalogue(vec![operator])).unwrap();
    assert!(files(&scratch.path().join("sink")) == files(&scratch.path().join("blocks")));
    let reader = open(&scratch.path().join("blocks"));
    let segments = reader.segments(FIRST).unwrap();
    assert_eq!(segments.iter().filter_map(|segment| segment.rows).sum::<u64>(), 300_000);
    let last = segments.len() - 1;
    let read: usize = reader.read_segment(FIRST, last).unwrap().iter().map(RecordBatch::num_rows).sum();
    assert_eq!(Some(read as u64), segments[last].rows);
}

#[test]
fn a_key_group_range_reads_its_rows_and_no_others() {
    let scratch = scratch();
    let path = scratch.path().join("savepoint");
    write_counts(&path, &counts(5_000, 300), 5_000, 300);
    let reader = open(&path);
    let mut rows = 0;
    for (first, last) in [(0, 74), (75, 149), (150, 150), (151, 299)] {
        let range = KeyGroupRange::new(first, last).unwrap();
        let found = read_all(&reader, FIRST, &Scan { key_groups: Some(range), ..Scan::default() });
        let groups = found.column(0).as_any().downcast_ref::<UInt16Array>().unwrap();
        assert!(groups.values().iter().all(|group| range.contains(*group)), "{range}");
        rows += found.num_rows();
    }
    assert_eq!(rows, 5_000);
}

#[test]
fn an_operator_list_has_one_block_and_reads_back() {
    let scratch = scratch();
    let path = scratch.path().join("savepoint");
    let schema = StateSchema::per_subtask(Field::new("", Type::Utf8).nullable());
    let state = State::new("offsets", StateKind::OperatorList, schema);
    let operator =
        Operator { states: vec![state], ..Operator::with_uid(Uid::new("stream-001").unwrap(), 2, 128) };
    let rows = RecordBatch::try_from_iter([
        ("subtask", Arc::new(UInt32Array::from(vec![0, 0, 1])) as ArrayRef),
        ("index", Arc::new(UInt64Array::from(vec![0, 1, 0]))),
        ("value", Arc::new(StringArray::from(vec![Some("a"), None, Some("")]))),
    ])
    .unwrap();
    let mut writer = ColumnarWriter::options().create(&path).unwrap();
    let mut sink = writer.state(&operator, &operator.states[0]).unwrap();
    sink.write(&rows).unwrap();
    sink.finish().unwrap();
    writer.commit(&catalogue(vec![operator])).unwrap();
    assert_same_rows(&read_all(&open(&path), FIRST, &Scan::default()), &rows);
}

#[test]
fn the_number_of_threads_that_encode_has_no_influence_on_the_bytes() {
    let scratch = scratch();
    // Two key groups of more rows than a row group may have: blocks are cut inside.
    let rows = counts(600_000, 2);
    let operator = sum_operator(2);
    let write = |threads: usize| {
        let path = scratch.path().join(threads.to_string());
        let writer = ColumnarWriter::options().create(&path).unwrap();
        let table = writer.begin_state(&operator, &count_state(Some(600_000))).unwrap();
        table.write_sorted(batches(&rows, 10_000).into_iter().map(Ok), threads).unwrap();
        writer.commit(&catalogue(vec![operator.clone()])).unwrap();
        assert!(open(&path).segments(FIRST).unwrap().len() > 3);
        files(&path)
    };
    let expected = write(1);
    assert!(expected == write(2));
    assert!(expected == write(7));
}

#[test]
fn sorted_rows_of_no_key_group_or_out_of_order_are_refused_with_their_state() {
    let scratch = scratch();
    let refusal = |groups: Vec<u16>| {
        let folder = tempfile::tempdir_in(scratch.path()).unwrap();
        let writer = ColumnarWriter::options().create(folder.path().join("s")).unwrap();
        let table = writer.begin_state(&sum_operator(4), &count_state(Some(2))).unwrap();
        let rows = groups.into_iter().map(|group| {
            let columns: [(&str, ArrayRef); 3] = [
                ("key_group", Arc::new(UInt16Array::from(vec![group]))),
                ("key", Arc::new(StringArray::from(vec!["a"]))),
                ("value", Arc::new(Int64Array::from(vec![1]))),
            ];
            Ok(RecordBatch::try_from_iter(columns).unwrap())
        });
        table.write_sorted(rows, 2).unwrap_err().to_string()
    };
    let place = "operator sum-001, reducing state \"count\"";
    assert_eq!(refusal(vec![0, 4]), format!("{place}: key group 4 is none of 4"));
    assert_eq!(refusal(vec![1, 0]), format!("{place}, row 0: is not after the row before it"));
    assert_eq!(refusal(vec![1]), format!("{place}: number of rows is 1, expected 2"));
}

#[test]
fn rows_out_of_order_or_twice_or_elsewhere_are_refused() {
    let scratch = scratch();
    let writer = ColumnarWriter::options().create(scratch.path().join("savepoint")).unwrap();
    let operator = sum_operator(128);
    let state = writer.begin_state(&operator, &count_state(Some(2))).unwrap();
    let encoded = |groups: &[u16], keys: &[&str]| {
        let batch = RecordBatch::try_from_iter([
            ("key_group", Arc::new(UInt16Array::from(groups.to_vec())) as ArrayRef),
            ("key", Arc::new(StringArray::from(keys.to_vec()))),
            ("value", Arc::new(Int64Array::from(vec![1; keys.len()]))),
        ]);
        state.encode(KeyGroupRange::all(128), std::iter::once(Ok(batch.unwrap())))
    };
    let in_order = ["", "a", "a\0", "word-", "word-aa", "word-aaa", "word-aaaa", "word-aaab", "word-b"];
    assert!(encoded(&[1, 1, 1, 1, 1, 1, 1, 1, 1], &in_order).is_ok());
    assert!(encoded(&[1, 2, 3], &["c", "b", "a"]).is_ok());
    for (groups, keys, row) in [
        ([1, 1, 1], ["b", "a", "c"], 1),
        ([1, 1, 1], ["a", "b", "b"], 2),
        ([1, 1, 1], ["a", "a", ""], 1),
        ([1, 1, 1], ["b", "a", "a"], 1),
        ([2, 2, 1], ["b", "b", "a"], 1),
        ([2, 1, 1], ["a", "b", "a"], 1),
        ([1, 1, 1], ["", "word-aaab", "word-aaaa"], 2),
    ] {
        let Err(error) = encoded(&groups, &keys) else { panic!("{groups:?} {keys:?}") };
        assert!(
            error.to_string().contains(&format!("row {row}: is not after")),
            "{groups:?} {keys:?}: {error}"
        );
    }
    assert!(encoded(&[1, 128], &["a", "b"]).is_err());
}

#[test]
fn kill_before_manifest_leaves_no_savepoint() {
    let scratch = scratch();
    let path = scratch.path().join("savepoint");
    let writer = ColumnarWriter::options().create(&path).unwrap();
    let operator = sum_operator(128);
    let state = writer.begin_state(&operator, &count_state(Some(0))).unwrap();
    state.finish().unwrap();
    // A killed process runs no destructor.
    std::mem::forget(writer);
    let error = ColumnarReader::options().open(&path).err().unwrap();
    assert!(matches!(error.kind(), ErrorKind::NotASavepoint { .. }), "{error}");
}

#[test]
fn a_dropped_writer_leaves_nothing_and_a_taken_path_is_refused() {
    let scratch = scratch();
    let path = scratch.path().join("savepoint");
    drop(ColumnarWriter::options().create(&path).unwrap());
    assert!(!path.exists());
    fs::create_dir(&path).unwrap();
    let error = ColumnarWriter::options().create(&path).err().unwrap();
    assert!(matches!(error.kind(), ErrorKind::AlreadyExists), "{error}");
    assert!(path.exists());
}

#[test]
fn a_catalogue_that_is_not_what_was_written_is_refused() {
    let scratch = scratch();
    let path = scratch.path().join("savepoint");
    let writer = ColumnarWriter::options().create(&path).unwrap();
    let error = writer.commit(&catalogue(vec![sum_operator(128)])).unwrap_err();
    assert_eq!(
        error.to_string(),
        "operator sum-001, reducing state \"count\": is in the catalogue and was not written"
    );
    assert!(!path.exists());
}

#[test]
fn every_flipped_bit_of_the_manifest_is_found() {
    let scratch = scratch();
    let path = scratch.path().join("savepoint");
    write_counts(&path, &counts(100, 128), 100, 128);
    let manifest = fs::read(path.join("manifest.json")).unwrap();
    for byte in 0..manifest.len() {
        for bit in [0, 5] {
            let mut damaged = manifest.clone();
            damaged[byte] ^= 1 << bit;
            fs::write(path.join("manifest.json"), &damaged).unwrap();
            assert!(ColumnarReader::options().open(&path).is_err(), "byte {byte} bit {bit}");
        }
    }
    for length in 0..manifest.len() {
        fs::write(path.join("manifest.json"), &manifest[..length]).unwrap();
        assert!(ColumnarReader::options().open(&path).is_err(), "cut to {length} bytes");
    }
}

#[test]
fn every_flipped_bit_of_a_data_file_is_found_by_reading_it() {
    let scratch = scratch();
    let path = scratch.path().join("savepoint");
    write_counts(&path, &counts(300, 128), 300, 128);
    let all = files(&path);
    let (name, bytes) = all.iter().find(|(name, _)| name.extension().unwrap() == "parquet").unwrap();
    let target = path.join(name);
    fs::remove_file(&target).unwrap();
    for byte in (0..bytes.len()).step_by(7) {
        let mut damaged = bytes.clone();
        damaged[byte] ^= 1 << (byte % 8);
        fs::write(&target, &damaged).unwrap();
        let reader = open(&path);
        let found = reader.scan(FIRST, &Scan::default()).and_then(|rows| rows.collect::<Result<Vec<_>, _>>());
        let error = found.unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::ChecksumMismatch { .. }), "byte {byte}: {error}");
        assert!(error.to_string().contains(".parquet"), "{error}");
    }
    fs::remove_file(&target).unwrap();
    let error =
        open(&path).scan(FIRST, &Scan::default()).and_then(|rows| rows.collect::<Result<Vec<_>, _>>());
    assert!(matches!(error.unwrap_err().kind(), ErrorKind::Missing));
}
