//! Rows of one schema as rows of another: fields are bound by their ids, names are hints.
//!
//! ```text
//! written as   value: struct<16 count: int32, 17 tag: utf8>
//! read as      value: struct<17 label: utf8, 16 n: int64, 18 seen: boolean = false>
//! ```
//!
//! A field that is gone is left out, one that is new has its default, one whose type changed is cast, and a
//! value that does not fit its new type is an error, never a null. Where a schema changed without a row being
//! written, a type may only have become wider: [`Binding::widening`].

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::{
    Array, ArrayRef, ListArray, MapArray, RecordBatch, RecordBatchOptions, StructArray, UInt32Array,
    new_null_array,
};
use arrow_cast::{CastOptions, can_cast_types, cast_with_options};
use arrow_schema::{ArrowError, DataType, Field as ArrowField, Fields, Schema, SchemaRef};
use arrow_select::take::take;

use super::order::RowOrder;
use super::types::{Field, Type};
use crate::error::{Error, Result, ResultExt};
use crate::import::array_from_json;

/// How rows written with some fields are read with others.
pub struct Binding {
    schema: SchemaRef,
    columns: Vec<Source>,
    /// Both sides are the same: rows pass as they are.
    is_identity: bool,
}

/// Where a field's values come from.
enum Source {
    /// The field at this place among those written.
    Written { place: usize, name: String, change: Change },
    /// Not written: this one value for every row.
    Default(ArrayRef),
    /// Not written, and without a default.
    Null(DataType),
}

/// What has to happen to a field's values.
enum Change {
    None,
    /// Every value has a counterpart.
    Widen(DataType),
    /// Some values may have none.
    Cast(DataType),
    Struct {
        fields: Fields,
        sources: Vec<Source>,
    },
    List {
        element: Arc<ArrowField>,
        change: Box<Change>,
    },
    Map {
        entries: Arc<ArrowField>,
        fields: Fields,
        changes: Box<(Change, Change)>,
    },
}

/// How types may differ where nothing is nested.
#[derive(Clone, Copy)]
enum Rule {
    /// In any way in which a value can still be exact.
    Exact,
    /// As `SPEC.md`, "Evolution", says.
    Widening,
}

impl Binding {
    /// Binds the fields that were written to the fields that are wanted: any cast that keeps each value.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`](crate::ErrorKind::Invalid), naming the field, if a required field is new and has
    /// no default, or if values of the written type can never be of the wanted one.
    pub fn new(written: &[Field], wanted: &[Field]) -> Result<Self> {
        Ok(Self { is_identity: written == wanted, ..Self::with(Rule::Exact, written, wanted)? })
    }

    /// Binds the fields of a data file, as Parquet tells them, to the fields that are wanted. A type may be
    /// wider than the file's (`SPEC.md`, "Evolution"), and may be what Parquet cannot tell: a duration is a
    /// number there, every zone UTC. Rows never pass as they are: names and labels are always those wanted.
    ///
    /// # Errors
    /// As [`Binding::new`]; and if a type is narrower than the file's, or another one.
    pub fn widening(written: &[Field], wanted: &[Field]) -> Result<Self> {
        Self::with(Rule::Widening, written, wanted)
    }

    fn with(rule: Rule, written: &[Field], wanted: &[Field]) -> Result<Self> {
        let fields: Vec<_> = wanted.iter().map(Field::to_arrow).collect();
        let columns = rule.sources(written, wanted)?;
        Ok(Self { schema: Arc::new(Schema::new(fields)), columns, is_identity: false })
    }

    /// The schema of the bound rows.
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// Rows pass as they are.
    pub fn is_identity(&self) -> bool {
        self.is_identity
    }

    /// The rows, bound. Columns of `batch` stand in the order of the written fields.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`](crate::ErrorKind::Invalid), naming the field, if a value does not fit its new
    /// type or a required field is null.
    pub fn bind(&self, batch: &RecordBatch) -> Result<RecordBatch> {
        let rows = batch.num_rows();
        let columns = if self.is_identity {
            batch.columns().to_vec()
        } else {
            apply_all(&self.columns, batch.columns(), rows)?
        };
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        RecordBatch::try_new_with_options(self.schema.clone(), columns, &options).map_err(misfit)
    }
}

impl Rule {
    fn sources(self, written: &[Field], wanted: &[Field]) -> Result<Vec<Source>> {
        wanted.iter().map(|field| self.source(written, field).within(|| field.name.clone())).collect()
    }

    fn source(self, written: &[Field], wanted: &Field) -> Result<Source> {
        if let Some(place) = written.iter().position(|field| field.id == wanted.id)
            && let Some(found) = written.get(place)
        {
            let change = self.change(found, wanted)?;
            return Ok(Source::Written { place, name: wanted.name.clone(), change });
        }
        match &wanted.default {
            Some(default) => default_value(default, wanted).map(Source::Default),
            None if wanted.nullable => Ok(Source::Null(wanted.ty.to_arrow())),
            None => Err(Error::invalid("the field is required, was not written, and has no default")),
        }
    }

    /// Nested values are always put together anew, which costs little: their fields' names may differ.
    fn change(self, written: &Field, wanted: &Field) -> Result<Change> {
        match (&written.ty, &wanted.ty, wanted.ty.to_arrow()) {
            (Type::Struct(written), Type::Struct(wanted), DataType::Struct(fields)) => {
                Ok(Change::Struct { fields, sources: self.sources(written, wanted)? })
            }
            (Type::List(written), Type::List(wanted), DataType::List(element)) => {
                let change = self.change(written, wanted).within(|| "element")?;
                Ok(Change::List { element, change: Box::new(change) })
            }
            (
                Type::Map { key, value },
                Type::Map { key: to_key, value: to_value },
                DataType::Map(entries, _),
            ) => {
                let DataType::Struct(fields) = entries.data_type() else {
                    return Err(Error::invalid("a map's entries are no struct"));
                };
                let fields = fields.clone();
                let key = self.change(key, to_key).within(|| "key")?;
                let value = self.change(value, to_value).within(|| "value")?;
                Ok(Change::Map { entries, fields, changes: Box::new((key, value)) })
            }
            (from, to, _) => self.leaf(from, to).ok_or_else(|| self.refusal(written, wanted)),
        }
    }

