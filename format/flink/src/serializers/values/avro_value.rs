//! Avro values in Flink's own encoding: fixed-width numbers, `i32` lengths, no zigzag.
//!
//! # Source
//! Flink, `DataOutputEncoder`, `DataInputDecoder`.

use spt_format::{Cursor, ErrorKind, Result, ResultExt};

use super::avro_end::{self, Around};
use super::column::Column;
use super::scalar::push_utf8;
use super::types::optional_branch;
use super::unsupported;
use crate::java;
use crate::serializers::avro::{AvroBranch, AvroField, AvroLogical, AvroType};

/// Elements without bytes: more of them in one array are refused.
const MAX_EMPTY_ELEMENTS: u64 = 1 << 16;

/// Appends a value; `around` are the recursive records that it is a part of.
pub(super) fn append(
    schema: &AvroType,
    around: Option<&Around<'_>>,
    column: &mut Column,
    cursor: &mut Cursor<'_>,
) -> Result<()> {
    match schema {
        AvroType::Null => {
            column.push_null();
            Ok(())
        }
        AvroType::Boolean => column.boolean()?.push(cursor.bool("boolean")?),
        AvroType::Int => column.i32()?.push(cursor.i32_be()?),
        AvroType::Long => column.i64()?.push(cursor.i64_be()?),
        AvroType::Float => column.f32()?.push(cursor.f32_be()?),
        AvroType::Double => column.f64()?.push(cursor.f64_be()?),
        AvroType::Bytes => column.bytes()?.push(java::bytes32(cursor, "bytes")?),
        AvroType::Text => append_text(column, cursor),
        AvroType::Fixed(size) => column.bytes()?.push(cursor.take(usize::from(*size), "fixed")?),
        AvroType::Enum(names) => append_enum(names, column, cursor),
        AvroType::Array(element) => append_array(element, around, column, cursor),
        AvroType::Map(value) => append_map(value, around, column, cursor),
        AvroType::Union(branches) => append_union(branches, around, column, cursor),
        AvroType::Record(fields) => append_record(fields, around, column, cursor),
        AvroType::Logical(AvroLogical::Decimal { precision, .. }, plain) => {
            append_decimal(plain, *precision, column, cursor)
        }
        // The other logical types are numbers in a column of their own type.
        AvroType::Logical(_, plain) => append(plain, around, column, cursor),
        AvroType::Recursive(name, record) => {
            append(record, Some(&Around { name, record, outer: around }), column, cursor)
        }
        AvroType::Itself(_) => append_bytes(schema, around, column, cursor),
    }
}

/// What a column cannot hold: its bytes.
fn append_bytes(
    schema: &AvroType,
    around: Option<&Around<'_>>,
    column: &mut Column,
    cursor: &mut Cursor<'_>,
) -> Result<()> {
    let (rest, start) = (cursor.rest(), cursor.position());
    avro_end::skip(schema, around, cursor, 0)?;
    column.bytes()?.push(rest.get(..cursor.position() - start).unwrap_or_default())
}

fn append_text(column: &mut Column, cursor: &mut Cursor<'_>) -> Result<()> {
    let start = cursor.clone();
    let bytes = java::bytes32(cursor, "string")?;
    push_utf8(bytes, column, &start)
}

fn append_enum(names: &[String], column: &mut Column, cursor: &mut Cursor<'_>) -> Result<()> {
    let start = cursor.clone();
    let place = cursor.i32_be()?;
    match usize::try_from(place).ok().and_then(|place| names.get(place)) {
        Some(name) => column.bytes()?.push(name.as_bytes()),
        None => Err(start.invalid(format!("{place} is no symbol of an Avro enum"))),
    }
}

