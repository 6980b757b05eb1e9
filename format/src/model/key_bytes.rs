//! Key bytes: a value as bytes whose order is the value's order, as `SPEC.md` ("Key bytes") defines them.
//!
//! ```text
//! any value   00                              null
//!             01 …                            not null, then:
//! boolean     00 | 01
//! unsigned    big-endian
//! signed      big-endian, sign bit flipped    also decimals (16 or 32 bytes), dates, times, durations
//! float       big-endian bits, negative: all flipped, else sign bit flipped; one NaN
//! utf8        each byte, 00 as 00 ff, then 00 00      also binary
//! fixed       the bytes
//! struct      its fields
//! list        01 element … 00
//! map         01 key value … 00, entries sorted by key
//! ```
//!
//! They are hashed (key hash `spt-1`, the rule that cuts large blocks), never stored.

use std::io;

use arrow_array::cast::AsArray;
use arrow_array::types::{
    Date32Type, Decimal128Type, Decimal256Type, DurationMicrosecondType, DurationMillisecondType,
    DurationNanosecondType, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type,
    Time32MillisecondType, Time64MicrosecondType, Time64NanosecondType, TimestampMicrosecondType,
    TimestampMillisecondType, TimestampNanosecondType, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow_array::{Array, ArrayRef};
use arrow_schema::{DataType, TimeUnit};

use super::order::{element_range, one_nan_f32, one_nan_f64};
use crate::error::{Error, Result};

/// Appends the key bytes of one value.
///
/// # Errors
/// [`ErrorKind::Invalid`](crate::ErrorKind::Invalid) for a type outside the closed list.
pub fn write_key_bytes(array: &dyn Array, row: usize, bytes: &mut Vec<u8>) -> Result<()> {
    if array.is_null(row) {
        bytes.push(0);
        return Ok(());
    }
    bytes.push(1);
    write_value(array, row, bytes)
}

/// Murmur3 x86 32, seed 0, of the key bytes of these columns of one row.
///
/// # Errors
/// As [`write_key_bytes`].
pub fn key_bytes_hash(columns: &[ArrayRef], row: usize, buffer: &mut Vec<u8>) -> Result<u32> {
    buffer.clear();
    columns.iter().try_for_each(|column| write_key_bytes(column, row, buffer))?;
    // Reading from memory cannot fail.
    Ok(murmur3::murmur3_32(&mut io::Cursor::new(buffer), 0).unwrap_or_default())
}

macro_rules! signed {
    ($array:expr, $row:expr, $bytes:expr, $type:ty) => {{
        let mut number = $array.as_primitive::<$type>().value($row).to_be_bytes();
        number[0] ^= 0x80;
        $bytes.extend_from_slice(&number);
    }};
}

macro_rules! unsigned {
    ($array:expr, $row:expr, $bytes:expr, $type:ty) => {
        $bytes.extend_from_slice(&$array.as_primitive::<$type>().value($row).to_be_bytes())
    };
}

fn write_value(array: &dyn Array, row: usize, bytes: &mut Vec<u8>) -> Result<()> {
    use DataType as D;
    use TimeUnit as U;
    match array.data_type() {
        D::Boolean => bytes.push(u8::from(array.as_boolean().value(row))),
        D::Int8 => signed!(array, row, bytes, Int8Type),
        D::Int16 => signed!(array, row, bytes, Int16Type),
        D::Int32 => signed!(array, row, bytes, Int32Type),
        D::Int64 => signed!(array, row, bytes, Int64Type),
        D::UInt8 => unsigned!(array, row, bytes, UInt8Type),
        D::UInt16 => unsigned!(array, row, bytes, UInt16Type),
        D::UInt32 => unsigned!(array, row, bytes, UInt32Type),
        D::UInt64 => unsigned!(array, row, bytes, UInt64Type),
        D::Float32 => {
            let bits = one_nan_f32(array.as_primitive::<Float32Type>().value(row)).to_bits();
            let mask = if bits >> 31 == 1 { u32::MAX } else { 1 << 31 };
            bytes.extend_from_slice(&(bits ^ mask).to_be_bytes());
        }
        D::Float64 => {
            let bits = one_nan_f64(array.as_primitive::<Float64Type>().value(row)).to_bits();
            let mask = if bits >> 63 == 1 { u64::MAX } else { 1 << 63 };
            bytes.extend_from_slice(&(bits ^ mask).to_be_bytes());
        }
        D::Utf8 => escape(array.as_string::<i32>().value(row).as_bytes(), bytes),
        D::Binary => escape(array.as_binary::<i32>().value(row), bytes),
        D::FixedSizeBinary(_) => bytes.extend_from_slice(array.as_fixed_size_binary().value(row)),
        D::Decimal128(..) => signed!(array, row, bytes, Decimal128Type),
        D::Decimal256(..) => signed!(array, row, bytes, Decimal256Type),
        D::Date32 => signed!(array, row, bytes, Date32Type),
        D::Time32(U::Millisecond) => signed!(array, row, bytes, Time32MillisecondType),
        D::Time64(U::Microsecond) => signed!(array, row, bytes, Time64MicrosecondType),
        D::Time64(U::Nanosecond) => signed!(array, row, bytes, Time64NanosecondType),
        D::Timestamp(U::Millisecond, _) => signed!(array, row, bytes, TimestampMillisecondType),
        D::Timestamp(U::Microsecond, _) => signed!(array, row, bytes, TimestampMicrosecondType),
        D::Timestamp(U::Nanosecond, _) => signed!(array, row, bytes, TimestampNanosecondType),
        D::Duration(U::Millisecond) => signed!(array, row, bytes, DurationMillisecondType),
        D::Duration(U::Microsecond) => signed!(array, row, bytes, DurationMicrosecondType),
        D::Duration(U::Nanosecond) => signed!(array, row, bytes, DurationNanosecondType),
        D::Struct(_) => {
            array.as_struct().columns().iter().try_for_each(|field| write_key_bytes(field, row, bytes))?;
        }
        D::List(_) => {
            let list = array.as_list::<i32>();
            for element in element_range(list.offsets(), row) {
                bytes.push(1);
                write_key_bytes(list.values(), element, bytes)?;
            }
            bytes.push(0);
        }
        D::Map(..) => {
            let map = array.as_map();
            for entry in element_range(map.offsets(), row) {
                bytes.push(1);
                write_key_bytes(map.keys(), entry, bytes)?;
                write_key_bytes(map.values(), entry, bytes)?;
            }
            bytes.push(0);
        }
        other => return Err(Error::invalid(format!("type {other} has no key bytes"))),
    }
    Ok(())
}

fn escape(value: &[u8], bytes: &mut Vec<u8>) {
    for byte in value {
        bytes.push(*byte);
        if *byte == 0 {
            bytes.push(0xff);
        }
    }
    bytes.extend_from_slice(&[0, 0]);
}
