//! Strings and characters.

use std::cmp::Ordering;
use std::hash::Hasher;
use std::sync::Arc;

use arrow_array::builder::StringBuilder;
use arrow_array::{Array, ArrayRef, StringArray};
use arrow_schema::DataType;
use compact_str::CompactString;
use spt_format::{
    Error, Field, KeyHash, Logical, Result, Type, java_hash_string, java_hash_utf16, java_hash_with,
};

use crate::state::arena::TextArena;
use crate::state::column::{State, StateBuilder, StateReader, downcast, present};
use crate::state::held::Hold;
use crate::state::key::{Key, common_prefix_of_bytes, sort_prefix_of_bytes, write_escaped};

/// Builds a column of strings or characters.
pub struct TextBuilder(StringBuilder);

/// Reads a column of strings or characters.
pub struct TextReader(StringArray);

impl TextReader {
    /// The text in a row below the array's length.
    ///
    /// # Errors
    /// If it is null.
    #[inline]
    pub fn text(&self, row: usize) -> Result<&str> {
        present(&self.0, row)?;
        Ok(self.0.value(row))
    }
}

macro_rules! text_builder {
    ($rust:ty, $append:expr) => {
        impl StateBuilder<$rust> for TextBuilder {
            fn new(_: &DataType, capacity: usize) -> Self {
                Self(StringBuilder::with_capacity(capacity, capacity * 8))
            }

            #[inline]
            fn append(&mut self, value: &$rust) {
                ($append)(&mut self.0, value);
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
    };
}

text_builder!(String, |builder: &mut StringBuilder, value: &String| builder.append_value(value));
text_builder!(CompactString, |builder: &mut StringBuilder, value: &CompactString| {
    builder.append_value(value);
});
text_builder!(char, |builder: &mut StringBuilder, value: &char| {
    builder.append_value(value.encode_utf8(&mut [0; 4]));
});

impl StateReader<String> for TextReader {
    fn new(array: &dyn Array) -> Result<Self> {
        downcast(array, &DataType::Utf8).map(Self)
    }

    fn get(&self, row: usize) -> Result<String> {
        self.text(row).map(str::to_owned)
    }
}

impl StateReader<CompactString> for TextReader {
    fn new(array: &dyn Array) -> Result<Self> {
        downcast(array, &DataType::Utf8).map(Self)
    }

    fn get(&self, row: usize) -> Result<CompactString> {
        self.text(row).map(Hold::hold)
    }
}

impl StateReader<char> for TextReader {
    fn new(array: &dyn Array) -> Result<Self> {
        downcast(array, &DataType::Utf8).map(Self)
    }

    fn get(&self, row: usize) -> Result<char> {
        let text = self.text(row)?;
        let mut chars = text.chars();
        match (chars.next(), chars.next()) {
            (Some(only), None) => Ok(only),
            _ => Err(Error::invalid(format!("{text:?} is not one character"))),
        }
    }
}

impl State for String {
    type Builder = TextBuilder;
    type Reader = TextReader;

    fn field() -> Field {
        Field::new("", Type::Utf8)
    }
}

/// What a table keeps of a `String` that is a key.
impl State for CompactString {
    type Builder = TextBuilder;
    type Reader = TextReader;

    fn field() -> Field {
        String::field()
    }
}

impl State for char {
    type Builder = TextBuilder;
    type Reader = TextReader;

    fn field() -> Field {
        Field::new("", Type::Utf8).with_logical(Logical::Char)
    }
}

impl Key for String {
    type Borrowed = str;
    type Arena = TextArena;
    const KEY_HASH: KeyHash = KeyHash::Java1;

    #[inline(always)]
    fn key_hash(key: &str) -> i32 {
        java_hash_string(key)
    }

    #[inline(always)]
    fn hash_both(key: &str, hasher: &mut impl Hasher) -> i32 {
        java_hash_with(key, |number| hasher.write_u128(number.into()))
    }

    fn write_key_bytes(key: &str, bytes: &mut Vec<u8>) {
        write_escaped(key.as_bytes(), bytes);
    }

    fn order(a: &str, b: &str) -> Ordering {
        a.as_bytes().cmp(b.as_bytes())
    }

    fn common_prefix(a: &str, b: &str) -> usize {
        common_prefix_of_bytes(a.as_bytes(), b.as_bytes())
    }

    fn sort_prefix(key: &str, skip: usize) -> u64 {
        sort_prefix_of_bytes(key.as_bytes(), skip)
    }
}

impl Key for char {
    type Borrowed = Self;
    type Arena = Vec<Self>;
    const KEY_HASH: KeyHash = KeyHash::Java1;

    fn key_hash(key: &Self) -> i32 {
        java_hash_utf16(key.encode_utf16(&mut [0; 2]).iter().copied())
    }

    fn write_key_bytes(key: &Self, bytes: &mut Vec<u8>) {
        write_escaped(key.encode_utf8(&mut [0; 4]).as_bytes(), bytes);
    }

    fn order(a: &Self, b: &Self) -> Ordering {
        a.cmp(b)
    }

    fn sort_prefix(key: &Self, _: usize) -> u64 {
        u64::from(u32::from(*key))
    }
}
