//! The rows of one keyed state: entries in, record batches out.
//!
//! ```text
//! entries of canonical files and databases ─► entry.rs ───┐
//! entries of heap files ────────────────────► in_line.rs ─┴► columns ─► batches
//! ```

mod entry;
mod in_line;

use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch, StringArray, TimestampMillisecondArray, UInt16Array, UInt64Array};
use arrow_schema::SchemaRef;
use spt_format::{Column as Part, Completeness, Cursor, Error, ErrorKind, Result, ResultExt};

pub use entry::Progress;

use super::table::KeyedTable;
use crate::serializers::FlinkType;
use crate::serializers::values::{Column, Tail, append, field_of};

/// A batch is given out when it has this many rows.
const BATCH_ROWS: usize = 8192;
/// A batch is given out when its values take this many bytes.
const BATCH_BYTES: usize = 16 << 20;
/// How often the bytes of columns are looked at, in rows.
const SIZE_CHECK_ROWS: usize = 64;

/// The rows of one keyed state that were not given out yet.
pub struct KeyedRows {
    table: Arc<KeyedTable>,
    schema: SchemaRef,
    prefix_bytes: usize,
    ambiguous: bool,
    /// Bytes of every namespace, `None` if they differ.
    namespace_bytes: Option<usize>,
    key_groups: Vec<u16>,
    key: Column,
    /// There is none for a namespace without information.
    namespace: Option<Column>,
    map_key: Option<Column>,
    index: Vec<u64>,
    value: Option<Column>,
    last_access: Vec<i64>,
    timestamp: Vec<i64>,
    completeness: Completeness,
    /// Why the first of the unread rows could not be read.
    reason: Option<Error>,
    /// Serialized bytes of the rows that wait.
    bytes: usize,
    large: bool,
}

impl KeyedRows {
    /// No rows yet, of a state of an operator with this max parallelism.
    ///
    /// # Errors
    /// If a column has a type that cannot be built.
    pub fn new(table: Arc<KeyedTable>, max_parallelism: u32) -> Result<Self> {
        let schema = table.schema.to_arrow(table.kind)?;
        let column = |part: Option<&spt_format::Field>, data_type: &FlinkType| match part {
            Some(field) => Column::new(&field.ty.to_arrow()),
            None => Column::new(&field_of(data_type).ty.to_arrow()),
        };
        let parts = &table.schema;
        let map_key = table.map_key.as_ref().map(|part| column(parts.map_key.as_ref(), part)).transpose()?;
        let value = table.value.as_ref().map(|part| column(parts.value.as_ref(), part)).transpose()?;
        let key = column(parts.key.as_ref(), &table.key)?;
        let namespace =
            parts.namespace.as_ref().map(|field| Column::new(&field.ty.to_arrow())).transpose()?;
        Ok(Self {
            schema,
            prefix_bytes: if max_parallelism > 128 { 2 } else { 1 },
            ambiguous: table.is_ambiguous(),
            namespace_bytes: table.namespace.written_length(),
            key_groups: Vec::new(),
            key,
            namespace,
            map_key,
            index: Vec::new(),
            value,
            last_access: Vec::new(),
            timestamp: Vec::new(),
            completeness: Completeness::default(),
            reason: None,
            bytes: 0,
            large: false,
            table,
        })
    }

    /// The schema of the batches.
    pub fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    /// What could not be read so far.
    pub fn completeness(&self) -> Completeness {
        self.completeness
    }

    /// Why the first of the unread rows could not be read.
    pub fn unread_because(&self) -> Option<&Error> {
        self.reason.as_ref()
    }

    /// Takes what [`KeyedRows::unread_because`] shows.
    pub(crate) fn take_reason(&mut self) -> Option<Error> {
        self.reason.take()
    }

    /// Counts rows that are there and cannot be read.
    pub(crate) fn count_unread(&mut self, rows: u64, reason: Error) {
        self.completeness.rows_unread += rows;
        self.reason.get_or_insert(reason);
    }

    /// Forgets the rows that wait.
    pub(crate) fn discard(&mut self) {
        self.truncate(0);
        (self.bytes, self.large) = (0, false);
    }

    /// How many rows wait.
    pub fn len(&self) -> usize {
        self.key_groups.len()
    }

    /// No rows wait.
    pub fn is_empty(&self) -> bool {
        self.key_groups.is_empty()
    }

    /// A batch should be taken before more is added.
    pub fn is_full(&self) -> bool {
        self.len() >= BATCH_ROWS || (self.large && !self.is_empty())
    }

