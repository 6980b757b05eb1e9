//! The rows of one keyed state: entries in, record batches out.
//!
//! ```text
//! composite key   key group | key | length of key | namespace | length of namespace | key in the map
//!                 1 or 2 B          └ only if key and namespace both vary in length ┘
//! timer           key group | timestamp | key | namespace
//! value           a value | elements with a byte between each | bool is null, value | nothing
//! in a heap file  namespace | key | value: a list or map as a whole
//! ```
//!
//! # Source
//! Flink, `SerializedCompositeKeyBuilder`, `ListDelimitedSerializer`, `HeapSnapshotStrategy`.

use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch, StringArray, TimestampMillisecondArray, UInt16Array, UInt64Array};
use arrow_schema::SchemaRef;
use spt_format::{Column as Part, Completeness, Cursor, Error, ErrorKind, Result, ResultExt, StateKind};

use super::table::KeyedTable;
use crate::serializers::FlinkType;
use crate::serializers::values::{Column, Tail, append, is_unsupported};

/// A batch is given out when it has this many rows.
const BATCH_ROWS: usize = 8192;
/// A batch is given out when its values take this many bytes.
const BATCH_BYTES: usize = 16 << 20;
/// How often the bytes are looked at, in rows.
const SIZE_CHECK_ROWS: usize = 64;

/// The rows of one keyed state that were not given out yet.
pub struct KeyedRows {
    table: Arc<KeyedTable>,
    schema: SchemaRef,
    prefix_bytes: usize,
    ambiguous: bool,
    key_groups: Vec<u16>,
    key: Column,
    namespace: Column,
    map_key: Option<Column>,
    index: Vec<u64>,
    value: Option<Column>,
    last_access: Vec<i64>,
    timestamp: Vec<i64>,
    opaque: bool,
    completeness: Completeness,
    /// Why the first of the unread rows could not be read.
    reason: Option<Error>,
    large: bool,
}

