//! Writing a state beside writing plain Parquet: the same sorted rows, in the same run.
//!
//! `cargo bench -p spt-format --bench write_state [ROWS]`. Prints rows per second, bytes and the ratio per core.
//! What the format adds is the check of the order, digests, exact slices and an index on every column; what it
//! saves is the dictionary that unique keys outgrow.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    missing_docs,
    reason = "a benchmark talks and may stop"
)]

use std::collections::VecDeque;
use std::fs::File;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use arrow_array::{Array, ArrayRef, Int64Array, RecordBatch, StringArray, UInt16Array};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;
use spt_format::{
    Column, ColumnarWriter, Field, KeyGroup, KeyGroupRange, Operator, Savepoint, SavepointKind, State,
    StateKind, StateSchema, Type, Uid, java_hash_string, sort_batch,
};

const MAX_PARALLELISM: u32 = 128;
const THREADS: usize = 2;

fn main() {
    // `cargo bench` passes `--bench`.
    let rows = std::env::args().skip(1).find_map(|argument| argument.parse().ok()).unwrap_or(5_000_000);
    let rows = sorted(rows);
    let scratch = tempfile::tempdir().unwrap();
    // Once each to warm up, then in turns, so that a busy machine disturbs both alike.
    for round in 0..3 {
        let (plain_seconds, plain_bytes) =
            plain(&rows, &scratch.path().join(format!("plain-{round}.parquet")));
        let (seconds, bytes) = savepoint(&rows, &scratch.path().join(format!("savepoint-{round}")));
        let rate = |seconds: f64| rows.num_rows() as f64 / seconds / 1e6;
        println!(
            "plain Parquet, 1 thread: {:5.1} M rows/s, {:6.1} MB   spt, {THREADS} threads: {:5.1} M rows/s, {:6.1} MB   per core: {:.2}",
            rate(plain_seconds),
            plain_bytes as f64 / 1e6,
            rate(seconds),
            bytes as f64 / 1e6,
            plain_seconds / seconds / THREADS as f64,
        );
    }
}

fn mix(mut number: u64) -> u64 {
    number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

fn sorted(rows: usize) -> RecordBatch {
    let words: Vec<String> = (0..rows as u64).map(|row| format!("word-{:x}", mix(row) >> 16)).collect();
    let groups = words.iter().map(|word| KeyGroup::of_hash(java_hash_string(word), MAX_PARALLELISM).0);
    let batch = RecordBatch::try_from_iter([
        ("key_group", Arc::new(UInt16Array::from_iter_values(groups)) as ArrayRef),
        ("key", Arc::new(StringArray::from_iter_values(&words))),
        (
            "value",
            Arc::new(Int64Array::from_iter_values((0..rows as u64).map(|row| (mix(row) % 1000) as i64))),
        ),
    ]);
    sort_batch(&batch.unwrap(), &[Column::KeyGroup, Column::Key]).unwrap()
}

fn plain(rows: &RecordBatch, path: &std::path::Path) -> (f64, u64) {
    let start = Instant::now();
    let level = ZstdLevel::try_new(1).unwrap();
    let properties = WriterProperties::builder().set_compression(Compression::ZSTD(level)).build();
    let mut writer =
        ArrowWriter::try_new(File::create(path).unwrap(), rows.schema(), Some(properties)).unwrap();
    for row in (0..rows.num_rows()).step_by(65_536) {
        writer.write(&rows.slice(row, 65_536.min(rows.num_rows() - row))).unwrap();
    }
    writer.into_inner().unwrap().sync_all().unwrap();
    (start.elapsed().as_secs_f64(), path.metadata().unwrap().len())
}

fn savepoint(rows: &RecordBatch, path: &std::path::Path) -> (f64, u64) {
    let start = Instant::now();
    let schema = StateSchema::keyed(Field::new("", Type::Utf8), Field::new("", Type::Int64));
    let state =
        State { rows: Some(rows.num_rows() as u64), ..State::new("count", StateKind::Reducing, schema) };
    let operator = Operator::with_uid(Uid::new("sum-001").unwrap(), 2, MAX_PARALLELISM);
    let operator = Operator { states: vec![state], ..operator };
    let writer = ColumnarWriter::options().create(path).unwrap();
    let mut table = writer.begin_state(&operator, &operator.states[0]).unwrap();
    let blocks = table.blocks();
    let (encoder, next) = (table.encoder(), AtomicUsize::new(0));
    let ready = Mutex::new((VecDeque::from_iter(blocks.iter().map(|_| None)), &mut table));
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                while let Some((index, block)) = Some(next.fetch_add(1, Ordering::Relaxed))
                    .and_then(|index| Some((index, blocks.get(index)?)))
                {
                    let encoded =
                        encoder.encode(*block, std::iter::once(Ok(of_block(rows, *block)))).unwrap();
                    let (waiting, table) = &mut *ready.lock().unwrap();
                    let place = index - (blocks.len() - waiting.len());
                    waiting[place] = Some(encoded);
                    while let Some(Some(encoded)) = waiting.front_mut().map(Option::take) {
                        table.append(encoded).unwrap();
                        waiting.pop_front();
                    }
                }
            });
        }
    });
    table.finish().unwrap();
    let catalogue =
        Savepoint { operators: vec![operator], ..Savepoint::new(SavepointKind::Savepoint, "bench") };
    let committed = writer.commit(&catalogue).unwrap();
    (start.elapsed().as_secs_f64(), committed.bytes)
}

fn of_block(rows: &RecordBatch, block: KeyGroupRange) -> RecordBatch {
    let groups = rows.column(0).as_any().downcast_ref::<UInt16Array>().unwrap().values();
    let start = groups.partition_point(|group| *group < block.first());
    let end = groups.partition_point(|group| *group <= block.last());
    rows.slice(start, end - start)
}
