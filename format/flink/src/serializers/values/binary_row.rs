//! Rows, arrays and maps of Flink SQL, in the form its operators compute with. Little-endian.
//!
//! ```text
//! row      u8 kind and null bits, padded to 8 | 8 bytes per field | what did not fit
//! array    i32 n | null bits, padded to 4 | n elements of 1, 2, 4 or 8 bytes | what did not fit
//! map      i32 size of the keys | array of keys | array of values
//!
//! slot     number in its low bytes | offset << 32 | size | bytes inline: size in bits 56..62, bit 63 set
//! ```
//!
//! Offsets count from the first byte of the row or array that the slot stands in.
//!
//! # Source
//! Flink, `BinaryRowData`, `BinaryArrayData`, `BinaryMapData`, `BinarySegmentUtils`.

use spt_format::{Cursor, Result, ResultExt};

use super::avro_value::signed;
use super::column::Column;
use super::composite::push_row_kind;
use super::scalar::push_utf8;
use super::time::push_timestamp;
use super::{sized, unsupported};
use crate::serializers::sql_type::{SqlField, SqlType};

/// `i32` size, then a row.
pub(super) fn append_row(fields: &[SqlField], column: &mut Column, cursor: &mut Cursor<'_>) -> Result<()> {
    let row = sized(cursor, "row")?;
    row_value(fields, column, &row)
}

/// `i32` size, then an array.
pub(super) fn append_array(element: &SqlType, column: &mut Column, cursor: &mut Cursor<'_>) -> Result<()> {
    let array = sized(cursor, "array")?;
    let list = column.list()?;
    array_value(element, list.element(), &array)?;
    list.end()
}

/// `i32` size, then a map.
pub(super) fn append_map(
    key: &SqlType,
    value: &SqlType,
    column: &mut Column,
    cursor: &mut Cursor<'_>,
) -> Result<()> {
    let map = sized(cursor, "map")?;
    map_value(key, value, column, &map)
}

/// Up to 18 digits as `i64`, more as `i32` size and bytes; big-endian, for it stands outside of rows.
pub(super) fn append_decimal(precision: u8, column: &mut Column, cursor: &mut Cursor<'_>) -> Result<()> {
    if precision <= 18 {
        return column.i128()?.push(cursor.i64_be()?.into());
    }
    let bytes = sized(cursor, "decimal")?;
    push_decimal(bytes.rest(), precision, column, &bytes)
}

fn push_decimal(bytes: &[u8], precision: u8, column: &mut Column, start: &Cursor<'_>) -> Result<()> {
    let fits = |number: &i128| number.unsigned_abs() < 10u128.pow(u32::from(precision.min(38)));
    match signed(bytes).filter(fits) {
        Some(number) => column.i128()?.push(number),
        None => Err(unsupported(start, format!("a decimal of more than {precision} digits"))),
    }
}

fn row_value(fields: &[SqlField], column: &mut Column, row: &Cursor<'_>) -> Result<()> {
    let header = (fields.len() + 8).div_ceil(64) * 8;
    let nulls = Bits(part(row, 0, header, "null bits of a row")?.rest());
    let kind = usize::from(nulls.0.first().copied().unwrap_or_default());
    if kind > 3 {
        return Err(row.invalid(format!("{kind} is no kind of a row")));
    }
    let columns = column.fields()?;
    push_row_kind(kind, columns.column(0)?)?;
    for (index, field) in fields.iter().enumerate() {
        let column = columns.column(index + 1)?;
        let slot = part(row, header + 8 * index, 8, "slot of a row")?;
        match nulls.is_set(index + 8) {
            true => column.push_null(),
            false => slot_value(&field.data_type, column, slot, row).within(|| field.name.clone())?,
        }
    }
    columns.end();
    Ok(())
}

fn array_value(element: &SqlType, column: &mut Column, array: &Cursor<'_>) -> Result<()> {
    let mut head = array.clone();
    let declared = head.i32_le()?;
    let width = width(element);
    let count = head.count(declared, width, "elements of an array")?;
    let header = 4 + count.div_ceil(32) * 4;
    let nulls = Bits(part(array, 4, header - 4, "null bits of an array")?.rest());
    for index in 0..count {
        let slot = part(array, header + width * index, width, "element of an array")?;
        match nulls.is_set(index) {
            true => column.push_null(),
            false => slot_value(element, column, slot, array).within(|| format!("element {index}"))?,
        }
        column.check_growth(index + 1)?;
    }
    Ok(())
}

fn map_value(key: &SqlType, value: &SqlType, column: &mut Column, map: &Cursor<'_>) -> Result<()> {
    let mut values = map.clone();
    let size = values.i32_le()?;
    let size = values.count(size, 1, "bytes of a map's keys")?;
    let start = values.offset();
    let keys = Cursor::at(values.take(size, "keys of a map")?, start);
    let values = Cursor::at(values.rest(), values.offset());
    let map = column.map()?;
    let (key_column, value_column) = map.entry();
    let before = (key_column.len(), value_column.len());
    array_value(key, key_column, &keys)?;
    if (before.0..key_column.len()).any(|index| key_column.is_null(index)) {
        return Err(unsupported(&keys, "a map with a key that is null"));
    }
    array_value(value, value_column, &values)?;
    if key_column.len() - before.0 != value_column.len() - before.1 {
        return Err(keys.invalid("a map has another number of values than of keys"));
    }
    map.end()
}

