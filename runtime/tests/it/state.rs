//! Types as columns: what goes in comes out, under a schema the format accepts.

mod keys;
mod types;

use arrow_array::ArrayRef;
use spt_format::{StateKind, StateSchema};
use spt_runtime::state::{State, StateBuilder};

/// The column of these values, typed as the format's schema would type it, ids included.
fn column<T: State>(values: &[T]) -> ArrayRef {
    let schema = StateSchema::keyed(String::field(), T::field()).to_arrow(StateKind::Value).unwrap();
    let field = schema.field_with_name("value").unwrap();
    let mut builder = T::Builder::new(field.data_type(), values.len());
    values.iter().for_each(|value| builder.append(value));
    let array = builder.finish().unwrap();
    assert_eq!(array.data_type(), field.data_type());
    array
}