    /// Notes that rows were added, from so many serialized bytes. What few bytes can grow to is looked at now
    /// and then.
    fn grew(&mut self, before: usize, bytes: usize) {
        self.bytes += bytes;
        self.large |= self.bytes >= BATCH_BYTES;
        if before / SIZE_CHECK_ROWS != self.len() / SIZE_CHECK_ROWS {
            self.large |= self.size() >= BATCH_BYTES;
        }
    }

    fn size(&self) -> usize {
        let columns = [Some(&self.key), self.namespace.as_ref(), self.map_key.as_ref(), self.value.as_ref()];
        columns.into_iter().flatten().map(Column::size).sum()
    }

    fn truncate(&mut self, rows: usize) {
        self.key_groups.truncate(rows);
        self.index.truncate(rows);
        self.last_access.truncate(rows);
        self.timestamp.truncate(rows);
        self.key.truncate(rows);
        let parts = self.namespace.iter_mut().chain(&mut self.map_key).chain(&mut self.value);
        parts.for_each(|column| column.truncate(rows));
    }

    /// The rows as a batch, `None` if there are none. Afterwards none wait.
    ///
    /// # Errors
    /// If a value is null where the schema allows none.
    pub fn take_batch(&mut self) -> Result<Option<RecordBatch>> {
        if self.is_empty() {
            return Ok(None);
        }
        let rows = self.len();
        let mut columns: Vec<ArrayRef> = Vec::with_capacity(self.schema.fields().len());
        for (part, _) in self.table.schema.columns(self.table.kind)? {
            columns.push(self.take_column(part, rows)?);
        }
        (self.bytes, self.large) = (0, false);
        let batch = RecordBatch::try_new(self.schema(), columns);
        batch.map(Some).map_err(|error| {
            Error::invalid(format!("rows of state {:?} do not fit their schema", self.table.name))
                .caused_by(error)
        })
    }

    fn take_column(&mut self, part: Part, rows: usize) -> Result<ArrayRef> {
        let queue = self.table.timers.as_ref();
        let instants = |millis| TimestampMillisecondArray::new(millis, None).with_timezone("UTC");
        Ok(match part {
            Part::KeyGroup => Arc::new(UInt16Array::from(std::mem::take(&mut self.key_groups))),
            Part::Key => self.key.finish()?,
            Part::Namespace => finish(self.namespace.as_mut(), part)?,
            Part::MapKey => finish(self.map_key.as_mut(), part)?,
            Part::Value => finish(self.value.as_mut(), part)?,
            Part::Index => Arc::new(UInt64Array::from(std::mem::take(&mut self.index))),
            Part::LastAccess => Arc::new(instants(std::mem::take(&mut self.last_access).into())),
            Part::Timestamp => Arc::new(instants(std::mem::take(&mut self.timestamp).into())),
            Part::Service => repeated(queue.map_or("", |queue| &queue.service), rows),
            Part::Domain => repeated(queue.map_or("", |queue| queue.domain), rows),
            Part::Subtask => return Err(Error::invalid("keyed state has no subtask")),
        })
    }

    fn namespace(&mut self, cursor: &mut Cursor<'_>, tail: Tail) -> Result<()> {
        let data_type = &self.table.namespace;
        let appended = match &mut self.namespace {
            Some(column) => append(data_type, column, cursor, tail),
            None => cursor.take(self.namespace_bytes.unwrap_or_default(), "namespace").map(|_| ()),
        };
        appended.within(|| "namespace")
    }

    /// Bytes may follow the flag: older releases wrote something there.
    fn null_value(&mut self, place: &Cursor<'_>) -> Result<()> {
        if self.table.ttl.is_some() {
            return Err(place.error(ErrorKind::Unsupported { what: "a null with a time to live".into() }));
        }
        self.value.iter_mut().for_each(Column::push_null);
        Ok(())
    }

    /// A value, with its last access before it where there is a time to live.
    fn value(&mut self, cursor: &mut Cursor<'_>, tail: Tail) -> Result<()> {
        if self.table.ttl.is_some() {
            self.last_access.push(cursor.i64_be()?);
        }
        match (&self.table.value, &mut self.value) {
            (Some(data_type), Some(column)) => append(data_type, column, cursor, tail),
            _ => Err(cursor.invalid("a value of a state without values")),
        }
    }
}

fn finish(column: Option<&mut Column>, part: Part) -> Result<ArrayRef> {
    match column {
        Some(column) => column.finish(),
        None => Err(Error::invalid(format!("there is no column {}", part.name()))),
    }
}

fn repeated(text: &str, rows: usize) -> ArrayRef {
    Arc::new(StringArray::from_iter_values(std::iter::repeat_n(text, rows)))
}
