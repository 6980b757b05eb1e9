//! List state: the elements of a key in chunks that snapshots share.
//!
//! ```text
//! [ Arc ][ Arc ][ Arc ]      appending touches the last chunk only, however long the list is
//! ```

use std::ops::Range;
use std::sync::Arc;

use arrow_array::types::UInt64Type;
use arrow_array::{ArrayRef, PrimitiveArray, RecordBatch, UInt64Array};
use arrow_schema::Schema;
use spt_format::{Aliases, Column, Error, Result, StateSchema};

use super::cell::{Cell, CellColumns, CellRows, column};
use super::column::downcast;
use super::payload::{Payload, PayloadColumns, PayloadRows};

/// Elements of a chunk.
const CHUNK: usize = 256;

/// The elements of one key and namespace, in order.
#[derive(Debug, Clone)]
pub struct ListCell<P> {
    /// Full but for the last.
    chunks: Vec<Arc<Vec<P>>>,
}

impl<P> Default for ListCell<P> {
    fn default() -> Self {
        Self { chunks: Vec::new() }
    }
}

impl<P: Clone> ListCell<P> {
    /// Appends an element.
    pub fn push(&mut self, element: P) {
        match self.chunks.last_mut().filter(|chunk| chunk.len() < CHUNK) {
            Some(chunk) => Arc::make_mut(chunk).push(element),
            None => self.chunks.push(Arc::new(vec![element])),
        }
    }

    /// The element at a place.
    pub fn get(&self, index: usize) -> Option<&P> {
        self.chunks.get(index / CHUNK)?.get(index % CHUNK)
    }

    /// How many elements there are.
    pub fn len(&self) -> usize {
        match self.chunks.split_last() {
            Some((last, full)) => full.len() * CHUNK + last.len(),
            None => 0,
        }
    }

    /// There are none.
    pub fn is_empty(&self) -> bool {
        self.chunks.is_empty()
    }

    /// The elements in order.
    pub fn iter(&self) -> impl Iterator<Item = &P> {
        self.chunks.iter().flat_map(|chunk| chunk.iter())
    }

    /// Keeps the elements that `keep` says yes to. Nothing is copied if it says yes to all.
    pub fn retain(&mut self, keep: impl Fn(&P) -> bool) {
        if !self.iter().all(&keep) {
            *self = self.iter().filter(|element| keep(element)).cloned().collect();
        }
    }
}

impl<P: Clone> FromIterator<P> for ListCell<P> {
    fn from_iter<I: IntoIterator<Item = P>>(elements: I) -> Self {
        let mut list = Self::default();
        elements.into_iter().for_each(|element| list.push(element));
        list
    }
}

impl<P: Clone> Extend<P> for ListCell<P> {
    fn extend<I: IntoIterator<Item = P>>(&mut self, elements: I) {
        elements.into_iter().for_each(|element| self.push(element));
    }
}

impl<P: Clone + PartialEq> PartialEq for ListCell<P> {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

/// The columns `index`, `value` and what else a payload has.
pub struct ListColumns<P: Payload> {
    indexes: Vec<u64>,
    payloads: P::Columns,
}

/// The same, read.
pub struct ListRows<P: Payload> {
    indexes: PrimitiveArray<UInt64Type>,
    payloads: P::Rows,
}

impl<P: Payload> Cell for ListCell<P> {
    type Columns = ListColumns<P>;
    type Rows = ListRows<P>;

    fn describe(schema: &mut StateSchema) {
        P::describe(schema);
    }

    fn aliases(aliases: &mut Aliases) {
        P::aliases(aliases);
    }

    fn rows(&self) -> usize {
        self.len()
    }
}

impl<P: Payload> CellColumns<ListCell<P>> for ListColumns<P> {
    fn new(schema: &Schema, capacity: usize) -> Result<Self> {
        Ok(Self { indexes: Vec::with_capacity(capacity), payloads: P::Columns::new(schema, capacity)? })
    }

    fn append(&mut self, cell: &ListCell<P>, rows: Range<usize>) {
        for index in rows {
            if let Some(element) = cell.get(index) {
                self.indexes.push(index as u64);
                self.payloads.append(element);
            }
        }
    }

    fn bytes(&self) -> usize {
        size_of_val(self.indexes.as_slice()) + self.payloads.bytes()
    }

    fn finish(&mut self) -> Result<Vec<ArrayRef>> {
        let indexes: ArrayRef = Arc::new(UInt64Array::from(std::mem::take(&mut self.indexes)));
        Ok([indexes].into_iter().chain(self.payloads.finish()?).collect())
    }
}

impl<P: Payload> ListRows<P> {
    fn element(&self, row: usize, expected: usize) -> Result<P> {
        let index = self.indexes.values().get(row).copied().unwrap_or_default();
        if index != expected as u64 {
            return Err(Error::invalid(format!("index is {index}, expected {expected}")));
        }
        self.payloads.get(row)
    }
}

impl<P: Payload> CellRows<ListCell<P>> for ListRows<P> {
    fn new(batch: &RecordBatch) -> Result<Self> {
        let indexes = downcast(column(batch, Column::Index)?.as_ref(), &"UInt64")?;
        Ok(Self { indexes, payloads: P::Rows::new(batch)? })
    }

    fn first(&self, row: usize) -> Result<ListCell<P>> {
        Ok(ListCell::from_iter([self.element(row, 0)?]))
    }

    fn next(&self, row: usize, cell: &mut ListCell<P>) -> Result<()> {
        cell.push(self.element(row, cell.len())?);
        Ok(())
    }
}
