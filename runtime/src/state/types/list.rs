//! Lists and sets. A set is a sorted list without duplicates, so that equal sets are equal columns.

use std::collections::{BTreeSet, HashSet, VecDeque};
use std::hash::{BuildHasher, Hash};
use std::marker::PhantomData;
use std::sync::Arc;

use arrow_array::{Array, ArrayRef, ListArray};
use arrow_schema::{DataType, FieldRef};
use spt_format::{Aliases, Error, Field, Logical, Result, Type};

use crate::state::column::{State, StateBuilder, StateReader, downcast, present};
use crate::state::key::Key;
use crate::state::types::collection::{Offsets, inner_field};

/// Builds a list column from collections of `T`.
pub struct ListBuilder<T: State> {
    offsets: Offsets,
    element: FieldRef,
    elements: T::Builder,
}

impl<T: State> ListBuilder<T> {
    fn with_capacity(ty: &DataType, capacity: usize) -> Self {
        let element = inner_field(ty, || Arc::new(T::field().named("element").to_arrow()));
        let elements = T::Builder::new(element.data_type(), capacity);
        Self { offsets: Offsets::new(capacity), element, elements }
    }

    fn append_all<'a>(&mut self, values: impl Iterator<Item = &'a T>) {
        let mut count = 0;
        for value in values {
            self.elements.append(value);
            count += 1;
        }
        self.offsets.append(count);
    }
}

/// Reads a list column into a collection `C` of `T`.
pub struct ListReader<C, T: State> {
    lists: ListArray,
    elements: T::Reader,
    into: PhantomData<fn() -> C>,
}

impl<C, T: State> ListReader<C, T> {
    fn bind(array: &dyn Array) -> Result<Self> {
        let lists: ListArray = downcast(array, &"a list")?;
        let elements = T::Reader::new(lists.values().as_ref()).map_err(|error| error.within("element"))?;
        Ok(Self { lists, elements, into: PhantomData })
    }

    fn elements<F: FromIterator<T>>(&self, row: usize) -> Result<F> {
        present(&self.lists, row)?;
        let (start, end) = match self.lists.value_offsets().get(row..row + 2) {
            Some(&[start, end]) => (start as usize, end as usize),
            _ => return Err(Error::invalid(format!("row {row} has no offsets"))),
        };
        (start..end).map(|element| self.elements.get(element)).collect()
    }
}

fn list_field<T: State>() -> Field {
    Field::new("", Type::list(T::field()))
}

fn set_field<T: State>() -> Field {
    list_field::<T>().with_logical(Logical::Set)
}

fn as_they_come<T>(values: impl Iterator<Item = T>) -> impl Iterator<Item = T> {
    values
}

fn sorted<'a, T: Key>(values: impl Iterator<Item = &'a T>) -> impl Iterator<Item = &'a T> {
    let mut values: Vec<_> = values.collect();
    values.sort_unstable_by(|a, b| T::order((*a).borrow(), (*b).borrow()));
    values.into_iter()
}

macro_rules! collection_state {
    ($collection:ty, [$($generics:tt)*], $field:ident, $order:ident) => {
        impl<$($generics)*> State for $collection {
            type Builder = ListBuilder<T>;
            type Reader = ListReader<Self, T>;

            fn field() -> Field {
                $field::<T>()
            }

            fn aliases(at: &str, aliases: &mut Aliases) {
                T::aliases(&format!("{at}.element"), aliases);
            }
        }

        impl<$($generics)*> StateBuilder<$collection> for ListBuilder<T> {
            fn new(ty: &DataType, capacity: usize) -> Self {
                Self::with_capacity(ty, capacity)
            }

            fn append(&mut self, value: &$collection) {
                self.append_all($order(value.iter()));
            }

            fn append_null(&mut self) {
                self.offsets.append_null();
            }

            fn bytes(&self) -> usize {
                self.offsets.bytes() + self.elements.bytes()
            }

            fn finish(&mut self) -> Result<ArrayRef> {
                let elements = self.elements.finish()?;
                self.offsets.finish_list(&self.element, elements)
            }
        }

        impl<$($generics)*> StateReader<$collection> for ListReader<$collection, T> {
            fn new(array: &dyn Array) -> Result<Self> {
                Self::bind(array)
            }

            fn get(&self, row: usize) -> Result<$collection> {
                self.elements(row)
            }
        }
    };
}

collection_state!(Vec<T>, [T: State], list_field, as_they_come);
collection_state!(VecDeque<T>, [T: State], list_field, as_they_come);
collection_state!(BTreeSet<T>, [T: Key + Ord], set_field, sorted);
collection_state!(
    HashSet<T, S>,
    [T: Key + Hash, S: BuildHasher + Clone + Default + Send + Sync + 'static],
    set_field,
    sorted
);
