//! Columns that grow value by value and can be cut back: what a failed value left behind is taken away.
//!
//! A column knows Arrow types only. Which bytes become which value is decided by the readers beside it.

use std::sync::Arc;

use arrow_array::types::{
    Date32Type, Decimal128Type, DurationMicrosecondType, DurationMillisecondType, DurationNanosecondType,
    Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, Time32MillisecondType,
    Time64MicrosecondType, Time64NanosecondType, TimestampMicrosecondType, TimestampMillisecondType,
    TimestampNanosecondType,
};
use arrow_array::{
    ArrayRef, ArrowPrimitiveType, BinaryArray, BooleanArray, FixedSizeBinaryArray, PrimitiveArray,
    StringArray,
};
use arrow_buffer::{BooleanBufferBuilder, NullBuffer, NullBufferBuilder, OffsetBuffer, ScalarBuffer};
use arrow_schema::{ArrowError, DataType, TimeUnit};
use spt_format::{Error, ErrorKind, Location, Result};

use super::nested::{ListColumn, MapColumn, StructColumn};

/// Bytes one column may take.
const MAX_BYTES: usize = 1 << 31;
/// How often a growing value is looked at, in elements.
const GROWTH_CHECK_ELEMENTS: usize = 256;

/// A growing column.
#[derive(Debug)]
pub(crate) enum Column {
    Boolean(Flat<BooleanBufferBuilder>),
    I8(Flat<Vec<i8>>),
    I16(Flat<Vec<i16>>),
    I32(Flat<Vec<i32>>),
    I64(Flat<Vec<i64>>),
    F32(Flat<Vec<f32>>),
    F64(Flat<Vec<f64>>),
    I128(Flat<Vec<i128>>),
    Bytes(Flat<BytesBuffer>),
    List(ListColumn),
    Map(MapColumn),
    Struct(StructColumn),
}

/// Values side by side, each of which may be null.
#[derive(Debug)]
pub(crate) struct Flat<B> {
    values: B,
    valid: NullBufferBuilder,
    data_type: DataType,
}

/// Byte strings after each other.
#[derive(Debug)]
pub(crate) struct BytesBuffer {
    ends: Vec<i32>,
    bytes: Vec<u8>,
    /// Bytes a null takes: those of every value, where all have as many.
    width: usize,
}

/// Where values are kept.
pub(crate) trait Buffer {
    /// What one value is given as.
    type Item<'a>;
    fn put(&mut self, value: Self::Item<'_>) -> Result<()>;
    fn put_empty(&mut self);
    fn cut(&mut self, length: usize);
    fn bytes(&self) -> usize;
}

impl<T: Copy + Default> Buffer for Vec<T> {
    type Item<'a> = T;

    fn put(&mut self, value: T) -> Result<()> {
        self.push(value);
        Ok(())
    }

    fn put_empty(&mut self) {
        self.push(T::default());
    }

    fn cut(&mut self, length: usize) {
        self.truncate(length);
    }

    fn bytes(&self) -> usize {
        self.len() * size_of::<T>()
    }
}

impl Buffer for BooleanBufferBuilder {
    type Item<'a> = bool;

    fn put(&mut self, value: bool) -> Result<()> {
        self.append(value);
        Ok(())
    }

    fn put_empty(&mut self) {
        self.append(false);
    }

    fn cut(&mut self, length: usize) {
        self.truncate(length);
    }

    fn bytes(&self) -> usize {
        self.len() / 8
    }
}

impl Buffer for BytesBuffer {
    type Item<'a> = &'a [u8];

    fn put(&mut self, value: &[u8]) -> Result<()> {
        let end = self.bytes.len() + value.len();
        let end = i32::try_from(end).map_err(|_| too_large(end))?;
        self.bytes.extend_from_slice(value);
        self.ends.push(end);
        Ok(())
    }

    fn put_empty(&mut self) {
        self.bytes.resize(self.bytes.len() + self.width, 0);
        self.ends.push(i32::try_from(self.bytes.len()).unwrap_or(i32::MAX));
    }

    fn cut(&mut self, length: usize) {
        self.ends.truncate(length);
        let end = self.ends.last().copied().unwrap_or_default();
        self.bytes.truncate(usize::try_from(end).unwrap_or_default());
    }

    fn bytes(&self) -> usize {
        self.bytes.len() + 4 * self.ends.len()
    }
}

/// A batch holds at most 2 GiB of one column.
pub(super) fn too_large(found: usize) -> Error {
    let kind =
        ErrorKind::LimitExceeded { what: "bytes of a column", found: found as u64, limit: MAX_BYTES as u64 };
    Error::new(kind, Location::default())
}

impl<B: Buffer> Flat<B> {
    fn new(values: B, data_type: &DataType) -> Self {
        Self { values, valid: NullBufferBuilder::new(0), data_type: data_type.clone() }
    }

    /// Appends a value.
    #[inline]
    pub(crate) fn push(&mut self, value: B::Item<'_>) -> Result<()> {
        self.values.put(value)?;
        self.valid.append_non_null();
        Ok(())
    }

