//! Files of comma-separated values (RFC 4180).

use std::marker::PhantomData;

use serde_json::{Map, Value};
use spt_format::{Field, Type, json_from_text};

use super::record::{FromJson, aliases_of};
use super::text::{Decoder, TextFile, first_record, without_mark};
use super::{CsvFiles, FilePosition, ReadFormat, Tally};
use crate::data::{Data, columns_of};
use crate::error::{Error, Result};
use crate::operators::Out;
use crate::sources::records::{InCell, RecordEnd};
use crate::state::State;

/// Files of comma-separated values, as `spt export` and the sink [`Csv`](crate::sinks::Csv) write them: a header;
/// strings as they are, every other value as its JSON; a null is empty, an empty string is `""`.
///
/// Columns are found by their names in the header, or former names; those that the type does not know are left
/// out. An empty cell is the field's default, or null, or the empty string. Empty lines are no records.
#[derive(Debug)]
pub struct CsvRecords<T> {
    delimiter: u8,
    has_header: bool,
    record: PhantomData<fn() -> T>,
}

impl<T> Default for CsvRecords<T> {
    fn default() -> Self {
        Self { delimiter: b',', has_header: true, record: PhantomData }
    }
}

impl<T> Clone for CsvRecords<T> {
    fn clone(&self) -> Self {
        Self { ..*self }
    }
}

impl<T: Data + State> CsvFiles<T> {
    /// What stands between cells, instead of a comma: one character of ASCII.
    #[must_use]
    pub fn delimiter(mut self, delimiter: u8) -> Self {
        self.format.delimiter = delimiter;
        self
    }

    /// The first line is a record too: cells are the type's fields in order.
    #[must_use]
    pub fn without_header(mut self) -> Self {
        self.format.has_header = false;
        self
    }
}

impl<T: Data + State> ReadFormat for CsvRecords<T> {
    type Item = T;
    type File = TextFile<CsvDecoder<T>>;
    const NAME: &'static str = "csv-files";

    fn open(&self, position: &FilePosition) -> Result<TextFile<CsvDecoder<T>>> {
        let fields = columns_of::<T>("CSV")?;
        let end = RecordEnd::Csv { delimiter: self.delimiter };
        let header = if self.has_header { first_record(&position.path, end)? } else { None };
        let columns = match &header {
            Some(header) => {
                let names = names(header, self.delimiter)
                    .and_then(|names| by_name::<T>(fields, &names))
                    .map_err(|error| Error::failed(format!("{}, line 1", position.path)).caused_by(error))?;
                Columns { cells: names, skip_line: Some(1) }
            }
            None => Columns { cells: fields.into_iter().map(Some).collect(), skip_line: None },
        };
        let decoder = CsvDecoder { columns, delimiter: self.delimiter, records: FromJson::new() };
        TextFile::open(position, end, decoder)
    }
}

/// What the cells of a record are.
struct Columns {
    /// The field that each cell is; `None` for a column that the type does not know.
    cells: Vec<Option<Field>>,
    /// The header.
    skip_line: Option<u64>,
}

/// Makes records of lines of cells.
pub struct CsvDecoder<T> {
    columns: Columns,
    delimiter: u8,
    records: FromJson<T>,
}

impl<T: Data + State> Decoder for CsvDecoder<T> {
    type Item = T;

    fn take(&mut self, line: u64, text: &[u8], tally: &mut Tally, out: &mut Out<'_, T>) -> Result<()> {
        if text.is_empty() || self.columns.skip_line == Some(line) {
            return Ok(());
        }
        match self.columns.record(text, self.delimiter) {
            Ok(record) => self.records.push(line, Value::Object(record)),
            Err(error) => self.records.malformed(line, error, tally, out)?,
        }
        Ok(())
    }

    fn flush(&mut self, tally: &mut Tally, out: &mut Out<'_, T>) -> Result<()> {
        self.records.flush(tally, out)
    }
}

impl Columns {
    fn record(&self, text: &[u8], delimiter: u8) -> Result<Map<String, Value>> {
        let cells = cells(text, delimiter)?;
        if cells.len() != self.cells.len() {
            let (found, expected) = (cells.len(), self.cells.len());
            return Err(Error::failed(format!("{found} cells, where there are {expected} columns")));
        }
        let columns = self.cells.iter().zip(&cells);
        let known = columns.filter_map(|(field, cell)| Some((field.as_ref()?, cell)));
        let member = |(field, cell): (&Field, &Cell)| {
            let value = cell.value(field);
            value.map(|value| value.map(|value| (field.name.clone(), value))).transpose()
        };
        known.filter_map(member).collect()
    }
}

