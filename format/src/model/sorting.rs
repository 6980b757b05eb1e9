//! Rows of a batch brought into order, with as few comparisons of whole rows as possible.
//!
//! Eight bytes of a column become a number that sorts as the column does, and numbers sort fast. Only rows whose
//! numbers are equal are looked at again: by the next column where the number says all, by comparison where not.
//!
//! ```text
//! key_group  key            number of key_group   number of key: the 8 bytes behind "word-"
//!         7  word-beta                        7   b e t a 0 0 0 0
//!         7  word-alphabets                   7   a l p h a b e t   ┐ equal: these rows are compared
//!         7  word-alphabetic                  7   a l p h a b e t   ┘
//! ```

use arrow_array::cast::AsArray;
use arrow_array::types::{
    Date32Type, Int8Type, Int16Type, Int32Type, Int64Type, Time32MillisecondType, Time64MicrosecondType,
    Time64NanosecondType, TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType,
    UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow_array::{Array, ArrayRef, ArrowPrimitiveType, RecordBatch, UInt32Array};
use arrow_schema::{DataType, TimeUnit};
use arrow_select::take::take_record_batch;

use super::order::{RowOrder, columns_of, first_out_of_order};
use super::schema::Column;
use crate::error::{Error, Result};

/// Fewer rows than this are compared at once.
const FEW_ROWS: usize = 16;

/// The rows of a batch in the order of these columns; equal rows keep their order.
///
/// # Errors
/// As [`RowOrder::of_batches`]; and for more than `u32::MAX` rows.
pub fn sort_indices(batch: &RecordBatch, columns: &[Column]) -> Result<UInt32Array> {
    let rows = u32::try_from(batch.num_rows())
        .map_err(|_| Error::invalid(format!("{} rows are too many to sort at once", batch.num_rows())))?;
    let columns = columns_of(batch, columns)?;
    let order = RowOrder::between(&columns, &columns)?;
    let mut indices: Vec<u32> = (0..rows).collect();
    sort(&mut indices, &columns, &order);
    Ok(UInt32Array::from(indices))
}

/// The batch with its rows in the order of these columns; a batch in order already is returned as it is.
///
/// # Errors
/// As [`sort_indices`].
pub fn sort_batch(batch: &RecordBatch, columns: &[Column]) -> Result<RecordBatch> {
    if first_out_of_order(batch, columns)?.is_none() {
        return Ok(batch.clone());
    }
    let indices = sort_indices(batch, columns)?;
    take_record_batch(batch, &indices).map_err(|error| Error::invalid("sort").caused_by(error))
}

/// Sorts rows, which ascend and are equal in all columns before `columns`.
fn sort(rows: &mut [u32], columns: &[ArrayRef], order: &RowOrder) {
    let numbers = match columns.first() {
        Some(column) if rows.len() > FEW_ROWS => numbers(column, rows),
        _ => None,
    };
    let (Some(numbers), Some((_, rest))) = (numbers, columns.split_first()) else {
        return compare(rows, order);
    };
    // The row in the low bits keeps equal rows in their order.
    let mut pairs: Vec<u128> =
        numbers.of_rows.iter().zip(&*rows).map(|(number, row)| pair(*number, *row)).collect();
    pairs.sort_unstable();
    for (row, pair) in rows.iter_mut().zip(&pairs) {
        *row = (pair & u128::from(u32::MAX)) as u32;
    }
    let mut rows = rows;
    for equal in pairs.chunk_by(|a, b| a >> 32 == b >> 32) {
        let (run, behind) = std::mem::take(&mut rows).split_at_mut(equal.len());
        rows = behind;
        match run.len() {
            1 => {}
            _ if numbers.exact => sort(run, rest, order),
            _ => compare(run, order),
        }
    }
}

fn compare(rows: &mut [u32], order: &RowOrder) {
    rows.sort_by(|left, right| order.compare(*left as usize, *right as usize));
}

fn pair(number: u64, row: u32) -> u128 {
    u128::from(number) << 32 | u128::from(row)
}

/// A number for each row. A row with a smaller number is smaller.
struct Numbers {
    of_rows: Vec<u64>,
    /// Rows with equal numbers have equal values.
    exact: bool,
}

/// The numbers of these rows of a column; `None` if it has nulls or a type without them.
fn numbers(column: &ArrayRef, rows: &[u32]) -> Option<Numbers> {
    use DataType as D;
    use TimeUnit as U;
    if column.null_count() > 0 {
        return None;
    }
    Some(match column.data_type() {
        D::Int8 => signed::<Int8Type>(column, rows),
        D::Int16 => signed::<Int16Type>(column, rows),
        D::Int32 => signed::<Int32Type>(column, rows),
        D::Int64 => signed::<Int64Type>(column, rows),
        D::Date32 => signed::<Date32Type>(column, rows),
        D::Time32(U::Millisecond) => signed::<Time32MillisecondType>(column, rows),
        D::Time64(U::Microsecond) => signed::<Time64MicrosecondType>(column, rows),
        D::Time64(U::Nanosecond) => signed::<Time64NanosecondType>(column, rows),
        D::Timestamp(U::Millisecond, _) => signed::<TimestampMillisecondType>(column, rows),
        D::Timestamp(U::Microsecond, _) => signed::<TimestampMicrosecondType>(column, rows),
        D::Timestamp(U::Nanosecond, _) => signed::<TimestampNanosecondType>(column, rows),
        D::UInt8 => exact::<UInt8Type>(column, rows, u64::from),
        D::UInt16 => exact::<UInt16Type>(column, rows, u64::from),
        D::UInt32 => exact::<UInt32Type>(column, rows, u64::from),
        D::UInt64 => exact::<UInt64Type>(column, rows, |number| number),
        D::Utf8 => {
            let texts = column.as_string::<i32>();
            behind_common_prefix(rows, |row| texts.value(row).as_bytes())
        }
        D::Binary => {
            let values = column.as_binary::<i32>();
            behind_common_prefix(rows, |row| values.value(row))
        }
        // The first field decides, unless it is equal.
        D::Struct(_) => Numbers { exact: false, ..numbers(column.as_struct().columns().first()?, rows)? },
        _ => return None,
    })
}

fn signed<T>(column: &ArrayRef, rows: &[u32]) -> Numbers
where
    T: ArrowPrimitiveType,
    T::Native: Into<i64>,
{
    exact::<T>(column, rows, |number| number.into() as u64 ^ 1 << 63)
}

fn exact<T: ArrowPrimitiveType>(
    column: &ArrayRef,
    rows: &[u32],
    number: impl Fn(T::Native) -> u64,
) -> Numbers {
    let values = column.as_primitive::<T>();
    Numbers { of_rows: rows.iter().map(|row| number(values.value(*row as usize))).collect(), exact: true }
}

fn behind_common_prefix<'a>(rows: &[u32], value: impl Fn(usize) -> &'a [u8]) -> Numbers {
    let mut values = rows.iter().map(|row| value(*row as usize));
    let first = values.next().unwrap_or_default();
    let skip = values.fold(first.len(), |common, value| {
        first.iter().zip(value).take(common).take_while(|(a, b)| a == b).count()
    });
    let number = |row: &u32| eight_bytes(value(*row as usize).get(skip..).unwrap_or_default());
    Numbers { of_rows: rows.iter().map(number).collect(), exact: false }
}

/// The first eight bytes as a number, zeros where there are fewer.
fn eight_bytes(value: &[u8]) -> u64 {
    if let Some(eight) = value.first_chunk() {
        return u64::from_be_bytes(*eight);
    }
    let mut eight = [0; 8];
    eight.iter_mut().zip(value).for_each(|(to, from)| *to = *from);
    u64::from_be_bytes(eight)
}