/// Bytes of an element inside an array.
fn width(data_type: &SqlType) -> usize {
    match data_type {
        SqlType::Boolean | SqlType::TinyInt => 1,
        SqlType::SmallInt => 2,
        SqlType::Int | SqlType::Months | SqlType::Date | SqlType::Time | SqlType::Float => 4,
        _ => 8,
    }
}

/// The value in a slot, or where the slot points to.
fn slot_value(
    data_type: &SqlType,
    column: &mut Column,
    mut slot: Cursor<'_>,
    whole: &Cursor<'_>,
) -> Result<()> {
    match data_type {
        SqlType::Null => {
            column.push_null();
            Ok(())
        }
        SqlType::Boolean => column.boolean()?.push(slot.bool("boolean")?),
        SqlType::TinyInt => column.i8()?.push(slot.i8()?),
        SqlType::SmallInt => column.i16()?.push(slot.i16_le()?),
        SqlType::Int | SqlType::Months | SqlType::Date | SqlType::Time => column.i32()?.push(slot.i32_le()?),
        SqlType::BigInt | SqlType::Duration => column.i64()?.push(slot.i64_le()?),
        SqlType::Float => column.f32()?.push(slot.f32_le()?),
        SqlType::Double => column.f64()?.push(slot.f64_le()?),
        SqlType::Decimal { precision, .. } => decimal_value(*precision, column, slot, whole),
        SqlType::Timestamp(precision) | SqlType::Instant(precision) => {
            timestamp_value(*precision, column, slot, whole)
        }
        SqlType::Text => {
            let bytes = inline_or_pointed(slot, whole)?;
            push_utf8(bytes.rest(), column, &bytes)
        }
        SqlType::Binary => column.bytes()?.push(inline_or_pointed(slot, whole)?.rest()),
        SqlType::Array(element) => {
            let array = pointed(slot, whole)?;
            let list = column.list()?;
            array_value(element, list.element(), &array)?;
            list.end()
        }
        SqlType::Map(key, value) => map_value(key, value, column, &pointed(slot, whole)?),
        SqlType::Row(fields) => row_value(fields, column, &pointed(slot, whole)?),
        SqlType::Raw(Some(inner)) => super::append_whole(inner, column, &mut pointed(slot, whole)?),
        SqlType::Raw(None) | SqlType::Variant | SqlType::Bitmap => {
            column.bytes()?.push(pointed(slot, whole)?.rest())
        }
        // Without the type nobody knows whether the slot holds the value or points to it.
        SqlType::Unknown(class) => Err(unsupported(&slot, format!("the SQL type {class}"))),
    }
}

fn decimal_value(precision: u8, column: &mut Column, mut slot: Cursor<'_>, whole: &Cursor<'_>) -> Result<()> {
    if precision <= 18 {
        return column.i128()?.push(slot.i64_le()?.into());
    }
    let bytes = pointed(slot, whole)?;
    push_decimal(bytes.rest(), precision, column, &bytes)
}

/// Up to milliseconds in the slot; finer ones point to milliseconds and keep the rest in the slot.
fn timestamp_value(
    precision: u8,
    column: &mut Column,
    mut slot: Cursor<'_>,
    whole: &Cursor<'_>,
) -> Result<()> {
    let start = slot.clone();
    if precision <= 3 {
        return push_timestamp(slot.i64_le()?, 0, precision, column, &start);
    }
    let nanos = slot.i32_le()?;
    let offset = slot.u32_le()? as usize;
    let millis = part(whole, offset, 8, "timestamp")?.i64_le()?;
    push_timestamp(millis, nanos, precision, column, &start)
}

/// Up to seven bytes in the slot itself, more elsewhere.
fn inline_or_pointed<'a>(slot: Cursor<'a>, whole: &Cursor<'a>) -> Result<Cursor<'a>> {
    match slot.rest().last() {
        Some(last @ 0x80..) => {
            let length = usize::from(last & 0x7F);
            if length > 7 {
                return Err(slot.invalid(format!("{length} bytes inside a slot of 8")));
            }
            part(&slot, 0, length, "bytes inside a slot")
        }
        _ => pointed(slot, whole),
    }
}

/// What `u32 size | u32 offset` of a slot points to.
fn pointed<'a>(mut slot: Cursor<'a>, whole: &Cursor<'a>) -> Result<Cursor<'a>> {
    let size = slot.u32_le()? as usize;
    let offset = slot.u32_le()? as usize;
    part(whole, offset, size, "value behind a slot")
}

/// A part of a row or array.
fn part<'a>(whole: &Cursor<'a>, offset: usize, length: usize, what: &str) -> Result<Cursor<'a>> {
    let mut part = whole.clone();
    part.take(offset, what)?;
    let start = part.offset();
    part.take(length, what).map(|bytes| Cursor::at(bytes, start))
}

/// Bits of bytes, the low one first.
struct Bits<'a>(&'a [u8]);

impl Bits<'_> {
    fn is_set(&self, index: usize) -> bool {
        self.0.get(index / 8).is_some_and(|byte| byte >> (index % 8) & 1 != 0)
    }
}
