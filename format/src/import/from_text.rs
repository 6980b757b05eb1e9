//! One value from what a person types: `--key 42`, `--key sum/1`, `--key '["a",7]'`.

use arrow_array::ArrayRef;
use serde_json::Value;

use super::from_json::array_from_json;
use crate::error::{Error, Result};
use crate::model::{Field, Logical, Type};

/// The value that `text` means for this type, as an array of one element.
///
/// A type whose JSON form is a string takes the text as it is, without quotes; every other takes JSON.
///
/// # Errors
/// [`ErrorKind::BadRequest`](crate::ErrorKind::BadRequest) if the text is no value of the type.
pub fn array_from_text(field: &Field, text: &str) -> Result<ArrayRef> {
    let value = if is_json_string(field) {
        Value::String(text.to_owned())
    } else {
        let parsed = serde_json::from_str(text);
        parsed.map_err(|error| Error::bad_request(format!("{text:?} is no {field}")).caused_by(error))?
    };
    array_from_json(field, &[Some(&value)])
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
