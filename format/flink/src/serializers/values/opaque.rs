//! Values whose meaning is not known: their bytes, as the serializer wrote them.

use spt_format::{Cursor, Result};

use super::column::Column;
use super::{Tail, kryo, unsupported};
use crate::java;
use crate::serializers::flink_type::{Opaque, OpaqueEnd};
use crate::serializers::java_object::read_stream;

pub(super) fn append(value: &Opaque, column: &mut Column, cursor: &mut Cursor<'_>, tail: Tail) -> Result<()> {
    let length = length(value, cursor, tail)?;
    column.bytes()?.push(cursor.take(length, "opaque value")?)
}

/// How many bytes the value takes.
fn length(value: &Opaque, cursor: &Cursor<'_>, tail: Tail) -> Result<usize> {
    let mut end = cursor.clone();
    match &value.end {
        OpaqueEnd::Prefixed => java::bytes32(&mut end, "opaque value").map(drop)?,
        OpaqueEnd::JavaStream => read_stream(&mut end).map(drop)?,
        OpaqueEnd::TwoSizes => {
            let (first, second) = (end.i32_be()?, end.i32_be()?);
            let both = end.count(i64::from(first) + i64::from(second), 1, "bytes of a variant")?;
            end.take(both, "variant").map(drop)?;
        }
        // Where the end is known it need not be looked for.
        OpaqueEnd::Kryo(kryo) if tail.is_none() => kryo::skip(&mut end, kryo)?,
        OpaqueEnd::Kryo(_) | OpaqueEnd::Unmarked => {
            let length = tail.and_then(|tail| cursor.remaining().checked_sub(tail));
            return length
                .ok_or_else(|| unsupported(cursor, format!("a value of {} without length", value.class)));
        }
    }
    Ok(end.position() - cursor.position())
}
