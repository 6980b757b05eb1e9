//! Whether values mean something: what a type promises beyond its storage.

use std::collections::HashSet;

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, StringArray};

use super::from_json::sorted;
use crate::error::{Error, Result, ResultExt};
use crate::model::{Field, Logical, Type};

/// Every value is one of its type: an enum's name, a single character, a map without a key twice.
///
/// # Errors
/// [`ErrorKind::BadRequest`](crate::ErrorKind::BadRequest) with the first value that is not.
pub(super) fn check_meaning(field: &Field, array: &ArrayRef) -> Result<()> {
    match &field.logical {
        Some(Logical::Enum(names)) => {
            let names: HashSet<&str> = names.iter().map(String::as_str).collect();
            check_texts(field, array, |text| names.contains(text))?;
        }
        Some(Logical::Char) => check_texts(field, array, is_one_character)?,
        Some(Logical::Set) => {
            if let Some(lists) = array.as_list_opt::<i32>() {
                sorted(lists.values(), lists.offsets())?;
            }
        }
        _ => {}
    }
    match (&field.ty, array.data_type()) {
        (Type::Struct(fields), _) => {
            let columns = array.as_struct_opt().map(|array| array.columns()).unwrap_or_default();
            for (place, (inner, column)) in fields.iter().zip(columns).enumerate() {
                check_tag(field, place, column)?;
                check_meaning(inner, column).within(|| format!("field {:?}", inner.name))?;
            }
            Ok(())
        }
        (Type::List(element), _) => match array.as_list_opt::<i32>() {
            Some(lists) => check_meaning(element, lists.values()),
            None => Ok(()),
        },
        (Type::Map { key, value }, _) => match array.as_map_opt() {
            Some(maps) => {
                sorted(maps.keys(), maps.offsets())?;
                check_meaning(key, maps.keys())?;
                check_meaning(value, maps.values())
            }
            None => Ok(()),
        },
        _ => Ok(()),
    }
}

/// The first field of a row is its kind, that of a variant the name of one of the others.
fn check_tag(field: &Field, place: usize, column: &ArrayRef) -> Result<()> {
    match (&field.logical, &field.ty) {
        (Some(Logical::Row), _) if place == 0 => {
            check_texts(field, column, |text| matches!(text, "+I" | "-U" | "+U" | "-D"))
        }
        (Some(Logical::Variant), Type::Struct(fields)) if place == 0 => {
            // What stands below a null is nothing.
            check_texts(field, column, |text| {
                text.is_empty() || fields.iter().skip(1).any(|field| field.name == text)
            })
        }
        _ => Ok(()),
    }
}

/// A value of the logical type `char`.
pub(super) fn is_one_character(text: &str) -> bool {
    text.chars().count() == 1
}

fn check_texts(field: &Field, array: &ArrayRef, is_allowed: impl Fn(&str) -> bool) -> Result<()> {
    let texts: Option<&StringArray> = array.as_string_opt::<i32>();
    let wrong = texts.into_iter().flatten().flatten().find(|text| !is_allowed(text));
    match wrong {
        None => Ok(()),
        Some(text) => Err(Error::bad_request(format!("{text:?} is no {field}"))),
    }
}
