//! Reads a savepoint: the manifest at once, tails and row groups when somebody asks for them.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use arrow_array::cast::AsArray;
use arrow_array::types::UInt16Type;
use arrow_array::{Array, RecordBatch};
use arrow_schema::SchemaRef;
use parquet::arrow::arrow_reader::ParquetRecordBatchReader;
use sha2::{Digest as _, Sha256};

use super::data_file::RowGroupEntry;
use super::data_file::reader::DataFile;
use super::layout::MANIFEST;
use super::manifest::{Manifest, Part, Table};
use crate::error::{Error, ErrorKind, Result, ResultExt};
use crate::limits::ReadLimits;
use crate::location::Location;
use crate::model::{
    Binding, Column, Completeness, Extent, Field, KeyGroupRange, Operator, RowStream, Savepoint,
    SavepointSource, Scan, Segment, State, StateRef, key_group_of,
};
use crate::storage::{LocalStorage, Storage};

/// Files whose tails are kept in memory at most.
const OPEN_FILES: usize = 32;

/// How a savepoint is read.
#[derive(Debug, Clone, Default)]
pub struct ColumnarReaderOptions {
    limits: ReadLimits,
}

impl ColumnarReaderOptions {
    /// What the reader takes on trust.
    #[must_use]
    pub fn limits(mut self, limits: ReadLimits) -> Self {
        self.limits = limits;
        self
    }

    /// Opens the savepoint in a directory; its manifest's path will do too. Reads the manifest alone.
    ///
    /// # Errors
    /// [`ErrorKind::NotASavepoint`] if there is no manifest,
    /// [`ErrorKind::ChecksumMismatch`] or [`ErrorKind::Mismatch`] if it is damaged,
    /// [`ErrorKind::UnsupportedVersion`] or [`ErrorKind::UnsupportedFeature`] if it is newer.
    pub fn open(&self, path: impl AsRef<Path>) -> Result<ColumnarReader> {
        let path = path.as_ref();
        let directory = match path.file_name() {
            Some(name) if name == MANIFEST && path.is_file() => match path.parent() {
                Some(parent) if !parent.as_os_str().is_empty() => parent,
                _ => Path::new("."),
            },
            _ => path,
        };
        if !directory.join(MANIFEST).is_file() {
            let reason = format!("there is no {MANIFEST}");
            return Err(Error::new(ErrorKind::NotASavepoint { reason }, path));
        }
        self.open_in(Arc::new(LocalStorage::open(directory)?))
    }

    /// Opens the savepoint in a storage.
    ///
    /// # Errors
    /// As [`ColumnarReaderOptions::open`].
    pub fn open_in(&self, storage: Arc<dyn Storage>) -> Result<ColumnarReader> {
        let size = storage.size(MANIFEST)?;
        ReadLimits::check("manifest size", size, self.limits.metadata_bytes).in_file(MANIFEST)?;
        let bytes = storage.read_at(MANIFEST, 0..size)?;
        let manifest = Manifest::parse(&bytes, &self.limits).in_file(MANIFEST)?;
        let limits = self.limits.clone();
        Ok(ColumnarReader { shared: Arc::new(Shared { storage, manifest, limits, open: Mutex::default() }) })
    }
}

/// A savepoint in spt's own format.
#[derive(Clone)]
pub struct ColumnarReader {
    pub(super) shared: Arc<Shared>,
}

pub(super) struct Shared {
    pub(super) storage: Arc<dyn Storage>,
    pub(super) manifest: Manifest,
    pub(super) limits: ReadLimits,
    /// Tails read last, newest first.
    open: Mutex<VecDeque<(String, Arc<DataFile>)>>,
}

impl Shared {
    pub(super) fn table(&self, place: StateRef) -> Result<(&Operator, &State, &Table)> {
        let found = self.manifest.savepoint.state(place).zip(self.manifest.tables.get(&place));
        found
            .map(|((operator, state), table)| (operator, state, table))
            .ok_or_else(|| Error::not_found(format!("state {} of operator {}", place.state, place.operator)))
    }

    /// The tail of a file, from memory if it was read lately.
    pub(super) fn file(&self, part: &Part) -> Result<Arc<DataFile>> {
        let path = part.path.as_str();
        let open = || self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, file)) = open().iter().find(|(found, _)| found == path) {
            return Ok(file.clone());
        }
        let file = Arc::new(DataFile::open(self.storage.as_ref(), part, &self.limits)?);
        let mut open = open();
        open.push_front((path.to_owned(), file.clone()));
        open.truncate(OPEN_FILES);
        Ok(file)
    }
}

impl ColumnarReader {
    /// How to read.
    pub fn options() -> ColumnarReaderOptions {
        ColumnarReaderOptions::default()
    }

