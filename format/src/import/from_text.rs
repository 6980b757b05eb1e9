//! One value from what a person types: `--key 42`, `--key sum/1`, `--key '["a",7]'`.

use arrow_array::ArrayRef;
use serde_json::{Map, Value, json};

use super::from_json::array_from_json;
use crate::error::{Error, Result};
use crate::model::{Field, Logical, Type};

/// The value that `text` means for this type, as an array of one element.
///
/// A type whose JSON form is a string takes the text as it is, without quotes; every other takes JSON. A row of one
/// column, as PyFlink's keys are, takes what the column takes, too.
///
/// # Errors
/// [`ErrorKind::BadRequest`](crate::ErrorKind::BadRequest) if the text is no value of the type.
pub fn array_from_text(field: &Field, text: &str) -> Result<ArrayRef> {
    let value = json_from_text(field, text)?;
    array_from_json(field, &[Some(&value)])
}

/// The JSON value that `text` means for this type.
///
/// # Errors
/// As [`array_from_text`], if the type's JSON form is no string and the text no JSON.
pub fn json_from_text(field: &Field, text: &str) -> Result<Value> {
    if is_json_string(field) || (matches!(field.ty, Type::Duration(_)) && text.starts_with("PT")) {
        return Ok(Value::String(text.to_owned()));
    }
    if let Some(only) = only_column(field).filter(|only| !is_row_of(only, text)) {
        return Ok(json!({ &only.name: json_from_text(only, text)? }));
    }
    let is_nested = field.ty.to_arrow().is_nested();
    serde_json::from_str(text).map_err(|error| {
        let what = Error::bad_request(format!("{text:?} is no {field}"));
        if is_nested { what.caused_by(error) } else { what }
    })
}

/// The column of a row that has no other.
fn only_column(field: &Field) -> Option<&Field> {
    match (&field.logical, &field.ty) {
        (Some(Logical::Row), Type::Struct(fields)) => match fields.as_slice() {
            [_kind, only] => Some(only),
            _ => None,
        },
        _ => None,
    }
}

/// The text is the row itself, not what its only column takes.
fn is_row_of(only: &Field, text: &str) -> bool {
    let row = serde_json::from_str::<Map<String, Value>>(text);
    let is_its = |name: &String| *name == only.name || name == "$kind";
    row.is_ok_and(|row| row.contains_key(&only.name) && row.keys().all(is_its))
}

/// The type's values are strings in JSON.
fn is_json_string(field: &Field) -> bool {
    match &field.logical {
        Some(
            Logical::BigInteger
            | Logical::BigDecimal
            | Logical::Uuid
            | Logical::Instant
            | Logical::LocalDateTime,
        ) => true,
        Some(Logical::Opaque(_)) => false,
        _ => matches!(
            field.ty,
            Type::Utf8
                | Type::Decimal { .. }
                | Type::Date
                | Type::Time(_)
                | Type::Timestamp { .. }
                | Type::Float32
                | Type::Float64
        ),
    }
}
