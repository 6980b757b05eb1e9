//! Columns made of other columns: structs, lists, maps.

use std::sync::Arc;

use arrow_array::{Array, ArrayRef, ListArray, MapArray, StructArray};
use arrow_buffer::NullBufferBuilder;
use arrow_schema::{DataType, FieldRef, Fields};
use spt_format::{Error, Result};

use super::column::{Column, offsets, refused, too_large, unsupported};
use super::order;

/// Structs: one column per field.
#[derive(Debug)]
pub(crate) struct StructColumn {
    fields: Fields,
    columns: Vec<Column>,
    valid: NullBufferBuilder,
}

impl StructColumn {
    pub(super) fn new(fields: &Fields) -> Result<Self> {
        let columns = fields.iter().map(|field| Column::new(field.data_type())).collect::<Result<_>>()?;
        Ok(Self { fields: fields.clone(), columns, valid: NullBufferBuilder::new(0) })
    }

    /// The column of a field.
    ///
    /// # Errors
    /// If there is none, which is a mistake of this crate.
    pub(crate) fn column(&mut self, index: usize) -> Result<&mut Column> {
        self.columns.get_mut(index).ok_or_else(|| Error::invalid(format!("a struct has no field {index}")))
    }

    /// The columns of all fields.
    pub(crate) fn columns(&mut self) -> &mut [Column] {
        &mut self.columns
    }

    /// Ends a struct, whose fields have one value more each; those without get a null.
    pub(crate) fn end(&mut self) {
        let length = self.valid.len() + 1;
        for column in &mut self.columns {
            if column.len() < length {
                column.push_null();
            }
        }
        self.valid.append_non_null();
    }

    pub(super) fn push_null(&mut self) {
        for column in &mut self.columns {
            column.push_null();
        }
        self.valid.append_null();
    }

    pub(super) fn is_valid(&self, index: usize) -> bool {
        self.valid.is_valid(index)
    }

    pub(super) fn data_type(&self) -> DataType {
        DataType::Struct(self.fields.clone())
    }

    pub(super) fn len(&self) -> usize {
        self.valid.len()
    }

    /// Also takes away what an unfinished struct left in its fields.
    pub(super) fn truncate(&mut self, length: usize) {
        self.columns.iter_mut().for_each(|column| column.truncate(length));
        if length < self.valid.len() {
            self.valid.truncate(length);
        }
    }

    pub(super) fn size(&self) -> usize {
        self.columns.iter().map(Column::size).sum()
    }

    pub(super) fn finish(&mut self) -> Result<ArrayRef> {
        let length = self.valid.len();
        let columns = self.columns.iter_mut().map(Column::finish).collect::<Result<_>>()?;
        let array =
            StructArray::try_new_with_length(self.fields.clone(), columns, self.valid.finish(), length);
        Ok(Arc::new(array.map_err(refused)?))
    }
}

/// Lists: the elements of all of them, and where each ends.
#[derive(Debug)]
pub(crate) struct ListColumn {
    field: FieldRef,
    element: Box<Column>,
    ends: Vec<i32>,
    valid: NullBufferBuilder,
    /// Elements have no order of their own and are sorted.
    sorted: bool,
}

impl ListColumn {
    pub(super) fn new(field: &FieldRef) -> Result<Self> {
        let element = Box::new(Column::new(field.data_type())?);
        let valid = NullBufferBuilder::new(0);
        Ok(Self { field: Arc::clone(field), element, ends: Vec::new(), valid, sorted: false })
    }

    /// The column of the elements.
    pub(crate) fn element(&mut self) -> &mut Column {
        &mut self.element
    }

    /// Says whether the elements have no order of their own, so that they are sorted at the end.
    pub(crate) fn sort(&mut self, sorted: bool) {
        self.sorted = sorted;
    }

    /// Ends a list: it holds the elements appended since the last one ended.
    pub(crate) fn end(&mut self) -> Result<()> {
        push_end(&mut self.ends, self.element.len())?;
        self.valid.append_non_null();
        Ok(())
    }

    pub(super) fn push_null(&mut self) {
        self.ends.push(last(&self.ends));
        self.valid.append_null();
    }

    pub(super) fn is_valid(&self, index: usize) -> bool {
        self.valid.is_valid(index)
    }

