//! Numbers, texts and byte arrays.

use spt_format::{Cursor, Result};

use super::column::Column;
use super::{time, unsupported};
use crate::java::{self, Text};
use crate::serializers::flink_type::Scalar;

/// Appends one value.
pub(super) fn append(scalar: Scalar, column: &mut Column, cursor: &mut Cursor<'_>) -> Result<()> {
    match scalar {
        Scalar::Boolean => column.boolean()?.push(cursor.bool("boolean")?),
        Scalar::Byte => column.i8()?.push(cursor.i8()?),
        Scalar::Short => column.i16()?.push(cursor.i16_be()?),
        Scalar::Int => column.i32()?.push(cursor.i32_be()?),
        Scalar::Long => column.i64()?.push(cursor.i64_be()?),
        Scalar::SortedLong => column.i64()?.push(cursor.i64_be()? ^ i64::MIN),
        Scalar::Float => column.f32()?.push(cursor.f32_be()?),
        Scalar::Double => column.f64()?.push(cursor.f64_be()?),
        Scalar::Char => append_char(column, cursor),
        Scalar::Text => append_text(column, cursor),
        Scalar::TextValue => {
            let start = cursor.clone();
            let length = java::vlen(cursor, "string length")?;
            append_units(length, column, cursor, &start)
        }
        Scalar::ModifiedUtf8 => {
            let text = java::utf(cursor, "string")?;
            column.bytes()?.push(text.as_bytes())
        }
        Scalar::Utf8 => append_utf8(column, cursor),
        Scalar::Bytes => column.bytes()?.push(java::bytes32(cursor, "bytes")?),
        Scalar::BigInteger => append_big_integer(column, cursor),
        Scalar::BigDecimal => append_big_decimal(column, cursor),
        Scalar::Millis => time::append_millis(column, cursor),
        Scalar::SqlTimestamp => time::append_sql_timestamp(column, cursor),
        Scalar::Instant => time::append_instant(column, cursor),
        Scalar::LocalDate => time::append_date(column, cursor),
        Scalar::LocalTime => time::append_time(column, cursor),
        Scalar::LocalDateTime => time::append_date_time(column, cursor),
    }
}

fn append_char(column: &mut Column, cursor: &mut Cursor<'_>) -> Result<()> {
    let start = cursor.clone();
    let unit = cursor.u16_be()?;
    push_text(&Text::from_units(&[unit]), column, &start)
}

fn append_text(column: &mut Column, cursor: &mut Cursor<'_>) -> Result<()> {
    let start = cursor.clone();
    match java::vlen(cursor, "string length")?.checked_sub(1) {
        Some(length) => append_units(length, column, cursor, &start),
        None => {
            column.push_null();
            Ok(())
        }
    }
}

/// `length` UTF-16 units. Where each is one byte, the bytes are the text already.
fn append_units(length: u32, column: &mut Column, cursor: &mut Cursor<'_>, start: &Cursor<'_>) -> Result<()> {
    let ascii = cursor.rest().get(..length as usize).filter(|bytes| bytes.is_ascii());
    match ascii {
        Some(bytes) => {
            cursor.take(bytes.len(), "string")?;
            column.bytes()?.push(bytes)
        }
        None => push_text(&java::units(cursor, length)?, column, start),
    }
}

/// A text with half a character is not shown as if it were another text.
fn push_text(text: &Text, column: &mut Column, start: &Cursor<'_>) -> Result<()> {
    match text.exact {
        true => column.bytes()?.push(text.text.as_bytes()),
        false => Err(unsupported(start, "a text with half of a surrogate pair")),
    }
}

fn append_utf8(column: &mut Column, cursor: &mut Cursor<'_>) -> Result<()> {
    let start = cursor.clone();
    let bytes = java::bytes32(cursor, "string")?;
    push_utf8(bytes, column, &start)
}

/// Bytes that have to be UTF-8.
pub(super) fn push_utf8(bytes: &[u8], column: &mut Column, start: &Cursor<'_>) -> Result<()> {
    match std::str::from_utf8(bytes) {
        Ok(text) => column.bytes()?.push(text.as_bytes()),
        Err(error) => Err(start.invalid("a string is not UTF-8").caused_by(error)),
    }
}

fn append_big_integer(column: &mut Column, cursor: &mut Cursor<'_>) -> Result<()> {
    match big_integer(cursor)? {
        Some(bytes) => column.bytes()?.push(bytes),
        None => {
            column.push_null();
            Ok(())
        }
    }
}

/// `i32 n`: 0 null, 1 zero, 2 one, 3 ten, otherwise `n - 4` bytes, two's complement.
pub(crate) fn big_integer<'a>(cursor: &mut Cursor<'a>) -> Result<Option<&'a [u8]>> {
    let start = cursor.clone();
    Ok(Some(match cursor.i32_be()? {
        0 => return Ok(None),
        1 => &[0],
        2 => &[1],
        3 => &[10],
        4 => return Err(start.invalid("a big integer without bytes")),
        length => {
            let length = cursor.count(i64::from(length) - 4, 1, "bytes of a big integer")?;
            minimal(cursor.take(length, "big integer")?)
        }
    }))
}

/// Without leading bytes that only repeat the sign, so that equal numbers have equal bytes.
fn minimal(mut bytes: &[u8]) -> &[u8] {
    while let Some((first, rest)) = bytes.split_first() {
        let Some(second) = rest.first() else { break };
        let repeats = (*first == 0 && *second < 0x80) || (*first == 0xFF && *second >= 0x80);
        if !repeats {
            break;
        }
        bytes = rest;
    }
    bytes
}

fn append_big_decimal(column: &mut Column, cursor: &mut Cursor<'_>) -> Result<()> {
    let Some(unscaled) = big_integer(cursor)? else {
        column.push_null();
        return Ok(());
    };
    let scale = cursor.i32_be()?;
    let fields = column.fields()?;
    fields.column(0)?.bytes()?.push(unscaled)?;
    fields.column(1)?.i32()?.push(scale)?;
    fields.end();
    Ok(())
}
