//! What the code that `#[derive(State)]` and `#[derive(Key)]` write refers to. Not for use by hand.

use std::cmp::Ordering;
use std::sync::Arc;

use arrow_array::StringArray;
use arrow_array::builder::StringBuilder;
use spt_format::{Error, JsonOptions, JsonValues};

pub use arrow_array::{Array, ArrayRef};
pub use arrow_schema::DataType;
pub use spt_format::{Aliases, Field, KeyHash, Logical, Result, Type};

use super::column::{State, StateBuilder, downcast, present, struct_type};
use super::key::Key;
pub use super::types::OptionBuilder;

/// Builds a column of names.
pub struct NameBuilder(StringBuilder);

/// Reads a column of names.
pub struct NameReader(StringArray);

impl NameBuilder {
    pub fn new(capacity: usize) -> Self {
        Self(StringBuilder::with_capacity(capacity, capacity * 8))
    }

    pub fn append(&mut self, name: &str) {
        self.0.append_value(name);
    }

    pub fn append_null(&mut self) {
        self.0.append_null();
    }

    pub fn bytes(&self) -> usize {
        self.0.values_slice().len() + size_of_val(self.0.offsets_slice())
    }

    pub fn finish(&mut self) -> ArrayRef {
        Arc::new(self.0.finish())
    }
}

impl NameReader {
    pub fn new(array: &dyn Array) -> Result<Self> {
        downcast(array, &DataType::Utf8).map(Self)
    }

    pub fn get(&self, row: usize) -> Result<&str> {
        present(&self.0, row)?;
        Ok(self.0.value(row))
    }
}

/// An enum without data.
pub fn enum_field(names: &[&str]) -> Field {
    let names = names.iter().map(|name| (*name).to_owned()).collect();
    Field::new("", Type::Utf8).with_logical(Logical::Enum(names))
}

/// An enum with data.
pub fn variant_field<const N: usize>(variants: [(String, Field); N]) -> Field {
    let tag = ("tag".to_owned(), Field::new("", Type::Utf8));
    Field::new("", struct_type([tag].into_iter().chain(variants))).with_logical(Logical::Variant)
}

/// The field with the value that old rows have in it.
pub fn with_default<T: State>(field: Field, value: T) -> Field {
    // A type that has no JSON has no default either: then the restore of old rows says that one is missing.
    Field { default: json_of(&value), ..field }
}

fn json_of<T: State>(value: &T) -> Option<serde_json::Value> {
    let field = T::field();
    let mut builder = T::Builder::new(&field.ty.to_arrow(), 1);
    builder.append(value);
    let array = builder.finish().ok()?;
    let text = JsonValues::new(&field, &array, JsonOptions::default()).ok()?.text(0);
    serde_json::from_str(&text).ok()
}

pub fn unknown_name(ty: &str, name: &str) -> Error {
    Error::invalid(format!("{name:?} is no variant of {ty}"))
}

pub fn absent_variant(name: &str) -> Error {
    Error::invalid(format!("the tag is {name:?}, whose field is null"))
}

pub fn key_hash<K: Key>(key: &K) -> i32 {
    K::key_hash(key.borrow())
}

pub fn write_key_bytes<K: Key>(key: &K, bytes: &mut Vec<u8>) {
    K::write_key_bytes(key.borrow(), bytes);
}

pub fn order<K: Key>(a: &K, b: &K) -> Ordering {
    K::order(a.borrow(), b.borrow())
}

pub fn common_prefix<K: Key>(a: &K, b: &K) -> usize {
    K::common_prefix(a.borrow(), b.borrow())
}

pub fn sort_prefix<K: Key>(key: &K, skip: usize) -> u64 {
    K::sort_prefix(key.borrow(), skip)
}