    /// All rows of one segment, by its place in [`SavepointSource::segments`]. Any thread, any order.
    ///
    /// # Errors
    /// If there is no such segment; if its file or the segment is damaged, with the place.
    pub fn read_segment(&self, place: StateRef, index: usize) -> Result<Vec<RecordBatch>> {
        let scan = Scan { segments: Some(index..index + 1), ..Scan::default() };
        self.rows(place, &scan)?.collect()
    }

    fn rows(&self, place: StateRef, scan: &Scan) -> Result<Rows> {
        let (operator, state, table) = self.shared.table(place)?;
        let columns = state.schema.columns(state.kind)?;
        let key_groups =
            key_groups_of_key(operator, state, scan).or(scan.key_groups).filter(|_| state.kind.is_keyed());
        Ok(Rows {
            shared: self.shared.clone(),
            schema: state.schema.to_arrow(state.kind)?,
            is_opaque: columns.iter().any(|(_, field)| field.has_opaque()),
            fields: columns.into_iter().map(|(_, field)| field).collect(),
            segments: wanted(&self.shared, table, key_groups, scan)?,
            key_groups: key_groups.filter(|_| scan.key_groups.is_some()),
            bound: None,
            current: None,
            completeness: Completeness::default(),
        })
    }
}

/// The key group of the key that is looked for, if it can be computed and lies in the groups asked for.
fn key_groups_of_key(operator: &Operator, state: &State, scan: &Scan) -> Option<KeyGroupRange> {
    let (key, field) = (scan.key.as_ref()?, state.schema.key.as_ref()?);
    if key.len() != 1 || *key.data_type() != field.ty.to_arrow() {
        return None;
    }
    let group = key_group_of(field, key, 0, operator.max_parallelism, state.key_hash?)?;
    let range = KeyGroupRange::new(group.0, group.0).ok()?;
    scan.key_groups.map_or(Some(range), |asked| asked.intersection(range))
}

/// The row groups a scan has to read, file by file. Files without rows of the key groups are not opened.
fn wanted(
    shared: &Shared,
    table: &Table,
    key_groups: Option<KeyGroupRange>,
    scan: &Scan,
) -> Result<VecDeque<(Part, usize)>> {
    let meets = |found: Option<KeyGroupRange>| match (key_groups, found) {
        (Some(asked), Some(found)) => asked.intersection(found).is_some(),
        _ => true,
    };
    let mut wanted = VecDeque::new();
    let mut next = 0;
    for part in &table.parts {
        let first = next;
        next += part.row_groups as usize;
        let asked = scan.segments.clone().unwrap_or(0..usize::MAX);
        let range = first.max(asked.start)..next.min(asked.end);
        if range.is_empty() || !meets(part.key_groups) {
            continue;
        }
        let entries = if key_groups.is_some() { Some(shared.file(part)?) } else { None };
        let entry = |index: usize| entries.as_ref().and_then(|file| file.row_groups().get(index));
        let indices = range.map(|segment| segment - first);
        wanted.extend(
            indices
                .filter(|index| entry(*index).is_none_or(|entry| meets(entry.key_groups)))
                .map(|index| (part.clone(), index)),
        );
    }
    Ok(wanted)
}

impl SavepointSource for ColumnarReader {
    fn savepoint(&self) -> &Savepoint {
        &self.shared.manifest.savepoint
    }

    fn segments(&self, place: StateRef) -> Result<Vec<Segment>> {
        let (_, _, table) = self.shared.table(place)?;
        let mut segments = Vec::new();
        for part in &table.parts {
            let file = self.shared.file(part)?;
            let digest = |entry: &RowGroupEntry| {
                let mut digest = Sha256::new();
                digest.update(table.schema.0);
                digest.update(file.schema_digest().0);
                digest.update(entry.sha256.0);
                digest.finalize().into()
            };
            segments.extend(file.row_groups().iter().map(|entry| Segment {
                key_groups: entry.key_groups,
                rows: Some(entry.rows),
                bytes: Some(entry.bytes),
                digest: Some(digest(entry)),
            }));
        }
        Ok(segments)
    }

    /// Row groups of the files that can be opened, and the others whole.
    fn extents(&self, place: StateRef) -> Vec<Extent> {
        let Ok((_, _, table)) = self.shared.table(place) else { return Vec::new() };
        let mut extents = Vec::new();
        let mut next = 0;
        for part in &table.parts {
            let first = next;
            next += part.row_groups as usize;
            match self.shared.file(part) {
                Ok(file) => {
                    extents.extend(file.row_groups().iter().zip(first..).map(|(entry, index)| Extent {
                        segments: index..index + 1,
                        key_groups: entry.key_groups,
                        rows: Some(entry.rows),
                    }))
                }
                Err(_) => extents.push(Extent {
                    segments: first..next,
                    key_groups: part.key_groups,
                    rows: Some(part.rows),
                }),
            }
        }
        extents
    }