/// The field of each column: by its name, or by one it had before.
fn by_name<T: State>(fields: Vec<Field>, names: &[String]) -> Result<Vec<Option<Field>>> {
    let aliases = aliases_of::<T>();
    let mut columns: Vec<Option<Field>> = names.iter().map(|_| None).collect();
    for field in fields {
        let former = aliases.of(&format!("value.{}", field.name));
        let place = std::iter::once(&field.name)
            .chain(former)
            .find_map(|name| names.iter().position(|found| found == name));
        match place.and_then(|place| columns.get_mut(place)) {
            Some(column) => *column = Some(field),
            None if field.nullable || field.default.is_some() => {}
            None => {
                return Err(Error::failed(format!(
                    "there is no column {:?}; there are: {}",
                    field.name,
                    names.join(", ")
                )));
            }
        }
    }
    Ok(columns)
}

fn names(header: &[u8], delimiter: u8) -> Result<Vec<String>> {
    Ok(cells(without_mark(header), delimiter)?.into_iter().map(|cell| cell.text).collect())
}

/// One value of a record, without its quotes.
#[derive(Debug, Default, PartialEq, Eq)]
struct Cell {
    text: String,
    is_quoted: bool,
}

impl Cell {
    /// The JSON of a field's value; `None` if there is none.
    fn value(&self, field: &Field) -> Result<Option<Value>> {
        let is_empty = self.text.is_empty() && !self.is_quoted;
        let may_be_absent = field.nullable || field.default.is_some() || field.ty != Type::Utf8;
        if is_empty && may_be_absent {
            return Ok(None);
        }
        Ok(json_from_text(field, &self.text).map(Some)?)
    }
}

fn cells(record: &[u8], delimiter: u8) -> Result<Vec<Cell>> {
    let text = |bytes: Vec<u8>, is_quoted| -> Result<Cell> {
        let text = String::from_utf8(bytes).map_err(|error| Error::failed("not UTF-8").caused_by(error))?;
        Ok(Cell { text, is_quoted })
    };
    let (mut all, mut bytes, mut is_quoted) = (Vec::new(), Vec::new(), false);
    let mut place = InCell::Front;
    for byte in record {
        let next = place.behind(*byte, delimiter);
        match (place, next) {
            (InCell::Front, InCell::Quoted) => is_quoted = true,
            (InCell::Quoted, InCell::Closing) => {}
            (InCell::Closing, InCell::Plain) => {
                return Err(Error::failed("a cell goes on behind its closing quote"));
            }
            (_, InCell::Front) => {
                all.push(text(std::mem::take(&mut bytes), std::mem::take(&mut is_quoted))?);
            }
            _ => bytes.push(*byte),
        }
        place = next;
    }
    if place == InCell::Quoted {
        return Err(Error::failed("a quote is not closed"));
    }
    all.push(text(bytes, is_quoted)?);
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(record: &str) -> Vec<(String, bool)> {
        let cells = cells(record.as_bytes(), b',').unwrap();
        cells.into_iter().map(|cell| (cell.text, cell.is_quoted)).collect()
    }

    #[test]
    fn cells_are_those_of_rfc_4180() {
        let plain = |text: &str| (text.to_owned(), false);
        let quoted = |text: &str| (text.to_owned(), true);
        assert_eq!(texts("a,,b"), [plain("a"), plain(""), plain("b")]);
        assert_eq!(texts("\"a,\"\"b\"\"\n\",\"\","), [quoted("a,\"b\"\n"), quoted(""), plain("")]);
        assert_eq!(texts("5\" disk"), [plain("5\" disk")]);
    }

    #[test]
    fn what_is_no_csv_is_refused() {
        assert!(cells(b"\"a\"b,c", b',').unwrap_err().to_string().contains("behind its closing quote"));
        assert!(cells(b"a,\"b", b',').unwrap_err().to_string().contains("not closed"));
        assert!(cells(b"a,\xff", b',').unwrap_err().to_string().contains("not UTF-8"));
    }
}
