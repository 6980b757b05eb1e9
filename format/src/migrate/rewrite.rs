//! Changes rows on their way from one savepoint to the next.

use std::cell::{Cell, RefCell};
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::TimestampMillisecondType;
use arrow_array::{Array, ArrayRef, BooleanArray, RecordBatch, Scalar, UInt16Array, UInt64Array};
use arrow_schema::{ArrowError, SchemaRef};
use arrow_select::filter::filter_record_batch;
use arrow_select::zip::zip;

use super::offsets::OffsetEdit;
use super::plan::Rewrite;
use crate::error::{Error, Result, ResultExt};
use crate::import::array_from_json;
use crate::model::{
    Binding, Column, Field, KeyHash, Operator, RowOrder, Scan, State, StateKind, columns_of, key_group_of,
};
use crate::select::{KeyFilter, Predicate};

/// The way of a state's rows: thinned out and edited as they were, then bound to the new schema and dealt out to
/// new key groups. So conditions and values mean what somebody sees in the source, whatever fields become.
pub(super) struct Rewriter<'a> {
    binding: Binding,
    rewrite: &'a Rewrite,
    state: &'a State,
    max_parallelism: u32,
    deletions: Vec<Predicate>,
    edits: Vec<Edit>,
    offsets: Vec<OffsetEdit>,
    /// The last element of a list that stays, and its place.
    last: RefCell<Option<(RecordBatch, u64)>>,
}

/// One key gets another value.
struct Edit {
    key_text: String,
    key: KeyFilter,
    value: Scalar<ArrayRef>,
    found: Cell<bool>,
}

impl<'a> Rewriter<'a> {
    /// From rows of `from` to rows of `to`, a state of `operator`.
    ///
    /// # Errors
    /// If the types do not allow it, or a condition, key or value does not fit them.
    pub(super) fn new(
        from: &State,
        operator: &Operator,
        to: &'a State,
        rewrite: &'a Rewrite,
    ) -> Result<Self> {
        let fields = |state: &State| -> Result<Vec<Field>> {
            Ok(state.schema.columns(state.kind)?.into_iter().map(|(_, field)| field).collect())
        };
        let deletions = rewrite.delete_where.iter().map(|text| Predicate::new(text, from.kind, &from.schema));
        let edits = rewrite.set.iter().map(|(key, value)| Edit::new(operator, from, key, value));
        let offsets = rewrite.offsets.iter().map(|(split, position)| OffsetEdit::new(from, split, position));
        Ok(Self {
            binding: Binding::new(&fields(from)?, &fields(to)?)?,
            rewrite,
            state: to,
            max_parallelism: operator.max_parallelism,
            deletions: deletions.collect::<Result<_>>()?,
            edits: edits.collect::<Result<_>>()?,
            offsets: offsets.collect::<Result<_>>()?,
            last: RefCell::default(),
        })
    }

    /// The schema of the rows that come out.
    pub(super) fn schema(&self) -> &SchemaRef {
        self.binding.schema()
    }

    /// The rows have to be sorted again.
    pub(super) fn loses_order(&self) -> bool {
        self.rewrite.regroup
    }

    /// There may be fewer rows than before.
    pub(super) fn loses_rows(&self) -> bool {
        !self.deletions.is_empty() || self.rewrite.expired_before_ms.is_some()
    }

    /// The rows of a batch that stay, as they will be.
    pub(super) fn rewrite(&self, batch: &RecordBatch) -> Result<RecordBatch> {
        let mut batch = batch.clone();
        if let Some(before_ms) = self.rewrite.expired_before_ms {
            batch = filter(&batch, &touched_since(&batch, before_ms)?)?;
        }
        for deletion in &self.deletions {
            let goes = deletion.matches(&batch)?;
            batch = filter(&batch, &goes.iter().map(|goes| Some(goes != Some(true))).collect())?;
        }
        if self.state.kind == StateKind::List {
            batch = self.renumber(&batch)?;
        }
        for edit in &self.edits {
            batch = edit.apply(&batch)?;
        }
        for offset in &self.offsets {
            batch = offset.apply(&batch)?;
        }
        batch = self.binding.bind(&batch)?;
        if self.rewrite.regroup && self.state.kind.is_keyed() {
            batch = self.regroup(&batch)?;
        }
        Ok(batch)
    }

    /// Says whether everything that was to be edited was there.
    pub(super) fn finish(&self) -> Result<()> {
        match self.edits.iter().find(|edit| !edit.found.get()) {
            Some(edit) => Err(Error::not_found(format!("there is no key {} to set", edit.key_text))),
            None => self.offsets.iter().try_for_each(OffsetEdit::finish),
        }
    }

