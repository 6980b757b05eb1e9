//! The unit type, stored as a struct of one boolean because a column needs at least one field.

use std::cmp::Ordering;

use arrow_array::{Array, ArrayRef};
use arrow_schema::DataType;
use spt_format::{Field, KeyHash, Logical, Result};

use crate::state::column::{State, StateBuilder, StateReader, StructColumns, StructParts, struct_type};
use crate::state::key::{Key, spt_hash};
use crate::state::types::number::BoolBuilder;

/// Builds a column of units.
pub struct UnitBuilder {
    parts: StructParts,
    present: BoolBuilder,
}

/// Reads a column of units.
pub struct UnitReader(StructColumns);

impl State for () {
    type Builder = UnitBuilder;
    type Reader = UnitReader;

    fn field() -> Field {
        Field::new("", struct_type([("present".to_owned(), bool::field())])).with_logical(Logical::Unit)
    }
}

impl StateBuilder<()> for UnitBuilder {
    fn new(ty: &DataType, capacity: usize) -> Self {
        Self {
            parts: StructParts::new(ty, capacity),
            present: StateBuilder::new(&DataType::Boolean, capacity),
        }
    }

    fn append(&mut self, (): &()) {
        self.parts.append(true);
        self.present.append(&true);
    }

    fn append_null(&mut self) {
        self.parts.append(false);
        // The field is required; below a null struct its value does not matter.
        self.present.append(&false);
    }

    fn bytes(&self) -> usize {
        self.present.bytes()
    }

    fn finish(&mut self) -> Result<ArrayRef> {
        let present = self.present.finish()?;
        self.parts.finish(vec![present])
    }
}

impl StateReader<()> for UnitReader {
    fn new(array: &dyn Array) -> Result<Self> {
        StructColumns::new(array, 1).map(Self)
    }

    fn get(&self, row: usize) -> Result<()> {
        self.0.present(row)
    }
}

impl Key for () {
    type Borrowed = Self;
    type Arena = Vec<Self>;
    const KEY_HASH: KeyHash = KeyHash::Spt1;

    fn key_hash(key: &()) -> i32 {
        spt_hash::<()>(key)
    }

    fn write_key_bytes((): &(), bytes: &mut Vec<u8>) {
        // The struct is there, and so is its field, which is true.
        bytes.extend_from_slice(&[1, 1, 1]);
    }

    fn order((): &(), (): &()) -> Ordering {
        Ordering::Equal
    }

    fn only() -> Option<Self> {
        Some(())
    }
}
