//! Broadcast state: a map that every subtask holds a copy of.
//!
//! ```text
//! i32 n | n × (key | value)                 row = map_key, value
//! ```
//!
//! # Source
//! Flink, `HeapBroadcastState.write`.

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use bytes::Bytes;
use spt_format::{Completeness, Cursor, Error, ReadLimits, Result, ResultExt};

use super::window::Window;
use super::{BATCH_BYTES, BATCH_ROWS, BatchReader};
use crate::files::Files;
use crate::java;
use crate::metadata::StreamHandle;
use crate::read_at::ReadAt;
use crate::serializers::FlinkType;
use crate::serializers::values::{Column, append, is_unsupported};
use crate::snappy;

/// One copy of the map.
#[derive(Debug, Clone)]
pub(crate) struct BroadcastMap {
    /// Where it is.
    pub(crate) stream: StreamHandle,
    /// It is a Snappy stream of its own.
    pub(crate) compressed: bool,
    /// How keys are encoded.
    pub(crate) key: FlinkType,
    /// How values are encoded.
    pub(crate) value: FlinkType,
    /// Where it begins and ends, in bytes from the start of the stream.
    pub(crate) range: (u64, u64),
}

/// Reads one copy.
pub(crate) struct BroadcastReader {
    map: BroadcastMap,
    schema: SchemaRef,
    name: String,
    bytes: Bytes,
    /// Of the map, from the start of `bytes`.
    position: usize,
    left: usize,
    completeness: Completeness,
}

impl BroadcastReader {
    /// A reader of this copy.
    ///
    /// # Errors
    /// If the bytes cannot be read, or are more than a value may have.
    pub(crate) fn open(
        files: &Files,
        limits: &ReadLimits,
        schema: SchemaRef,
        map: BroadcastMap,
    ) -> Result<Self> {
        let stream = files.open(&map.stream)?;
        let name = stream.name().to_owned();
        let (start, end) = map.range;
        let bytes = if map.compressed {
            snappy::decompress(&stream, start, end.min(stream.size()), limits.value_bytes)
                .in_file(name.as_str())?
                .into()
        } else {
            Window::new(stream).range(start, end, limits)?
        };
        let completeness = Completeness::default();
        let mut reader = Self { map, schema, name, bytes, position: 0, left: 0, completeness };
        let bytes = reader.bytes.clone();
        let mut cursor = reader.cursor(&bytes);
        reader.left =
            java::count(&mut cursor, 0, "entries of a broadcast state").in_file(reader.name.as_str())?;
        reader.position = cursor.position();
        Ok(reader)
    }

    /// A cursor over what is left.
    fn cursor<'a>(&self, bytes: &'a Bytes) -> Cursor<'a> {
        let start = if self.map.compressed { 0 } else { self.map.range.0 };
        Cursor::at(bytes.get(self.position..).unwrap_or_default(), start + self.position as u64)
    }

    /// Reads entries until the batch is full or the map ends.
    fn fill(&mut self, keys: &mut Column, values: &mut Column) -> Result<()> {
        let bytes = self.bytes.clone();
        let mut cursor = self.cursor(&bytes);
        while self.left > 0 && keys.len() < BATCH_ROWS && keys.size() + values.size() < BATCH_BYTES {
            let rows = keys.len();
            let entry = append(&self.map.key, keys, &mut cursor, None)
                .and_then(|()| append(&self.map.value, values, &mut cursor, None));
            match entry {
                Ok(()) => self.left -= 1,
                Err(error) if is_unsupported(&error) => {
                    // Entries have no lengths: behind one that cannot be read no other can be found.
                    keys.truncate(rows);
                    values.truncate(rows);
                    self.completeness.rows_unread += self.left as u64;
                    self.left = 0;
                    return Ok(());
                }
                Err(error) => return Err(error),
            }
        }
        self.position += cursor.position();
        if self.left == 0 { cursor.end("the broadcast state") } else { Ok(()) }
    }
}

impl BatchReader for BroadcastReader {
    fn next_batch(&mut self) -> Result<Option<RecordBatch>> {
        if self.left == 0 {
            return Ok(None);
        }
        let column = |index: usize| Column::new(self.schema.field(index).data_type());
        let (mut keys, mut values) = (column(0)?, column(1)?);
        self.fill(&mut keys, &mut values).in_file(self.name.as_str())?;
        if keys.len() == 0 {
            return Ok(None);
        }
        let batch = RecordBatch::try_new(self.schema.clone(), vec![keys.finish()?, values.finish()?]);
        batch.map(Some).map_err(|error| Error::invalid("entries do not fit their schema").caused_by(error))
    }

    fn completeness(&self) -> Completeness {
        self.completeness
    }
}
