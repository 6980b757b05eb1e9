//! Types as columns: what goes in comes out, under a schema the format accepts.

mod cells;
mod derived;
mod keys;
mod restore;
mod tables;
mod timers;
mod types;

use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::Schema;
use spt_format::StateSchema;
use spt_runtime::state::{State, StateBuilder, StateReader};

/// The schema of a value state of this type.
fn table<T: State>() -> StateSchema {
    StateSchema::keyed(String::field(), T::field())
}

/// A batch of the column `value` alone, typed as the format's schema types it, ids included.
fn batch<T: State>(schema: &StateSchema, values: &[T]) -> RecordBatch {
    let field = schema.value.as_ref().unwrap().to_arrow();
    let mut builder = T::Builder::new(field.data_type(), values.len());
    values.iter().for_each(|value| builder.append(value));
    let array = builder.finish().unwrap();
    RecordBatch::try_new(Arc::new(Schema::new(vec![field])), vec![array]).unwrap()
}

/// The column of these values.
fn column<T: State>(values: &[T]) -> ArrayRef {
    batch(&table::<T>(), values).column(0).clone()
}

/// What reading the first row as `T` says.
fn first_error<T: State>(array: &ArrayRef) -> String {
    let reader: T::Reader = StateReader::<T>::new(array).unwrap();
    StateReader::<T>::get(&reader, 0).err().unwrap().to_string()
}
