//! Records collected as a column, which is how formats with types take them.

use arrow_array::ArrayRef;
use spt_format::Field;

use crate::data::Data;
use crate::error::Result;
use crate::state::{State, StateBuilder};

/// Records that are encoded together.
const BATCH_ROWS: usize = 1024;
/// Bytes after which fewer are.
const BATCH_BYTES: usize = 1 << 20;

/// Records that are not encoded yet.
pub(super) struct Rows<T: State> {
    field: Field,
    builder: T::Builder,
    count: usize,
}

impl<T: Data + State> Rows<T> {
    pub(super) fn new() -> Self {
        let field = T::field().named("record");
        let builder = T::Builder::new(&field.ty.to_arrow(), BATCH_ROWS);
        Self { field, builder, count: 0 }
    }

    /// The type of the column.
    pub(super) fn field(&self) -> &Field {
        &self.field
    }

    /// Adds a record; whether there are enough to be encoded.
    pub(super) fn push(&mut self, record: T::Ref<'_>) -> bool {
        self.builder.append(&T::from_ref(record));
        self.count += 1;
        // Bytes are counted now and then: it takes a look at every field.
        self.count >= BATCH_ROWS || (self.count.is_multiple_of(64) && self.bytes() >= BATCH_BYTES)
    }

    pub(super) fn bytes(&self) -> usize {
        self.builder.bytes()
    }

    /// Takes the column; `None` if it has no rows.
    pub(super) fn take(&mut self) -> Result<Option<ArrayRef>> {
        if std::mem::take(&mut self.count) == 0 {
            return Ok(None);
        }
        Ok(Some(self.builder.finish()?))
    }
}
