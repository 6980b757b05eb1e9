//! The rows of one key: found by its key group, then by comparing.

use arrow_array::{Array, ArrayRef, BooleanArray, RecordBatch};
use arrow_select::filter::filter_record_batch;

use crate::error::{Error, Result};
use crate::import::array_from_text;
use crate::model::{
    Column, KeyGroupRange, Operator, RowOrder, Scan, State, StateKind, columns_of, key_group_of,
};

/// One key of a state, or one entry's key of a broadcast state.
#[derive(Debug, Clone)]
pub struct KeyFilter {
    column: Column,
    key: ArrayRef,
    key_groups: Option<KeyGroupRange>,
}

impl KeyFilter {
    /// The key that `text` means in this state, see [`array_from_text`].
    ///
    /// # Errors
    /// If the state has no keys, or the text is no key of its type.
    pub fn from_text(operator: &Operator, state: &State, text: &str) -> Result<Self> {
        let (column, field) = match (&state.schema.key, &state.schema.map_key, state.kind) {
            (Some(key), _, _) => (Column::Key, key),
            (None, Some(key), StateKind::Broadcast) => (Column::MapKey, key),
            _ => return Err(Error::bad_request(format!("{} state has no keys", state.kind))),
        };
        let key = array_from_text(field, text)?;
        let group = match (column, state.key_hash) {
            (Column::Key, Some(hash)) => key_group_of(field, &key, 0, operator.max_parallelism, hash),
            _ => None,
        };
        let key_groups = group.map(|group| KeyGroupRange::new(group.0, group.0)).transpose()?;
        Ok(Self { column, key, key_groups })
    }

    /// What to read to see every row of the key.
    pub fn scan(&self) -> Scan {
        let key = (self.column == Column::Key).then(|| self.key.clone());
        Scan { key_groups: self.key_groups, key, ..Scan::default() }
    }

    /// The rows of the key.
    ///
    /// # Errors
    /// If the batch has no such column.
    pub fn apply(&self, batch: &RecordBatch) -> Result<RecordBatch> {
        filter_record_batch(batch, &self.matches(batch)?)
            .map_err(|error| Error::invalid("filter").caused_by(error))
    }

    /// For each row whether it is the key's; never null.
    ///
    /// # Errors
    /// As [`KeyFilter::apply`].
    pub fn matches(&self, batch: &RecordBatch) -> Result<BooleanArray> {
        let order = RowOrder::between(&columns_of(batch, &[self.column])?, std::slice::from_ref(&self.key))?;
        Ok((0..batch.num_rows()).map(|row| Some(order.compare(row, 0).is_eq())).collect())
    }

    /// The key alone, an array of one element.
    pub fn key(&self) -> &dyn Array {
        &self.key
    }
}
