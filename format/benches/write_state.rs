//! Writing a state and reading it back beside plain Parquet: the same sorted rows, in the same run.
//!
//! `cargo bench -p spt-format --bench write_state [-- ROWS [DIR [struct]]]`. Prints medians: rows per second, rows per
//! second on the processor (the figure to compare on a busy machine) and bytes. Everything is synced to disk.
//! With DIR it then leaves there what other tools can be measured with: the savepoints `before` and `after`, in
//! which every 1000th value differs, and `before.parquet` and `after.parquet` with the same rows. With `struct`
//! it does only that, and values are structs of four fields.
//!
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
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int64Type};
use arrow_array::{Array, ArrayRef, Int64Array, RecordBatch, StringArray, StructArray, UInt16Array};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;
use rustix::time::{ClockId, clock_gettime};
use spt_format::{
    Column, ColumnarReader, ColumnarWriter, Field, KeyGroup, KeyGroupRange, Operator, Savepoint,
    SavepointKind, SavepointSource, State, StateKind, StateRef, StateSchema, Type, Uid, java_hash_string,
    sort_batch,
};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const MAX_PARALLELISM: u32 = 128;
const ROUNDS: usize = 5;

fn main() {
    // `cargo bench` passes `--bench`.
    let arguments: Vec<String> =
        std::env::args().skip(1).filter(|argument| !argument.starts_with("--")).collect();
    let count = arguments.first().map_or(5_000_000, |rows| rows.parse().unwrap());
    let mut rows = sorted(count);
    if arguments.get(2).is_some_and(|what| what == "struct") {
        rows = with_structs(&rows);
    } else {
        measure(&rows);
    }
    if let Some(dir) = arguments.get(1).map(Path::new) {
        std::fs::create_dir_all(dir).unwrap();
        for (name, rows) in [("before", &rows), ("after", &changed(&rows))] {
            savepoint(rows, &dir.join(name), 2);
            plain(rows, &dir.join(format!("{name}.parquet")));
        }
    }
}

/// In turns, so that a busy machine disturbs all alike.
fn measure(rows: &RecordBatch) {
    let mut series = [
        "write plain Parquet, 1 thread",
        "write spt, 1 thread",
        "write spt, 2 threads",
        "read plain Parquet, 1 thread",
        "read spt, 1 thread",
        "read spt, 2 threads",
    ]
    .map(|name| Series { name, times: Vec::new(), bytes: 0 });
    for _ in 0..ROUNDS {
        let scratch = tempfile::tempdir().unwrap();
        let path = |name: &str| scratch.path().join(name);
        series[0].time(|| plain(rows, &path("plain.parquet")));
        series[1].time(|| savepoint(rows, &path("one"), 1));
        series[2].time(|| savepoint(rows, &path("two"), 2));
        series[3].time(|| read_plain(&path("plain.parquet")));
        series[4].time(|| read(&path("two"), 1));
        series[5].time(|| read(&path("two"), 2));
    }
    for (index, one) in series.iter().enumerate() {
        let plain = &series[index / 3 * 3];
        let (wall, processor) = one.median();
        let rate = |time: Duration| rows.num_rows() as f64 / time.as_secs_f64() / 1e6;
        println!(
            "{:30} {:6.2} M rows/s {:6.2} M rows/s on the processor ({:.2} of plain) {:7.1} MB",
            one.name,
            rate(wall),
            rate(processor),
            rate(processor) / rate(plain.median().1),
            one.bytes as f64 / 1e6,
        );
    }
}

/// What one way of doing it took.
struct Series {
    name: &'static str,
    times: Vec<(Duration, Duration)>,
    bytes: u64,
}

impl Series {
    /// Times it; it returns the bytes it wrote or read.
    fn time(&mut self, work: impl FnOnce() -> u64) {
        let processor = || {
            let time = clock_gettime(ClockId::ProcessCPUTime);
            Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
        };
        let (begin, on_processor) = (Instant::now(), processor());
        self.bytes = work();
        self.times.push((begin.elapsed(), processor() - on_processor));
    }

