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
use crate::state::key::{Key, java_hash_long, spt_hash, write_fixed};

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

    #[inline]
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
    ($($rust:ty, $rule:ident, $hash:expr, $bits:expr, $prefix:expr;)*) => {$(
        impl Key for $rust {
            type Borrowed = Self;
            type Arena = Vec<Self>;
            const KEY_HASH: KeyHash = KeyHash::$rule;

            #[inline]
            fn key_hash(key: &Self) -> i32 {
                ($hash)(key)
            }

            fn write_key_bytes(key: &Self, bytes: &mut Vec<u8>) {
                write_fixed(&($bits)(*key), bytes);
            }

            #[inline]
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
    bool, Java1, |key: &bool| if *key { 1231 } else { 1237 }, |key| [u8::from(key)], u64::from;
    i8, Java1, |key: &i8| i32::from(*key), |key: i8| (key ^ i8::MIN).to_be_bytes(), |key| shifted(i64::from(key));
    i16, Java1, |key: &i16| i32::from(*key), |key: i16| (key ^ i16::MIN).to_be_bytes(), |key| shifted(i64::from(key));
    i32, Java1, |key: &i32| *key, |key: i32| (key ^ i32::MIN).to_be_bytes(), |key| shifted(i64::from(key));
    i64, Java1, |key: &i64| java_hash_long(*key), |key: i64| (key ^ i64::MIN).to_be_bytes(), shifted;
    u8, Spt1, spt_hash::<u8>, u8::to_be_bytes, u64::from;
    u16, Spt1, spt_hash::<u16>, u16::to_be_bytes, u64::from;
    u32, Spt1, spt_hash::<u32>, u32::to_be_bytes, u64::from;
    u64, Spt1, spt_hash::<u64>, u64::to_be_bytes, |key| key;
}
