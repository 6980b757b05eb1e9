//! Writes states whose rows are not counted in advance: [`SavepointSink`] over [`ColumnarWriter`].
//!
//! The blocks of a state depend on its number of rows. Up to a row group's worth is held in memory; more is
//! spooled to disk first and encoded once the number is known.

use std::io::{Seek, SeekFrom};
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_ipc::reader::StreamReader;
use arrow_ipc::writer::StreamWriter;

use super::data_file::arrow;
use super::write::ColumnarWriter;
use crate::error::{Error, Result};
use crate::model::{Operator, Savepoint, SavepointSink, SavepointSource, State, StateRef, StateSink};
use crate::storage::Storage;

/// Bytes of batches held in memory before they are spooled.
const MEMORY_BYTES: usize = 64 << 20;

impl SavepointSink for ColumnarWriter {
    fn state(&mut self, operator: &Operator, state: &State) -> Result<Box<dyn StateSink + '_>> {
        let operator = Operator { states: Vec::new(), ..operator.clone() };
        let spool = Spool::new(self.staged.storage.clone());
        Ok(Box::new(SpooledState { writer: self, operator, state: state.clone(), spool }))
    }

    fn table(
        &mut self,
        operator: &Operator,
        state: &State,
        rows: &mut dyn Iterator<Item = Result<RecordBatch>>,
    ) -> Result<()> {
        if state.rows.is_some() {
            return self.begin_state(operator, state)?.write_sorted(rows, self.options.threads);
        }
        let mut sink = SavepointSink::state(self, operator, state)?;
        for batch in rows {
            sink.write(&batch?)?;
        }
        sink.finish()
    }

    fn adopt(
        &mut self,
        operator: &Operator,
        state: &State,
        source: &dyn SavepointSource,
        place: StateRef,
    ) -> Result<bool> {
        self.adopt_state(operator, state, source, place)
    }

    fn commit(self: Box<Self>, savepoint: &Savepoint) -> Result<()> {
        ColumnarWriter::commit(*self, savepoint).map(drop)
    }
}

struct SpooledState<'a> {
    writer: &'a ColumnarWriter,
    operator: Operator,
    state: State,
    spool: Spool,
}

impl StateSink for SpooledState<'_> {
    fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        self.spool.push(batch)
    }

    fn finish(self: Box<Self>) -> Result<()> {
        let Self { writer, operator, state, spool } = *self;
        let state = State { rows: Some(spool.rows), ..state };
        writer.begin_state(&operator, &state)?.write_sorted(spool.batches()?, writer.options.threads)
    }
}

/// Batches in memory, then on disk.
struct Spool {
    storage: Arc<dyn Storage>,
    rows: u64,
    bytes: usize,
    memory: Vec<RecordBatch>,
    disk: Option<StreamWriter<std::fs::File>>,
}

impl Spool {
    fn new(storage: Arc<dyn Storage>) -> Self {
        Self { storage, rows: 0, bytes: 0, memory: Vec::new(), disk: None }
    }

    fn push(&mut self, batch: &RecordBatch) -> Result<()> {
        self.rows += batch.num_rows() as u64;
        if let Some(disk) = &mut self.disk {
            return disk.write(batch).map_err(spool_error);
        }
        // A slice keeps all of its batch in memory.
        self.bytes += batch.get_array_memory_size();
        self.memory.push(batch.clone());
        if self.bytes > MEMORY_BYTES { self.spill(batch) } else { Ok(()) }
    }

    fn spill(&mut self, first: &RecordBatch) -> Result<()> {
        let file = self.storage.scratch()?;
        let mut disk = StreamWriter::try_new(file, &first.schema()).map_err(spool_error)?;
        for batch in std::mem::take(&mut self.memory) {
            disk.write(&batch).map_err(spool_error)?;
        }
        self.disk = Some(disk);
        Ok(())
    }

    fn batches(self) -> Result<Box<dyn Iterator<Item = Result<RecordBatch>>>> {
        let Some(disk) = self.disk else {
            return Ok(Box::new(self.memory.into_iter().map(Ok)));
        };
        let mut file = disk.into_inner().map_err(spool_error)?;
        file.seek(SeekFrom::Start(0)).map_err(|error| Error::io("read", "spool", error))?;
        let batches = StreamReader::try_new_buffered(file, None).map_err(spool_error)?;
        Ok(Box::new(batches.map(|batch| batch.map_err(spool_error))))
    }
}

fn spool_error(error: arrow_schema::ArrowError) -> Error {
    arrow(error).in_file("spool")
}
