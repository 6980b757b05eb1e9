//! What several tests need: rows written down as columns.

use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch};
use spt_format::{Column, StateKind, StateSchema};

/// A batch of a state's table with these columns, in any order.
pub(crate) fn batch(kind: StateKind, schema: &StateSchema, columns: Vec<(Column, ArrayRef)>) -> RecordBatch {
    let order: Vec<Column> = schema.columns(kind).unwrap().into_iter().map(|(column, _)| column).collect();
    let arrays = order
        .iter()
        .map(|wanted| columns.iter().find(|(column, _)| column == wanted).unwrap().1.clone())
        .collect();
    RecordBatch::try_new(schema.to_arrow(kind).unwrap(), arrays).unwrap()
}

/// Any array as one that can be shared.
pub(crate) fn array(array: impl arrow_array::Array + 'static) -> ArrayRef {
    Arc::new(array)
}
