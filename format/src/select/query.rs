//! Reads the rows of a state that were asked for, and says what could not be read.

use arrow_array::RecordBatch;

use super::key::KeyFilter;
use super::predicate::Predicate;
use crate::error::Result;
use crate::model::{Completeness, KeyGroupRange, RowStream, SavepointSource, Scan, StateRef};

/// Which rows of one state.
#[derive(Debug, Default)]
pub struct RowQuery {
    /// Only rows of this key.
    pub key: Option<KeyFilter>,
    /// Only rows of these key groups.
    pub key_groups: Option<KeyGroupRange>,
    /// Only rows for which this is true.
    pub predicate: Option<Predicate>,
}

/// The rows that were asked for, in the model's order.
pub struct SelectedRows<'a> {
    query: &'a RowQuery,
    /// `None` if no row can match.
    stream: Option<Box<dyn RowStream>>,
}

impl RowQuery {
    /// Reads the rows of a state.
    ///
    /// # Errors
    /// If the state's data cannot be opened.
    pub fn rows(&self, source: &dyn SavepointSource, state: StateRef) -> Result<SelectedRows<'_>> {
        let mut scan = self.key.as_ref().map(KeyFilter::scan).unwrap_or_default();
        (scan.sorted, scan.ahead) = (true, true);
        let stream = match (scan.key_groups, self.key_groups) {
            (Some(of_key), Some(asked)) => match of_key.intersection(asked) {
                None => None,
                both => Some(source.scan(state, &Scan { key_groups: both, ..scan })?),
            },
            (of_key, asked) => Some(source.scan(state, &Scan { key_groups: of_key.or(asked), ..scan })?),
        };
        Ok(SelectedRows { query: self, stream })
    }

    fn apply(&self, mut batch: RecordBatch) -> Result<RecordBatch> {
        if let Some(key) = &self.key {
            batch = key.apply(&batch)?;
        }
        match &self.predicate {
            Some(predicate) => predicate.apply(&batch),
            None => Ok(batch),
        }
    }
}

impl SelectedRows<'_> {
    /// What could not be read of the batches returned so far.
    pub fn completeness(&self) -> Completeness {
        self.stream.as_ref().map(|stream| stream.completeness()).unwrap_or_default()
    }
}

impl Iterator for SelectedRows<'_> {
    type Item = Result<RecordBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        let stream = self.stream.as_mut()?;
        loop {
            match stream.next()?.and_then(|batch| self.query.apply(batch)) {
                Ok(batch) if batch.num_rows() == 0 => {}
                result => return Some(result),
            }
        }
    }
}