    fn push_null(&mut self) {
        self.values.put_empty();
        self.valid.append_null();
    }

    fn truncate(&mut self, length: usize) {
        self.values.cut(length);
        self.valid.truncate(length);
    }
}

/// Runs the same expression on whatever column it is.
macro_rules! each {
    ($column:expr, $flat:ident => $on_flat:expr, $nested:ident => $on_nested:expr) => {
        match $column {
            Self::Boolean($flat) => $on_flat,
            Self::I8($flat) => $on_flat,
            Self::I16($flat) => $on_flat,
            Self::I32($flat) => $on_flat,
            Self::I64($flat) => $on_flat,
            Self::F32($flat) => $on_flat,
            Self::F64($flat) => $on_flat,
            Self::I128($flat) => $on_flat,
            Self::Bytes($flat) => $on_flat,
            Self::List($nested) => $on_nested,
            Self::Map($nested) => $on_nested,
            Self::Struct($nested) => $on_nested,
        }
    };
}

/// One accessor per kind of column; asking for another kind is a mistake of this crate, reported as an error.
macro_rules! accessors {
    ($($name:ident, $variant:ident, $type:ty;)*) => {$(
        #[inline]
        pub(crate) fn $name(&mut self) -> Result<&mut $type> {
            match self {
                Self::$variant(column) => Ok(column),
                other => Err(other.misfit(stringify!($name))),
            }
        }
    )*};
}

impl Column {
    /// An empty column of this type.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`] for a type that no Flink value maps to.
    pub(crate) fn new(data_type: &DataType) -> Result<Self> {
        use DataType as D;
        Ok(match data_type {
            D::Boolean => Self::Boolean(Flat::new(BooleanBufferBuilder::new(0), data_type)),
            D::Int8 => Self::I8(Flat::new(Vec::new(), data_type)),
            D::Int16 => Self::I16(Flat::new(Vec::new(), data_type)),
            D::Int32 | D::Date32 | D::Time32(_) => Self::I32(Flat::new(Vec::new(), data_type)),
            D::Int64 | D::Time64(_) | D::Timestamp(..) | D::Duration(_) => {
                Self::I64(Flat::new(Vec::new(), data_type))
            }
            D::Float32 => Self::F32(Flat::new(Vec::new(), data_type)),
            D::Float64 => Self::F64(Flat::new(Vec::new(), data_type)),
            D::Decimal128(..) => Self::I128(Flat::new(Vec::new(), data_type)),
            D::Utf8 | D::Binary | D::FixedSizeBinary(_) => {
                let width = match data_type {
                    D::FixedSizeBinary(width) => usize::try_from(*width).unwrap_or_default(),
                    _ => 0,
                };
                let buffer = BytesBuffer { ends: Vec::new(), bytes: Vec::new(), width };
                Self::Bytes(Flat::new(buffer, data_type))
            }
            D::List(element) => Self::List(ListColumn::new(element)?),
            D::Map(entries, _) => Self::Map(MapColumn::new(entries)?),
            D::Struct(fields) => Self::Struct(StructColumn::new(fields)?),
            other => return Err(unsupported(other)),
        })
    }

    accessors! {
        boolean, Boolean, Flat<BooleanBufferBuilder>;
        i8, I8, Flat<Vec<i8>>;
        i16, I16, Flat<Vec<i16>>;
        i32, I32, Flat<Vec<i32>>;
        i64, I64, Flat<Vec<i64>>;
        f32, F32, Flat<Vec<f32>>;
        f64, F64, Flat<Vec<f64>>;
        i128, I128, Flat<Vec<i128>>;
        bytes, Bytes, Flat<BytesBuffer>;
        list, List, ListColumn;
        map, Map, MapColumn;
        fields, Struct, StructColumn;
    }

    #[cold]
    fn misfit(&self, wanted: &str) -> Error {
        Error::invalid(format!("a value of kind {wanted} meets a column of {}", self.data_type()))
    }

    fn data_type(&self) -> DataType {
        each!(self, flat => flat.data_type.clone(), nested => nested.data_type())
    }

    /// How many values there are.
    #[inline]
    pub(crate) fn len(&self) -> usize {
        each!(self, flat => flat.valid.len(), nested => nested.len())
    }

    /// The value at this place is null.
    pub(crate) fn is_null(&self, index: usize) -> bool {
        index < self.len()
            && !each!(self, flat => flat.valid.is_valid(index), nested => nested.is_valid(index))
    }

    /// The last value is null.
    pub(crate) fn ends_with_null(&self) -> bool {
        self.len().checked_sub(1).is_some_and(|last| self.is_null(last))
    }

    /// Appends a null.
    pub(crate) fn push_null(&mut self) {
        each!(self, flat => flat.push_null(), nested => nested.push_null());
    }

    /// Takes away everything behind the first `length` values, and what an unfinished value left behind.
    pub(crate) fn truncate(&mut self, length: usize) {
        each!(self, flat => flat.truncate(length), nested => nested.truncate(length));
    }