    fn leaf(self, written: &Type, wanted: &Type) -> Option<Change> {
        let (from, to) = (written.to_arrow(), wanted.to_arrow());
        match self {
            _ if from.is_nested() || to.is_nested() => None,
            _ if from == to => Some(Change::None),
            _ if written.widens_to(wanted) => Some(Change::Widen(to)),
            Self::Widening => is_alike_in_parquet(written, wanted).then_some(Change::Widen(to)),
            Self::Exact => can_cast_types(&from, &to).then_some(Change::Cast(to)),
        }
    }

    fn refusal(self, written: &Field, wanted: &Field) -> Error {
        Error::invalid(match self {
            Self::Exact => format!("{written} cannot become {wanted}"),
            Self::Widening => format!("{written} was written, which does not widen to {wanted}"),
        })
    }
}

/// Parquet has no durations, they are numbers there; and of a zone it keeps that there is one.
fn is_alike_in_parquet(written: &Type, wanted: &Type) -> bool {
    match (written, wanted) {
        (Type::Int64, Type::Duration(_)) => true,
        (Type::Timestamp { unit, zone: Some(_) }, Type::Timestamp { unit: wanted_unit, zone: Some(_) }) => {
            unit == wanted_unit
        }
        _ => false,
    }
}

/// The default as an array of one value.
fn default_value(default: &serde_json::Value, field: &Field) -> Result<ArrayRef> {
    array_from_json(field, &[Some(default)]).within(|| format!("default {default}"))
}

fn apply_all(sources: &[Source], columns: &[ArrayRef], rows: usize) -> Result<Vec<ArrayRef>> {
    sources.iter().map(|source| source.apply(columns, rows)).collect()
}

impl Source {
    fn apply(&self, columns: &[ArrayRef], rows: usize) -> Result<ArrayRef> {
        match self {
            Self::Written { place, name, change } => {
                let column = columns
                    .get(*place)
                    .ok_or_else(|| Error::invalid(format!("{name} is missing from the rows")))?;
                change.apply(column).within(|| name.clone())
            }
            Self::Default(value) => take(value, &UInt32Array::from(vec![0; rows]), None).map_err(misfit),
            Self::Null(data_type) => Ok(new_null_array(data_type, rows)),
        }
    }
}

impl Change {
    fn apply(&self, array: &ArrayRef) -> Result<ArrayRef> {
        match self {
            Self::None => Ok(array.clone()),
            Self::Widen(to) => cast(array, to),
            Self::Cast(to) => exact_cast(array, to),
            Self::Struct { fields, sources } => {
                let from = array.as_struct_opt().ok_or_else(|| unexpected(array))?;
                let columns = apply_all(sources, from.columns(), from.len())?;
                let bound = StructArray::try_new(fields.clone(), columns, from.nulls().cloned());
                Ok(Arc::new(bound.map_err(misfit)?))
            }
            Self::List { element, change } => {
                let from = array.as_list_opt::<i32>().ok_or_else(|| unexpected(array))?;
                let values = change.apply(from.values())?;
                let bound = ListArray::try_new(
                    element.clone(),
                    from.offsets().clone(),
                    values,
                    from.nulls().cloned(),
                );
                Ok(Arc::new(bound.map_err(misfit)?))
            }
            Self::Map { entries, fields, changes } => {
                let from = array.as_map_opt().ok_or_else(|| unexpected(array))?;
                let columns = vec![changes.0.apply(from.keys())?, changes.1.apply(from.values())?];
                let bound = StructArray::try_new(fields.clone(), columns, None).map_err(misfit)?;
                let bound = MapArray::try_new(
                    entries.clone(),
                    from.offsets().clone(),
                    bound,
                    from.nulls().cloned(),
                    true,
                );
                Ok(Arc::new(bound.map_err(misfit)?))
            }
        }
    }
}

/// A cast that loses nothing: a number or a time must come back as it was, so that 1.5 is no 1.
fn exact_cast(array: &ArrayRef, to: &DataType) -> Result<ArrayRef> {
    let from = array.data_type();
    let result = cast(array, to)?;
    if (from.is_numeric() && to.is_numeric()) || (from.is_temporal() && to.is_temporal()) {
        let back = cast(&result, from)?;
        let order = RowOrder::between(std::slice::from_ref(array), std::slice::from_ref(&back))?;
        if (0..array.len()).any(|row| order.compare(row, row).is_ne()) {
            return Err(Error::invalid(format!("a value of type {from} is not exactly one of type {to}")));
        }
    }
    Ok(result)
}

fn cast(array: &ArrayRef, to: &DataType) -> Result<ArrayRef> {
    let strict = CastOptions { safe: false, ..CastOptions::default() };
    cast_with_options(array, to, &strict).map_err(misfit)
}

fn misfit(error: ArrowError) -> Error {
    Error::invalid("a value does not fit its type").caused_by(error)
}

fn unexpected(array: &ArrayRef) -> Error {
    Error::invalid(format!("the rows have {} where their schema has another type", array.data_type()))
}

#[cfg(test)]
mod tests;
