//! From sorted rows to encoded row groups: pure computation, on any thread.

use std::io;

use arrow_array::cast::AsArray;
use arrow_array::types::UInt16Type;
use arrow_array::{Array, RecordBatch};
use parquet::arrow::arrow_writer::{
    ArrowColumnChunk, ArrowColumnWriter, ArrowRowGroupWriterFactory, compute_leaves,
};
use parquet::file::writer::SerializedFileWriter;

use super::canonical::canonical;
use super::columns::FileShape;
use super::parquet;
use super::row_groups::{Cutter, RowGroupRows};
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
        let mut encoded = Vec::new();
        for batch in batches {
            for row_group in rows.push(&batch?)? {
                encoded.push(self.encode_row_group(row_group)?);
            }
        }
        if let Some(row_group) = rows.finish() {
            encoded.push(self.encode_row_group(row_group)?);
        }
        Ok(encoded)
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
        match self.key_groups(batch, batch)? {
            Some(found) if !block.contains(found.first()) || !block.contains(found.last()) => {
                Err(Error::invalid(format!("rows of key groups {found} in the block {block}")))
            }
            _ => Ok(()),
        }
    }

    /// The key groups from the first row of one batch to the last row of another.
    fn key_groups(&self, first: &RecordBatch, last: &RecordBatch) -> Result<Option<KeyGroupRange>> {
        if !self.kind.is_keyed() {
            return Ok(None);
        }
        let group = |batch: &RecordBatch, row: usize| {
            let column = batch.column_by_name(Column::KeyGroup.name());
            let groups = column.and_then(|column| column.as_primitive_opt::<UInt16Type>());
            groups.filter(|groups| row < groups.len()).map(|groups| groups.value(row))
        };
        match (group(first, 0), group(last, last.num_rows().saturating_sub(1))) {
            (Some(first), Some(last)) => KeyGroupRange::new(first, last).map(Some),
            _ => Err(Error::invalid("rows have no key group")),
        }
    }

    /// Encodes rows that [`BlockRows`] has cut.
    ///
    /// # Errors
    /// If the Parquet writer refuses them.
    pub(crate) fn encode_row_group(&self, rows: RowGroupRows) -> Result<EncodedRowGroup> {
        let key_groups = match (rows.first(), rows.last()) {
            (Some(first), Some(last)) => self.key_groups(&first, &last)?,
            _ => None,
        };
        let count = rows.rows as u64;
        // Without encryption a row group does not depend on its number.
        let mut writers = self.factory.create_column_writers(0).map_err(parquet)?;
        rows.for_each_slice(|slice| write_slice(slice, &mut writers))?;
        let chunks = writers.into_iter().map(|writer| writer.close().map_err(parquet));
        Ok(EncodedRowGroup { chunks: chunks.collect::<Result<_>>()?, rows: count, key_groups })
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
