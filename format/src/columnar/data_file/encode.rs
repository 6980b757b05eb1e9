//! From sorted rows to encoded row groups: pure computation, on any thread.

use std::io;

use arrow_array::RecordBatch;
use arrow_array::cast::AsArray;
use arrow_array::types::UInt16Type;
use parquet::arrow::arrow_writer::{
    ArrowColumnChunk, ArrowColumnWriter, ArrowRowGroupWriterFactory, compute_leaves,
};
use parquet::file::writer::SerializedFileWriter;

use super::canonical::canonical;
use super::columns::FileShape;
use super::parquet;
use super::row_groups::{Cutter, RowGroupRows, Slicer};
use crate::error::{Error, Result, ResultExt};
use crate::model::{Column, Field, KeyGroupRange, RowOrder, State, StateKind, first_not_after};

/// Encodes rows of one state.
pub(crate) struct Encoder {
    pub(crate) shape: FileShape,
    factory: ArrowRowGroupWriterFactory,
    columns: Vec<(Column, Field)>,
    sort_columns: Vec<Column>,
    kind: StateKind,
}

/// A row group that only has to be copied into its file.
pub(crate) struct EncodedRowGroup {
    pub(crate) chunks: Vec<ArrowColumnChunk>,
    pub(crate) rows: u64,
    pub(crate) key_groups: Option<KeyGroupRange>,
}

impl Encoder {
    pub(crate) fn new(state: &State) -> Result<Self> {
        let shape = FileShape::of(state)?;
        // The factory takes schema and properties from a file writer; this one writes nowhere.
        let nowhere = SerializedFileWriter::new(
            io::sink(),
            shape.descriptor.root_schema_ptr(),
            shape.properties.clone(),
        );
        let factory = ArrowRowGroupWriterFactory::new(&nowhere.map_err(parquet)?, shape.arrow.clone());
        let columns = state.schema.columns(state.kind)?;
        let sort_columns = state.schema.sort_columns(state.kind);
        Ok(Self { shape, factory, columns, sort_columns, kind: state.kind })
    }

    /// Encodes all rows of one block.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`](crate::ErrorKind::Invalid) if rows lack a column, are out of order, come twice,
    /// or belong to another block.
    pub(crate) fn encode(
        &self,
        block: KeyGroupRange,
        batches: impl Iterator<Item = Result<RecordBatch>>,
    ) -> Result<Vec<EncodedRowGroup>> {
        let mut rows = BlockRows::new(self, block);
        let (mut encoded, mut open) = (Vec::new(), None);
        for batch in batches {
            for rest in rows.push(&batch?)? {
                encoded.push(self.row_group(open.take())?.finish(rest)?);
            }
            // What is encoded at once is still at hand, and its memory is free for the next batch.
            for given in rows.cutter.give() {
                let row_group = self.row_group(open.take())?;
                open.insert(row_group).write(given)?;
            }
        }
        match (open, rows.finish()) {
            (None, None) => {}
            (open, rest) => encoded.push(self.row_group(open)?.finish(rest.unwrap_or_default())?),
        }
        Ok(encoded)
    }

    /// The row group that is open, or a new one.
    fn row_group<'a>(&'a self, open: Option<OpenRowGroup<'a>>) -> Result<OpenRowGroup<'a>> {
        open.map_or_else(|| OpenRowGroup::new(self), Ok)
    }

    /// Rows ascend, within a batch and from one batch to the next, and none comes twice.
    fn check_order(&self, last: Option<&RecordBatch>, batch: &RecordBatch) -> Result<()> {
        if let Some(last) = last {
            let order = RowOrder::of_batches(last, batch, &self.sort_columns)?;
            if order.compare(0, 0).is_ge() {
                return Err(out_of_order(0));
            }
        }
        match first_not_after(batch, &self.sort_columns)? {
            None => Ok(()),
            Some(row) => Err(out_of_order(row)),
        }
    }

    /// Sorted rows lie in the block if the first and the last do.
    fn check_block(&self, block: KeyGroupRange, batch: &RecordBatch) -> Result<()> {
        match self.key_groups(batch)? {
            Some(found) if !block.contains(found.first()) || !block.contains(found.last()) => {
                Err(Error::invalid(format!("rows of key groups {found} in the block {block}")))
            }
            _ => Ok(()),
        }
    }