/// How far an entry got: a long list fills more than one batch.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Progress {
    position: usize,
    index: u64,
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
            None => Column::new(&crate::serializers::values::field_of(data_type).ty.to_arrow()),
        };
        let parts = &table.schema;
        let opaque = parts.parts().any(|(_, field)| field.has_opaque());
        let map_key = table.map_key.as_ref().map(|part| column(parts.map_key.as_ref(), part)).transpose()?;
        let value = table.value.as_ref().map(|part| column(parts.value.as_ref(), part)).transpose()?;
        let key = column(parts.key.as_ref(), &table.key)?;
        let namespace = column(parts.namespace.as_ref(), &table.namespace)?;
        Ok(Self {
            schema,
            prefix_bytes: if max_parallelism > 128 { 2 } else { 1 },
            ambiguous: table.is_ambiguous(),
            key_groups: Vec::new(),
            key,
            namespace,
            map_key,
            index: Vec::new(),
            value,
            last_access: Vec::new(),
            timestamp: Vec::new(),
            opaque,
            completeness: Completeness::default(),
            reason: None,
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

    /// Counts rows that are there and cannot be read.
    pub(crate) fn count_unread(&mut self, rows: u64, reason: Error) {
        self.completeness.rows_unread += rows;
        self.reason.get_or_insert(reason);
    }

    /// Forgets the rows that wait.
    pub(crate) fn discard(&mut self) {
        self.truncate(0);
        self.large = false;
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
        self.large || self.len() >= BATCH_ROWS
    }

    /// Adds the rows of one entry of a canonical file or of a RocksDB database.
    ///
    /// Returns `None` once the whole entry is in. Otherwise the rows are full: take a batch and go on with
    /// the progress that was returned. An entry that cannot be shown is counted as unread.
    ///
    /// # Errors
    /// For bytes that are damaged; nothing of the entry was added by this call then.
    pub fn append_entry(&mut self, key: &[u8], value: &[u8], progress: Progress) -> Result<Option<Progress>> {
        let before = self.len();
        let result = match self.table.kind {
            StateKind::Timer => self.timer_entry(key, value).map(|()| None),
            StateKind::List => self.list_entry(key, value, progress),
            _ => self.single_entry(key, value).map(|()| None),
        };
        self.settle(before, result.map_err(|error| error.within(format!("state {:?}", self.table.name))))
    }

    /// Adds the row of one entry of a heap file, which a cursor over the file's bytes stands at.
    ///
    /// # Errors
    /// For bytes that are damaged, not all there, or of a value whose end cannot be found. Nothing was added
    /// then.
    pub(crate) fn append_in_line(&mut self, key_group: u16, cursor: &mut Cursor<'_>) -> Result<()> {
        self.all_or_nothing(|rows| match rows.table.kind {
            StateKind::Timer => rows.timer_in_line(key_group, cursor, None),
            _ => {
                rows.namespace_and_key(key_group, cursor)?;
                rows.value(cursor, None).within(|| "value")
            }
        })
    }

    /// Entries of a heap file hold a whole list or map each, a row per element.
    pub(crate) fn is_collection(&self) -> bool {
        matches!(self.table.kind, StateKind::List | StateKind::Map)
    }

    /// Reads what stands before the elements of a list or map in a heap file: namespace and key, as bytes, and
    /// the number of elements.
    ///
    /// # Errors
    /// As [`KeyedRows::append_in_line`].
    pub(crate) fn collection_head(&mut self, cursor: &mut Cursor<'_>) -> Result<(Vec<u8>, u32)> {
        let start = cursor.clone();
        let rows = self.len();
        let head = self.namespace_and_key(0, cursor);
        self.truncate(rows);
        head?;
        let length = cursor.position() - start.position();
        let place = cursor.clone();
        let count = cursor.i32_be()?;
        let count = u32::try_from(count).map_err(|_| place.invalid(format!("{count} elements")))?;
        Ok((start.rest().get(..length).unwrap_or_default().to_vec(), count))
    }

    /// Adds the row of one element of a list or map in a heap file; `head` is what
    /// [`KeyedRows::collection_head`] returned.
    ///
    /// # Errors
    /// As [`KeyedRows::append_in_line`].
    pub(crate) fn append_element(
        &mut self,
        key_group: u16,
        head: &[u8],
        index: u64,
        cursor: &mut Cursor<'_>,
    ) -> Result<()> {
        self.all_or_nothing(|rows| {
            rows.namespace_and_key(key_group, &mut Cursor::new(head))?;
            if rows.table.kind == StateKind::Map {
                return rows.map_entry_in_line(cursor);
            }
            rows.index.push(index);
            rows.value(cursor, None).within(|| format!("element {index}"))
        })
    }

    fn all_or_nothing(&mut self, append: impl FnOnce(&mut Self) -> Result<()>) -> Result<()> {
        let before = self.len();
        let result = append(self);
        if result.is_err() {
            self.truncate(before);
        }
        self.check_size(before);
        result
    }

    /// Takes away the rows of an entry that failed, and counts it if it is merely not understood.
    fn settle<T>(&mut self, before: usize, result: Result<Option<T>>) -> Result<Option<T>> {
        match result {
            Ok(progress) => {
                self.check_size(before);
                Ok(progress)
            }
            Err(error) => {
                self.truncate(before);
                if is_unsupported(&error) {
                    self.count_unread(1, error);
                    return Ok(None);
                }
                Err(error)
            }
        }
    }

    fn check_size(&mut self, before: usize) {
        if before / SIZE_CHECK_ROWS != self.len() / SIZE_CHECK_ROWS {
            self.large = self.size() >= BATCH_BYTES;
        }
    }

    fn size(&self) -> usize {
        let columns = [Some(&self.key), Some(&self.namespace), self.map_key.as_ref(), self.value.as_ref()];
        columns.into_iter().flatten().map(Column::size).sum()
    }

    fn truncate(&mut self, rows: usize) {
        self.key_groups.truncate(rows);
        self.index.truncate(rows);
        self.last_access.truncate(rows);
        self.timestamp.truncate(rows);
        self.key.truncate(rows);
        self.namespace.truncate(rows);
        self.map_key.iter_mut().chain(&mut self.value).for_each(|column| column.truncate(rows));
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
        self.namespace.truncate(0);
        self.large = false;
        if self.opaque {
            self.completeness.rows_opaque += rows as u64;
        }
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
            Part::Namespace => self.namespace.finish()?,
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

    /// The key group at the start of a composite key.
    fn key_group(&self, key: &mut Cursor<'_>) -> Result<u16> {
        match self.prefix_bytes {
            1 => key.u8().map(u16::from),
            _ => key.u16_be(),
        }
    }

    /// Everything of a composite key but the key in the map.
    fn composite_key(&mut self, cursor: &mut Cursor<'_>) -> Result<()> {
        let key_group = self.key_group(cursor)?;
        // What follows the key has a known length, unless a key in the map does.
        let open = self.table.map_key.is_some() || self.ambiguous;
        let tail = |length: Option<usize>| if open { None } else { length };
        let start = cursor.position();
        append(&self.table.key, &mut self.key, cursor, tail(self.table.namespace.written_length()))
            .within(|| "key")?;
        self.length_suffix(start, cursor)?;
        let start = cursor.position();
        append(&self.table.namespace, &mut self.namespace, cursor, tail(Some(0))).within(|| "namespace")?;
        self.length_suffix(start, cursor)?;
        self.key_groups.push(key_group);
        Ok(())
    }

    /// The length of what began at `start`, low byte first, if lengths are written.
    fn length_suffix(&self, start: usize, cursor: &mut Cursor<'_>) -> Result<()> {
        if !self.ambiguous {
            return Ok(());
        }
        let place = cursor.clone();
        let mut length = cursor.position() - start;
        loop {
            if cursor.u8()? != (length & 0xFF) as u8 {
                return Err(place.invalid("another length stands behind a part of a key than the part has"));
            }
            length >>= 8;
            if length == 0 {
                return Ok(());
            }
        }
    }

    /// One row: a value, or one entry of a map.
    fn single_entry(&mut self, key: &[u8], value: &[u8]) -> Result<()> {
        let table = Arc::clone(&self.table);
        let mut key = Cursor::new(key);
        let mut value = Cursor::new(value);
        self.composite_key(&mut key)?;
        if let (Some(data_type), Some(column)) = (&table.map_key, &mut self.map_key) {
            append(data_type, column, &mut key, Some(0)).within(|| "map key")?;
        }
        key.end("key")?;
        let null = table.kind == StateKind::Map && value.bool("null flag of a map's value")?;
        if null {
            return self.null_value(&value);
        }
        self.value(&mut value, Some(0)).within(|| "value")?;
        value.end("value").within(|| "value")
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

    /// A row per element. Elements are read one after the other: the byte between them may occur inside.
    fn list_entry(&mut self, key: &[u8], value: &[u8], progress: Progress) -> Result<Option<Progress>> {
        let Progress { position, mut index } = progress;
        let mut value = Cursor::at(value.get(position..).unwrap_or_default(), position as u64);
        // An element of unknown length can only be shown together with those behind it.
        let tail = matches!(&self.table.value, Some(FlinkType::Opaque(_))).then_some(0);
        while !value.is_empty() {
            if self.is_full() {
                return Ok(Some(Progress { position: value.offset() as usize, index }));
            }
            let mut key = Cursor::new(key);
            self.composite_key(&mut key)?;
            key.end("key")?;
            self.index.push(index);
            self.value(&mut value, tail).within(|| format!("element {index}"))?;
            index += 1;
            if !value.is_empty() {
                value.u8()?;
                if value.is_empty() {
                    return Err(value.invalid("a list ends with a delimiter"));
                }
            }
        }
        Ok(None)
    }

    /// A timer is all key; its value is empty.
    fn timer_entry(&mut self, key: &[u8], value: &[u8]) -> Result<()> {
        let mut key = Cursor::new(key);
        let key_group = self.key_group(&mut key)?;
        self.timer_in_line(key_group, &mut key, Some(0))?;
        key.end("timer")?;
        Cursor::new(value).end("value of a timer")
    }

    /// `i64` timestamp with its sign bit flipped, key, namespace.
    fn timer_in_line(&mut self, key_group: u16, cursor: &mut Cursor<'_>, tail: Tail) -> Result<()> {
        let table = Arc::clone(&self.table);
        self.timestamp.push(cursor.i64_be()? ^ i64::MIN);
        let after_key = tail.zip(table.namespace.written_length()).map(|(tail, length)| tail + length);
        append(&table.key, &mut self.key, cursor, after_key).within(|| "key")?;
        append(&table.namespace, &mut self.namespace, cursor, tail).within(|| "namespace")?;
        self.key_groups.push(key_group);
        Ok(())
    }

    fn namespace_and_key(&mut self, key_group: u16, cursor: &mut Cursor<'_>) -> Result<()> {
        append(&self.table.namespace, &mut self.namespace, cursor, None).within(|| "namespace")?;
        append(&self.table.key, &mut self.key, cursor, None).within(|| "key")?;
        self.key_groups.push(key_group);
        Ok(())
    }

    fn map_entry_in_line(&mut self, cursor: &mut Cursor<'_>) -> Result<()> {
        let table = Arc::clone(&self.table);
        let null_key = table.null_keys && cursor.bool("null flag of a map's key")?;
        match (&table.map_key, &mut self.map_key) {
            (Some(_), Some(column)) if null_key => column.push_null(),
            (Some(data_type), Some(column)) => {
                append(data_type, column, cursor, None).within(|| "map key")?;
            }
            _ => return Err(cursor.invalid("an entry of a state that is no map")),
        }
        match cursor.bool("null flag of a map's value")? {
            true => self.null_value(cursor),
            false => self.value(cursor, None).within(|| "value"),
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
