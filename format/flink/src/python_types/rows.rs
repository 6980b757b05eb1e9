//! Rows whose bytes of Python become values of the types that were named.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::{DataType, SchemaRef};
use spt_format::{Completeness, Cursor, Error, ErrorKind, Location, Result, ResultExt, RowStream};

use super::{Named, Parts};
use crate::serializers::values::{Column, append, append_whole};

/// A stream of rows, typed.
pub(super) struct TypedRows {
    rows: Box<dyn RowStream>,
    schema: SchemaRef,
    parts: Arc<Parts>,
    /// Something in the rows is opaque still.
    is_opaque: bool,
    /// Operator and state, for errors.
    label: String,
}

impl TypedRows {
    pub(super) fn new(
        rows: Box<dyn RowStream>,
        schema: SchemaRef,
        parts: Arc<Parts>,
        is_opaque: bool,
        label: String,
    ) -> Self {
        Self { rows, schema, parts, is_opaque, label }
    }

    fn typed(&self, batch: &RecordBatch) -> Result<RecordBatch> {
        let columns = self.schema.fields().iter().zip(batch.columns()).map(|(field, column)| {
            let named = match field.name().as_str() {
                "map_key" => self.parts.map_key.as_ref(),
                "value" => Some(&self.parts.value),
                _ => None,
            };
            match named {
                Some(named) => decode(named, column, field.data_type()).within(|| field.name().clone()),
                None => Ok(Arc::clone(column)),
            }
        });
        let columns = columns.collect::<Result<_>>().within(|| self.label.clone())?;
        RecordBatch::try_new(Arc::clone(&self.schema), columns)
            .map_err(|error| Error::invalid("typed values do not fit their schema").caused_by(error))
    }
}

/// The values that these bytes are.
pub(super) fn decode(named: &Named, bytes: &ArrayRef, data_type: &DataType) -> Result<ArrayRef> {
    let bytes = bytes.as_binary_opt::<i32>().ok_or_else(|| Error::invalid("Python's values are no bytes"))?;
    let mut column = Column::new(data_type)?;
    for value in bytes {
        match value {
            None => column.push_null(),
            Some(value) => {
                append_named(named, &mut column, value).map_err(|error| misfit(named, value, error))?;
            }
        }
    }
    column.finish()
}

/// The bytes may be in order: it is the type that was named which does not fit.
fn misfit(named: &Named, value: &[u8], cause: Error) -> Error {
    let what = format!("a value of {} bytes as {}", value.len(), named.field());
    Error::new(ErrorKind::Unsupported { what }, Location::default()).caused_by(cause)
}

fn append_named(named: &Named, column: &mut Column, bytes: &[u8]) -> Result<()> {
    let mut cursor = Cursor::new(bytes);
    if !named.many {
        return append_whole(&named.coder, column, &mut cursor);
    }
    let list = column.list()?;
    let mut elements = 0;
    while cursor.remaining() > 0 {
        let place = cursor.clone();
        append(&named.coder, list.element(), &mut cursor, None)?;
        if cursor.position() == place.position() {
            return Err(place.invalid("values that take no bytes"));
        }
        elements += 1;
        list.element().check_growth(elements)?;
    }
    list.end()
}

impl Iterator for TypedRows {
    type Item = Result<RecordBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        let batch = self.rows.next()?;
        Some(batch.and_then(|batch| self.typed(&batch)))
    }
}

impl RowStream for TypedRows {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn completeness(&self) -> Completeness {
        let seen = self.rows.completeness();
        if self.is_opaque { seen } else { Completeness { rows_opaque: 0, ..seen } }
    }
}
