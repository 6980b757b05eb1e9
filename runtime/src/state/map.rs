//! Map state: the entries of a key, sorted, in chunks that snapshots share.
//!
//! ```text
//! [ Arc ][ Arc ][ Arc ]      each holds up to 256 entries, sorted; a full one is split in two
//! ```

use std::cmp::Ordering;
use std::ops::Range;
use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::Schema;
use spt_format::{Aliases, Column, Error, Result, StateSchema};

use super::cell::{Cell, CellColumns, CellRows, builder, reader};
use super::column::{StateBuilder, StateReader};
use super::key::Key;
use super::payload::{Payload, PayloadColumns, PayloadRows};

/// Entries of a full chunk.
const CHUNK: usize = 256;

/// The entries of one key and namespace, in the model's order of their keys.
#[derive(Debug, Clone)]
pub struct MapCell<K, P> {
    /// None is empty.
    chunks: Vec<Arc<Vec<(K, P)>>>,
    len: usize,
}

impl<K, P> Default for MapCell<K, P> {
    fn default() -> Self {
        Self { chunks: Vec::new(), len: 0 }
    }
}

impl<K: Key, P: Clone> MapCell<K, P> {
    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// There are none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The value of a key.
    pub fn get(&self, key: &K::Borrowed) -> Option<&P> {
        let (chunk, place) = self.find(key).ok()?;
        self.chunks.get(chunk)?.get(place).map(|(_, value)| value)
    }

    /// The same, to be changed.
    pub fn get_mut(&mut self, key: &K::Borrowed) -> Option<&mut P> {
        let (chunk, place) = self.find(key).ok()?;
        Arc::make_mut(self.chunks.get_mut(chunk)?).get_mut(place).map(|(_, value)| value)
    }

    /// Sets the value of a key, and gives back the one it had.
    pub fn put(&mut self, key: &K::Borrowed, value: P) -> Option<P> {
        match self.find(key) {
            Ok((chunk, place)) => {
                let (_, held) = Arc::make_mut(self.chunks.get_mut(chunk)?).get_mut(place)?;
                Some(std::mem::replace(held, value))
            }
            Err((chunk, place)) => {
                self.insert(chunk, place, (key.to_owned(), value));
                None
            }
        }
    }

    /// Takes the entry of a key out.
    pub fn remove(&mut self, key: &K::Borrowed) -> Option<P> {
        let (chunk, place) = self.find(key).ok()?;
        let entries = Arc::make_mut(self.chunks.get_mut(chunk)?);
        let (_, value) = entries.remove(place);
        self.len -= 1;
        self.shrink(chunk);
        Some(value)
    }

    /// The entries in order.
    pub fn iter(&self) -> impl Iterator<Item = (&K, &P)> {
        self.chunks.iter().flat_map(|chunk| chunk.iter()).map(|(key, value)| (key, value))
    }

    /// Keeps the entries that `keep` says yes to. Nothing is copied if it says yes to all.
    pub fn retain(&mut self, keep: impl Fn(&K, &P) -> bool) {
        let keep = |(key, value): &(K, P)| keep(key, value);
        if self.chunks.iter().flat_map(|chunk| chunk.iter()).all(keep) {
            return;
        }
        self.chunks.iter_mut().for_each(|chunk| Arc::make_mut(chunk).retain(keep));
        self.chunks.retain(|chunk| !chunk.is_empty());
        self.len = self.chunks.iter().map(|chunk| chunk.len()).sum();
    }

    /// The entries of these places, counted from the first.
    pub(super) fn range(&self, rows: Range<usize>) -> impl Iterator<Item = &(K, P)> {
        let mut skip = rows.start;
        let reaches = |chunk: &Arc<Vec<(K, P)>>| {
            let reaches = skip < chunk.len();
            skip -= if reaches { 0 } else { chunk.len() };
            reaches
        };
        let first = self.chunks.iter().position(reaches).unwrap_or(self.chunks.len());
        let chunks = self.chunks.get(first..).unwrap_or_default();
        chunks.iter().flat_map(|chunk| chunk.iter()).skip(skip).take(rows.len())
    }

