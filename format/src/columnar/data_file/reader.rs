//! Opens a data file by its tail and reads its segments, each verified before anything in it is decoded.

use std::ops::Range;
use std::sync::Arc;

use bytes::{Buf, Bytes};
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder,
};
use parquet::file::metadata::{ParquetMetaData, ParquetMetaDataReader};
use parquet::file::reader::{ChunkReader, Length};

use super::pages::{check_footer, check_pages};
use super::{ROW_GROUPS_KEY, RowGroupEntry, arrow, parquet};
use crate::columnar::checksum::Digest;
use crate::columnar::manifest::Part;
use crate::error::{Error, ErrorKind, Result, ResultExt};
use crate::limits::ReadLimits;
use crate::location::Location;
use crate::model::{Binding, Field};
use crate::storage::Storage;

/// Rows of a batch that is read.
const BATCH_ROWS: usize = 8_192;
/// Length of the footer and `PAR1`, at the end of the file.
const FOOTER_END: usize = 8;

/// A data file whose tail was verified.
pub(crate) struct DataFile {
    part: Part,
    metadata: ArrowReaderMetadata,
    row_groups: Vec<RowGroupEntry>,
    fields: Vec<Field>,
    /// Digest of the file's own schema.
    schema: Digest,
}

impl DataFile {
    /// Reads and verifies the tail.
    ///
    /// # Errors
    /// [`ErrorKind::Mismatch`] if the file has another size or holds something else than the manifest says,
    /// [`ErrorKind::ChecksumMismatch`] if its tail is damaged, [`ErrorKind::Missing`] if it is not there.
    pub(crate) fn open(storage: &dyn Storage, part: &Part, limits: &ReadLimits) -> Result<Self> {
        Self::open_inner(storage, part, limits).in_file(part.path.as_str())
    }

    fn open_inner(storage: &dyn Storage, part: &Part, limits: &ReadLimits) -> Result<Self> {
        expect("file size", storage.size(part.path.as_str())?, part.bytes)?;
        ReadLimits::check("tail size", part.bytes - part.tail_offset, limits.metadata_bytes)?;
        let tail = storage.read_at(part.path.as_str(), part.tail_offset..part.bytes)?;
        Digest::of(&tail).expect(part.tail_sha256).within(|| "tail")?;
        let metadata = footer(&tail, part).within(|| "footer")?;
        let row_groups = row_groups(&metadata, part).within(|| "footer")?;
        let mut text = Vec::new();
        parquet::schema::printer::print_schema(&mut text, metadata.file_metadata().schema());
        // Types come from the manifest; what the file says of Arrow is for other readers.
        let options = ArrowReaderOptions::new().with_skip_arrow_metadata(true);
        let metadata = ArrowReaderMetadata::try_new(Arc::new(metadata), options).map_err(parquet)?;
        let fields = metadata.schema().fields().iter().map(|field| Field::from_arrow(field));
        let fields = fields.collect::<Result<_>>().within(|| "schema")?;
        Ok(Self { part: part.clone(), metadata, row_groups, fields, schema: Digest::of(&text) })
    }

    /// How the file's own columns become those `wanted`.
    ///
    /// # Errors
    /// As [`Binding::widening`], with the file's path.
    pub(crate) fn bind(&self, wanted: &[Field]) -> Result<Binding> {
        Binding::widening(&self.fields, wanted).in_file(self.part.path.as_str())
    }

    /// What the footer says of its row groups.
    pub(crate) fn row_groups(&self) -> &[RowGroupEntry] {
        &self.row_groups
    }

    /// Files with equal schema digests and equal segments have equal columns.
    pub(crate) fn schema_digest(&self) -> Digest {
        self.schema
    }

    /// Reads a row group's bytes and compares their digest.
    ///
    /// # Errors
    /// [`ErrorKind::ChecksumMismatch`] if it is damaged.
    pub(crate) fn segment(&self, storage: &dyn Storage, index: usize) -> Result<Bytes> {
        let path = self.part.path.as_str();
        let entry = self.entry(index)?;
        let range = entry.offset..entry.offset + entry.bytes;
        let bytes = storage.read_at(path, range);
        let bytes = bytes.and_then(|bytes| Digest::of(&bytes).expect(entry.sha256).map(|()| bytes));
        bytes.within(|| format!("row group {index}")).in_file(path)
    }

    fn entry(&self, index: usize) -> Result<&RowGroupEntry> {
        let entry = self.row_groups.get(index);
        entry.ok_or_else(|| Error::not_found(format!("row group {index}")).in_file(self.part.path.as_str()))
    }

    /// Decodes a row group into batches with the file's own columns.
    ///
    /// # Errors
    /// As [`DataFile::segment`]; and if a page claims more than `limits` allow.
    pub(crate) fn decode(
        &self,
        storage: &dyn Storage,
        index: usize,
        limits: &ReadLimits,
    ) -> Result<ParquetRecordBatchReader> {
        let bytes = self.segment(storage, index)?;
        self.decode_segment(bytes, index, limits)
            .within(|| format!("row group {index}"))
            .in_file(self.part.path.as_str())
    }

