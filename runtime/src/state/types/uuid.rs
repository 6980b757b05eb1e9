//! UUIDs.

use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

use arrow_array::builder::FixedSizeBinaryBuilder;
use arrow_array::{Array, ArrayRef, FixedSizeBinaryArray};
use arrow_schema::DataType;
use spt_format::{Error, Field, KeyHash, Logical, Result, Type};

use crate::state::column::{State, StateBuilder, StateReader, downcast, present};
use crate::state::key::{Key, common_prefix_of_bytes, sort_prefix_of_bytes, write_fixed};

/// A UUID: 16 bytes in the order in which they are printed.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Uuid(pub [u8; 16]);

impl fmt::Display for Uuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, byte) in self.0.iter().enumerate() {
            let dash = if matches!(place, 4 | 6 | 8 | 10) { "-" } else { "" };
            write!(f, "{dash}{byte:02x}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Uuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Uuid({self})")
    }
}

crate::data!(Uuid);

/// Builds a column of UUIDs.
///
/// Null and value alike are written by hand: Arrow's own builder returns an error only for a wrong length.
pub struct UuidBuilder(FixedSizeBinaryBuilder);

/// Reads a column of UUIDs.
pub struct UuidReader(FixedSizeBinaryArray);

impl State for Uuid {
    type Builder = UuidBuilder;
    type Reader = UuidReader;

    fn field() -> Field {
        Field::new("", Type::FixedBinary(16)).with_logical(Logical::Uuid)
    }
}

impl StateBuilder<Uuid> for UuidBuilder {
    fn new(_: &DataType, capacity: usize) -> Self {
        Self(FixedSizeBinaryBuilder::with_capacity(capacity, 16))
    }

    #[expect(clippy::expect_used, reason = "16 bytes are what the column was made for")]
    fn append(&mut self, value: &Uuid) {
        self.0.append_value(value.0).expect("16 bytes");
    }

    fn append_null(&mut self) {
        self.0.append_null();
    }

    fn bytes(&self) -> usize {
        use arrow_array::builder::ArrayBuilder;
        self.0.len() * 16
    }

    fn finish(&mut self) -> Result<ArrayRef> {
        Ok(Arc::new(self.0.finish()))
    }
}

impl StateReader<Uuid> for UuidReader {
    fn new(array: &dyn Array) -> Result<Self> {
        downcast(array, &DataType::FixedSizeBinary(16)).map(Self)
    }

    fn get(&self, row: usize) -> Result<Uuid> {
        present(&self.0, row)?;
        let bytes = self.0.value(row);
        let bytes =
            bytes.try_into().map_err(|_| Error::invalid(format!("{} bytes are no UUID", bytes.len())));
        bytes.map(Uuid)
    }
}

impl Key for Uuid {
    type Borrowed = Self;
    type Arena = Vec<Self>;
    const KEY_HASH: KeyHash = KeyHash::Java1;

    fn key_hash(key: &Self) -> i32 {
        let bits = u128::from_be_bytes(key.0);
        let folded = (bits >> 64) as u64 ^ bits as u64;
        ((folded >> 32) as u32 ^ folded as u32).cast_signed()
    }

    fn write_key_bytes(key: &Self, bytes: &mut Vec<u8>) {
        write_fixed(&key.0, bytes);
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
