//! Brings rows into the model's order in fixed memory.
//!
//! ```text
//! push ─► buffer ─► full: order, spill as a run ─► … ─► finish: merge the runs and the buffer ─► batches
//! ```
//!
//! Rows in memory are not moved: their order is found from their keys alone, and each batch that leaves is put
//! together from where its rows are. Runs are anonymous files in the folder for temporary files: they vanish with
//! the process, however it ends.

mod buffer;

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fs::File;
use std::io::{BufReader, BufWriter, Seek, SeekFrom, Write};
use std::path::PathBuf;

use arrow_array::{ArrayRef, RecordBatch};
use arrow_ipc::reader::StreamReader;
use arrow_ipc::writer::StreamWriter;
use arrow_schema::{ArrowError, SchemaRef};
use arrow_select::interleave::interleave_record_batch;

pub use self::buffer::bytes_of_rows;
use self::buffer::{BatchSize, Buffer};
use crate::error::{Error, Result};
use crate::model::{Column, columns_of, write_key_bytes};

/// A batch that leaves the sorter, at most.
const BATCH: BatchSize = BatchSize { rows: 8_192, bytes: 4 << 20 };
/// A batch of a spilled run: small, since one of every run is in memory while they are merged.
const RUN_BATCH: BatchSize = BatchSize { rows: 2_048, bytes: 256 << 10 };
/// Runs that are merged at the same time: as many become one before there are more.
const MAX_RUNS: usize = 128;

/// Sorts the rows of one table by some of its columns.
pub struct ExternalSorter {
    schema: SchemaRef,
    columns: Vec<Column>,
    memory_bytes: usize,
    spill_folder: PathBuf,
    buffer: Buffer,
    runs: Vec<File>,
}

impl ExternalSorter {
    /// A sorter for rows of this schema, by these columns, that spills beyond `memory_bytes`.
    pub fn new(schema: SchemaRef, columns: Vec<Column>, memory_bytes: usize) -> Self {
        let buffer = Buffer::new(columns.clone());
        Self { schema, columns, memory_bytes, spill_folder: std::env::temp_dir(), buffer, runs: Vec::new() }
    }

    /// The same sorter, spilling into another folder.
    #[must_use]
    pub fn spill_into(mut self, folder: impl Into<PathBuf>) -> Self {
        self.spill_folder = folder.into();
        self
    }

    /// Takes rows.
    ///
    /// # Errors
    /// If a run could not be spilled.
    pub fn push(&mut self, batch: RecordBatch) -> Result<()> {
        self.buffer.push(batch)?;
        if self.buffer.bytes() > self.memory_bytes { self.spill() } else { Ok(()) }
    }

    /// Memory that the rows not spilled yet will take while they are sorted.
    pub fn held_bytes(&self) -> usize {
        self.buffer.bytes()
    }

    /// Runs that were spilled so far and not merged yet.
    pub fn spilled_runs(&self) -> usize {
        self.runs.len()
    }

    /// All rows in order. Rows that are equal in the sorter's columns keep the order they came in.
    ///
    /// # Errors
    /// If a run cannot be read back.
    pub fn finish(mut self) -> Result<SortedRows> {
        let last = self.take_buffer()?;
        let last = (self.runs.is_empty() || !last.is_empty()).then(|| last.batches(BATCH));
        self.merged(last)
    }

    fn take_buffer(&mut self) -> Result<buffer::Ordered> {
        std::mem::replace(&mut self.buffer, Buffer::new(self.columns.clone())).order()
    }

    /// The rows of all runs, and behind them of one more that was not spilled.
    fn merged(&mut self, last: Option<Batches>) -> Result<SortedRows> {
        let mut runs: Vec<Batches> = Vec::with_capacity(self.runs.len() + 1);
        for file in std::mem::take(&mut self.runs) {
            let reader = StreamReader::try_new(BufReader::new(file), None).map_err(spill_error)?;
            runs.push(Box::new(reader.map(|batch| batch.map_err(spill_error))));
        }
        runs.extend(last);
        SortedRows::merge(self.schema.clone(), self.columns.clone(), runs)
    }

    fn spill(&mut self) -> Result<()> {
        let rows = self.take_buffer()?.batches(RUN_BATCH);
        let run = self.write_run(rows)?;
        self.runs.push(run);
        if self.runs.len() >= MAX_RUNS {
            let rows = SortedRows { batch: RUN_BATCH, ..self.merged(None)? };
            let run = self.write_run(rows)?;
            self.runs.push(run);
        }
        Ok(())
    }