    fn scan(&self, place: StateRef, scan: &Scan) -> Result<Box<dyn RowStream>> {
        Ok(Box::new(self.rows(place, scan)?))
    }

    fn as_any(&self) -> Option<&dyn std::any::Any> {
        Some(self)
    }
}

/// Rows of a state, row group by row group.
struct Rows {
    shared: Arc<Shared>,
    schema: SchemaRef,
    fields: Vec<Field>,
    segments: VecDeque<(Part, usize)>,
    key_groups: Option<KeyGroupRange>,
    /// The file opened last.
    bound: Option<Arc<BoundFile>>,
    current: Option<Current>,
    is_opaque: bool,
    completeness: Completeness,
}

/// A file, and how its columns become the state's.
struct BoundFile {
    file: Arc<DataFile>,
    binding: Binding,
}

/// The row group that is being read.
struct Current {
    bound: Arc<BoundFile>,
    index: usize,
    batches: ParquetRecordBatchReader,
    rows_left: u64,
}

impl Rows {
    fn open(&mut self, part: &Part, index: usize) -> Result<Current> {
        let bound = self.bound(part)?;
        let rows_left = bound.file.row_groups().get(index).map_or(0, |entry| entry.rows);
        let batches = bound.file.decode(self.shared.storage.as_ref(), index, &self.shared.limits)?;
        Ok(Current { bound, index, batches, rows_left })
    }

    /// The file, bound once for all its row groups.
    fn bound(&mut self, part: &Part) -> Result<Arc<BoundFile>> {
        let file = self.shared.file(part)?;
        if let Some(bound) = self.bound.as_ref().filter(|bound| Arc::ptr_eq(&bound.file, &file)) {
            return Ok(bound.clone());
        }
        let binding = file.bind(&self.fields)?;
        let bound = Arc::new(BoundFile { file, binding });
        self.bound = Some(bound.clone());
        Ok(bound)
    }

    fn next_batch(&mut self) -> Result<Option<RecordBatch>> {
        loop {
            if self.current.is_none() {
                let Some((part, index)) = self.segments.pop_front() else { return Ok(None) };
                self.current = Some(self.open(&part, index)?);
            }
            let Some(current) = &mut self.current else { continue };
            match current.next()? {
                None => self.current = None,
                Some(batch) => {
                    let batch = self.clip(batch)?;
                    if batch.num_rows() > 0 {
                        return Ok(Some(batch));
                    }
                }
            }
        }
    }

    /// The rows of the key groups asked for; rows are sorted by key group.
    fn clip(&self, batch: RecordBatch) -> Result<RecordBatch> {
        let Some(asked) = self.key_groups else { return Ok(batch) };
        let column = batch.column_by_name(Column::KeyGroup.name());
        let groups = column.and_then(|column| column.as_primitive_opt::<UInt16Type>());
        let groups = groups.ok_or_else(|| Error::invalid("rows have no key group"))?.values();
        let start = groups.partition_point(|group| *group < asked.first());
        let end = groups.partition_point(|group| *group <= asked.last());
        Ok(batch.slice(start, end.saturating_sub(start)))
    }
}

impl Current {
    /// The next batch with the state's columns; an error if the row group has fewer or more rows than it says.
    fn next(&mut self) -> Result<Option<RecordBatch>> {
        let Some(batch) = self.batches.next() else {
            return match self.rows_left {
                0 => Ok(None),
                left => Err(self.miscounted(format!("{left} rows are missing"))),
            };
        };
        let batch = batch.map_err(|error| self.bound.file.place_arrow(error, self.index))?;
        let rows = batch.num_rows() as u64;
        self.rows_left = self
            .rows_left
            .checked_sub(rows)
            .ok_or_else(|| self.miscounted("has too many rows".to_owned()))?;
        let BoundFile { file, binding } = self.bound.as_ref();
        binding.bind(&batch).map(Some).map_err(|error| file.place(error, self.index))
    }

    fn miscounted(&self, what: String) -> Error {
        self.bound.file.place(Error::new(ErrorKind::Invalid { what }, Location::default()), self.index)
    }
}

impl Iterator for Rows {
    type Item = Result<RecordBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        let next = self.next_batch().transpose()?;
        match &next {
            Ok(batch) if self.is_opaque => self.completeness.rows_opaque += batch.num_rows() as u64,
            Ok(_) => {}
            // Nothing after an error can be trusted to follow what came before.
            Err(_) => {
                self.segments.clear();
                self.current = None;
            }
        }
        Some(next)
    }
}

impl RowStream for Rows {
    fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    fn completeness(&self) -> Completeness {
        self.completeness
    }
}
