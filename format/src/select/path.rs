//! Paths into a state's table: a column, then fields inside structs: `value.user.age`.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, BooleanArray, RecordBatch};
use arrow_select::nullif::nullif;

use crate::error::{Error, Result};
use crate::model::{Column, Field, Type};

/// A column and the places of fields inside it, and the field found there.
#[derive(Debug, Clone)]
pub(super) struct Path {
    column: Column,
    places: Vec<usize>,
    /// The innermost field; nullable if anything on the way is.
    pub(super) field: Field,
}

impl Path {
    /// A whole column.
    pub(super) fn column(column: Column, field: Field) -> Self {
        Self { column, places: Vec::new(), field }
    }

    /// The field `place` inside this one.
    pub(super) fn inner(&self, place: usize, field: &Field) -> Self {
        let mut inner = self.clone();
        inner.places.push(place);
        inner.field = Field { nullable: field.nullable || self.field.nullable, ..field.clone() };
        inner
    }

    /// What these names lead to, from a column on.
    ///
    /// # Errors
    /// [`ErrorKind::BadRequest`](crate::ErrorKind::BadRequest) with the names there are.
    pub(super) fn find(names: &[impl AsRef<str>], columns: &[(Column, Field)]) -> Result<Self> {
        let (first, rest) = names.split_first().ok_or_else(|| Error::bad_request("a path is empty"))?;
        let found = columns.iter().find(|(column, _)| column.name() == first.as_ref());
        let (column, field) =
            found.ok_or_else(|| unknown(first.as_ref(), columns.iter().map(|(column, _)| column.name())))?;
        rest.iter().try_fold(Self::column(*column, field.clone()), |path, name| path.step(name.as_ref()))
    }

    fn step(&self, name: &str) -> Result<Self> {
        let Type::Struct(fields) = &self.field.ty else {
            let what = format!("{} is {} and has no {name:?}", self.field.name, self.field);
            return Err(Error::bad_request(what));
        };
        let mut places = fields.iter().enumerate();
        match places.find(|(_, field)| field.name == name) {
            Some((place, field)) => Ok(self.inner(place, field)),
            None => Err(unknown(name, fields.iter().map(|field| field.name.as_str()))),
        }
    }

    /// The values there; null where anything around them is.
    ///
    /// # Errors
    /// If the batch does not have the column.
    pub(super) fn values(&self, batch: &RecordBatch) -> Result<ArrayRef> {
        let name = self.column.name();
        let column = batch.column_by_name(name);
        let mut values =
            Arc::clone(column.ok_or_else(|| Error::invalid(format!("there is no column {name}")))?);
        for place in &self.places {
            let inner = values.as_struct_opt().and_then(|array| array.columns().get(*place));
            let inner = inner.ok_or_else(|| Error::invalid(format!("column {name} has no field {place}")))?;
            values = under(&values, inner)?;
        }
        Ok(values)
    }
}

/// The inner values, null where the struct around them is.
fn under(outer: &ArrayRef, inner: &ArrayRef) -> Result<ArrayRef> {
    match outer.nulls().filter(|nulls| nulls.null_count() > 0) {
        None => Ok(Arc::clone(inner)),
        Some(nulls) => nullif(inner, &BooleanArray::new(!nulls.inner(), None))
            .map_err(|error| Error::invalid("null structs").caused_by(error)),
    }
}

fn unknown<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Error {
    let known: Vec<&str> = known.collect();
    Error::bad_request(format!("there is no {name:?}; there are {}", known.join(", ")))
}