    fn write_run(&self, rows: impl Iterator<Item = Result<RecordBatch>>) -> Result<File> {
        let io = |error| Error::io("spill", &self.spill_folder, error);
        let file = tempfile::tempfile_in(&self.spill_folder).map_err(io)?;
        let mut writer = StreamWriter::try_new(BufWriter::new(file), &self.schema).map_err(spill_error)?;
        for batch in rows {
            writer.write(&batch?).map_err(spill_error)?;
        }
        let mut buffered = writer.into_inner().map_err(spill_error)?;
        buffered.flush().map_err(io)?;
        let mut file = buffered.into_inner().map_err(|error| io(error.into_error()))?;
        file.seek(SeekFrom::Start(0)).map_err(io)?;
        Ok(file)
    }
}

fn spill_error(error: ArrowError) -> Error {
    match error {
        ArrowError::IoError(_, source) => Error::io("spill", "a sorted run", source),
        other => Error::invalid("a sorted run could not be spilled or read back").caused_by(other),
    }
}

/// Sorted rows, one batch after the other.
pub struct SortedRows {
    schema: SchemaRef,
    columns: Vec<Column>,
    runs: Vec<Run>,
    /// The key bytes of the current row of every run that has one, smallest first; ties go to the earlier run.
    heap: BinaryHeap<Reverse<(Vec<u8>, usize)>>,
    /// A batch that leaves, at most.
    batch: BatchSize,
    failed: bool,
}

/// The rows of one table, batch by batch.
pub(crate) type Batches = Box<dyn Iterator<Item = Result<RecordBatch>> + Send>;

impl SortedRows {
    /// The rows of several tables, each in the order of these columns, as one table in that order. Rows that
    /// are equal in the columns come in the order of their tables.
    ///
    /// # Errors
    /// As the first batch of a table.
    pub(crate) fn merge(schema: SchemaRef, columns: Vec<Column>, tables: Vec<Batches>) -> Result<Self> {
        let runs = tables.into_iter().enumerate().map(|(number, table)| Run::new(number, table));
        Self::new(schema, columns, runs.collect())
    }

    fn new(schema: SchemaRef, columns: Vec<Column>, mut runs: Vec<Run>) -> Result<Self> {
        let mut heap = BinaryHeap::with_capacity(runs.len());
        let merged = if runs.len() > 1 { &mut *runs } else { &mut [] };
        for run in merged {
            let mut key = Vec::new();
            if run.advance(&columns, &mut key)? {
                heap.push(Reverse((key, run.number)));
            }
        }
        Ok(Self { schema, columns, runs, heap, batch: BATCH, failed: false })
    }

    /// The table's schema.
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn next_batch(&mut self) -> Result<Option<RecordBatch>> {
        // A run on its own is what it is already.
        if let [only] = &mut *self.runs {
            return only.next_batch();
        }
        // The batches that rows of this output come from, and for each row its batch and place in it.
        let mut batches: Vec<RecordBatch> = Vec::new();
        let mut current: Vec<Option<(u64, usize)>> = vec![None; self.runs.len()];
        let (mut rows, mut bytes) = (Vec::with_capacity(self.batch.rows), 0);
        while rows.len() < self.batch.rows && bytes < self.batch.bytes {
            let Some(Reverse((mut key, number))) = self.heap.pop() else { break };
            let (Some(run), Some(seen)) = (self.runs.get_mut(number), current.get_mut(number)) else { break };
            let place = match *seen {
                Some((serial, place)) if serial == run.serial => place,
                _ => {
                    batches.push(run.batch.clone());
                    *seen = Some((run.serial, batches.len() - 1));
                    batches.len() - 1
                }
            };
            rows.push((place, run.row));
            bytes += run.row_bytes;
            if run.advance(&self.columns, &mut key)? {
                self.heap.push(Reverse((key, number)));
            }
        }
        if rows.is_empty() {
            return Ok(None);
        }
        let batches: Vec<&RecordBatch> = batches.iter().collect();
        interleave_record_batch(&batches, &rows)
            .map(Some)
            .map_err(|error| Error::invalid("merge of sorted runs").caused_by(error))
    }
}

impl Iterator for SortedRows {
    type Item = Result<RecordBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        let next = self.next_batch().transpose();
        self.failed = matches!(next, Some(Err(_)));
        next
    }
}

/// One sorted run and where its reader stands.
struct Run {
    number: usize,
    batches: Batches,
    batch: RecordBatch,
    keys: Vec<ArrayRef>,
    /// Counts the batches, so that two of them are told apart.
    serial: u64,
    row: usize,
    /// What a row of the batch takes.
    row_bytes: usize,
}

impl Run {
    fn new(number: usize, batches: Batches) -> Self {
        let batch = RecordBatch::new_empty(SchemaRef::new(arrow_schema::Schema::empty()));
        Self { number, batches, batch, keys: Vec::new(), serial: 0, row: 0, row_bytes: 0 }
    }

    /// The next batch as it is.
    fn next_batch(&mut self) -> Result<Option<RecordBatch>> {
        self.batches.next().transpose()
    }

