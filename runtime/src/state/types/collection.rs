//! What lists, sets and maps share: offsets into a child array.

use arrow_array::{ArrayRef, ListArray};
use arrow_buffer::{NullBuffer, NullBufferBuilder, OffsetBuffer, ScalarBuffer};
use arrow_schema::{DataType, FieldRef};
use spt_format::{Error, Result};
use std::sync::Arc;

use crate::state::column::arrow_error;

/// Where each row's elements end in the child array, and which rows are null.
pub(super) struct Offsets {
    ends: Vec<usize>,
    validity: NullBufferBuilder,
}

impl Offsets {
    pub(super) fn new(capacity: usize) -> Self {
        let mut ends = Vec::with_capacity(capacity + 1);
        ends.push(0);
        Self { ends, validity: NullBufferBuilder::new(capacity) }
    }

    /// Notes a row of `elements`.
    pub(super) fn append(&mut self, elements: usize) {
        self.push(elements, true);
    }

    /// Notes a row that is null.
    pub(super) fn append_null(&mut self) {
        self.push(0, false);
    }

    fn push(&mut self, elements: usize, present: bool) {
        let start = self.ends.last().copied().unwrap_or(0);
        self.ends.push(start + elements);
        self.validity.append(present);
    }

    pub(super) fn bytes(&self) -> usize {
        self.ends.len() * size_of::<i32>()
    }

    /// The buffers; there are no rows afterwards.
    pub(super) fn finish(&mut self) -> Result<(OffsetBuffer<i32>, Option<NullBuffer>)> {
        let total = self.ends.last().copied().unwrap_or(0);
        if i32::try_from(total).is_err() {
            return Err(Error::invalid(format!("{total} elements in one array are more than Arrow counts")));
        }
        let ends: Vec<i32> = self.ends.iter().map(|end| *end as i32).collect();
        self.ends.truncate(1);
        Ok((OffsetBuffer::new(ScalarBuffer::from(ends)), self.validity.finish()))
    }

    /// A list array over `elements`.
    pub(super) fn finish_list(&mut self, element: &FieldRef, elements: ArrayRef) -> Result<ArrayRef> {
        let (offsets, nulls) = self.finish()?;
        let list = ListArray::try_new(Arc::clone(element), offsets, elements, nulls);
        Ok(Arc::new(list.map_err(arrow_error)?))
    }
}

/// The field of a list's elements, or of a map's entries.
pub(super) fn inner_field(ty: &DataType, otherwise: impl FnOnce() -> FieldRef) -> FieldRef {
    match ty {
        DataType::List(field) | DataType::Map(field, _) => Arc::clone(field),
        _ => otherwise(),
    }
}
