//! Bytes. `Vec<u8>` is a list of numbers; this is what is meant most of the time.

use std::cmp::Ordering;
use std::sync::Arc;

use arrow_array::builder::BinaryBuilder;
use arrow_array::{Array, ArrayRef, BinaryArray};
use arrow_schema::DataType;
use spt_format::{Field, KeyHash, Result, Type};

use crate::state::column::{State, StateBuilder, StateReader, downcast, present};
use crate::state::key::{Key, common_prefix_of_bytes, sort_prefix_of_bytes, spt_hash, write_escaped};

/// Bytes in state, stored as one binary value.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Bytes(pub Vec<u8>);

impl From<Vec<u8>> for Bytes {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }
}

impl From<&[u8]> for Bytes {
    fn from(bytes: &[u8]) -> Self {
        Self(bytes.to_vec())
    }
}

impl std::ops::Deref for Bytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

crate::data!(Bytes);

/// Builds a binary column.
pub struct BytesBuilder(BinaryBuilder);

/// Reads a binary column.
pub struct BytesReader(BinaryArray);

impl State for Bytes {
    type Builder = BytesBuilder;
    type Reader = BytesReader;

    fn field() -> Field {
        Field::new("", Type::Binary)
    }
}

impl StateBuilder<Bytes> for BytesBuilder {
    fn new(_: &DataType, capacity: usize) -> Self {
        Self(BinaryBuilder::with_capacity(capacity, capacity * 8))
    }

    fn append(&mut self, value: &Bytes) {
        self.0.append_value(&value.0);
    }

    fn append_null(&mut self) {
        self.0.append_null();
    }

    fn bytes(&self) -> usize {
        self.0.values_slice().len() + size_of_val(self.0.offsets_slice())
    }

    fn finish(&mut self) -> Result<ArrayRef> {
        Ok(Arc::new(self.0.finish()))
    }
}

impl StateReader<Bytes> for BytesReader {
    fn new(array: &dyn Array) -> Result<Self> {
        downcast(array, &DataType::Binary).map(Self)
    }

    fn get(&self, row: usize) -> Result<Bytes> {
        present(&self.0, row)?;
        Ok(Bytes(self.0.value(row).to_vec()))
    }
}

impl Key for Bytes {
    type Borrowed = Self;
    type Arena = Vec<Self>;
    const KEY_HASH: KeyHash = KeyHash::Spt1;

    fn key_hash(key: &Self) -> i32 {
        spt_hash::<Self>(key)
    }

    fn write_key_bytes(key: &Self, bytes: &mut Vec<u8>) {
        write_escaped(&key.0, bytes);
    }

    fn order(a: &Self, b: &Self) -> Ordering {
        a.0.cmp(&b.0)
    }

    fn common_prefix(a: &Self, b: &Self) -> usize {
        common_prefix_of_bytes(&a.0, &b.0)
    }

    fn sort_prefix(key: &Self, skip: usize) -> u64 {
        sort_prefix_of_bytes(&key.0, skip)
    }
}