    /// Bytes the values take, roughly.
    pub(crate) fn size(&self) -> usize {
        each!(self, flat => flat.values.bytes(), nested => nested.size())
    }

    /// Refuses to grow on and on: a byte of input can stand for a null in each of thousands of columns. To be
    /// called behind each element of a value.
    pub(crate) fn check_growth(&self, elements: usize) -> Result<()> {
        if elements.is_multiple_of(GROWTH_CHECK_ELEMENTS) && self.size() > MAX_BYTES {
            return Err(too_large(self.size()));
        }
        Ok(())
    }

    /// The values as an array; the column is empty afterwards.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] if a value is null where the schema allows none.
    pub(crate) fn finish(&mut self) -> Result<ArrayRef> {
        match self {
            Self::Boolean(flat) => {
                let values = std::mem::replace(&mut flat.values, BooleanBufferBuilder::new(0)).build();
                Ok(Arc::new(BooleanArray::new(values, flat.valid.finish())))
            }
            Self::I8(flat) => primitive::<Int8Type>(flat),
            Self::I16(flat) => primitive::<Int16Type>(flat),
            Self::I32(flat) => finish_i32(flat),
            Self::I64(flat) => finish_i64(flat),
            Self::F32(flat) => primitive::<Float32Type>(flat),
            Self::F64(flat) => primitive::<Float64Type>(flat),
            Self::I128(flat) => primitive::<Decimal128Type>(flat),
            Self::Bytes(flat) => finish_bytes(flat),
            Self::List(list) => list.finish(),
            Self::Map(map) => map.finish(),
            Self::Struct(fields) => fields.finish(),
        }
    }
}

pub(super) fn unsupported(data_type: &DataType) -> Error {
    let what = format!("a column of {data_type}");
    Error::new(ErrorKind::Unsupported { what }, Location::default())
}

/// What Arrow refuses is a mistake of this crate, or a null where the schema has none.
pub(super) fn refused(error: ArrowError) -> Error {
    Error::invalid("decoded values do not fit their schema").caused_by(error)
}

fn primitive<T: ArrowPrimitiveType>(flat: &mut Flat<Vec<T::Native>>) -> Result<ArrayRef> {
    let values = ScalarBuffer::from(std::mem::take(&mut flat.values));
    let array = PrimitiveArray::<T>::try_new(values, flat.valid.finish()).map_err(refused)?;
    Ok(Arc::new(array.with_data_type(flat.data_type.clone())))
}

fn finish_i32(flat: &mut Flat<Vec<i32>>) -> Result<ArrayRef> {
    match &flat.data_type {
        DataType::Int32 => primitive::<Int32Type>(flat),
        DataType::Date32 => primitive::<Date32Type>(flat),
        DataType::Time32(TimeUnit::Millisecond) => primitive::<Time32MillisecondType>(flat),
        other => Err(unsupported(other)),
    }
}

fn finish_i64(flat: &mut Flat<Vec<i64>>) -> Result<ArrayRef> {
    match &flat.data_type {
        DataType::Int64 => primitive::<Int64Type>(flat),
        DataType::Time64(TimeUnit::Microsecond) => primitive::<Time64MicrosecondType>(flat),
        DataType::Time64(TimeUnit::Nanosecond) => primitive::<Time64NanosecondType>(flat),
        DataType::Timestamp(TimeUnit::Millisecond, _) => primitive::<TimestampMillisecondType>(flat),
        DataType::Timestamp(TimeUnit::Microsecond, _) => primitive::<TimestampMicrosecondType>(flat),
        DataType::Timestamp(TimeUnit::Nanosecond, _) => primitive::<TimestampNanosecondType>(flat),
        DataType::Duration(TimeUnit::Millisecond) => primitive::<DurationMillisecondType>(flat),
        DataType::Duration(TimeUnit::Microsecond) => primitive::<DurationMicrosecondType>(flat),
        DataType::Duration(TimeUnit::Nanosecond) => primitive::<DurationNanosecondType>(flat),
        other => Err(unsupported(other)),
    }
}

fn finish_bytes(flat: &mut Flat<BytesBuffer>) -> Result<ArrayRef> {
    let ends = std::mem::take(&mut flat.values.ends);
    let bytes = std::mem::take(&mut flat.values.bytes);
    let nulls: Option<NullBuffer> = flat.valid.finish();
    if let DataType::FixedSizeBinary(width) = flat.data_type {
        return Ok(Arc::new(FixedSizeBinaryArray::try_new(width, bytes.into(), nulls).map_err(refused)?));
    }
    let offsets = offsets(ends);
    Ok(match flat.data_type {
        DataType::Utf8 => Arc::new(StringArray::try_new(offsets, bytes.into(), nulls).map_err(refused)?),
        _ => Arc::new(BinaryArray::try_new(offsets, bytes.into(), nulls).map_err(refused)?),
    })
}

/// The ends of all values as Arrow's offsets, which begin with 0.
pub(super) fn offsets(mut ends: Vec<i32>) -> OffsetBuffer<i32> {
    ends.insert(0, 0);
    OffsetBuffer::new(ends.into())
}
