//! Parquet.

use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_array::cast::AsArray;
use arrow_schema::{Schema, SchemaRef};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;
use spt_format::Field;

use super::rows::Rows;
use super::{Encoder, FileFormat};
use crate::data::{Data, columns_of};
use crate::error::{Error, Result};
use crate::state::State;

/// Bytes of a row group, which is in memory until it is whole.
const ROW_GROUP_BYTES: usize = 32 << 20;

/// A column per field, zstd. Records are structs or tuples. A file of this kind is large or it is no good: let
/// checkpoints be rare.
#[derive(Debug, Clone, Copy, Default)]
pub struct Parquet;

/// Writes Parquet files.
pub struct ParquetEncoder<T: State> {
    rows: Rows<T>,
    schema: SchemaRef,
    file: Option<ArrowWriter<Vec<u8>>>,
}

impl<T: Data + State> FileFormat<T> for Parquet {
    type Encoder = ParquetEncoder<T>;
    const NAME: &'static str = "parquet";
    const EXTENSION: &'static str = "parquet";

    fn encoder(&self) -> Result<ParquetEncoder<T>> {
        let columns = columns_of::<T>("Parquet")?;
        let fields: Vec<_> = columns.iter().map(Field::to_arrow).collect();
        Ok(ParquetEncoder { rows: Rows::new(), schema: Arc::new(Schema::new(fields)), file: None })
    }
}

impl<T: Data + State> Encoder<T> for ParquetEncoder<T> {
    fn append(&mut self, record: T::Ref<'_>, file: &mut Vec<u8>) -> Result<()> {
        if self.rows.push(record) { self.encode(file) } else { Ok(()) }
    }

    fn held_bytes(&self) -> usize {
        self.rows.bytes() + self.file.as_ref().map_or(0, ArrowWriter::in_progress_size)
    }

    fn finish(&mut self, file: &mut Vec<u8>) -> Result<()> {
        self.encode(file)?;
        if let Some(writer) = self.file.take() {
            file.append(&mut writer.into_inner().map_err(failed)?);
        }
        Ok(())
    }
}

impl<T: Data + State> ParquetEncoder<T> {
    fn encode(&mut self, file: &mut Vec<u8>) -> Result<()> {
        let Some(records) = self.rows.take()? else { return Ok(()) };
        let records = records.as_struct_opt().ok_or_else(|| Error::failed("records are no rows"))?;
        let rows = RecordBatch::try_new(Arc::clone(&self.schema), records.columns().to_vec());
        let writer = match &mut self.file {
            Some(writer) => writer,
            None => self.file.insert(new_file(&self.schema)?),
        };
        writer.write(&rows.map_err(failed)?).map_err(failed)?;
        // The writer counts what it has written; whether that is still there does not matter to it.
        file.append(writer.inner_mut());
        Ok(())
    }
}

fn new_file(schema: &SchemaRef) -> Result<ArrowWriter<Vec<u8>>> {
    let properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .set_max_row_group_bytes(Some(ROW_GROUP_BYTES))
        .build();
    ArrowWriter::try_new(Vec::new(), Arc::clone(schema), Some(properties)).map_err(failed)
}

fn failed(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::failed("records could not be written as Parquet").caused_by(error)
}
