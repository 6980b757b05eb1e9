//! The order of rows, as `SPEC.md` ("Order") defines it: by value, never by a library's own idea of it.
//!
//! Nulls first; false before true; integers and decimals by number; floats by IEEE 754 totalOrder with one
//! NaN; strings and bytes by unsigned bytes; structs field by field; lists element by element, a prefix
//! first; maps as their entries, which are sorted by key.

use std::cmp::Ordering;

use arrow_array::cast::AsArray;
use arrow_array::types::{
    ByteArrayType, Date32Type, Decimal128Type, Decimal256Type, DurationMicrosecondType,
    DurationMillisecondType, DurationNanosecondType, Int8Type, Int16Type, Int32Type, Int64Type,
    Time32MillisecondType, Time64MicrosecondType, Time64NanosecondType, TimestampMicrosecondType,
    TimestampMillisecondType, TimestampNanosecondType, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow_array::types::{Float32Type, Float64Type};
use arrow_array::{Array, ArrayRef, ArrowPrimitiveType, RecordBatch};
use arrow_buffer::OffsetBuffer;
use arrow_schema::{DataType, TimeUnit};

use super::schema::Column;
use crate::error::{Error, Result};

/// Compares rows of one column with rows of another.
trait Compare: Send + Sync {
    fn compare(&self, left: usize, right: usize) -> Ordering;

    /// Keeps of these rows those that are equal to the row before them, and gives the first that is smaller.
    fn keep_equal(&self, rows: &mut Vec<usize>) -> Option<usize>;
}

/// Each type has a loop of its own: a call for each row would cost more than what it does.
impl<F: Fn(usize, usize) -> Ordering + Send + Sync> Compare for F {
    #[inline]
    fn compare(&self, left: usize, right: usize) -> Ordering {
        self(left, right)
    }

    fn keep_equal(&self, rows: &mut Vec<usize>) -> Option<usize> {
        let mut smaller = None;
        rows.retain(|row| {
            let order = self(row - 1, *row);
            if order == Ordering::Greater {
                smaller.get_or_insert(*row);
            }
            order == Ordering::Equal
        });
        smaller
    }
}

/// Compares rows of one set of columns with rows of another, most significant column first.
///
/// Holds the columns' buffers, so it is independent of the batches it was made from.
pub struct RowOrder {
    columns: Vec<Box<dyn Compare>>,
}

impl RowOrder {
    /// An order between rows of `left` and rows of `right`, which have the same types.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`](crate::ErrorKind::Invalid) if the types differ or are not in the closed list.
    pub fn between(left: &[ArrayRef], right: &[ArrayRef]) -> Result<Self> {
        if left.len() != right.len() {
            return Err(Error::invalid(format!("{} columns against {}", left.len(), right.len())));
        }
        let columns = left.iter().zip(right).map(|(left, right)| nullable(left, right));
        Ok(Self { columns: columns.collect::<Result<_>>()? })
    }

    /// The order between rows of two batches of one state, by these of its columns.
    ///
    /// # Errors
    /// As [`RowOrder::between`]; and if a batch lacks one of the columns.
    pub fn of_batches(left: &RecordBatch, right: &RecordBatch, columns: &[Column]) -> Result<Self> {
        Self::between(&columns_of(left, columns)?, &columns_of(right, columns)?)
    }

    /// Row `left` of the left columns against row `right` of the right ones.
    ///
    /// # Panics
    /// If a row lies outside its columns.
    #[inline]
    pub fn compare(&self, left: usize, right: usize) -> Ordering {
        for column in &self.columns {
            match column.compare(left, right) {
                Ordering::Equal => {}
                decided => return decided,
            }
        }
        Ordering::Equal
    }
}

/// These columns of a batch, in this order.
///
/// # Errors
/// [`ErrorKind::Invalid`](crate::ErrorKind::Invalid) if the batch lacks one.
pub fn columns_of(batch: &RecordBatch, columns: &[Column]) -> Result<Vec<ArrayRef>> {
    let column = |column: &Column| {
        let found = batch.column_by_name(column.name()).cloned();
        found.ok_or_else(|| Error::invalid(format!("there is no column {}", column.name())))
    };
    columns.iter().map(column).collect()
}

/// The first row that is smaller than the row before it.
///
/// # Errors
/// As [`RowOrder::of_batches`].
pub fn first_out_of_order(batch: &RecordBatch, columns: &[Column]) -> Result<Option<usize>> {
    Ok(steps(batch, columns)?.0)
}

/// The first row that is not after the row before it: smaller, or the same again.
///
/// # Errors
/// As [`RowOrder::of_batches`].
pub(crate) fn first_not_after(batch: &RecordBatch, columns: &[Column]) -> Result<Option<usize>> {
    let (smaller, equal) = steps(batch, columns)?;
    Ok(smaller.into_iter().chain(equal).min())
}

/// The first row that is smaller than the row before it, and the first that is equal to it. Column by column: the
/// next one is asked only where rows are equal so far.
fn steps(batch: &RecordBatch, columns: &[Column]) -> Result<(Option<usize>, Option<usize>)> {
    let mut equal: Vec<usize> = (1..batch.num_rows()).collect();
    let mut smaller = None;
    for column in RowOrder::of_batches(batch, batch, columns)?.columns {
        smaller = smaller.into_iter().chain(column.keep_equal(&mut equal)).min();
    }
    Ok((smaller, equal.first().copied()))
}

/// Nulls first, then by value.
fn nullable(left: &ArrayRef, right: &ArrayRef) -> Result<Box<dyn Compare>> {
    let values = by_value(left, right)?;
    if left.null_count() == 0 && right.null_count() == 0 {
        return Ok(values);
    }
    let (left, right) = (left.logical_nulls(), right.logical_nulls());
    let is_null = |nulls: &Option<arrow_buffer::NullBuffer>, row| {
        nulls.as_ref().is_some_and(|nulls| nulls.is_null(row))
    };
    Ok(Box::new(move |i, j| match (is_null(&left, i), is_null(&right, j)) {
        (false, false) => values.compare(i, j),
        (left_is_null, right_is_null) => right_is_null.cmp(&left_is_null),
    }))
}

fn by_value(left: &ArrayRef, right: &ArrayRef) -> Result<Box<dyn Compare>> {
    use DataType as D;
    use TimeUnit as U;
    let differ = || {
        let what = format!("columns of type {} and {} have no order", left.data_type(), right.data_type());
        Error::invalid(what)
    };
    Ok(match (left.data_type(), right.data_type()) {
        (D::Boolean, D::Boolean) => {
            let (left, right) = (left.as_boolean().clone(), right.as_boolean().clone());
            Box::new(move |i, j| left.value(i).cmp(&right.value(j)))
        }
        (D::Int8, D::Int8) => integers::<Int8Type>(left, right),
        (D::Int16, D::Int16) => integers::<Int16Type>(left, right),
        (D::Int32, D::Int32) => integers::<Int32Type>(left, right),
        (D::Int64, D::Int64) => integers::<Int64Type>(left, right),
        (D::UInt8, D::UInt8) => integers::<UInt8Type>(left, right),
        (D::UInt16, D::UInt16) => integers::<UInt16Type>(left, right),
        (D::UInt32, D::UInt32) => integers::<UInt32Type>(left, right),
        (D::UInt64, D::UInt64) => integers::<UInt64Type>(left, right),
        (D::Float32, D::Float32) => {
            let left = left.as_primitive::<Float32Type>().clone();
            let right = right.as_primitive::<Float32Type>().clone();
            Box::new(move |i, j| one_nan_f32(left.value(i)).total_cmp(&one_nan_f32(right.value(j))))
        }
        (D::Float64, D::Float64) => {
            let left = left.as_primitive::<Float64Type>().clone();
            let right = right.as_primitive::<Float64Type>().clone();
            Box::new(move |i, j| one_nan_f64(left.value(i)).total_cmp(&one_nan_f64(right.value(j))))
        }
        (D::Utf8, D::Utf8) => bytes::<arrow_array::types::Utf8Type>(left, right),
        (D::Binary, D::Binary) => bytes::<arrow_array::types::BinaryType>(left, right),
        (D::FixedSizeBinary(a), D::FixedSizeBinary(b)) if a == b => {
            let (left, right) = (left.as_fixed_size_binary().clone(), right.as_fixed_size_binary().clone());
            Box::new(move |i, j| left.value(i).cmp(right.value(j)))
        }
        (D::Decimal128(_, a), D::Decimal128(_, b)) if a == b => integers::<Decimal128Type>(left, right),
        (D::Decimal256(_, a), D::Decimal256(_, b)) if a == b => integers::<Decimal256Type>(left, right),
        (D::Date32, D::Date32) => integers::<Date32Type>(left, right),
        (D::Time32(U::Millisecond), D::Time32(U::Millisecond)) => {
            integers::<Time32MillisecondType>(left, right)
        }
        (D::Time64(U::Microsecond), D::Time64(U::Microsecond)) => {
            integers::<Time64MicrosecondType>(left, right)
        }
        (D::Time64(U::Nanosecond), D::Time64(U::Nanosecond)) => integers::<Time64NanosecondType>(left, right),
        (D::Timestamp(a, _), D::Timestamp(b, _)) if a == b => match a {
            U::Millisecond => integers::<TimestampMillisecondType>(left, right),
            U::Microsecond => integers::<TimestampMicrosecondType>(left, right),
            U::Nanosecond => integers::<TimestampNanosecondType>(left, right),
            U::Second => return Err(differ()),
        },
        (D::Duration(a), D::Duration(b)) if a == b => match a {
            U::Millisecond => integers::<DurationMillisecondType>(left, right),
            U::Microsecond => integers::<DurationMicrosecondType>(left, right),
            U::Nanosecond => integers::<DurationNanosecondType>(left, right),
            U::Second => return Err(differ()),
        },
        (D::Struct(a), D::Struct(b)) if a.len() == b.len() => {
            let fields = RowOrder::between(left.as_struct().columns(), right.as_struct().columns())?;
            Box::new(move |i, j| fields.compare(i, j))
        }
        (D::List(_), D::List(_)) => {
            let (left, right) = (left.as_list::<i32>(), right.as_list::<i32>());
            let elements = nullable(left.values(), right.values())?;
            sequences(left.offsets().clone(), right.offsets().clone(), elements)
        }
        (D::Map(..), D::Map(..)) => {
            let (left, right) = (left.as_map(), right.as_map());
            let entries = RowOrder::between(left.entries().columns(), right.entries().columns())?;
            let entries: Box<dyn Compare> = Box::new(move |i, j| entries.compare(i, j));
            sequences(left.offsets().clone(), right.offsets().clone(), entries)
        }
        _ => return Err(differ()),
    })
}

fn integers<T>(left: &ArrayRef, right: &ArrayRef) -> Box<dyn Compare>
where
    T: ArrowPrimitiveType,
    T::Native: Ord + Send + Sync,
{
    let (left, right) =
        (left.as_primitive::<T>().values().clone(), right.as_primitive::<T>().values().clone());
    Box::new(move |i, j| left.get(i).cmp(&right.get(j)))
}

fn bytes<T: ByteArrayType>(left: &ArrayRef, right: &ArrayRef) -> Box<dyn Compare>
where
    T::Native: AsRef<[u8]>,
{
    let (left, right) = (left.as_bytes::<T>().clone(), right.as_bytes::<T>().clone());
    Box::new(move |i, j| compare_bytes(left.value(i).as_ref(), right.value(j).as_ref()))
}

/// As slices compare. The first eight bytes mostly decide, and then nothing is called.
#[inline]
fn compare_bytes(left: &[u8], right: &[u8]) -> Ordering {
    match (left.first_chunk(), right.first_chunk()) {
        (Some(a), Some(b)) if a != b => u64::from_be_bytes(*a).cmp(&u64::from_be_bytes(*b)),
        _ => left.cmp(right),
    }
}

fn sequences(
    left: OffsetBuffer<i32>,
    right: OffsetBuffer<i32>,
    elements: Box<dyn Compare>,
) -> Box<dyn Compare> {
    Box::new(move |i, j| {
        let (left, right) = (element_range(&left, i), element_range(&right, j));
        let lengths = left.len().cmp(&right.len());
        let decided = left.zip(right).map(|(i, j)| elements.compare(i, j)).find(|order| order.is_ne());
        decided.unwrap_or(lengths)
    })
}

/// Where the elements of one list or map stand among all of them.
pub(crate) fn element_range(offsets: &OffsetBuffer<i32>, row: usize) -> std::ops::Range<usize> {
    match (offsets.get(row), offsets.get(row + 1)) {
        (Some(start), Some(end)) => *start as usize..*end as usize,
        _ => 0..0,
    }
}

/// The number, or the one NaN there is: quiet, positive, without payload.
pub(crate) fn one_nan_f32(number: f32) -> f32 {
    if number.is_nan() { f32::from_bits(0x7fc0_0000) } else { number }
}

/// The number, or the one NaN there is: quiet, positive, without payload.
pub(crate) fn one_nan_f64(number: f64) -> f64 {
    if number.is_nan() { f64::from_bits(0x7ff8_0000_0000_0000) } else { number }
}