    fn decode_segment(
        &self,
        bytes: Bytes,
        index: usize,
        limits: &ReadLimits,
    ) -> Result<ParquetRecordBatchReader> {
        let offset = self.entry(index)?.offset;
        let row_group = self.metadata.metadata().row_groups().get(index);
        for column in row_group.into_iter().flat_map(|row_group| row_group.columns()) {
            let first = column.dictionary_page_offset().unwrap_or(column.data_page_offset());
            let chunk = slice(&bytes, offset, first, column.compressed_size());
            chunk
                .and_then(|chunk| check_pages(&chunk, first.unsigned_abs(), column.num_values(), limits))
                .within(|| format!("column {}", column.column_path()))?;
        }
        let window = Window { file_bytes: self.part.bytes, offset, bytes };
        ParquetRecordBatchReaderBuilder::new_with_metadata(window, self.metadata.clone())
            .with_row_groups(vec![index])
            .with_batch_size(BATCH_ROWS)
            .build()
            .map_err(parquet)
    }

    /// Gives an error from the middle of a row group its place.
    pub(crate) fn place(&self, error: Error, index: usize) -> Error {
        error.within(format!("row group {index}")).in_file(self.part.path.as_str())
    }

    /// As [`DataFile::place`], for what Arrow's reader says.
    pub(crate) fn place_arrow(&self, error: arrow_schema::ArrowError, index: usize) -> Error {
        self.place(arrow(error), index)
    }
}

/// The part of a window that begins at `first` bytes into the file.
fn slice(window: &Bytes, window_offset: u64, first: i64, length: i64) -> Result<Bytes> {
    let start = u64::try_from(first).ok().and_then(|first| first.checked_sub(window_offset));
    let range = start.zip(u64::try_from(length).ok()).and_then(|(start, length)| {
        Some(start..start.checked_add(length).filter(|end| *end <= window.len() as u64)?)
    });
    match range {
        Some(Range { start, end }) => Ok(window.slice(start as usize..end as usize)),
        None => {
            Err(Error::invalid(format!("column chunk at {first} with {length} bytes is outside its segment")))
        }
    }
}

fn footer(tail: &Bytes, part: &Part) -> Result<ParquetMetaData> {
    let (rest, end) =
        tail.split_last_chunk::<FOOTER_END>().ok_or_else(|| Error::invalid("is too short to be Parquet"))?;
    let [a, b, c, d, b'P', b'A', b'R', b'1'] = *end else {
        return Err(Error::invalid("does not end with PAR1"));
    };
    let start = rest.len().checked_sub(u32::from_le_bytes([a, b, c, d]) as usize);
    let start = start.ok_or_else(|| Error::invalid("begins before the tail"))?;
    let footer = rest.get(start..).unwrap_or_default();
    check_footer(footer, part.tail_offset + start as u64)?;
    ParquetMetaDataReader::decode_metadata(footer).map_err(parquet)
}

/// The row groups' entries, which must agree with the footer and the manifest and tile the file.
fn row_groups(metadata: &ParquetMetaData, part: &Part) -> Result<Vec<RowGroupEntry>> {
    let pairs = metadata.file_metadata().key_value_metadata().into_iter().flatten();
    let text = pairs.filter(|pair| pair.key == ROW_GROUPS_KEY).find_map(|pair| pair.value.as_deref());
    let text = text.ok_or_else(|| Error::invalid(format!("{ROW_GROUPS_KEY} is missing")))?;
    let entries: Vec<RowGroupEntry> = serde_json::from_str(text)
        .map_err(|error| Error::invalid(format!("{ROW_GROUPS_KEY} is invalid")).caused_by(error))?;
    expect("number of row groups", entries.len() as u64, part.row_groups.into())?;
    expect("number of row groups", metadata.num_row_groups() as u64, entries.len() as u64)?;
    let mut end = 0;
    for (index, (entry, row_group)) in entries.iter().zip(metadata.row_groups()).enumerate() {
        let rows = u64::try_from(row_group.num_rows()).unwrap_or(u64::MAX);
        expect("number of rows", rows, entry.rows).within(|| format!("row group {index}"))?;
        expect("offset", entry.offset, end).within(|| format!("row group {index}"))?;
        end = entry.offset.saturating_add(entry.bytes);
    }
    expect("end of the last row group", end, part.tail_offset)?;
    let rows = entries.iter().map(|entry| entry.rows).fold(0, u64::saturating_add);
    expect("number of rows", rows, part.rows)?;
    Ok(entries)
}

fn expect(what: &str, found: u64, expected: u64) -> Result<()> {
    if found == expected {
        return Ok(());
    }
    let (what, found, expected) = (what.to_owned(), found.to_string(), expected.to_string());
    Err(Error::new(ErrorKind::Mismatch { what, found, expected }, Location::default()))
}

/// The bytes of one segment, at their place in the file.
struct Window {
    file_bytes: u64,
    offset: u64,
    bytes: Bytes,
}

impl Length for Window {
    fn len(&self) -> u64 {
        self.file_bytes
    }
}

impl ChunkReader for Window {
    type T = bytes::buf::Reader<Bytes>;

    fn get_read(&self, start: u64) -> parquet::errors::Result<Self::T> {
        let length = (self.offset + self.bytes.len() as u64).saturating_sub(start);
        self.get_bytes(start, length as usize).map(Buf::reader)
    }

    fn get_bytes(&self, start: u64, length: usize) -> parquet::errors::Result<Bytes> {
        let first = i64::try_from(start).unwrap_or(-1);
        slice(&self.bytes, self.offset, first, length as i64)
            .map_err(|error| parquet::errors::ParquetError::External(Box::new(error)))
    }
}