    /// The key groups from the first row of a batch to its last.
    fn key_groups(&self, batch: &RecordBatch) -> Result<Option<KeyGroupRange>> {
        if !self.kind.is_keyed() {
            return Ok(None);
        }
        let column = batch.column_by_name(Column::KeyGroup.name());
        let groups = column.and_then(|column| column.as_primitive_opt::<UInt16Type>());
        match groups.map(|groups| groups.values().as_ref()) {
            Some([first, .., last]) => KeyGroupRange::new(*first, *last).map(Some),
            Some([only]) => KeyGroupRange::new(*only, *only).map(Some),
            _ => Err(Error::invalid("rows have no key group")),
        }
    }

    /// Encodes rows that [`BlockRows`] has cut.
    ///
    /// # Errors
    /// If the Parquet writer refuses them.
    pub(crate) fn encode_row_group(&self, rows: RowGroupRows) -> Result<EncodedRowGroup> {
        OpenRowGroup::new(self)?.finish(rows)
    }
}

/// A row group whose rows are encoded as they come.
struct OpenRowGroup<'a> {
    encoder: &'a Encoder,
    writers: Vec<ArrowColumnWriter>,
    slicer: Slicer,
    rows: u64,
    key_groups: Option<KeyGroupRange>,
}

impl<'a> OpenRowGroup<'a> {
    fn new(encoder: &'a Encoder) -> Result<Self> {
        // Without encryption a row group does not depend on its number.
        let writers = encoder.factory.create_column_writers(0).map_err(parquet)?;
        Ok(Self { encoder, writers, slicer: Slicer::default(), rows: 0, key_groups: None })
    }

    fn write(&mut self, rows: RecordBatch) -> Result<()> {
        let found = self.encoder.key_groups(&rows)?;
        self.key_groups = self.key_groups.into_iter().chain(found).reduce(KeyGroupRange::union);
        self.rows += rows.num_rows() as u64;
        self.slicer.push(rows, |slice| write_slice(slice, &mut self.writers))
    }

    /// Takes its last rows.
    fn finish(mut self, rest: RowGroupRows) -> Result<EncodedRowGroup> {
        for rows in rest.into_batches() {
            self.write(rows)?;
        }
        self.slicer.end(|slice| write_slice(slice, &mut self.writers))?;
        let chunks = self.writers.into_iter().map(|writer| writer.close().map_err(parquet));
        Ok(EncodedRowGroup {
            chunks: chunks.collect::<Result<_>>()?,
            rows: self.rows,
            key_groups: self.key_groups,
        })
    }
}

/// Rows of one block on their way into row groups: checked, in their one form, cut.
pub(crate) struct BlockRows<'a> {
    encoder: &'a Encoder,
    block: KeyGroupRange,
    cutter: Cutter,
    last: Option<RecordBatch>,
}

impl<'a> BlockRows<'a> {
    pub(crate) fn new(encoder: &'a Encoder, block: KeyGroupRange) -> Self {
        let columns = encoder.sort_columns.iter().copied();
        let cutter = Cutter::new(columns.filter(|column| *column != Column::KeyGroup).collect());
        Self { encoder, block, cutter, last: None }
    }

    /// Takes rows and returns the row groups that are complete.
    ///
    /// # Errors
    /// As [`Encoder::encode`].
    pub(crate) fn push(&mut self, batch: &RecordBatch) -> Result<Vec<RowGroupRows>> {
        let batch = canonical(batch, &self.encoder.shape.arrow, &self.encoder.columns)?;
        if batch.num_rows() == 0 {
            return Ok(Vec::new());
        }
        self.encoder.check_order(self.last.as_ref(), &batch)?;
        self.encoder.check_block(self.block, &batch)?;
        self.last = Some(batch.slice(batch.num_rows() - 1, 1));
        self.cutter.push(batch)
    }

    /// What is left is the last row group.
    pub(crate) fn finish(self) -> Option<RowGroupRows> {
        self.cutter.finish()
    }
}

fn out_of_order(row: usize) -> Error {
    Error::invalid("is not after the row before it").within(format!("row {row}"))
}

fn write_slice(slice: &RecordBatch, writers: &mut [ArrowColumnWriter]) -> Result<()> {
    let mut writers = writers.iter_mut();
    for (field, column) in slice.schema().fields().iter().zip(slice.columns()) {
        let leaves = compute_leaves(field, column).map_err(parquet);
        for leaf in leaves.within(|| format!("column {}", field.name()))? {
            let writer = writers.next().ok_or_else(|| Error::invalid("a column has too many leaves"))?;
            writer.write(&leaf).map_err(parquet)?;
        }
    }
    Ok(())
}
