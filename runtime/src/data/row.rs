//! Types whose records are rows of columns: what CSV and Parquet can hold.

use spt_format::{Field, Logical, Type};

use crate::error::{Error, Result};
use crate::state::State;

/// The columns of a type: the fields of a struct or a tuple.
///
/// # Errors
/// A refusal, if it is neither; `what` says who asks.
pub(crate) fn columns_of<T: State>(what: &str) -> Result<Vec<Field>> {
    let field = T::field();
    match field.ty {
        Type::Struct(fields) if matches!(field.logical, None | Some(Logical::Tuple)) => Ok(fields),
        ty => Err(Error::refused(format!("a row of {what} is a struct or a tuple, and not {ty}"))),
    }
}
