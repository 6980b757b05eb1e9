//! Brings rows into the model's order in fixed memory.
//!
//! ```text
//! push ─► buffer ─► full: sort, spill as a run ─► … ─► finish: merge the runs and the buffer ─► batches
//! ```
//!
//! Runs are anonymous files in the folder for temporary files: they vanish with the process, however it ends.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fs::File;
use std::io::{BufReader, BufWriter, Seek, SeekFrom, Write};
use std::path::PathBuf;

use arrow_array::{ArrayRef, RecordBatch};
use arrow_ipc::reader::StreamReader;
use arrow_ipc::writer::StreamWriter;
use arrow_schema::{ArrowError, SchemaRef};
use arrow_select::concat::concat_batches;
use arrow_select::interleave::interleave_record_batch;

use crate::error::{Error, Result};
use crate::model::{Column, columns_of, sort_batch, write_key_bytes};

/// Rows of a batch that leaves the sorter, at most.
const BATCH_ROWS: usize = 8_192;
/// Rows of a batch in a spilled run: small, since one of every run is in memory while they are merged.
const RUN_BATCH_ROWS: usize = 2_048;

/// Sorts the rows of one table by some of its columns.
pub struct ExternalSorter {
    schema: SchemaRef,
    columns: Vec<Column>,
    memory_bytes: usize,
    spill_folder: PathBuf,
    buffer: Vec<RecordBatch>,
    buffer_bytes: usize,
    runs: Vec<File>,
}

impl ExternalSorter {
    /// A sorter for rows of this schema, by these columns, that spills beyond `memory_bytes`.
    pub fn new(schema: SchemaRef, columns: Vec<Column>, memory_bytes: usize) -> Self {
        Self {
            schema,
            columns,
            memory_bytes,
            spill_folder: std::env::temp_dir(),
            buffer: Vec::new(),
            buffer_bytes: 0,
            runs: Vec::new(),
        }
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
        // Sorting takes a second copy.
        self.buffer_bytes += 2 * batch.get_array_memory_size();
        self.buffer.push(batch);
        if self.buffer_bytes > self.memory_bytes { self.spill() } else { Ok(()) }
    }

    /// Memory that the rows not spilled yet will take while they are sorted.
    pub fn held_bytes(&self) -> usize {
        self.buffer_bytes
    }

    /// Runs that were spilled so far.
    pub fn spilled_runs(&self) -> usize {
        self.runs.len()
    }

    /// All rows in order. Rows that are equal in the sorter's columns keep the order they came in.
    ///
    /// # Errors
    /// If a run cannot be read back.
    pub fn finish(mut self) -> Result<SortedRows> {
        let mut runs = Vec::with_capacity(self.runs.len() + 1);
        let last = self.sorted_buffer()?;
        for (number, file) in std::mem::take(&mut self.runs).into_iter().enumerate() {
            let reader = StreamReader::try_new(BufReader::new(file), None).map_err(spill_error)?;
            runs.push(Run::new(number, Box::new(reader.map(|batch| batch.map_err(spill_error)))));
        }
        let last = (0..last.num_rows()).step_by(BATCH_ROWS).map(move |start| {
            let rows = BATCH_ROWS.min(last.num_rows() - start);
            Ok(last.slice(start, rows))
        });
        runs.push(Run::new(runs.len(), Box::new(last)));
        SortedRows::new(self.schema, self.columns, runs)
    }

    fn sorted_buffer(&mut self) -> Result<RecordBatch> {
        let rows = concat_batches(&self.schema, &self.buffer)
            .map_err(|error| Error::invalid("rows to sort").caused_by(error))?;
        self.buffer.clear();
        self.buffer_bytes = 0;
        sort_batch(&rows, &self.columns)
    }

    fn spill(&mut self) -> Result<()> {
        let rows = self.sorted_buffer()?;
        let io = |error| Error::io("spill", &self.spill_folder, error);
        let file = tempfile::tempfile_in(&self.spill_folder).map_err(io)?;
        let mut writer = StreamWriter::try_new(BufWriter::new(file), &self.schema).map_err(spill_error)?;
        for start in (0..rows.num_rows()).step_by(RUN_BATCH_ROWS) {
            let count = RUN_BATCH_ROWS.min(rows.num_rows() - start);
            writer.write(&rows.slice(start, count)).map_err(spill_error)?;
        }
        let mut buffered = writer.into_inner().map_err(spill_error)?;
        buffered.flush().map_err(io)?;
        let mut file = buffered.into_inner().map_err(|error| io(error.into_error()))?;
        file.seek(SeekFrom::Start(0)).map_err(io)?;
        self.runs.push(file);
        Ok(())
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
        Ok(Self { schema, columns, runs, heap, failed: false })
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
        let mut rows = Vec::with_capacity(BATCH_ROWS);
        while rows.len() < BATCH_ROWS {
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
}

impl Run {
    fn new(number: usize, batches: Batches) -> Self {
        let batch = RecordBatch::new_empty(SchemaRef::new(arrow_schema::Schema::empty()));
        Self { number, batches, batch, keys: Vec::new(), serial: 0, row: 0 }
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
            assert!(batch.num_rows() <= BATCH_ROWS);
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
    fn nothing_sorts_to_nothing() {
        assert_eq!(sort(&[], 1).1, []);
    }
}