    pub(super) fn data_type(&self) -> DataType {
        DataType::List(Arc::clone(&self.field))
    }

    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    pub(super) fn truncate(&mut self, length: usize) {
        if length < self.ends.len() {
            self.ends.truncate(length);
            self.valid.truncate(length);
        }
        self.element.truncate(last_length(&self.ends));
    }

    pub(super) fn size(&self) -> usize {
        self.element.size() + 4 * self.ends.len()
    }

    pub(super) fn finish(&mut self) -> Result<ArrayRef> {
        let mut elements = self.element.finish()?;
        let offsets = offsets(std::mem::take(&mut self.ends));
        if self.sorted {
            elements = order::sort_runs(&elements, &offsets)?.apply(&elements)?;
        }
        let array = ListArray::try_new(Arc::clone(&self.field), offsets, elements, self.valid.finish());
        Ok(Arc::new(array.map_err(refused)?))
    }
}

/// Maps: all keys, all values, and where each map ends.
#[derive(Debug)]
pub(crate) struct MapColumn {
    entries: FieldRef,
    fields: Fields,
    key: Box<Column>,
    value: Box<Column>,
    ends: Vec<i32>,
    valid: NullBufferBuilder,
}

impl MapColumn {
    pub(super) fn new(entries: &FieldRef) -> Result<Self> {
        let DataType::Struct(fields) = entries.data_type() else {
            return Err(unsupported(entries.data_type()));
        };
        let [key, value] = fields.as_ref() else { return Err(unsupported(entries.data_type())) };
        Ok(Self {
            entries: Arc::clone(entries),
            fields: fields.clone(),
            key: Box::new(Column::new(key.data_type())?),
            value: Box::new(Column::new(value.data_type())?),
            ends: Vec::new(),
            valid: NullBufferBuilder::new(0),
        })
    }

    /// The columns of the keys and of the values.
    pub(crate) fn entry(&mut self) -> (&mut Column, &mut Column) {
        (&mut self.key, &mut self.value)
    }

    /// Ends a map: it holds the entries appended since the last one ended.
    pub(crate) fn end(&mut self) -> Result<()> {
        push_end(&mut self.ends, self.key.len())?;
        self.valid.append_non_null();
        Ok(())
    }

    pub(super) fn push_null(&mut self) {
        self.ends.push(last(&self.ends));
        self.valid.append_null();
    }

    pub(super) fn is_valid(&self, index: usize) -> bool {
        self.valid.is_valid(index)
    }

    pub(super) fn data_type(&self) -> DataType {
        DataType::Map(Arc::clone(&self.entries), true)
    }

    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    pub(super) fn truncate(&mut self, length: usize) {
        if length < self.ends.len() {
            self.ends.truncate(length);
            self.valid.truncate(length);
        }
        let entries = last_length(&self.ends);
        self.key.truncate(entries);
        self.value.truncate(entries);
    }

    pub(super) fn size(&self) -> usize {
        self.key.size() + self.value.size() + 4 * self.ends.len()
    }

    pub(super) fn finish(&mut self) -> Result<ArrayRef> {
        let (keys, values) = (self.key.finish()?, self.value.finish()?);
        let offsets = offsets(std::mem::take(&mut self.ends));
        let sorted = order::sort_runs(&keys, &offsets)?;
        let (keys, values) = (sorted.apply(&keys)?, sorted.apply(&values)?);
        if keys.null_count() > 0 {
            return Err(Error::invalid("a map has a key that is null"));
        }
        let entries = StructArray::try_new(self.fields.clone(), vec![keys, values], None).map_err(refused)?;
        let array = MapArray::try_new(Arc::clone(&self.entries), offsets, entries, self.valid.finish(), true);
        Ok(Arc::new(array.map_err(refused)?))
    }
}

fn push_end(ends: &mut Vec<i32>, end: usize) -> Result<()> {
    ends.push(i32::try_from(end).map_err(|_| too_large(end))?);
    Ok(())
}

fn last(ends: &[i32]) -> i32 {
    ends.last().copied().unwrap_or_default()
}

fn last_length(ends: &[i32]) -> usize {
    usize::try_from(last(ends)).unwrap_or_default()
}
