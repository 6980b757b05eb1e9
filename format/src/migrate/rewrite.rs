//! Changes rows on their way from one savepoint to the next.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::TimestampMillisecondType;
use arrow_array::{Array, ArrayRef, BooleanArray, RecordBatch, UInt16Array};
use arrow_select::filter::filter_record_batch;

use super::plan::Rewrite;
use crate::error::{Error, Result, ResultExt};
use crate::model::{Binding, Column, Field, KeyHash, State, columns_of, key_group_of};

/// The way of a state's rows: bound to the new schema, thinned out, dealt out to new key groups.
pub(super) struct Rewriter<'a> {
    binding: Binding,
    rewrite: &'a Rewrite,
    state: &'a State,
    max_parallelism: u32,
}

impl<'a> Rewriter<'a> {
    /// From rows of `from` to rows of `to`.
    pub(super) fn new(
        from: &State,
        to: &'a State,
        max_parallelism: u32,
        rewrite: &'a Rewrite,
    ) -> Result<Self> {
        let fields = |state: &State| -> Result<Vec<Field>> {
            Ok(state.schema.columns(state.kind)?.into_iter().map(|(_, field)| field).collect())
        };
        Ok(Self { binding: Binding::new(&fields(from)?, &fields(to)?)?, rewrite, state: to, max_parallelism })
    }

    /// The schema of the rows that come out.
    pub(super) fn schema(&self) -> &arrow_schema::SchemaRef {
        self.binding.schema()
    }

    /// The rows of a batch that stay, as they will be.
    pub(super) fn rewrite(&self, batch: &RecordBatch) -> Result<RecordBatch> {
        let mut batch = self.binding.bind(batch)?;
        if let Some(before_ms) = self.rewrite.expired_before_ms {
            batch = touched_since(&batch, before_ms)?;
        }
        if self.rewrite.regroup {
            batch = self.regroup(&batch)?;
        }
        Ok(batch)
    }

    /// The rows have to be sorted again.
    pub(super) fn loses_order(&self) -> bool {
        self.rewrite.regroup
    }

    fn regroup(&self, batch: &RecordBatch) -> Result<RecordBatch> {
        let keys: ArrayRef =
            columns_of(batch, &[Column::Key])?.pop().ok_or_else(|| Error::invalid("no key"))?;
        let (Some(field), Some(key_hash)) = (&self.state.schema.key, self.state.key_hash) else {
            return Err(Error::invalid("the state is not keyed"));
        };
        let groups = (0..keys.len()).map(|row| self.key_group(field, &keys, row, key_hash));
        let groups: ArrayRef = Arc::new(UInt16Array::from(groups.collect::<Result<Vec<u16>>>()?));
        let mut columns = batch.columns().to_vec();
        match columns.first_mut() {
            Some(first) => *first = groups,
            None => return Err(Error::invalid("the rows have no key group")),
        }
        RecordBatch::try_new(batch.schema(), columns)
            .map_err(|error| Error::invalid("rows with new key groups").caused_by(error))
    }

    fn key_group(&self, field: &Field, keys: &ArrayRef, row: usize, key_hash: KeyHash) -> Result<u16> {
        key_group_of(field, keys, row, self.max_parallelism, key_hash)
            .map(|group| group.0)
            .ok_or_else(|| Error::invalid("the key's hash cannot be computed"))
            .within(|| format!("row {row}"))
    }
}

/// The rows last touched at `before_ms` or later.
fn touched_since(batch: &RecordBatch, before_ms: i64) -> Result<RecordBatch> {
    let column = columns_of(batch, &[Column::LastAccess])?.pop();
    let touched = column.as_ref().and_then(|column| column.as_primitive_opt::<TimestampMillisecondType>());
    let touched = touched.ok_or_else(|| Error::invalid("last_access is no timestamp in ms"))?;
    let stays: BooleanArray = touched.iter().map(|at| Some(at.is_none_or(|at| at >= before_ms))).collect();
    filter_record_batch(batch, &stays).map_err(|error| Error::invalid("filter").caused_by(error))
}