/// Runs `one` for every element of every block.
pub(super) fn blocks(
    cursor: &mut Cursor<'_>,
    mut one: impl FnMut(&mut Cursor<'_>) -> Result<()>,
) -> Result<()> {
    let mut empty = 0u64;
    loop {
        let start = cursor.clone();
        let count = long(cursor)?;
        if count == 0 {
            return Ok(());
        }
        for _ in 0..count {
            let before = cursor.position();
            one(cursor)?;
            empty += u64::from(cursor.position() == before);
            if empty > MAX_EMPTY_ELEMENTS {
                let kind = ErrorKind::LimitExceeded {
                    what: "elements without bytes",
                    found: count,
                    limit: MAX_EMPTY_ELEMENTS,
                };
                return Err(start.error(kind));
            }
        }
    }
}

/// Seven bits a byte, the low ones first, without zigzag.
fn long(cursor: &mut Cursor<'_>) -> Result<u64> {
    let start = cursor.clone();
    let mut value = 0;
    for shift in (0..63).step_by(7) {
        let byte = cursor.u8()?;
        value |= u64::from(byte & 0x7F) << shift;
        if byte < 0x80 {
            return Ok(value);
        }
    }
    Err(start.invalid("a count of more than nine bytes"))
}

fn append_array(
    element: &AvroType,
    around: Option<&Around<'_>>,
    column: &mut Column,
    cursor: &mut Cursor<'_>,
) -> Result<()> {
    let list = column.list()?;
    let mut count = 0;
    blocks(cursor, |cursor| {
        append(element, around, list.element(), cursor)?;
        count += 1;
        list.element().check_growth(count)
    })?;
    list.end()
}

fn append_map(
    value: &AvroType,
    around: Option<&Around<'_>>,
    column: &mut Column,
    cursor: &mut Cursor<'_>,
) -> Result<()> {
    let map = column.map()?;
    blocks(cursor, |cursor| {
        let (keys, values) = map.entry();
        append_text(keys, cursor)?;
        append(value, around, values, cursor)?;
        values.check_growth(values.len())
    })?;
    map.end()
}

fn append_union(
    branches: &[AvroBranch],
    around: Option<&Around<'_>>,
    column: &mut Column,
    cursor: &mut Cursor<'_>,
) -> Result<()> {
    let start = cursor.clone();
    let place = cursor.i32_be()?;
    let index = usize::try_from(place).unwrap_or(usize::MAX);
    let Some(branch) = branches.get(index) else {
        return Err(start.invalid(format!("{place} is no branch of an Avro union")));
    };
    if branch.data_type == AvroType::Null {
        column.push_null();
        return Ok(());
    }
    if optional_branch(branches).is_some() {
        return append(&branch.data_type, around, column, cursor);
    }
    let variants = column.fields()?;
    variants.column(0)?.bytes()?.push(branch.name.as_bytes())?;
    append(&branch.data_type, around, variants.column(index + 1)?, cursor)?;
    variants.end();
    Ok(())
}

fn append_record(
    fields: &[AvroField],
    around: Option<&Around<'_>>,
    column: &mut Column,
    cursor: &mut Cursor<'_>,
) -> Result<()> {
    if fields.is_empty() {
        return super::push_unit(column);
    }
    let columns = column.fields()?;
    for (field, column) in fields.iter().zip(columns.columns()) {
        append(&field.data_type, around, column, cursor).within(|| field.name.clone())?;
    }
    columns.end();
    Ok(())
}

fn append_decimal(
    plain: &AvroType,
    precision: u8,
    column: &mut Column,
    cursor: &mut Cursor<'_>,
) -> Result<()> {
    let start = cursor.clone();
    let bytes = match plain {
        AvroType::Fixed(size) => cursor.take(usize::from(*size), "decimal")?,
        _ => java::bytes32(cursor, "decimal")?,
    };
    match signed(bytes).filter(|number| number.unsigned_abs() < 10u128.pow(u32::from(precision.min(38)))) {
        Some(number) => column.i128()?.push(number),
        None => Err(unsupported(&start, format!("a decimal of more than {precision} digits"))),
    }
}

/// A number in two's complement, big-endian, if it fits 128 bits.
pub(super) fn signed(bytes: &[u8]) -> Option<i128> {
    let negative = bytes.first().is_some_and(|first| *first >= 0x80);
    let fill = if negative { 0xFF } else { 0 };
    let (extra, low) = bytes.split_at(bytes.len().saturating_sub(16));
    let mut wide = [fill; 16];
    wide.iter_mut().rev().zip(low.iter().rev()).for_each(|(wide, byte)| *wide = *byte);
    let number = i128::from_be_bytes(wide);
    (extra.iter().all(|byte| *byte == fill) && (number < 0) == negative).then_some(number)
}
