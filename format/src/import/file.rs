//! Files of rows: Parquet, Arrow IPC, CSV, NDJSON.

use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::Path;
use std::str::FromStr;

use arrow_array::RecordBatch;
use arrow_ipc::reader::{FileReader, StreamReader};
use arrow_schema::{ArrowError, SchemaRef};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::arrow_table::ArrowTable;
use super::csv::{Cell, next_record};
use super::csv_table::CsvTable;
use super::description::{TABLE_KEY, TableDescription};
use super::json_table::{JsonRow, JsonTable};
use super::lines::{Lines, place};
use super::names::ColumnNames;
use super::rows::RowCollector;
use crate::error::{Error, Result, ResultExt};
use crate::limits::ReadLimits;
use crate::model::State;

/// How rows are written in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FileFormat {
    /// One JSON object a line.
    Ndjson,
    /// Comma-separated values with a header.
    Csv,
    /// Arrow IPC, file or stream.
    Arrow,
    /// Parquet.
    Parquet,
}

impl FileFormat {
    /// What a file's name says.
    pub fn of_path(path: &Path) -> Option<Self> {
        path.extension()?.to_str()?.parse().ok()
    }
}

impl FromStr for FileFormat {
    type Err = Error;

    /// From a file's extension.
    fn from_str(text: &str) -> Result<Self> {
        match text.to_ascii_lowercase().as_str() {
            "ndjson" | "jsonl" | "json" => Ok(Self::Ndjson),
            "csv" => Ok(Self::Csv),
            "arrow" | "arrows" | "ipc" | "feather" => Ok(Self::Arrow),
            "parquet" | "pq" => Ok(Self::Parquet),
            other => Err(Error::bad_request(format!("{other:?} is no format of rows"))),
        }
    }
}

type TextLines = Lines<BufReader<File>>;

/// A file of rows, opened: what can be known without reading them is known.
pub struct TableFile {
    name: String,
    content: Content,
}

enum Content {
    Ndjson(TextLines),
    Csv { lines: TextLines, header: Vec<Cell> },
    Arrow { schema: SchemaRef, batches: Box<dyn Iterator<Item = Result<RecordBatch, ArrowError>>> },
}

/// Rows of a batch that is converted at once.
const BATCH_ROWS: usize = 8_192;
/// Bytes of text that is converted at once, unless one line is longer.
const BATCH_BYTES: usize = 4 << 20;

impl TableFile {
    /// Opens a file; `name` is what errors call it. Parquet and Arrow files must be able to seek.
    ///
    /// # Errors
    /// If it is not of this format.
    pub fn open(name: impl Into<String>, file: File, format: FileFormat) -> Result<Self> {
        let name = name.into();
        let content = Content::open(file, format).in_file(&name)?;
        Ok(Self { name, content })
    }

    /// The columns and types, of a Parquet or Arrow file.
    pub fn arrow_schema(&self) -> Option<&SchemaRef> {
        match &self.content {
            Content::Arrow { schema, .. } => Some(schema),
            Content::Ndjson(_) | Content::Csv { .. } => None,
        }
    }

    /// The state it was exported from, if it tells.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`](crate::ErrorKind::Invalid) if what it tells cannot be read.
    pub fn description(&self) -> Result<Option<TableDescription>> {
        let text = self.arrow_schema().and_then(|schema| schema.metadata().get(TABLE_KEY));
        let description = text.map(|text| serde_json::from_str(text)).transpose();
        description.map_err(|error| Error::invalid(TABLE_KEY).caused_by(error).in_file(&self.name))
    }

    /// Reads all rows.
    ///
    /// # Errors
    /// With file, line or row, and column, if a row is not one of the state's.
    pub(super) fn read(
        self,
        state: &State,
        names: &ColumnNames,
        rows: &mut RowCollector<'_>,
        progress: &dyn Fn(u64),
    ) -> Result<()> {
        let Self { name, content } = self;
        let result = match content {
            Content::Ndjson(lines) => read_ndjson(lines, state, names, rows, progress),
            Content::Csv { lines, header } => read_csv(lines, header, state, names, rows, progress),
            Content::Arrow { schema, batches } => {
                let table = ArrowTable::new(&schema, state.kind, &state.schema, names);
                table.and_then(|table| read_arrow(&table, batches, rows, progress))
            }
        };
        result.in_file(name)
    }
}

