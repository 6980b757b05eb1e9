//! Options: null or a value. An option of an option, where null would be ambiguous, is a struct of one field.

use std::cmp::Ordering;

use arrow_array::{Array, ArrayRef};
use arrow_buffer::NullBuffer;
use arrow_schema::DataType;
use spt_format::{Aliases, Field, KeyHash, Result};

use crate::state::column::{State, StateBuilder, StateReader, StructColumns, StructParts, struct_type};
use crate::state::key::{Key, spt_hash};

/// Builds a column that may hold nulls.
pub struct OptionBuilder<T: State> {
    /// There where `T` itself may be null.
    wrapper: Option<StructParts>,
    inner: T::Builder,
}

/// Reads a column that may hold nulls.
pub struct OptionReader<T: State> {
    nulls: Option<NullBuffer>,
    inner: T::Reader,
}

impl<T: State> State for Option<T> {
    type Builder = OptionBuilder<T>;
    type Reader = OptionReader<T>;
    const NULLABLE: bool = true;

    fn field() -> Field {
        if T::NULLABLE {
            Field::new("", struct_type([("some".to_owned(), T::field())])).nullable()
        } else {
            T::field().nullable()
        }
    }

    fn aliases(at: &str, aliases: &mut Aliases) {
        if T::NULLABLE { T::aliases(&format!("{at}.some"), aliases) } else { T::aliases(at, aliases) }
    }
}

impl<T: State> OptionBuilder<T> {
    /// Appends a value that is there.
    pub fn append_some(&mut self, value: &T) {
        if let Some(parts) = &mut self.wrapper {
            parts.append(true);
        }
        self.inner.append(value);
    }
}

impl<T: State> StateBuilder<Option<T>> for OptionBuilder<T> {
    fn new(ty: &DataType, capacity: usize) -> Self {
        let wrapper = T::NULLABLE.then(|| StructParts::new(ty, capacity));
        let inner = T::Builder::new(wrapper.as_ref().map_or(ty, |parts| parts.child(0)), capacity);
        Self { wrapper, inner }
    }

    fn append(&mut self, value: &Option<T>) {
        match value {
            Some(value) => self.append_some(value),
            None => self.append_null(),
        }
    }

    fn append_null(&mut self) {
        if let Some(parts) = &mut self.wrapper {
            parts.append(false);
        }
        self.inner.append_null();
    }

    fn bytes(&self) -> usize {
        self.inner.bytes()
    }

    fn finish(&mut self) -> Result<ArrayRef> {
        let inner = self.inner.finish()?;
        match &mut self.wrapper {
            Some(parts) => parts.finish(vec![inner]),
            None => Ok(inner),
        }
    }
}

impl<T: State> StateReader<Option<T>> for OptionReader<T> {
    fn new(array: &dyn Array) -> Result<Self> {
        let inner = if T::NULLABLE {
            StructColumns::new(array, 1)?.child::<T>(0, "some")?
        } else {
            T::Reader::new(array)?
        };
        Ok(Self { nulls: array.nulls().cloned(), inner })
    }

    fn get(&self, row: usize) -> Result<Option<T>> {
        match &self.nulls {
            Some(nulls) if nulls.is_null(row) => Ok(None),
            _ => self.inner.get(row).map(Some),
        }
    }
}

/// Inside a composite key. A key cannot be an option itself: the column `key` holds no nulls.
impl<T: Key> Key for Option<T> {
    type Borrowed = Self;
    type Arena = Vec<Self>;
    const KEY_HASH: KeyHash = if T::NULLABLE { KeyHash::Spt1 } else { T::KEY_HASH };

    /// 0 for none, as a null field of a Java tuple counts.
    fn key_hash(key: &Self) -> i32 {
        match (Self::KEY_HASH, key) {
            (KeyHash::Java1, Some(key)) => T::key_hash(key.borrow()),
            (KeyHash::Java1, None) => 0,
            _ => spt_hash::<Self>(key),
        }
    }

    fn write_key_bytes(key: &Self, bytes: &mut Vec<u8>) {
        let Some(key) = key else { return bytes.push(0) };
        if T::NULLABLE {
            // The struct that tells an absent option from a present one that holds none.
            bytes.push(1);
        }
        T::write_key_bytes(key.borrow(), bytes);
    }

    fn order(a: &Self, b: &Self) -> Ordering {
        match (a, b) {
            (Some(a), Some(b)) => T::order(a.borrow(), b.borrow()),
            _ => a.is_some().cmp(&b.is_some()),
        }
    }
}
