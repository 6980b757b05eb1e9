//! Tuples of one to eight fields, and boxes.

use std::cmp::Ordering;

use arrow_array::{Array, ArrayRef};
use arrow_schema::DataType;
use spt_format::{Aliases, Field, KeyHash, Logical, Result};

use crate::state::column::{State, StateBuilder, StateReader, StructColumns, StructParts, struct_type};
use crate::state::key::{Key, both, spt_hash};

macro_rules! tuple_state {
    ($builder:ident, $reader:ident, $count:literal, $first:ident $(, $type:ident)* ; $($all:ident $index:tt $name:literal),*) => {
        /// Builds a column of tuples.
        pub struct $builder<$($all: State),*> {
            parts: StructParts,
            children: ($($all::Builder,)*),
        }

        /// Reads a column of tuples.
        pub struct $reader<$($all: State),*> {
            columns: StructColumns,
            children: ($($all::Reader,)*),
        }

        impl<$($all: State),*> State for ($($all,)*) {
            type Builder = $builder<$($all),*>;
            type Reader = $reader<$($all),*>;

            fn field() -> Field {
                Field::new("", struct_type([$(($name.to_owned(), $all::field())),*])).with_logical(Logical::Tuple)
            }

            fn aliases(at: &str, aliases: &mut Aliases) {
                $($all::aliases(&format!("{at}.{}", $name), aliases);)*
            }
        }

        impl<$($all: State),*> StateBuilder<($($all,)*)> for $builder<$($all),*> {
            fn new(ty: &DataType, capacity: usize) -> Self {
                let parts = StructParts::new(ty, capacity);
                let children = ($($all::Builder::new(parts.child($index), capacity),)*);
                Self { parts, children }
            }

            fn append(&mut self, value: &($($all,)*)) {
                self.parts.append(true);
                $(self.children.$index.append(&value.$index);)*
            }

            fn append_null(&mut self) {
                self.parts.append(false);
                $(self.children.$index.append_null();)*
            }

            fn bytes(&self) -> usize {
                0 $(+ self.children.$index.bytes())*
            }

            fn finish(&mut self) -> Result<ArrayRef> {
                let children = vec![$(self.children.$index.finish()?),*];
                self.parts.finish(children)
            }
        }

        impl<$($all: State),*> StateReader<($($all,)*)> for $reader<$($all),*> {
            fn new(array: &dyn Array) -> Result<Self> {
                let columns = StructColumns::new(array, $count)?;
                let children = ($(columns.child::<$all>($index, $name)?,)*);
                Ok(Self { columns, children })
            }

            fn get(&self, row: usize) -> Result<($($all,)*)> {
                self.columns.present(row)?;
                Ok(($(self.children.$index.get(row)?,)*))
            }
        }

        /// Hashed as Flink's tuples are, if every field has a Java twin: `31·h + hash(field)`, from 0 on.
        impl<$($all: Key),*> Key for ($($all,)*) {
            type Borrowed = Self;
            type Arena = Vec<Self>;
            const KEY_HASH: KeyHash = {
                let hash = $first::KEY_HASH;
                $(let hash = both(hash, $type::KEY_HASH);)*
                hash
            };

            fn key_hash(key: &Self) -> i32 {
                if Self::KEY_HASH != KeyHash::Java1 {
                    return spt_hash::<Self>(key);
                }
                let hash = 0i32;
                $(let hash = hash.wrapping_mul(31).wrapping_add($all::key_hash(key.$index.borrow()));)*
                hash
            }

            fn write_key_bytes(key: &Self, bytes: &mut Vec<u8>) {
                bytes.push(1);
                $($all::write_key_bytes(key.$index.borrow(), bytes);)*
            }

            fn order(a: &Self, b: &Self) -> Ordering {
                Ordering::Equal
                    $(.then_with(|| $all::order(a.$index.borrow(), b.$index.borrow())))*
            }

            fn common_prefix(a: &Self, b: &Self) -> usize {
                $first::common_prefix(a.0.borrow(), b.0.borrow())
            }

            fn sort_prefix(key: &Self, skip: usize) -> u64 {
                $first::sort_prefix(key.0.borrow(), skip)
            }
        }
    };
}

tuple_state!(Tuple1Builder, Tuple1Reader, 1, A; A 0 "f0");
tuple_state!(Tuple2Builder, Tuple2Reader, 2, A, B; A 0 "f0", B 1 "f1");
tuple_state!(Tuple3Builder, Tuple3Reader, 3, A, B, C; A 0 "f0", B 1 "f1", C 2 "f2");
tuple_state!(Tuple4Builder, Tuple4Reader, 4, A, B, C, D; A 0 "f0", B 1 "f1", C 2 "f2", D 3 "f3");
tuple_state!(Tuple5Builder, Tuple5Reader, 5, A, B, C, D, E; A 0 "f0", B 1 "f1", C 2 "f2", D 3 "f3", E 4 "f4");
tuple_state!(
    Tuple6Builder, Tuple6Reader, 6, A, B, C, D, E, F;
    A 0 "f0", B 1 "f1", C 2 "f2", D 3 "f3", E 4 "f4", F 5 "f5"
);
tuple_state!(
    Tuple7Builder, Tuple7Reader, 7, A, B, C, D, E, F, G;
    A 0 "f0", B 1 "f1", C 2 "f2", D 3 "f3", E 4 "f4", F 5 "f5", G 6 "f6"
);
tuple_state!(
    Tuple8Builder, Tuple8Reader, 8, A, B, C, D, E, F, G, H;
    A 0 "f0", B 1 "f1", C 2 "f2", D 3 "f3", E 4 "f4", F 5 "f5", G 6 "f6", H 7 "f7"
);

/// Builds a column of boxed values, which is that of the values.
pub struct BoxBuilder<T: State>(T::Builder);

/// Reads a column of boxed values.
pub struct BoxReader<T: State>(T::Reader);

impl<T: State> State for Box<T> {
    type Builder = BoxBuilder<T>;
    type Reader = BoxReader<T>;
    const NULLABLE: bool = T::NULLABLE;

    fn field() -> Field {
        T::field()
    }

    fn aliases(at: &str, aliases: &mut Aliases) {
        T::aliases(at, aliases);
    }
}

impl<T: State> StateBuilder<Box<T>> for BoxBuilder<T> {
    fn new(ty: &DataType, capacity: usize) -> Self {
        Self(T::Builder::new(ty, capacity))
    }

    fn append(&mut self, value: &Box<T>) {
        self.0.append(value);
    }

    fn append_null(&mut self) {
        self.0.append_null();
    }

    fn bytes(&self) -> usize {
        self.0.bytes()
    }

    fn finish(&mut self) -> Result<ArrayRef> {
        self.0.finish()
    }
}

impl<T: State> StateReader<Box<T>> for BoxReader<T> {
    fn new(array: &dyn Array) -> Result<Self> {
        T::Reader::new(array).map(Self)
    }

    fn get(&self, row: usize) -> Result<Box<T>> {
        self.0.get(row).map(Box::new)
    }
}
