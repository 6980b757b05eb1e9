//! Enums, lists, maps, tuples, rows, optional and either: values made of others.

use spt_format::{Cursor, ErrorKind, Result, ResultExt};

use super::column::Column;
use super::{Tail, append, unsupported};
use crate::serializers::flink_type::{
    Either, EnumType, FlinkType, MapType, Nulls, Optional, Record, RowType, Sequence,
};

/// Elements that take no bytes: more of them in one list are refused.
const MAX_EMPTY_ELEMENTS: usize = 1 << 16;
/// The change kinds of a row, by code.
const ROW_KINDS: [&str; 4] = ["+I", "-U", "+U", "-D"];

/// `i32`, looked up in the snapshot's list.
pub(super) fn append_enum(constants: &EnumType, column: &mut Column, cursor: &mut Cursor<'_>) -> Result<()> {
    let start = cursor.clone();
    let code = cursor.i32_be()?;
    // Ordinals stand at their own place; only Scala's ids have to be looked for.
    let at_place = usize::try_from(code).ok().and_then(|place| constants.constants.get(place));
    let found = at_place
        .filter(|(id, _)| *id == code)
        .or_else(|| constants.constants.iter().find(|(id, _)| *id == code));
    match found {
        Some((_, name)) => column.bytes()?.push(name.as_bytes()),
        None => Err(start.invalid(format!("{code} is no constant of {}", constants.class))),
    }
}

/// How many elements follow.
fn count(cursor: &mut Cursor<'_>, element: &FlinkType, flag: usize, what: &str) -> Result<usize> {
    let start = cursor.clone();
    let declared = cursor.i32_be()?;
    match element.written_length().unwrap_or(1) + flag {
        0 => usize::try_from(declared).ok().filter(|count| *count <= MAX_EMPTY_ELEMENTS).ok_or_else(|| {
            start.error(ErrorKind::LimitExceeded {
                what: "elements without bytes",
                found: u64::from(declared.cast_unsigned()),
                limit: MAX_EMPTY_ELEMENTS as u64,
            })
        }),
        bytes => cursor.count(declared, if flag > 0 { flag } else { bytes }, what),
    }
}

pub(super) fn append_sequence(
    sequence: &Sequence,
    column: &mut Column,
    cursor: &mut Cursor<'_>,
    tail: Tail,
) -> Result<()> {
    let list = column.list()?;
    list.sort(sequence.set);
    match sequence.nulls {
        Nulls::Mask => append_masked(&sequence.element, list.element(), cursor, tail)?,
        nulls => append_elements(&sequence.element, nulls, list.element(), cursor, tail)?,
    }
    list.end()
}

fn append_elements(
    element: &FlinkType,
    nulls: Nulls,
    column: &mut Column,
    cursor: &mut Cursor<'_>,
    tail: Tail,
) -> Result<()> {
    let flag = usize::from(nulls != Nulls::Unmarked);
    let count = count(cursor, element, flag, "elements")?;
    for index in 0..count {
        let null = match nulls {
            Nulls::IsNull => cursor.bool("null flag of an element")?,
            Nulls::IsPresent => !cursor.bool("flag of an element")?,
            _ => false,
        };
        match null {
            true => column.push_null(),
            false => append(element, column, cursor, tail.filter(|_| index + 1 == count))?,
        }
        column.check_growth(index + 1)?;
    }
    Ok(())
}

/// `i32 n`, a bit per element, then the elements that are not null.
fn append_masked(
    element: &FlinkType,
    column: &mut Column,
    cursor: &mut Cursor<'_>,
    tail: Tail,
) -> Result<()> {
    let declared = cursor.i32_be()?;
    let bytes = (i64::from(declared) + 7).div_euclid(8);
    let bytes = cursor.count(bytes, 1, "bytes of a mask of nulls")?;
    let mask = Mask(cursor.take(bytes, "mask of nulls")?);
    let count = usize::try_from(declared).unwrap_or_default();
    for index in 0..count {
        match mask.is_set(index) {
            true => column.push_null(),
            false => append(element, column, cursor, tail.filter(|_| index + 1 == count))?,
        }
        column.check_growth(index + 1)?;
    }
    Ok(())
}

/// Bits of bytes, the high one first.
struct Mask<'a>(&'a [u8]);

impl Mask<'_> {
    fn is_set(&self, index: usize) -> bool {
        self.0.get(index / 8).is_some_and(|byte| byte & (0x80 >> (index % 8)) != 0)
    }
}

pub(super) fn append_map(
    map: &MapType,
    column: &mut Column,
    cursor: &mut Cursor<'_>,
    tail: Tail,
) -> Result<()> {
    let count = count(cursor, &map.key, 1, "entries of a map")?;
    for index in 0..count {
        let tail = tail.filter(|_| index + 1 == count);
        match map.null_keys {
            true => append_entry_of_list(map, column, cursor, tail)?,
            false => {
                let (keys, values) = column.map()?.entry();
                let place = cursor.clone();
                append(&map.key, keys, cursor, None).within(|| "map key")?;
                if keys.ends_with_null() {
                    return Err(unsupported(&place, "a map with a key that is null"));
                }
                append_flagged(&map.value, values, cursor, tail)?;
            }
        }
        column.check_growth(index + 1)?;
    }
    match map.null_keys {
        true => column.list()?.end(),
        false => column.map()?.end(),
    }
}

fn append_entry_of_list(
    map: &MapType,
    column: &mut Column,
    cursor: &mut Cursor<'_>,
    tail: Tail,
) -> Result<()> {
    let entry = column.list()?.element().fields()?;
    append_flagged(&map.key, entry.column(0)?, cursor, None)?;
    append_flagged(&map.value, entry.column(1)?, cursor, tail)?;
    entry.end();
    Ok(())
}

