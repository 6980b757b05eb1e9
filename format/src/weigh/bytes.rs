//! Bytes of values, row by row, without any encoding.

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_schema::DataType;

use crate::model::Column;

/// Bytes of map key and value, row by row.
pub(super) fn batch_bytes(batch: &RecordBatch) -> Vec<u64> {
    let mut sums = vec![0; batch.num_rows()];
    for column in [Column::MapKey, Column::Value] {
        let bytes = batch.column_by_name(column.name()).map(value_bytes);
        for (sum, bytes) in sums.iter_mut().zip(bytes.into_iter().flatten()) {
            *sum += bytes;
        }
    }
    sums
}

/// Bytes each value takes without any encoding; a null takes none.
fn value_bytes(array: &ArrayRef) -> Vec<u64> {
    let rows = array.len();
    let mut bytes: Vec<u64> = match array.data_type() {
        DataType::Utf8 => lengths(array.as_string::<i32>().offsets()).collect(),
        DataType::Binary => lengths(array.as_binary::<i32>().offsets()).collect(),
        DataType::FixedSizeBinary(size) => vec![size.unsigned_abs().into(); rows],
        DataType::Boolean => vec![1; rows],
        DataType::Struct(_) => {
            let mut sums = vec![0; rows];
            for column in array.as_struct().columns() {
                sums.iter_mut().zip(value_bytes(column)).for_each(|(sum, bytes)| *sum += bytes);
            }
            sums
        }
        DataType::List(_) => {
            let lists = array.as_list::<i32>();
            within(lists.offsets(), &value_bytes(lists.values()))
        }
        DataType::Map(..) => {
            let maps = array.as_map();
            let entries: ArrayRef = std::sync::Arc::new(maps.entries().clone());
            within(maps.offsets(), &value_bytes(&entries))
        }
        fixed => vec![fixed.primitive_width().unwrap_or(0) as u64; rows],
    };
    if let Some(nulls) = array.nulls() {
        bytes.iter_mut().zip(nulls).filter(|(_, valid)| !valid).for_each(|(bytes, _)| *bytes = 0);
    }
    bytes
}

fn lengths(offsets: &[i32]) -> impl Iterator<Item = u64> {
    offsets.windows(2).map(|pair| match pair {
        [start, end] => end.abs_diff(*start).into(),
        _ => 0,
    })
}

/// The sums over the elements of each list.
fn within(offsets: &[i32], elements: &[u64]) -> Vec<u64> {
    let sum = |pair: &[i32]| match pair {
        [start, end] => elements.get(*start as usize..*end as usize).unwrap_or_default().iter().sum(),
        _ => 0,
    };
    offsets.windows(2).map(sum).collect()
}
