//! Stream elements, as asynchronous operators and evicting windows keep them.
//!
//! ```text
//! u8 tag   0 record: i64 timestamp | value      1 record: value           2 watermark: i64
//!          3 latency marker: i64 time | 16 bytes operator | i32 subtask    4 status: i32
//!          5 attributes: bool                    6 internal watermark: i32 subpartition | i64
//! ```
//!
//! # Source
//! Flink, `StreamElementSerializer`.

use spt_format::{Cursor, Result};

use super::column::Column;
use super::nested::StructColumn;
use super::types::STREAM_ELEMENTS;
use super::{Tail, append as append_value};
use crate::serializers::flink_type::FlinkType;

pub(super) fn append(
    value: &FlinkType,
    column: &mut Column,
    cursor: &mut Cursor<'_>,
    tail: Tail,
) -> Result<()> {
    let start = cursor.clone();
    let code = cursor.u8()?;
    let variant = usize::from(code.saturating_sub(1));
    let Some(name) = STREAM_ELEMENTS.get(variant) else {
        return Err(start.invalid(format!("{code} begins no stream element")));
    };
    let variants = column.fields()?;
    variants.column(0)?.bytes()?.push(name.as_bytes())?;
    let column = variants.column(variant + 1)?;
    match code {
        0 | 1 => append_record(value, code == 0, column, cursor, tail)?,
        2 => column.i64()?.push(cursor.i64_be()?)?,
        3 => append_latency_marker(column.fields()?, cursor)?,
        4 => column.i32()?.push(cursor.i32_be()?)?,
        5 => column.boolean()?.push(cursor.bool("whether records are backlog")?)?,
        _ => {
            let fields = column.fields()?;
            fields.column(0)?.i32()?.push(cursor.i32_be()?)?;
            fields.column(1)?.i64()?.push(cursor.i64_be()?)?;
            fields.end();
        }
    }
    variants.end();
    Ok(())
}

fn append_record(
    value: &FlinkType,
    timed: bool,
    column: &mut Column,
    cursor: &mut Cursor<'_>,
    tail: Tail,
) -> Result<()> {
    let fields = column.fields()?;
    match timed {
        true => fields.column(0)?.i64()?.push(cursor.i64_be()?)?,
        false => fields.column(0)?.push_null(),
    }
    append_value(value, fields.column(1)?, cursor, tail)?;
    fields.end();
    Ok(())
}

fn append_latency_marker(fields: &mut StructColumn, cursor: &mut Cursor<'_>) -> Result<()> {
    fields.column(0)?.i64()?.push(cursor.i64_be()?)?;
    fields.column(1)?.bytes()?.push(&cursor.array::<16>("operator id")?)?;
    fields.column(2)?.i32()?.push(cursor.i32_be()?)?;
    fields.end();
    Ok(())
}
