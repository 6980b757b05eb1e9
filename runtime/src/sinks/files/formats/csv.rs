//! Comma-separated values (RFC 4180).

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef};
use spt_format::{Field, JsonValues};

use super::rows::Rows;
use super::{Encoder, FileFormat, JSON};
use crate::data::{Data, columns_of};
use crate::error::{Error, Result};
use crate::state::State;

/// Each record as a line of cells below a header: strings as they are, every other value as its JSON; a null is
/// empty, an empty string is `""`. Records are structs or tuples.
#[derive(Debug, Clone, Copy, Default)]
pub struct Csv;

/// Writes lines of cells.
pub struct CsvEncoder<T: State> {
    rows: Rows<T>,
    columns: Vec<Field>,
    /// The file has no header yet.
    is_new: bool,
}

impl<T: Data + State> FileFormat<T> for Csv {
    type Encoder = CsvEncoder<T>;
    const NAME: &'static str = "csv";
    const EXTENSION: &'static str = "csv";

    fn encoder(&self) -> Result<CsvEncoder<T>> {
        Ok(CsvEncoder { rows: Rows::new(), columns: columns_of::<T>("CSV")?, is_new: true })
    }
}

impl<T: Data + State> Encoder<T> for CsvEncoder<T> {
    fn append(&mut self, record: T::Ref<'_>, file: &mut Vec<u8>) -> Result<()> {
        if self.rows.push(record) { self.encode(file) } else { Ok(()) }
    }

    fn held_bytes(&self) -> usize {
        self.rows.bytes()
    }

    fn finish(&mut self, file: &mut Vec<u8>) -> Result<()> {
        self.encode(file)?;
        self.is_new = true;
        Ok(())
    }
}

impl<T: Data + State> CsvEncoder<T> {
    fn encode(&mut self, file: &mut Vec<u8>) -> Result<()> {
        let Some(records) = self.rows.take()? else { return Ok(()) };
        if std::mem::take(&mut self.is_new) {
            let names = self.columns.iter().map(|field| field.name.as_str());
            write_line(names, file, |name, file| {
                write_cell(name, file);
                Ok(())
            })?;
        }
        let columns = self.values(&records)?;
        let mut json = Vec::new();
        for row in 0..records.len() {
            write_line(&columns, file, |values, file| {
                json.clear();
                values.write(row, &mut json);
                write_value(&json, file)
            })?;
        }
        Ok(())
    }

    fn values(&self, records: &ArrayRef) -> Result<Vec<JsonValues>> {
        let records = records.as_struct_opt().ok_or_else(|| Error::failed("records are no rows"))?;
        let columns = self.columns.iter().zip(records.columns());
        let values = columns.map(|(field, column)| JsonValues::new(field, column, JSON));
        Ok(values.collect::<spt_format::Result<_>>()?)
    }
}

fn write_line<C>(
    cells: impl IntoIterator<Item = C>,
    file: &mut Vec<u8>,
    mut write: impl FnMut(C, &mut Vec<u8>) -> Result<()>,
) -> Result<()> {
    for (place, cell) in cells.into_iter().enumerate() {
        if place > 0 {
            file.push(b',');
        }
        write(cell, file)?;
    }
    file.extend_from_slice(b"\r\n");
    Ok(())
}

fn write_value(json: &[u8], file: &mut Vec<u8>) -> Result<()> {
    let no_json = |error| Error::failed("a value is no JSON").caused_by(error);
    match json.first() {
        Some(b'"') => write_cell(&serde_json::from_slice::<String>(json).map_err(no_json)?, file),
        _ if json == b"null" => {}
        _ => write_cell(&String::from_utf8_lossy(json), file),
    }
    Ok(())
}

fn write_cell(cell: &str, file: &mut Vec<u8>) {
    if cell.is_empty() || cell.contains(['"', ',', '\r', '\n']) {
        file.push(b'"');
        file.extend_from_slice(cell.replace('"', "\"\"").as_bytes());
        file.push(b'"');
    } else {
        file.extend_from_slice(cell.as_bytes());
    }
}
