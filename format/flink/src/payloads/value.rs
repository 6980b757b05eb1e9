//! A payload's value, read whole before it is appended to a column: payloads are small, and what is tried as
//! another connector's must leave no trace.

use spt_format::{Cursor, Result};

use crate::java;
use crate::serializers::values::Column;

/// A value that a payload holds.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    Null,
    Boolean(bool),
    Short(i16),
    Int(i32),
    Long(i64),
    Text(String),
    Bytes(Vec<u8>),
    /// One value per field, in their order.
    Struct(Vec<Value>),
    List(Vec<Value>),
}

impl Value {
    /// Appends the value; the column is of the field that the layout names.
    pub(super) fn append(&self, column: &mut Column) -> Result<()> {
        match self {
            Self::Null => column.push_null(),
            Self::Boolean(value) => column.boolean()?.push(*value)?,
            Self::Short(value) => column.i16()?.push(*value)?,
            Self::Int(value) => column.i32()?.push(*value)?,
            Self::Long(value) => column.i64()?.push(*value)?,
            Self::Text(text) => column.bytes()?.push(text.as_bytes())?,
            Self::Bytes(bytes) => column.bytes()?.push(bytes)?,
            Self::Struct(values) => {
                let fields = column.fields()?;
                for (index, value) in values.iter().enumerate() {
                    value.append(fields.column(index)?)?;
                }
                fields.end();
            }
            Self::List(values) => {
                let list = column.list()?;
                for value in values {
                    value.append(list.element())?;
                }
                list.end()?;
            }
        }
        Ok(())
    }

    /// A variant of `variants`: its tag, and its value at its place.
    pub(super) fn variant(tag: &str, place: usize, value: Self) -> Self {
        let mut fields = vec![Self::Text(tag.to_owned())];
        fields.resize(place + 1, Self::Null);
        fields.push(value);
        Self::Struct(fields)
    }
}

/// `DataOutput.writeUTF`.
pub(super) fn utf(cursor: &mut Cursor<'_>, what: &str) -> Result<Value> {
    java::utf(cursor, what).map(Value::Text)
}

pub(super) fn int(cursor: &mut Cursor<'_>) -> Result<Value> {
    cursor.i32_be().map(Value::Int)
}

pub(super) fn long(cursor: &mut Cursor<'_>) -> Result<Value> {
    cursor.i64_be().map(Value::Long)
}

/// `i32 n`, then `n` values of at least `min_bytes`.
pub(super) fn list(
    cursor: &mut Cursor<'_>,
    min_bytes: usize,
    what: &str,
    mut read: impl FnMut(&mut Cursor<'_>) -> Result<Value>,
) -> Result<Value> {
    let count = java::count(cursor, min_bytes, what)?;
    (0..count).map(|_| read(cursor)).collect::<Result<_>>().map(Value::List)
}
