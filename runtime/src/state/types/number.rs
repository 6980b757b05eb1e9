//! Numbers and booleans: one Arrow primitive each.

use std::cmp::Ordering;
use std::sync::Arc;

use arrow_array::builder::{BooleanBuilder, PrimitiveBuilder};
use arrow_array::types::{
    ArrowPrimitiveType, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, UInt8Type,
    UInt16Type, UInt32Type, UInt64Type,
};
use arrow_array::{Array, ArrayRef, BooleanArray, PrimitiveArray};
use arrow_schema::DataType;
use spt_format::{Field, KeyHash, Result, Type};

use crate::state::column::{State, StateBuilder, StateReader, downcast, present};
use crate::state::key::{Key, java_hash_long};

/// Builds a column of one Arrow primitive.
pub struct NumberBuilder<P: ArrowPrimitiveType>(PrimitiveBuilder<P>);

/// Reads a column of one Arrow primitive.
pub struct NumberReader<P: ArrowPrimitiveType>(PrimitiveArray<P>);

impl<P: ArrowPrimitiveType> StateBuilder<P::Native> for NumberBuilder<P> {
    fn new(ty: &DataType, capacity: usize) -> Self {
        let builder = PrimitiveBuilder::with_capacity(capacity);
        // Times carry a zone; every other type is the primitive's own.
        Self(if PrimitiveArray::<P>::is_compatible(ty) {
            builder.with_data_type(ty.clone())
        } else {
            builder
        })
    }

    fn append(&mut self, value: &P::Native) {
        self.0.append_value(*value);
    }

    fn append_null(&mut self) {
        self.0.append_null();
    }

    fn bytes(&self) -> usize {
        size_of_val(self.0.values_slice())
    }

    fn finish(&mut self) -> Result<ArrayRef> {
        Ok(Arc::new(self.0.finish()))
    }
}

impl<P: ArrowPrimitiveType> StateReader<P::Native> for NumberReader<P> {
    fn new(array: &dyn Array) -> Result<Self> {
        downcast(array, &P::DATA_TYPE).map(Self)
    }

    fn get(&self, row: usize) -> Result<P::Native> {
        present(&self.0, row)?;
        Ok(self.0.value(row))
    }
}

macro_rules! number_state {
    ($($rust:ty, $arrow:ty, $ty:ident;)*) => {$(
        impl State for $rust {
            type Builder = NumberBuilder<$arrow>;
            type Reader = NumberReader<$arrow>;

            fn field() -> Field {
                Field::new("", Type::$ty)
            }
        }
    )*};
}

number_state! {
    i8, Int8Type, Int8;
    i16, Int16Type, Int16;
    i32, Int32Type, Int32;
    i64, Int64Type, Int64;
    u8, UInt8Type, UInt8;
    u16, UInt16Type, UInt16;
    u32, UInt32Type, UInt32;
    u64, UInt64Type, UInt64;
    f32, Float32Type, Float32;
    f64, Float64Type, Float64;
}

/// Builds a boolean column.
pub struct BoolBuilder(BooleanBuilder);

/// Reads a boolean column.
pub struct BoolReader(BooleanArray);

impl State for bool {
    type Builder = BoolBuilder;
    type Reader = BoolReader;

    fn field() -> Field {
        Field::new("", Type::Boolean)
    }
}

impl StateBuilder<bool> for BoolBuilder {
    fn new(_: &DataType, capacity: usize) -> Self {
        Self(BooleanBuilder::with_capacity(capacity))
    }

    fn append(&mut self, value: &bool) {
        self.0.append_value(*value);
    }

    fn append_null(&mut self) {
        self.0.append_null();
    }

    fn bytes(&self) -> usize {
        self.0.values_slice().len()
    }

    fn finish(&mut self) -> Result<ArrayRef> {
        Ok(Arc::new(self.0.finish()))
    }
}

impl StateReader<bool> for BoolReader {
    fn new(array: &dyn Array) -> Result<Self> {
        downcast(array, &DataType::Boolean).map(Self)
    }

    fn get(&self, row: usize) -> Result<bool> {
        present(&self.0, row)?;
        Ok(self.0.value(row))
    }
}

/// Keys whose order is that of Rust and that fit into eight bytes: the sort prefix is the whole key.
macro_rules! number_key {
    ($($rust:ty, $hash:expr, $prefix:expr;)*) => {$(
        impl Key for $rust {
            type Borrowed = Self;
            type Arena = Vec<Self>;
            const KEY_HASH: KeyHash = KeyHash::Java1;

            fn key_hash(key: &Self) -> i32 {
                ($hash)(*key)
            }

            fn order(a: &Self, b: &Self) -> Ordering {
                a.cmp(b)
            }

            fn sort_prefix(key: &Self, _: usize) -> u64 {
                ($prefix)(*key)
            }
        }
    )*};
}

const fn shifted(number: i64) -> u64 {
    number.cast_unsigned() ^ (1 << 63)
}

number_key! {
    bool, |key| if key { 1231 } else { 1237 }, u64::from;
    i8, i32::from, |key| shifted(i64::from(key));
    i16, i32::from, |key| shifted(i64::from(key));
    i32, |key| key, |key| shifted(i64::from(key));
    i64, java_hash_long, shifted;
}