    /// What has to be read to see whether every key that is to be edited is there.
    pub(super) fn key_scans(&self) -> Vec<Scan> {
        self.edits.iter().map(|edit| edit.key.scan()).collect()
    }

    /// The elements of a list that stay move up: places go from 0 on without a gap.
    fn renumber(&self, batch: &RecordBatch) -> Result<RecordBatch> {
        let columns: Vec<_> = self.state.schema.sort_columns(StateKind::List);
        let list: Vec<_> = columns.into_iter().filter(|column| *column != Column::Index).collect();
        let order = RowOrder::of_batches(batch, batch, &list)?;
        let mut last = self.last.borrow_mut();
        let mut place = match last.as_ref().filter(|_| batch.num_rows() > 0) {
            Some((row, place)) if RowOrder::of_batches(row, batch, &list)?.compare(0, 0).is_eq() => place + 1,
            _ => 0,
        };
        let mut places = Vec::with_capacity(batch.num_rows());
        for row in 0..batch.num_rows() {
            place =
                if row > 0 && order.compare(row - 1, row).is_ne() { 0 } else { place + u64::from(row > 0) };
            places.push(place);
        }
        if let Some(end) = batch.num_rows().checked_sub(1) {
            *last = Some((batch.slice(end, 1), place));
        }
        replace(batch, Column::Index, Arc::new(UInt64Array::from(places)))
    }

    fn regroup(&self, batch: &RecordBatch) -> Result<RecordBatch> {
        let keys = column(batch, Column::Key)?;
        let (Some(field), Some(key_hash)) = (&self.state.schema.key, self.state.key_hash) else {
            return Err(Error::invalid("the state is not keyed"));
        };
        let groups = (0..keys.len()).map(|row| self.key_group(field, &keys, row, key_hash));
        let groups = UInt16Array::from(groups.collect::<Result<Vec<u16>>>()?);
        replace(batch, Column::KeyGroup, Arc::new(groups))
    }

    fn key_group(&self, field: &Field, keys: &ArrayRef, row: usize, key_hash: KeyHash) -> Result<u16> {
        key_group_of(field, keys, row, self.max_parallelism, key_hash)
            .map(|group| group.0)
            .ok_or_else(|| Error::invalid("the key's hash cannot be computed"))
            .within(|| format!("row {row}"))
    }
}

impl Edit {
    fn new(operator: &Operator, state: &State, key: &str, value: &serde_json::Value) -> Result<Self> {
        let field =
            state.schema.value.as_ref().ok_or_else(|| Error::bad_request("the state has no value"))?;
        Ok(Self {
            key_text: key.to_owned(),
            key: KeyFilter::from_text(operator, state, key)?,
            value: Scalar::new(array_from_json(field, &[Some(value)])?),
            found: Cell::new(false),
        })
    }

    fn apply(&self, batch: &RecordBatch) -> Result<RecordBatch> {
        let is_key = self.key.matches(batch)?;
        if is_key.true_count() == 0 {
            return Ok(batch.clone());
        }
        self.found.set(true);
        let values = column(batch, Column::Value)?;
        let values = zip(&is_key, &self.value, &values).map_err(|error| misfit("value", error))?;
        replace(batch, Column::Value, values)
    }
}

/// The rows last touched at `before_ms` or later.
fn touched_since(batch: &RecordBatch, before_ms: i64) -> Result<BooleanArray> {
    let touched = column(batch, Column::LastAccess)?;
    let touched = touched
        .as_primitive_opt::<TimestampMillisecondType>()
        .ok_or_else(|| Error::invalid("last_access is no timestamp in ms"))?;
    Ok(touched.iter().map(|at| Some(at.is_none_or(|at| at >= before_ms))).collect())
}

fn filter(batch: &RecordBatch, stays: &BooleanArray) -> Result<RecordBatch> {
    filter_record_batch(batch, stays).map_err(|error| misfit("filter", error))
}

pub(super) fn column(batch: &RecordBatch, column: Column) -> Result<ArrayRef> {
    let mut columns = columns_of(batch, &[column])?;
    columns.pop().ok_or_else(|| Error::invalid(format!("there is no column {}", column.name())))
}

pub(super) fn replace(batch: &RecordBatch, column: Column, values: ArrayRef) -> Result<RecordBatch> {
    let schema = batch.schema();
    let columns = schema.fields().iter().zip(batch.columns());
    let columns = columns.map(|(field, old)| if field.name() == column.name() { &values } else { old });
    RecordBatch::try_new(schema.clone(), columns.cloned().collect())
        .map_err(|error| misfit(column.name(), error))
}

pub(super) fn misfit(what: &str, error: ArrowError) -> Error {
    Error::invalid(format!("{what} does not fit")).caused_by(error)
}
