//! From the columns a file has to the columns a state has: fields are found by id, never by name.
//!
//! A renamed or reordered field is the same field, a dropped one is not looked at, a widened one is cast, an
//! added one has its default or null. So a schema changes in the manifest alone.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::{
    Array, ArrayRef, ListArray, MapArray, RecordBatch, StringArray, StructArray, UInt32Array, new_null_array,
};
use arrow_cast::{CastOptions, cast_with_options};
use arrow_schema::{DataType, Field as ArrowField, FieldRef, SchemaRef, TimeUnit};
use arrow_select::take::take;

use super::arrow;
use crate::error::{Error, Result, ResultExt};
use crate::model::{Column, FIELD_ID_KEY, Field};

/// The rows of `batch`, which has the file's columns, with the state's columns.
///
/// # Errors
/// [`ErrorKind::Invalid`](crate::ErrorKind::Invalid) if a required field is not there, or has a type from
/// which its type cannot be reached without loss.
pub(crate) fn bind(
    batch: &RecordBatch,
    schema: &SchemaRef,
    columns: &[(Column, Field)],
) -> Result<RecordBatch> {
    let found = batch.schema();
    let arrays = columns.iter().map(|(column, field)| {
        bind_child(found.fields(), batch.columns(), field, batch.num_rows())
            .within(|| format!("column {}", column.name()))
    });
    let arrays = arrays.collect::<Result<Vec<_>>>()?;
    RecordBatch::try_new(schema.clone(), arrays).map_err(arrow)
}

fn id_of(field: &ArrowField) -> Option<u32> {
    field.metadata().get(FIELD_ID_KEY)?.parse().ok()
}

/// The field among these, or its default.
fn bind_child<'a>(
    fields: impl IntoIterator<Item = &'a FieldRef>,
    arrays: &[ArrayRef],
    target: &Field,
    rows: usize,
) -> Result<ArrayRef> {
    let position = fields.into_iter().position(|field| id_of(field) == Some(target.id));
    match position.and_then(|position| arrays.get(position)) {
        Some(array) => bind_array(array, target),
        None => default_array(target, rows),
    }
}

fn bind_array(array: &ArrayRef, target: &Field) -> Result<ArrayRef> {
    let wanted = target.ty.to_arrow();
    if *array.data_type() == wanted {
        return Ok(array.clone());
    }
    let children = target.children();
    Ok(match (array.data_type(), &wanted, children.as_slice()) {
        (DataType::Struct(found), DataType::Struct(fields), children) => {
            let array = array.as_struct();
            let columns = children.iter().map(|child| {
                bind_child(found, array.columns(), child, array.len())
                    .within(|| format!("field {}", child.name))
            });
            let columns = columns.collect::<Result<Vec<_>>>()?;
            Arc::new(StructArray::try_new(fields.clone(), columns, array.nulls().cloned()).map_err(arrow)?)
        }
        (DataType::List(_), DataType::List(field), [child]) => {
            let list = array.as_list::<i32>();
            let elements = bind_array(list.values(), child)?;
            let (offsets, nulls) = (list.offsets().clone(), list.nulls().cloned());
            Arc::new(ListArray::try_new(field.clone(), offsets, elements, nulls).map_err(arrow)?)
        }
        (DataType::Map(..), DataType::Map(field, ordered), [key, value]) => {
            let map = array.as_map();
            let DataType::Struct(fields) = field.data_type() else { return Err(no_way(array, &wanted)) };
            let columns = vec![bind_array(map.keys(), key)?, bind_array(map.values(), value)?];
            let entries = StructArray::try_new(fields.clone(), columns, None).map_err(arrow)?;
            let (offsets, nulls) = (map.offsets().clone(), map.nulls().cloned());
            Arc::new(MapArray::try_new(field.clone(), offsets, entries, nulls, *ordered).map_err(arrow)?)
        }
        (found, wanted, _) if is_wider(found, wanted) => {
            let options = CastOptions { safe: false, ..CastOptions::default() };
            cast_with_options(array, wanted, &options).map_err(arrow)?
        }
        _ => return Err(no_way(array, &wanted)),
    })
}

fn no_way(array: &ArrayRef, wanted: &DataType) -> Error {
    Error::invalid(format!("type in the file is {}, in the manifest {wanted}", array.data_type()))
}

/// Every value of the one type is a value of the other: `SPEC.md`, "Schema evolution".
fn is_wider(found: &DataType, wanted: &DataType) -> bool {
    use DataType as D;
    let integer = |ty: &DataType| match ty {
        D::Int8 => Some((true, 8)),
        D::Int16 => Some((true, 16)),
        D::Int32 => Some((true, 32)),
        D::Int64 => Some((true, 64)),
        D::UInt8 => Some((false, 8)),
        D::UInt16 => Some((false, 16)),
        D::UInt32 => Some((false, 32)),
        D::UInt64 => Some((false, 64)),
        _ => None,
    };
    match (found, wanted) {
        (D::Float32, D::Float64) | (D::Utf8, D::Binary) => true,
        // Parquet has no durations: a file stores the number.
        (D::Int64, D::Duration(_)) => true,
        (D::Timestamp(a, from), D::Timestamp(b, to)) => {
            fineness(*a) <= fineness(*b) && from.is_some() == to.is_some()
        }
        (D::Time32(a) | D::Time64(a), D::Time32(b) | D::Time64(b)) => fineness(*a) <= fineness(*b),
        (
            D::Decimal128(digits, scale) | D::Decimal256(digits, scale),
            D::Decimal128(more, same) | D::Decimal256(more, same),
        ) => scale == same && digits <= more,
        _ => match (integer(found), integer(wanted)) {
            (Some((signed, bits)), Some((wanted_signed, wanted_bits))) => {
                (signed == wanted_signed && bits <= wanted_bits)
                    || (!signed && wanted_signed && bits < wanted_bits)
            }
            _ => false,
        },
    }
}

fn fineness(unit: TimeUnit) -> u8 {
    match unit {
        TimeUnit::Second => 0,
        TimeUnit::Millisecond => 1,
        TimeUnit::Microsecond => 2,
        TimeUnit::Nanosecond => 3,
    }
}

/// The value of a field that was added after the rows were written.
fn default_array(target: &Field, rows: usize) -> Result<ArrayRef> {
    let ty = target.ty.to_arrow();
    let text = match &target.default {
        None if target.nullable => return Ok(new_null_array(&ty, rows)),
        None => {
            return Err(Error::invalid(format!("field {} with id {} is missing", target.name, target.id)));
        }
        Some(serde_json::Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    };
    let options = CastOptions { safe: false, ..CastOptions::default() };
    let one = cast_with_options(&StringArray::from(vec![text]), &ty, &options).map_err(arrow)?;
    take(&one, &UInt32Array::from(vec![0; rows]), None).map_err(arrow)
}