    /// Moves to the next row and writes its key bytes; `false` at the end.
    fn advance(&mut self, columns: &[Column], key: &mut Vec<u8>) -> Result<bool> {
        self.row += 1;
        while self.row >= self.batch.num_rows() {
            let Some(batch) = self.batches.next().transpose()? else { return Ok(false) };
            self.keys = columns_of(&batch, columns)?;
            self.row_bytes = bytes_of_rows(&batch) / batch.num_rows().max(1);
            self.batch = batch;
            self.serial += 1;
            self.row = 0;
        }
        key.clear();
        for column in &self.keys {
            write_key_bytes(column, self.row, key)?;
        }
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::cast::AsArray;
    use arrow_array::types::Int64Type;
    use arrow_array::{Int64Array, StringArray, UInt16Array};

    use super::*;
    use crate::model::{Field, StateKind, StateSchema, Type};

    fn table() -> (SchemaRef, Vec<Column>) {
        let schema = StateSchema::keyed(Field::new("", Type::Utf8), Field::new("", Type::Int64));
        (schema.to_arrow(StateKind::Value).unwrap(), schema.sort_columns(StateKind::Value))
    }

    fn sort(rows: &[(u16, String, i64)], memory_bytes: usize) -> (usize, Vec<(u16, String, i64)>) {
        let (schema, columns) = table();
        let mut sorter = ExternalSorter::new(schema.clone(), columns, memory_bytes);
        for rows in rows.chunks(100) {
            let batch = RecordBatch::try_new(
                schema.clone(),
                vec![
                    Arc::new(UInt16Array::from_iter_values(rows.iter().map(|row| row.0))),
                    Arc::new(StringArray::from_iter_values(rows.iter().map(|row| &row.1))),
                    Arc::new(Int64Array::from_iter_values(rows.iter().map(|row| row.2))),
                ],
            );
            sorter.push(batch.unwrap()).unwrap();
        }
        let spilled = sorter.spilled_runs();
        let mut sorted = Vec::new();
        for batch in sorter.finish().unwrap() {
            let batch = batch.unwrap();
            assert!(batch.num_rows() <= BATCH.rows);
            let groups = batch.column(0).as_primitive::<arrow_array::types::UInt16Type>();
            let keys = batch.column(1).as_string::<i32>();
            let values = batch.column(2).as_primitive::<Int64Type>();
            for row in 0..batch.num_rows() {
                sorted.push((groups.value(row), keys.value(row).to_owned(), values.value(row)));
            }
        }
        (spilled, sorted)
    }

    #[test]
    fn rows_come_out_in_order_whether_spilled_or_not() {
        let rows: Vec<_> = (0..20_000u64)
            .map(|n| n.wrapping_mul(0x9e37_79b9_7f4a_7c15))
            .map(|n| ((n >> 57) as u16, format!("k{}", n >> 50), n as i64))
            .collect();
        let mut expected = rows.clone();
        expected.sort_by(|a, b| (a.0, &a.1).cmp(&(b.0, &b.1)));
        let (spilled, in_memory) = sort(&rows, usize::MAX);
        assert_eq!(spilled, 0);
        assert_eq!(in_memory, expected);
        let (spilled, merged) = sort(&rows, 100_000);
        assert!(spilled > 5, "{spilled} runs");
        assert_eq!(merged, expected);
    }

    #[test]
    fn many_runs_become_one_and_equal_rows_keep_their_order() {
        let rows: Vec<_> = (0..20_000).map(|n| ((n % 3) as u16, String::new(), n)).collect();
        let mut expected = rows.clone();
        expected.sort_by_key(|row| row.0);
        let (spilled, merged) = sort(&rows, 1);
        // A run for each batch, the first 128 of them merged into one.
        assert_eq!(spilled, 200 - 127);
        assert_eq!(merged, expected);
    }

    #[test]
    fn batches_of_large_rows_are_small() {
        let (schema, columns) = table();
        let mut sorter = ExternalSorter::new(schema.clone(), columns, 8 << 20);
        let text = "x".repeat(1 << 16);
        for n in 0..20u16 {
            let batch = RecordBatch::try_new(
                schema.clone(),
                vec![
                    Arc::new(UInt16Array::from_iter_values((0..10).map(|row| row * 20 + n))),
                    Arc::new(StringArray::from_iter_values((0..10).map(|_| &text))),
                    Arc::new(Int64Array::from_iter_values(0..10)),
                ],
            );
            sorter.push(batch.unwrap()).unwrap();
        }
        assert!(sorter.spilled_runs() > 0);
        let mut rows = 0;
        for batch in sorter.finish().unwrap() {
            let batch = batch.unwrap();
            assert!(bytes_of_rows(&batch) <= BATCH.bytes + text.len() + 1024);
            rows += batch.num_rows();
        }
        assert_eq!(rows, 200);
    }

    #[test]
    fn nothing_sorts_to_nothing() {
        assert_eq!(sort(&[], 1).1, []);
    }
}