/// A flag, 1 for null, then the value unless it is null.
pub(super) fn append_flagged(
    data_type: &FlinkType,
    column: &mut Column,
    cursor: &mut Cursor<'_>,
    tail: Tail,
) -> Result<()> {
    match cursor.bool("null flag")? {
        true => {
            column.push_null();
            Ok(())
        }
        false => append(data_type, column, cursor, tail),
    }
}

pub(super) fn append_record(
    record: &Record,
    column: &mut Column,
    cursor: &mut Cursor<'_>,
    tail: Tail,
) -> Result<()> {
    if record.fields.is_empty() {
        return super::push_unit(column);
    }
    let fields = column.fields()?;
    let parts = record.fields.iter().zip(&record.after).zip(fields.columns());
    for ((field, after), column) in parts {
        let tail = tail.zip(*after).map(|(tail, after)| tail + after);
        append(&field.data_type, column, cursor, tail).within(|| field.name.clone())?;
    }
    fields.end();
    Ok(())
}

/// What stands before the fields of a row: its kind, and which of them are null.
pub(crate) struct RowHead<'a> {
    /// The place in [`ROW_KINDS`].
    pub(crate) kind: usize,
    mask: Mask<'a>,
    kind_bits: usize,
}

impl<'a> RowHead<'a> {
    pub(crate) fn read(row: &RowType, cursor: &mut Cursor<'a>) -> Result<Self> {
        let kind_bits = if row.kind { 2 } else { 0 };
        let bytes = (kind_bits + row.fields.len()).div_ceil(8);
        let mask = Mask(cursor.take(bytes, "mask of a row")?);
        let kind = match row.kind {
            true => usize::from(mask.is_set(0)) + 2 * usize::from(mask.is_set(1)),
            false => 0,
        };
        Ok(Self { kind, mask, kind_bits })
    }

    pub(crate) fn is_null(&self, field: usize) -> bool {
        self.mask.is_set(self.kind_bits + field)
    }
}

/// A mask of the kind's two bits and of nulls, then the fields that are not null.
pub(super) fn append_row(
    row: &RowType,
    column: &mut Column,
    cursor: &mut Cursor<'_>,
    tail: Tail,
) -> Result<()> {
    let head = RowHead::read(row, cursor)?;
    let last = (0..row.fields.len()).rev().find(|index| !head.is_null(*index));
    let columns = column.fields()?;
    push_row_kind(head.kind, columns.column(0)?)?;
    for (index, field) in row.fields.iter().enumerate() {
        let column = columns.column(index + 1)?;
        match head.is_null(index) {
            true => column.push_null(),
            false => {
                let tail = tail.filter(|_| last == Some(index));
                append(&field.data_type, column, cursor, tail).within(|| field.name.clone())?;
            }
        }
    }
    columns.end();
    Ok(())
}

/// The name of a row's kind; the code has two bits.
pub(super) fn push_row_kind(code: usize, column: &mut Column) -> Result<()> {
    column.bytes()?.push(ROW_KINDS.get(code).copied().unwrap_or("+I").as_bytes())
}

pub(super) fn append_optional(
    optional: &Optional,
    column: &mut Column,
    cursor: &mut Cursor<'_>,
    tail: Tail,
) -> Result<()> {
    if cursor.bool("flag of an optional value")? == optional.present {
        return append(&optional.inner, column, cursor, tail);
    }
    cursor.take(optional.padding, "padding for null")?;
    column.push_null();
    Ok(())
}

pub(super) fn append_either(
    either: &Either,
    column: &mut Column,
    cursor: &mut Cursor<'_>,
    tail: Tail,
) -> Result<()> {
    let start = cursor.clone();
    let flag = cursor.u8()?;
    let fields = column.fields()?;
    for (index, side) in either.sides.iter().enumerate() {
        if side.flag == flag {
            fields.column(0)?.bytes()?.push(side.name.as_bytes())?;
            append(&side.data_type, fields.column(index + 1)?, cursor, tail).within(|| side.name)?;
            fields.end();
            return Ok(());
        }
    }
    Err(start.invalid(format!("{flag} says neither side of an either")))
}

/// `i64` start, `i64` end.
pub(super) fn append_window(column: &mut Column, cursor: &mut Cursor<'_>) -> Result<()> {
    let fields = column.fields()?;
    fields.column(0)?.i64()?.push(cursor.i64_be()?)?;
    fields.column(1)?.i64()?.push(cursor.i64_be()?)?;
    fields.end();
    Ok(())
}

/// `i64` last access, then the value.
pub(super) fn append_ttl(
    value: &FlinkType,
    column: &mut Column,
    cursor: &mut Cursor<'_>,
    tail: Tail,
) -> Result<()> {
    let fields = column.fields()?;
    fields.column(0)?.i64()?.push(cursor.i64_be()?)?;
    append(value, fields.column(1)?, cursor, tail)?;
    fields.end();
    Ok(())
}

/// `i64` timestamp with its sign bit flipped, key, namespace.
pub(super) fn append_timer(
    key: &FlinkType,
    namespace: &FlinkType,
    column: &mut Column,
    cursor: &mut Cursor<'_>,
    tail: Tail,
) -> Result<()> {
    let fields = column.fields()?;
    fields.column(0)?.i64()?.push(cursor.i64_be()? ^ i64::MIN)?;
    let after_key = tail.zip(namespace.written_length()).map(|(tail, length)| tail + length);
    append(key, fields.column(1)?, cursor, after_key)?;
    append(namespace, fields.column(2)?, cursor, tail)?;
    fields.end();
    Ok(())
}