    /// Time passed, and time on all processors together.
    fn median(&self) -> (Duration, Duration) {
        let median = |mut times: Vec<Duration>| {
            times.sort_unstable();
            times[times.len() / 2]
        };
        let (wall, processor) = self.times.iter().copied().unzip();
        (median(wall), median(processor))
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

/// The same keys, each value in a struct of four fields.
fn with_structs(rows: &RecordBatch) -> RecordBatch {
    let counts = rows.column(2).as_any().downcast_ref::<Int64Array>().unwrap();
    let names = counts.values().iter().map(|count| format!("name-{}", count % 100));
    let fields: Vec<(&str, ArrayRef)> = vec![
        ("count", rows.column(2).clone()),
        ("name", Arc::new(StringArray::from_iter_values(names))),
        ("seen", Arc::new(counts.unary::<_, Int64Type>(|count| 1_700_000_000_000 + count * 60_000))),
        ("score", Arc::new(counts.unary::<_, Float64Type>(|count| count as f64 / 8.0))),
    ];
    let arrow =
        |(name, array): &(&str, ArrayRef)| arrow_schema::Field::new(*name, array.data_type().clone(), false);
    let types = fields.iter().map(arrow).collect();
    let values = StructArray::new(types, fields.into_iter().map(|(_, array)| array).collect(), None);
    let columns = [rows.column(0).clone(), rows.column(1).clone(), Arc::new(values)];
    RecordBatch::try_from_iter(["key_group", "key", "value"].into_iter().zip(columns)).unwrap()
}

/// The same rows with every 1000th value changed: the number itself, or the first field.
fn changed(rows: &RecordBatch) -> RecordBatch {
    let plus_one = |values: &ArrayRef| -> ArrayRef {
        let values = values.as_primitive::<Int64Type>().values().iter().enumerate();
        let values = values.map(|(row, value)| value + i64::from(row % 1000 == 0));
        Arc::new(Int64Array::from_iter_values(values))
    };
    let mut columns = rows.columns().to_vec();
    columns[2] = match columns[2].as_struct_opt() {
        None => plus_one(&columns[2]),
        Some(values) => {
            let (types, mut fields, nulls) = values.clone().into_parts();
            fields[0] = plus_one(&fields[0]);
            Arc::new(StructArray::new(types, fields, nulls))
        }
    };
    RecordBatch::try_new(rows.schema(), columns).unwrap()
}

fn plain(rows: &RecordBatch, path: &Path) -> u64 {
    let level = ZstdLevel::try_new(1).unwrap();
    let properties = WriterProperties::builder().set_compression(Compression::ZSTD(level)).build();
    let mut writer =
        ArrowWriter::try_new(File::create(path).unwrap(), rows.schema(), Some(properties)).unwrap();
    for row in (0..rows.num_rows()).step_by(65_536) {
        writer.write(&rows.slice(row, 65_536.min(rows.num_rows() - row))).unwrap();
    }
    writer.into_inner().unwrap().sync_all().unwrap();
    path.metadata().unwrap().len()
}

fn read_plain(path: &Path) -> u64 {
    let builder = ParquetRecordBatchReaderBuilder::try_new(File::open(path).unwrap()).unwrap();
    let batches = builder.with_batch_size(8192).build().unwrap();
    assert!(batches.map(|batch| batch.unwrap().num_rows()).sum::<usize>() > 0);
    path.metadata().unwrap().len()
}

fn read(path: &Path, threads: usize) -> u64 {
    let reader = ColumnarReader::options().open(path).unwrap();
    let place = StateRef { operator: 0, state: 0 };
    let segments = reader.segments(place).unwrap().len();
    let (next, rows) = (AtomicUsize::new(0), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while let Some(index) =
                    Some(next.fetch_add(1, Ordering::Relaxed)).filter(|index| *index < segments)
                {
                    let batches = reader.read_segment(place, index).unwrap();
                    rows.fetch_add(batches.iter().map(RecordBatch::num_rows).sum(), Ordering::Relaxed);
                }
            });
        }
    });
    assert_eq!(Some(rows.into_inner() as u64), reader.savepoint().operators[0].states[0].rows);
    reader.savepoint().bytes
}

fn savepoint(rows: &RecordBatch, path: &Path, threads: usize) -> u64 {
    let value = Field::from_arrow(rows.schema().field(2)).unwrap();
    let schema = StateSchema::keyed(Field::new("", Type::Utf8), value);
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
        for _ in 0..threads {
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
    writer.commit(&catalogue).unwrap().bytes
}

fn of_block(rows: &RecordBatch, block: KeyGroupRange) -> RecordBatch {
    let groups = rows.column(0).as_any().downcast_ref::<UInt16Array>().unwrap().values();
    let start = groups.partition_point(|group| *group < block.first());
    let end = groups.partition_point(|group| *group <= block.last());
    rows.slice(start, end - start)
}