    /// Chunk and place of a key, or where it would be.
    fn find(&self, key: &K::Borrowed) -> Result<(usize, usize), (usize, usize)> {
        let begins_after = |chunk: &Arc<Vec<(K, P)>>| {
            chunk.first().is_some_and(|(first, _)| K::order(first.borrow(), key) == Ordering::Greater)
        };
        // The last chunk that does not begin after the key.
        let chunk = self.chunks.partition_point(|chunk| !begins_after(chunk)).saturating_sub(1);
        let entries = self.chunks.get(chunk).map_or(&[][..], |chunk| chunk.as_slice());
        let found = entries.binary_search_by(|(held, _)| K::order(held.borrow(), key));
        found.map(|place| (chunk, place)).map_err(|place| (chunk, place))
    }

    fn insert(&mut self, chunk: usize, place: usize, entry: (K, P)) {
        self.len += 1;
        let Some(entries) = self.chunks.get_mut(chunk) else {
            return self.chunks.push(Arc::new(vec![entry]));
        };
        let entries = Arc::make_mut(entries);
        entries.insert(place, entry);
        if entries.len() > CHUNK {
            // Entries that come in order leave full chunks behind.
            let at = if place == CHUNK { CHUNK } else { CHUNK / 2 };
            let upper = entries.split_off(at);
            self.chunks.insert(chunk + 1, Arc::new(upper));
        }
    }

    /// Unites a chunk with the next if both fit into half a chunk; an empty one is dropped.
    fn shrink(&mut self, chunk: usize) {
        let len_of = |chunk: usize| self.chunks.get(chunk).map(|chunk| chunk.len());
        match (len_of(chunk), len_of(chunk + 1)) {
            (Some(0), _) => drop(self.chunks.remove(chunk)),
            (Some(len), Some(next)) if len + next <= CHUNK / 2 => {
                let next = self.chunks.remove(chunk + 1);
                if let Some(entries) = self.chunks.get_mut(chunk) {
                    Arc::make_mut(entries).extend(next.iter().cloned());
                }
            }
            _ => {}
        }
    }
}

impl<K: Key, P: Clone + PartialEq> PartialEq for MapCell<K, P> {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

/// The columns `map_key`, `value` and what else a payload has.
pub struct MapColumns<K: Key, P: Payload> {
    keys: K::Builder,
    payloads: P::Columns,
}

/// The same, read.
pub struct MapRows<K: Key, P: Payload> {
    keys: K::Reader,
    payloads: P::Rows,
}

impl<K: Key, P: Payload> Cell for MapCell<K, P> {
    type Columns = MapColumns<K, P>;
    type Rows = MapRows<K, P>;

    fn describe(schema: &mut StateSchema) {
        schema.map_key = Some(K::field());
        P::describe(schema);
    }

    fn aliases(aliases: &mut Aliases) {
        K::aliases(Column::MapKey.name(), aliases);
        P::aliases(aliases);
    }

    fn rows(&self) -> usize {
        self.len
    }
}

impl<K: Key, P: Payload> CellColumns<MapCell<K, P>> for MapColumns<K, P> {
    fn new(schema: &Schema, capacity: usize) -> Result<Self> {
        let keys = builder::<K>(schema, Column::MapKey, capacity)?;
        Ok(Self { keys, payloads: P::Columns::new(schema, capacity)? })
    }

    fn append(&mut self, cell: &MapCell<K, P>, rows: Range<usize>) {
        for (key, value) in cell.range(rows) {
            self.keys.append(key);
            self.payloads.append(value);
        }
    }

    fn bytes(&self) -> usize {
        self.keys.bytes() + self.payloads.bytes()
    }

    fn finish(&mut self) -> Result<Vec<ArrayRef>> {
        Ok([self.keys.finish()?].into_iter().chain(self.payloads.finish()?).collect())
    }
}

impl<K: Key, P: Payload> CellRows<MapCell<K, P>> for MapRows<K, P> {
    fn new(batch: &RecordBatch) -> Result<Self> {
        Ok(Self { keys: reader::<K>(batch, Column::MapKey)?, payloads: P::Rows::new(batch)? })
    }

    fn first(&self, row: usize) -> Result<MapCell<K, P>> {
        let mut cell = MapCell::default();
        self.next(row, &mut cell)?;
        Ok(cell)
    }

    fn next(&self, row: usize, cell: &mut MapCell<K, P>) -> Result<()> {
        let key = self.keys.get(row)?;
        match cell.put(key.borrow(), self.payloads.get(row)?) {
            None => Ok(()),
            Some(_) => Err(Error::invalid("a second row for the same key, namespace and map key")),
        }
    }
}