impl Content {
    fn open(mut file: File, format: FileFormat) -> Result<Self> {
        let limits = ReadLimits::default();
        match format {
            FileFormat::Ndjson => Ok(Self::Ndjson(Lines::new(BufReader::new(file), &limits))),
            FileFormat::Csv => {
                let mut lines = Lines::new(BufReader::new(file), &limits);
                let header = next_record(&mut lines, 2)?;
                let (_, header) = header.ok_or_else(|| Error::bad_request("is empty: there is no header"))?;
                Ok(Self::Csv { lines, header })
            }
            FileFormat::Parquet => {
                let builder = ParquetRecordBatchReaderBuilder::try_new(file).map_err(no_parquet)?;
                let schema = builder.schema().clone();
                let batches = builder.with_batch_size(BATCH_ROWS).build().map_err(no_parquet)?;
                Ok(Self::Arrow { schema, batches: Box::new(batches) })
            }
            FileFormat::Arrow => {
                let mut magic = [0; 6];
                let is_file = file.read_exact(&mut magic).is_ok() && &magic == b"ARROW1";
                let rewound = file.seek(SeekFrom::Start(0));
                rewound.map_err(|error| Error::io("seek", crate::Location::default(), error))?;
                Self::arrow(file, is_file).map_err(no_arrow)
            }
        }
    }

    fn arrow(file: File, is_file: bool) -> Result<Self, ArrowError> {
        let reader = BufReader::new(file);
        if is_file {
            let reader = FileReader::try_new(reader, None)?;
            return Ok(Self::Arrow { schema: reader.schema(), batches: Box::new(reader) });
        }
        let reader = StreamReader::try_new(reader, None)?;
        Ok(Self::Arrow { schema: reader.schema(), batches: Box::new(reader) })
    }
}

fn no_parquet(error: parquet::errors::ParquetError) -> Error {
    Error::bad_request("cannot be read as Parquet").caused_by(error)
}

fn no_arrow(error: ArrowError) -> Error {
    Error::bad_request("cannot be read as Arrow IPC").caused_by(error)
}

fn read_arrow(
    table: &ArrowTable,
    batches: impl Iterator<Item = Result<RecordBatch, ArrowError>>,
    rows: &mut RowCollector<'_>,
    progress: &dyn Fn(u64),
) -> Result<()> {
    let mut before = 0;
    for batch in batches {
        let batch = batch.map_err(|error| Error::bad_request("cannot be read").caused_by(error))?;
        let place = |row: usize| format!("row {}", before + row as u64 + 1);
        let batch = table.rows(&batch).map_err(|(row, error)| error.within(place(row)))?;
        rows.push(&batch, &place)?;
        before += batch.num_rows() as u64;
        progress(batch.get_array_memory_size() as u64);
    }
    Ok(())
}

fn read_ndjson(
    mut lines: TextLines,
    state: &State,
    names: &ColumnNames,
    rows: &mut RowCollector<'_>,
    progress: &dyn Fn(u64),
) -> Result<()> {
    let table = JsonTable::new(state.kind, &state.schema, names.clone(), true)?;
    let mut pending = Pending { table, objects: Vec::new(), bytes: 0 };
    let mut line = Vec::new();
    loop {
        line.clear();
        if !lines.append(&mut line)? {
            return pending.flush(rows, progress);
        }
        if line.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        let object: Map<String, Value> = serde_json::from_slice(&line)
            .map_err(|error| Error::bad_request("is no JSON object").caused_by(error))
            .within(|| place(lines.number()))?;
        pending.push((lines.number(), object), line.len(), rows, progress)?;
    }
}

fn read_csv(
    mut lines: TextLines,
    header: Vec<Cell>,
    state: &State,
    names: &ColumnNames,
    rows: &mut RowCollector<'_>,
    progress: &dyn Fn(u64),
) -> Result<()> {
    let csv = CsvTable::new(header, state.kind, &state.schema, names)?;
    let table = JsonTable::new(state.kind, &state.schema, ColumnNames::default(), false)?;
    let mut pending = Pending { table, objects: Vec::new(), bytes: 0 };
    while let Some((line, cells)) = next_record(&mut lines, csv.width())? {
        let bytes = cells.iter().map(|cell| cell.text.len()).sum();
        let object = csv.object(&cells).within(|| place(line))?;
        pending.push((line, object), bytes, rows, progress)?;
    }
    pending.flush(rows, progress)
}

/// Objects that wait until a batch of them is worth converting.
struct Pending {
    table: JsonTable,
    objects: Vec<JsonRow>,
    bytes: usize,
}

impl Pending {
    fn push(
        &mut self,
        row: JsonRow,
        bytes: usize,
        rows: &mut RowCollector<'_>,
        progress: &dyn Fn(u64),
    ) -> Result<()> {
        self.objects.push(row);
        self.bytes += bytes;
        if self.objects.len() >= BATCH_ROWS || self.bytes >= BATCH_BYTES {
            self.flush(rows, progress)?;
        }
        Ok(())
    }

    fn flush(&mut self, rows: &mut RowCollector<'_>, progress: &dyn Fn(u64)) -> Result<()> {
        let objects = std::mem::take(&mut self.objects);
        let bytes = std::mem::take(&mut self.bytes);
        if objects.is_empty() {
            return Ok(());
        }
        let placed = self.table.rows(objects)?;
        let count = placed.batch.num_rows();
        if count > 0 {
            rows.push(&placed.batch, &|row| place(placed.lines.get(row).copied().unwrap_or_default()))?;
        }
        progress(bytes as u64);
        Ok(())
    }
}
