//! Elements of operator lists, each at a place that its handle names. Raw and coordinator state, too, whose
//! elements are bytes.
//!
//! ```text
//! row = subtask, index, value
//! ```

use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch, UInt32Array, UInt64Array};
use arrow_schema::SchemaRef;
use bytes::Bytes;
use spt_format::{Completeness, Cursor, Error, ReadLimits, Result, ResultExt};

use super::window::Window;
use super::{BATCH_BYTES, BATCH_ROWS, BatchReader};
use crate::files::Files;
use crate::metadata::StreamHandle;
use crate::payloads::Payload;
use crate::serializers::FlinkType;
use crate::serializers::values::{Column, append_whole, is_unsupported};
use crate::snappy;

/// Elements of one state in one stream.
#[derive(Debug, Clone)]
pub(crate) struct Elements {
    /// Whose they are.
    pub(crate) subtask: u32,
    /// Where they are.
    pub(crate) stream: StreamHandle,
    /// Each is a Snappy stream of its own.
    pub(crate) compressed: bool,
    /// How each is encoded.
    pub(crate) encoding: Encoding,
    /// Their places.
    pub(crate) places: Vec<Element>,
}

impl Elements {
    /// Bytes of all elements.
    pub(crate) fn bytes(&self) -> u64 {
        let bytes = self.places.iter().map(|place| place.end.saturating_sub(place.start));
        bytes.fold(0, u64::saturating_add)
    }

    /// The bytes of each element, all of them at once: for lists that are small.
    ///
    /// # Errors
    /// If they are more than metadata may have, or cannot be read.
    pub(crate) fn read(&self, files: &Files, limits: &ReadLimits) -> Result<Vec<Bytes>> {
        ReadLimits::check("size of a list that is read whole", self.bytes(), limits.metadata_bytes)?;
        let mut window = Window::new(files.open(&self.stream)?);
        self.places.iter().map(|place| self.element(&mut window, *place, limits)).collect()
    }

    /// The bytes of an element, decompressed.
    fn element(&self, window: &mut Window, place: Element, limits: &ReadLimits) -> Result<Bytes> {
        match self.compressed {
            true => snappy::decompress(window.stream(), place.start, place.end, limits.value_bytes)
                .map(Bytes::from),
            false => window.range(place.start, place.end, limits),
        }
    }
}

/// How an element is encoded.
#[derive(Debug, Clone)]
pub(crate) enum Encoding {
    /// By a serializer of Flink.
    Type(Arc<FlinkType>),
    /// By a connector.
    Payload(Payload),
}

impl Encoding {
    fn append_whole(&self, column: &mut Column, cursor: &mut Cursor<'_>) -> Result<()> {
        match self {
            Self::Type(data_type) => append_whole(data_type, column, cursor),
            Self::Payload(payload) => payload.append_whole(column, cursor),
        }
    }
}

/// The place of an element.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Element {
    /// Its number in the list.
    pub(crate) index: u64,
    /// Where it begins, in bytes from the start of the stream.
    pub(crate) start: u64,
    /// Where it ends.
    pub(crate) end: u64,
}

/// Reads elements, stream by stream.
pub(crate) struct ElementReader {
    files: Files,
    limits: ReadLimits,
    schema: SchemaRef,
    lists: std::vec::IntoIter<Elements>,
    current: Option<Current>,
    completeness: Completeness,
}

/// The list that is being read.
struct Current {
    list: Elements,
    window: Window,
    next: usize,
}

/// Columns of the batch that is being made.
struct Builder {
    subtasks: Vec<u32>,
    indices: Vec<u64>,
    values: Column,
}

impl ElementReader {
    /// A reader of these lists.
    pub(crate) fn new(files: Files, limits: ReadLimits, schema: SchemaRef, lists: Vec<Elements>) -> Self {
        let completeness = Completeness::default();
        Self { files, limits, schema, lists: lists.into_iter(), current: None, completeness }
    }

    /// Opens the next list that has elements, unless one is open; `false` at the end.
    fn open(&mut self) -> Result<bool> {
        while self.current.as_ref().is_none_or(|current| current.next >= current.list.places.len()) {
            let Some(list) = self.lists.next() else { return Ok(false) };
            let window = Window::new(self.files.open(&list.stream)?);
            self.current = Some(Current { list, window, next: 0 });
        }
        Ok(true)
    }

    /// Appends the next element, or counts it if it cannot be shown.
    fn append(&mut self, builder: &mut Builder) -> Result<()> {
        let Some(current) = &mut self.current else { return Ok(()) };
        let Some(place) = current.list.places.get(current.next).copied() else { return Ok(()) };
        current.next += 1;
        match current.append(place, &mut builder.values, &self.limits) {
            Ok(()) => {
                builder.subtasks.push(current.list.subtask);
                builder.indices.push(place.index);
                Ok(())
            }
            Err(error) if is_unsupported(&error) => {
                self.completeness.rows_unread += 1;
                Ok(())
            }
            Err(error) => Err(error)
                .within(|| format!("subtask {}, element {}", current.list.subtask, place.index))
                .in_file(current.window.stream().name()),
        }
    }
}

impl Current {
    fn append(&mut self, place: Element, values: &mut Column, limits: &ReadLimits) -> Result<()> {
        let bytes = self.list.element(&mut self.window, place, limits)?;
        if self.list.compressed {
            let value = self.list.encoding.append_whole(values, &mut Cursor::new(&bytes));
            value.within(|| format!("decompressed from byte {}", place.start))
        } else {
            self.list.encoding.append_whole(values, &mut Cursor::at(&bytes, place.start))
        }
    }
}

impl Builder {
    fn new(schema: &SchemaRef) -> Result<Self> {
        let field =
            schema.field_with_name("value").map_err(|error| Error::invalid("schema").caused_by(error))?;
        Ok(Self { subtasks: Vec::new(), indices: Vec::new(), values: Column::new(field.data_type())? })
    }

    fn is_full(&self) -> bool {
        self.subtasks.len() >= BATCH_ROWS || self.values.size() >= BATCH_BYTES
    }

    fn finish(mut self, schema: SchemaRef) -> Result<Option<RecordBatch>> {
        if self.subtasks.is_empty() {
            return Ok(None);
        }
        let columns: Vec<ArrayRef> = vec![
            Arc::new(UInt32Array::from(self.subtasks)),
            Arc::new(UInt64Array::from(self.indices)),
            self.values.finish()?,
        ];
        let batch = RecordBatch::try_new(schema, columns);
        batch.map(Some).map_err(|error| Error::invalid("elements do not fit their schema").caused_by(error))
    }
}

impl BatchReader for ElementReader {
    fn next_batch(&mut self) -> Result<Option<RecordBatch>> {
        let mut builder = Builder::new(&self.schema)?;
        while !builder.is_full() && self.open()? {
            self.append(&mut builder)?;
        }
        builder.finish(self.schema.clone())
    }

    fn completeness(&self) -> Completeness {
        self.completeness
    }
}
