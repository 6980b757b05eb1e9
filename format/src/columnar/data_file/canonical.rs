//! One form for every value: NaN is one NaN, maps and sets are sorted, columns have exactly the state's type.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float32Type, Float64Type};
use arrow_array::{Array, ArrayRef, ListArray, MapArray, RecordBatch, StructArray, UInt32Array};
use arrow_buffer::OffsetBuffer;
use arrow_schema::{DataType, SchemaRef};
use arrow_select::take::take;

use super::arrow;
use crate::error::{Error, Result, ResultExt};
use crate::model::{Column, Field, Logical, RowOrder, Type, element_range, one_nan_f32, one_nan_f64};

/// The batch in the state's own schema, whose columns are `columns`.
///
/// # Errors
/// [`ErrorKind::Invalid`](crate::ErrorKind::Invalid) if a column is missing, has another type, or a null
/// where none may be.
pub(super) fn canonical(
    batch: &RecordBatch,
    schema: &SchemaRef,
    columns: &[(Column, Field)],
) -> Result<RecordBatch> {
    let arrays = columns.iter().map(|(column, field)| {
        let array = batch
            .column_by_name(column.name())
            .ok_or_else(|| Error::invalid("is missing"))
            .and_then(|array| canonical_array(array, field));
        array.within(|| format!("column {}", column.name()))
    });
    let arrays = arrays.collect::<Result<Vec<_>>>()?;
    if batch.num_columns() != columns.len() {
        return Err(Error::invalid(format!("{} columns, expected {}", batch.num_columns(), columns.len())));
    }
    RecordBatch::try_new(schema.clone(), arrays).map_err(arrow)
}

fn canonical_array(array: &ArrayRef, field: &Field) -> Result<ArrayRef> {
    let target = field.ty.to_arrow();
    if *array.data_type() == target && !has_several_forms(field) {
        return Ok(array.clone());
    }
    let differs = || Error::invalid(format!("type is {}, expected {target}", array.data_type()));
    Ok(match (&field.ty, array.data_type(), &target) {
        (Type::Float32, DataType::Float32, _) => {
            let numbers = array.as_primitive::<Float32Type>();
            if !numbers.values().iter().any(|number| number.is_nan()) {
                return Ok(array.clone());
            }
            Arc::new(numbers.unary::<_, Float32Type>(one_nan_f32))
        }
        (Type::Float64, DataType::Float64, _) => {
            let numbers = array.as_primitive::<Float64Type>();
            if !numbers.values().iter().any(|number| number.is_nan()) {
                return Ok(array.clone());
            }
            Arc::new(numbers.unary::<_, Float64Type>(one_nan_f64))
        }
        (Type::Struct(fields), DataType::Struct(found), DataType::Struct(target))
            if fields.len() == found.len()
                && fields.iter().zip(found).all(|(field, found)| field.name == *found.name()) =>
        {
            let array = array.as_struct();
            let columns = fields.iter().zip(array.columns()).map(|(field, column)| {
                canonical_array(column, field).within(|| format!("field {}", field.name))
            });
            let columns = columns.collect::<Result<Vec<_>>>()?;
            Arc::new(StructArray::try_new(target.clone(), columns, array.nulls().cloned()).map_err(arrow)?)
        }
        (Type::List(element), DataType::List(_), DataType::List(target)) => {
            let list = array.as_list::<i32>();
            let mut elements = canonical_array(list.values(), element)?;
            if field.logical == Some(Logical::Set) {
                elements = sorted_within(list.offsets(), &elements, &elements)?;
            }
            let (offsets, nulls) = (list.offsets().clone(), list.nulls().cloned());
            Arc::new(ListArray::try_new(target.clone(), offsets, elements, nulls).map_err(arrow)?)
        }
        (Type::Map { key, value }, DataType::Map(..), DataType::Map(target, ordered)) => {
            let map = array.as_map();
            let DataType::Struct(fields) = target.data_type() else { return Err(differs()) };
            let (keys, values) = (canonical_array(map.keys(), key)?, canonical_array(map.values(), value)?);
            let entries = StructArray::try_new(fields.clone(), vec![keys.clone(), values], None);
            let entries: ArrayRef = Arc::new(entries.map_err(arrow)?);
            let entries = sorted_within(map.offsets(), &entries, &keys)?.as_struct().clone();
            let (offsets, nulls) = (map.offsets().clone(), map.nulls().cloned());
            Arc::new(MapArray::try_new(target.clone(), offsets, entries, nulls, *ordered).map_err(arrow)?)
        }
        _ => return Err(differs()),
    })
}

/// Equal values of this type may have different bits.
fn has_several_forms(field: &Field) -> bool {
    matches!(field.ty, Type::Float32 | Type::Float64 | Type::Map { .. })
        || field.logical == Some(Logical::Set)
        || field.children().into_iter().any(has_several_forms)
}

/// The elements of each list in the order of their keys; as they are if they are in order already.
fn sorted_within(offsets: &OffsetBuffer<i32>, elements: &ArrayRef, keys: &ArrayRef) -> Result<ArrayRef> {
    let order = RowOrder::between(std::slice::from_ref(keys), std::slice::from_ref(keys))?;
    let lists = || (0..offsets.len().saturating_sub(1)).map(|row| element_range(offsets, row));
    let is_sorted = |list: std::ops::Range<usize>| {
        (list.start + 1..list.end).all(|element| order.compare(element - 1, element).is_le())
    };
    if lists().all(is_sorted) {
        return Ok(elements.clone());
    }
    let mut indices: Vec<u32> = (0..elements.len() as u32).collect();
    for list in lists() {
        if let Some(list) = indices.get_mut(list) {
            list.sort_by(|left, right| order.compare(*left as usize, *right as usize));
        }
    }
    take(elements, &UInt32Array::from(indices), None).map_err(arrow)
}
