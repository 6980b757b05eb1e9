//! Rows as Arrow IPC or Parquet: the state's table as it is, types and all, and whose it is.

use std::sync::Arc;

use arrow_ipc::writer::FileWriter;
use arrow_schema::SchemaRef;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;
use spt_format::{Operator, SelectedRows, State, TABLE_KEY, TableDescription};

use super::target::Target;
use crate::error::{Failure, Result};

/// The table's schema, which names its state.
///
/// # Errors
/// If the state's schema does not fit its kind.
pub(super) fn schema(operator: &Operator, state: &State) -> Result<SchemaRef> {
    let table = state.schema.to_arrow(state.kind)?;
    let description = serde_json::to_string(&TableDescription::new(operator, state));
    let description = description.map_err(|error| Failure::new(error.to_string()))?;
    let metadata = [(TABLE_KEY.to_owned(), description)].into();
    Ok(Arc::new(table.as_ref().clone().with_metadata(metadata)))
}

/// Writes an Arrow IPC file.
///
/// # Errors
/// If rows cannot be read or written.
pub(super) fn write_ipc(schema: &SchemaRef, rows: &mut SelectedRows<'_>, target: &mut Target) -> Result<u64> {
    let mut writer = FileWriter::try_new(&mut *target, schema).map_err(failed)?;
    let mut written = 0;
    for batch in rows {
        let batch = batch?;
        written += batch.num_rows() as u64;
        writer.write(&batch).map_err(failed)?;
    }
    writer.finish().map_err(failed)?;
    Ok(written)
}

/// Writes a Parquet file, compressed with zstd.
///
/// # Errors
/// If rows cannot be read or written.
pub(super) fn write_parquet(
    schema: SchemaRef,
    rows: &mut SelectedRows<'_>,
    target: &mut Target,
) -> Result<u64> {
    let compression = Compression::ZSTD(ZstdLevel::default());
    let properties = WriterProperties::builder().set_compression(compression).build();
    let mut writer = ArrowWriter::try_new(&mut *target, schema, Some(properties)).map_err(failed)?;
    let mut written = 0;
    for batch in rows {
        let batch = batch?;
        written += batch.num_rows() as u64;
        writer.write(&batch).map_err(failed)?;
    }
    writer.close().map_err(failed)?;
    Ok(written)
}

/// A closed pipe stays one, however deep the writers buried it.
fn failed(error: impl std::error::Error + 'static) -> Failure {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(&error);
    while let Some(found) = cause {
        if let Some(io) = found.downcast_ref::<std::io::Error>() {
            return Failure::stdout(std::io::Error::new(io.kind(), io.to_string()));
        }
        cause = found.source();
    }
    Failure::new(format!("export: {error}"))
}
