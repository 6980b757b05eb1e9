//! Rows of one schema as rows of another: fields are bound by their ids, names are hints.
//!
//! ```text
//! written as   value: struct<16 count: int32, 17 tag: utf8>
//! read as      value: struct<17 label: utf8, 16 n: int64, 18 seen: boolean = false>
//! ```
//!
//! A field that is gone is left out, one that is new has its default, one whose type changed is cast, and a
//! value that does not fit its new type is an error, never a null.

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
    Cast(DataType),
    Struct { fields: Fields, sources: Vec<Source> },
    List { element: Arc<ArrowField>, change: Box<Change> },
    Map { entries: Arc<ArrowField>, fields: Fields, changes: Box<(Change, Change)> },
}

impl Binding {
    /// Binds the fields that were written to the fields that are wanted.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`](crate::ErrorKind::Invalid), naming the field, if a required field is new and has
    /// no default, or if values of the written type can never be of the wanted one.
    pub fn new(written: &[Field], wanted: &[Field]) -> Result<Self> {
        let fields: Vec<_> = wanted.iter().map(Field::to_arrow).collect();
        Ok(Self {
            schema: Arc::new(Schema::new(fields)),
            columns: sources(written, wanted)?,
            is_identity: written == wanted,
        })
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

fn sources(written: &[Field], wanted: &[Field]) -> Result<Vec<Source>> {
    wanted.iter().map(|field| source(written, field).within(|| field.name.clone())).collect()
}

fn source(written: &[Field], wanted: &Field) -> Result<Source> {
    if let Some(place) = written.iter().position(|field| field.id == wanted.id)
        && let Some(found) = written.get(place)
    {
        return Ok(Source::Written { place, name: wanted.name.clone(), change: change(found, wanted)? });
    }
    match &wanted.default {
        Some(default) => default_value(default, wanted).map(Source::Default),
        None if wanted.nullable => Ok(Source::Null(wanted.ty.to_arrow())),
        None => Err(Error::invalid("the field is required, was not written, and has no default")),
    }
}

fn change(written: &Field, wanted: &Field) -> Result<Change> {
    let (from, to) = (written.ty.to_arrow(), wanted.ty.to_arrow());
    if from == to {
        return Ok(Change::None);
    }
    match (&written.ty, &wanted.ty, &to) {
        (Type::Struct(written), Type::Struct(wanted), DataType::Struct(fields)) => {
            Ok(Change::Struct { fields: fields.clone(), sources: sources(written, wanted)? })
        }
        (Type::List(written), Type::List(wanted), DataType::List(element)) => {
            let change = change(written, wanted).within(|| "element")?;
            Ok(Change::List { element: element.clone(), change: Box::new(change) })
        }
        (Type::Map { key, value }, Type::Map { key: to_key, value: to_value }, DataType::Map(entries, _)) => {
            let DataType::Struct(fields) = entries.data_type() else {
                return Err(Error::invalid("a map's entries are no struct"));
            };
            let changes =
                (change(key, to_key).within(|| "key")?, change(value, to_value).within(|| "value")?);
            Ok(Change::Map { entries: entries.clone(), fields: fields.clone(), changes: Box::new(changes) })
        }
        _ if !from.is_nested() && !to.is_nested() && can_cast_types(&from, &to) => Ok(Change::Cast(to)),
        _ => Err(Error::invalid(format!("{written} cannot become {wanted}"))),
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
mod tests {
    use arrow_array::builder::{ListBuilder, StringBuilder};
    use arrow_array::types::Int64Type;
    use arrow_array::{BooleanArray, Int32Array, StringArray};

    use super::*;

    fn with_id(id: u32, field: Field) -> Field {
        Field { id, ..field }
    }

    fn structure(fields: Vec<Field>) -> Field {
        with_id(7, Field::new("value", Type::Struct(fields)))
    }

    fn written() -> (Field, RecordBatch) {
        let field = structure(vec![
            with_id(16, Field::new("count", Type::Int32)),
            with_id(17, Field::new("tag", Type::Utf8).nullable()),
        ]);
        let DataType::Struct(fields) = field.ty.to_arrow() else { panic!("a struct") };
        let columns: Vec<ArrayRef> = vec![
            Arc::new(Int32Array::from(vec![1, 300])),
            Arc::new(StringArray::from(vec![Some("a"), None])),
        ];
        let array = StructArray::new(fields, columns, None);
        let schema = Arc::new(Schema::new(vec![field.to_arrow()]));
        (field, RecordBatch::try_new(schema, vec![Arc::new(array)]).unwrap())
    }

    #[test]
    fn a_renamed_moved_widened_field_keeps_its_values_and_a_new_one_has_its_default() {
        let (from, batch) = written();
        let to = structure(vec![
            with_id(17, Field::new("label", Type::Utf8).nullable()),
            Field { default: Some(true.into()), ..with_id(18, Field::new("seen", Type::Boolean)) },
            with_id(16, Field::new("n", Type::Int64)),
        ]);
        let bound = Binding::new(&[from], &[to]).unwrap().bind(&batch).unwrap();
        let value = bound.column(0).as_struct();
        assert_eq!(value.column_names(), ["label", "seen", "n"]);
        assert_eq!(value.column(0).as_string::<i32>().value(0), "a");
        assert_eq!(value.column(1).as_boolean(), &BooleanArray::from(vec![true, true]));
        assert_eq!(value.column(2).as_primitive::<Int64Type>().values(), &[1, 300]);
    }

    #[test]
    fn a_value_that_does_not_fit_is_an_error_with_its_field() {
        let (from, batch) = written();
        let to = structure(vec![with_id(16, Field::new("count", Type::Int8))]);
        let error = Binding::new(&[from], &[to]).unwrap().bind(&batch).unwrap_err();
        assert_eq!(error.to_string(), "value, count: a value does not fit its type");
        assert!(error.full().contains("300"), "{}", error.full());
    }

    #[test]
    fn a_number_is_never_rounded_in_silence() {
        let numbers = |values: Vec<f64>| -> ArrayRef { Arc::new(arrow_array::Float64Array::from(values)) };
        let whole = exact_cast(&numbers(vec![1.0, -2.0]), &DataType::Int64).unwrap();
        assert_eq!(whole.as_primitive::<Int64Type>().values(), &[1, -2]);
        assert!(exact_cast(&numbers(vec![1.5]), &DataType::Int64).is_err());
        let large: ArrayRef = Arc::new(arrow_array::Int64Array::from(vec![(1 << 53) + 1]));
        assert!(exact_cast(&large, &DataType::Float64).is_err());
    }

    #[test]
    fn what_can_never_fit_is_refused_before_a_row_is_read() {
        let (from, _) = written();
        let to = structure(vec![with_id(19, Field::new("new", Type::Int8))]);
        let error = Binding::new(std::slice::from_ref(&from), &[to]).err().unwrap();
        assert_eq!(
            error.to_string(),
            "value, new: the field is required, was not written, and has no default"
        );
        let to = with_id(7, Field::new("value", Type::Int8));
        assert!(Binding::new(&[from], &[to]).is_err());
    }

    #[test]
    fn the_elements_of_a_list_are_bound_too() {
        let list = |element: Field| with_id(7, Field::new("value", Type::list(with_id(16, element))));
        let (from, to) = (list(Field::new("", Type::Utf8)), list(Field::new("", Type::Int64)));
        let mut builder = ListBuilder::new(StringBuilder::new())
            .with_field(Field { id: 16, ..Field::new("element", Type::Utf8) }.to_arrow());
        builder.append_value([Some("1"), Some("2")]);
        builder.append_value([Some("3")]);
        let schema = Arc::new(Schema::new(vec![from.to_arrow()]));
        let batch = RecordBatch::try_new(schema, vec![Arc::new(builder.finish())]).unwrap();
        let bound = Binding::new(&[from], &[to]).unwrap().bind(&batch).unwrap();
        let values = bound.column(0).as_list::<i32>().values().clone();
        assert_eq!(values.as_primitive::<Int64Type>().values(), &[1, 2, 3]);
    }
}
