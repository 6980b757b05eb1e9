//! The size of a row, as far as the format counts it: `SPEC.md`, "Row groups".
//!
//! Null counts 1, a number its width, a boolean 1, a string or bytes 4 and their length, a list or map 4 and
//! its elements, a struct its fields. It depends on the values alone, so that cuts do.

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_buffer::OffsetBuffer;
use arrow_schema::DataType;

use crate::model::element_range;

/// The exact size of every row.
pub(super) fn row_sizes(batch: &RecordBatch) -> Vec<u64> {
    let mut sizes = vec![0; batch.num_rows()];
    batch.columns().iter().for_each(|column| add(column, &mut sizes));
    sizes
}

/// The exact size of all rows together.
pub(super) fn exact_bytes(batch: &RecordBatch) -> u64 {
    let is_plain = |column: &ArrayRef| column.null_count() == 0 && !column.data_type().is_nested();
    match batch.columns().iter().all(is_plain) {
        true => upper_bound(batch),
        false => row_sizes(batch).iter().sum(),
    }
}

/// At least the size of all rows together, without looking at each.
pub(super) fn upper_bound(batch: &RecordBatch) -> u64 {
    batch.columns().iter().map(bound).sum()
}

fn bound(array: &ArrayRef) -> u64 {
    let rows = array.len() as u64;
    match array.data_type() {
        DataType::Utf8 => 4 * rows + span(array.as_string::<i32>().offsets()),
        DataType::Binary => 4 * rows + span(array.as_binary::<i32>().offsets()),
        DataType::Struct(_) => rows + array.as_struct().columns().iter().map(bound).sum::<u64>(),
        DataType::List(_) => {
            let list = array.as_list::<i32>();
            4 * rows + bound(&within(list.values(), list.offsets()))
        }
        DataType::Map(..) => {
            let map = array.as_map();
            let entries = [map.keys(), map.values()].map(|column| bound(&within(column, map.offsets())));
            4 * rows + entries.iter().sum::<u64>()
        }
        fixed => rows * width(fixed),
    }
}

fn span(offsets: &OffsetBuffer<i32>) -> u64 {
    match (offsets.first(), offsets.last()) {
        (Some(first), Some(last)) => (last - first).unsigned_abs().into(),
        _ => 0,
    }
}

/// The elements that any row of the list has.
fn within(elements: &ArrayRef, offsets: &OffsetBuffer<i32>) -> ArrayRef {
    let first = offsets.first().map_or(0, |first| *first as usize);
    elements.slice(first, span(offsets) as usize)
}

fn width(ty: &DataType) -> u64 {
    match ty {
        DataType::FixedSizeBinary(length) => u64::from(length.unsigned_abs()),
        other => other.primitive_width().unwrap_or(1) as u64,
    }
}

fn add(array: &ArrayRef, sizes: &mut [u64]) {
    let each = |sizes: &mut [u64], size: &dyn Fn(usize) -> u64| {
        for (row, total) in sizes.iter_mut().enumerate() {
            *total += if array.is_null(row) { 1 } else { size(row) };
        }
    };
    match array.data_type() {
        DataType::Utf8 => {
            let array = array.as_string::<i32>();
            each(sizes, &|row| 4 + array.value_length(row).unsigned_abs() as u64);
        }
        DataType::Binary => {
            let array = array.as_binary::<i32>();
            each(sizes, &|row| 4 + array.value_length(row).unsigned_abs() as u64);
        }
        DataType::Struct(_) => {
            let mut fields = vec![0; array.len()];
            array.as_struct().columns().iter().for_each(|column| add(column, &mut fields));
            each(sizes, &|row| fields.get(row).copied().unwrap_or(0));
        }
        DataType::List(_) => {
            let list = array.as_list::<i32>();
            let mut elements = vec![0; list.values().len()];
            add(list.values(), &mut elements);
            each(sizes, &|row| 4 + sum(&elements, list.offsets(), row));
        }
        DataType::Map(..) => {
            let map = array.as_map();
            let mut entries = vec![0; map.entries().len()];
            map.entries().columns().iter().for_each(|column| add(column, &mut entries));
            each(sizes, &|row| 4 + sum(&entries, map.offsets(), row));
        }
        fixed => {
            let width = width(fixed);
            each(sizes, &|_| width);
        }
    }
}

fn sum(sizes: &[u64], offsets: &OffsetBuffer<i32>, row: usize) -> u64 {
    sizes.get(element_range(offsets, row)).unwrap_or_default().iter().sum()
}
