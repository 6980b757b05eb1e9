//! What a channel carries: records of one type, or keys with their places and values.

use crate::data::{Column, Data};
use crate::state::{Key, KeyArena, Place};

/// Records after which a batch is sent.
const BATCH_RECORDS: usize = 2048;
/// Bytes after which a batch is sent, for large records.
const BATCH_BYTES: usize = 1 << 20;

/// A batch that can be sent and used again.
pub(crate) trait Batch: Default + Send + 'static {
    /// Records.
    fn len(&self) -> usize;

    /// It should be sent now.
    fn is_full(&self) -> bool;

    /// Forgets all records and keeps the memory.
    fn clear(&mut self);

    /// There are no records.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Records of a stream.
#[derive(Debug)]
pub(crate) struct Records<T: Data>(pub T::Column);

impl<T: Data> Default for Records<T> {
    fn default() -> Self {
        Self(T::Column::default())
    }
}

impl<T: Data> Batch for Records<T> {
    fn len(&self) -> usize {
        self.0.len()
    }

    fn is_full(&self) -> bool {
        self.0.len() >= BATCH_RECORDS || self.0.bytes() >= BATCH_BYTES
    }

    fn clear(&mut self) {
        self.0.clear();
    }
}

/// Keys, where each lives, and a value for each.
pub struct KeyedBatch<K: Key, V: Data> {
    /// The keys.
    pub keys: K::Arena,
    /// The place of each key.
    pub places: Vec<Place>,
    /// The value of each key.
    pub values: V::Column,
}

impl<K: Key, V: Data> Default for KeyedBatch<K, V> {
    fn default() -> Self {
        Self { keys: K::Arena::default(), places: Vec::new(), values: V::Column::default() }
    }
}

impl<K: Key, V: Data> KeyedBatch<K, V> {
    /// The value that goes with a place of this batch.
    #[inline]
    #[expect(clippy::expect_used, reason = "keys, places and values are pushed together")]
    pub fn value(&self, index: usize) -> V::Ref<'_> {
        self.values.get(index).expect("a value for each place")
    }
}

impl<K: Key, V: Data> Batch for KeyedBatch<K, V> {
    fn len(&self) -> usize {
        self.places.len()
    }

    #[inline]
    fn is_full(&self) -> bool {
        self.places.len() >= BATCH_RECORDS || self.values.bytes() >= BATCH_BYTES
    }

    fn clear(&mut self) {
        self.keys.clear();
        self.places.clear();
        self.values.clear();
    }
}
