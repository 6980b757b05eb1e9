//! Maps, written sorted by key wherever they stand.

use std::collections::{BTreeMap, HashMap};
use std::hash::{BuildHasher, Hash};
use std::marker::PhantomData;
use std::sync::Arc;

use arrow_array::{Array, ArrayRef, MapArray, StructArray};
use arrow_schema::{DataType, Field as ArrowField, FieldRef, Fields};
use spt_format::{Aliases, Error, Field, Result, Type};

use crate::state::column::{State, StateBuilder, StateReader, arrow_error, downcast, present};
use crate::state::key::Key;
use crate::state::types::collection::{Offsets, inner_field};

/// Builds a map column.
pub struct MapBuilder<K: State, V: State> {
    offsets: Offsets,
    entries: FieldRef,
    fields: Fields,
    keys: K::Builder,
    values: V::Builder,
}

/// The entries' fields of `K` to `V` without ids.
fn plain_entries<K: State, V: State>() -> FieldRef {
    match map_field::<K, V>().ty.to_arrow() {
        DataType::Map(entries, _) => entries,
        other => Arc::new(ArrowField::new("entries", other, false)),
    }
}

fn map_field<K: State, V: State>() -> Field {
    const { assert!(!K::NULLABLE, "the keys of a map in state cannot be options") };
    Field::new("", Type::map(K::field(), V::field()))
}

impl<K: Key, V: State> MapBuilder<K, V> {
    fn with_capacity(ty: &DataType, capacity: usize) -> Self {
        let entries = inner_field(ty, plain_entries::<K, V>);
        let fields = match entries.data_type() {
            DataType::Struct(fields) => fields.clone(),
            _ => Fields::empty(),
        };
        let child = |index: usize| fields.get(index).map_or(&DataType::Null, |field| field.data_type());
        let (keys, values) = (K::Builder::new(child(0), capacity), V::Builder::new(child(1), capacity));
        Self { offsets: Offsets::new(capacity), entries, fields, keys, values }
    }

    fn append_all<'a>(&mut self, entries: impl Iterator<Item = (&'a K, &'a V)>) {
        let mut entries: Vec<_> = entries.collect();
        entries.sort_unstable_by(|(a, _), (b, _)| K::order((*a).borrow(), (*b).borrow()));
        self.offsets.append(entries.len());
        for (key, value) in entries {
            self.keys.append(key);
            self.values.append(value);
        }
    }

    fn finish_map(&mut self) -> Result<ArrayRef> {
        let children = vec![self.keys.finish()?, self.values.finish()?];
        let (offsets, nulls) = self.offsets.finish()?;
        let entries = StructArray::try_new(self.fields.clone(), children, None).map_err(arrow_error)?;
        let map = MapArray::try_new(Arc::clone(&self.entries), offsets, entries, nulls, true);
        Ok(Arc::new(map.map_err(arrow_error)?))
    }
}

/// Reads a map column into a map `M`.
pub struct MapReader<M, K: State, V: State> {
    maps: MapArray,
    keys: K::Reader,
    values: V::Reader,
    into: PhantomData<fn() -> M>,
}

impl<M, K: State, V: State> MapReader<M, K, V> {
    fn bind(array: &dyn Array) -> Result<Self> {
        let maps: MapArray = downcast(array, &"a map")?;
        let keys = K::Reader::new(maps.keys().as_ref()).map_err(|error| error.within("map key"))?;
        let values = V::Reader::new(maps.values().as_ref()).map_err(|error| error.within("map value"))?;
        Ok(Self { maps, keys, values, into: PhantomData })
    }

    fn entries<F: FromIterator<(K, V)>>(&self, row: usize) -> Result<F> {
        present(&self.maps, row)?;
        let (start, end) = match self.maps.value_offsets().get(row..row + 2) {
            Some(&[start, end]) => (start as usize, end as usize),
            _ => return Err(Error::invalid(format!("row {row} has no offsets"))),
        };
        (start..end).map(|entry| Ok((self.keys.get(entry)?, self.values.get(entry)?))).collect()
    }
}

macro_rules! map_state {
    ($map:ty, [$($generics:tt)*]) => {
        impl<$($generics)*> State for $map {
            type Builder = MapBuilder<K, V>;
            type Reader = MapReader<Self, K, V>;

            fn field() -> Field {
                map_field::<K, V>()
            }

            fn aliases(at: &str, aliases: &mut Aliases) {
                K::aliases(&format!("{at}.key"), aliases);
                V::aliases(&format!("{at}.value"), aliases);
            }
        }

        impl<$($generics)*> StateBuilder<$map> for MapBuilder<K, V> {
            fn new(ty: &DataType, capacity: usize) -> Self {
                Self::with_capacity(ty, capacity)
            }

            fn append(&mut self, value: &$map) {
                self.append_all(value.iter());
            }

            fn append_null(&mut self) {
                self.offsets.append_null();
            }

            fn bytes(&self) -> usize {
                self.offsets.bytes() + self.keys.bytes() + self.values.bytes()
            }

            fn finish(&mut self) -> Result<ArrayRef> {
                self.finish_map()
            }
        }

        impl<$($generics)*> StateReader<$map> for MapReader<$map, K, V> {
            fn new(array: &dyn Array) -> Result<Self> {
                Self::bind(array)
            }

            fn get(&self, row: usize) -> Result<$map> {
                self.entries(row)
            }
        }
    };
}

map_state!(BTreeMap<K, V>, [K: Key + Ord, V: State]);
map_state!(HashMap<K, V, S>, [K: Key + Hash, V: State, S: BuildHasher + Clone + Default + Send + Sync + 'static]);
