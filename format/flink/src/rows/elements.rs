//! Elements of operator lists, each at a place that its handle names. Raw and coordinator state, too, whose
//! elements are bytes.
//!
//! ```text
//! row = subtask, index, value
//! ```

use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch, UInt32Array, UInt64Array};
use arrow_schema::SchemaRef;
use spt_format::{Completeness, Cursor, Error, ReadLimits, Result, ResultExt};

use super::window::Window;
use super::{BATCH_BYTES, BATCH_ROWS, BatchReader};
use crate::files::Files;
use crate::metadata::StreamHandle;
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
    pub(crate) data_type: Arc<FlinkType>,
    /// Their places.
    pub(crate) places: Vec<Element>,
}

impl Elements {
    /// Bytes of all elements.
    pub(crate) fn bytes(&self) -> u64 {
        let bytes = self.places.iter().map(|place| place.end.saturating_sub(place.start));
        bytes.fold(0, u64::saturating_add)
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
    opaque: bool,
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
    /// A reader of these lists. `opaque`: a part of every value is bytes that are not understood.
    pub(crate) fn new(
        files: Files,
        limits: ReadLimits,
        schema: SchemaRef,
        opaque: bool,
        lists: Vec<Elements>,
    ) -> Self {
        let completeness = Completeness::default();
        Self { files, limits, schema, opaque, lists: lists.into_iter(), current: None, completeness }
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
                self.completeness.rows_opaque += u64::from(self.opaque);
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
        if self.list.compressed {
            let stream = self.window.stream();
            let bytes = snappy::decompress(stream, place.start, place.end, limits.value_bytes)?;
            append_whole(&self.list.data_type, values, &mut Cursor::new(&bytes))
                .within(|| format!("decompressed from byte {}", place.start))
        } else {
            let bytes = self.window.range(place.start, place.end, limits)?;
            append_whole(&self.list.data_type, values, &mut Cursor::at(&bytes, place.start))
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
