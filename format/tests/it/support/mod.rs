//! What several tests need: a savepoint in memory, and rows written down as columns.

mod memory;
mod memory_sink;

pub(crate) use memory::MemorySource;
pub(crate) use memory_sink::MemorySink;

use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch};
use spt_format::{Column, Extensions, Operator, OperatorId, StateKind, StateSchema, Uid, UidOrigin};

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

/// An operator with this uid and nothing else of its own.
pub(crate) fn operator(uid: &str) -> Operator {
    Operator {
        uid: Some(Uid::new(uid).unwrap()),
        uid_origin: UidOrigin::Given,
        id: OperatorId::of_uid(uid),
        name: None,
        parallelism: 1,
        max_parallelism: 128,
        finished: false,
        channel_bytes: 0,
        states: Vec::new(),
        extensions: Extensions::default(),
    }
}
