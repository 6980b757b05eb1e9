//! What a channel carries: records of one type, keys with their places and values, or either of two such things.

use std::marker::PhantomData;

use crate::data::{Column, Data, EventTime, EventTimes};
use crate::state::{Key, KeyArena, Place};

/// Records after which a batch is sent.
const BATCH_RECORDS: usize = 2048;
/// Bytes after which a batch is sent, for large records.
const BATCH_BYTES: usize = 1 << 20;

/// A batch that can be sent and used again.
pub trait Batch: Default + Send + 'static {
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
pub struct Records<T: Data> {
    /// The records.
    pub records: T::Column,
    /// When they happened.
    pub(crate) times: EventTimes,
}

impl<T: Data> Default for Records<T> {
    fn default() -> Self {
        Self { records: T::Column::default(), times: EventTimes::default() }
    }
}

impl<T: Data> Records<T> {
    /// Each record and its event time.
    pub(crate) fn entries(&self) -> impl Iterator<Item = (T::Ref<'_>, EventTime)> {
        (0..self.records.len()).filter_map(|index| Some((self.records.get(index)?, self.times.get(index))))
    }

    /// Appends a record.
    #[inline]
    pub(crate) fn push(&mut self, record: T::Ref<'_>, time: EventTime) {
        self.times.push(self.records.len(), time);
        self.records.push(record);
    }
}

impl<T: Data> Batch for Records<T> {
    #[inline]
    fn len(&self) -> usize {
        self.records.len()
    }

    #[inline]
    fn is_full(&self) -> bool {
        self.records.len() >= BATCH_RECORDS || self.records.bytes() >= BATCH_BYTES
    }

    fn clear(&mut self) {
        self.records.clear();
        self.times.clear();
    }
}

/// Keys, where each lives, and a value for each.
pub(crate) struct KeyedBatch<K: Key, V: Data> {
    /// The keys.
    pub(crate) keys: K::Arena,
    /// The place of each key.
    pub(crate) places: Vec<Place>,
    /// The value of each key.
    pub(crate) values: V::Column,
    /// When the records happened.
    pub(crate) times: EventTimes,
}

impl<K: Key, V: Data> Default for KeyedBatch<K, V> {
    fn default() -> Self {
        Self {
            keys: K::Arena::default(),
            places: Vec::new(),
            values: V::Column::default(),
            times: EventTimes::default(),
        }
    }
}

impl<K: Key, V: Data> KeyedBatch<K, V> {
    /// Each record's place, key, value and event time.
    pub(crate) fn entries(&self) -> impl Iterator<Item = (Place, &K::Borrowed, V::Ref<'_>, EventTime)> {
        self.places.iter().enumerate().filter_map(|(index, place)| {
            Some((*place, self.keys.get(index)?, self.value(index), self.times.get(index)))
        })
    }

    /// The value that goes with a place of this batch.
    #[inline]
    #[expect(clippy::expect_used, reason = "keys, places and values are pushed together")]
    pub(crate) fn value(&self, index: usize) -> V::Ref<'_> {
        self.values.get(index).expect("a value for each place")
    }
}

impl<K: Key, V: Data> Batch for KeyedBatch<K, V> {
    fn len(&self) -> usize {
        self.places.len()
    }

    #[inline]
    fn is_full(&self) -> bool {
        self.places.len() >= BATCH_RECORDS || self.keys.bytes() + self.values.bytes() >= BATCH_BYTES
    }

    fn clear(&mut self) {
        self.keys.clear();
        self.places.clear();
        self.values.clear();
        self.times.clear();
    }
}

/// What an operator with two inputs receives: each sender fills its own side only.
pub(crate) struct Pair<A, B> {
    /// Of the first input.
    pub(crate) first: A,
    /// Of the second input.
    pub(crate) second: B,
}

impl<A: Default, B: Default> Default for Pair<A, B> {
    fn default() -> Self {
        Self { first: A::default(), second: B::default() }
    }
}

impl<A: Batch, B: Batch> Batch for Pair<A, B> {
    #[inline]
    fn len(&self) -> usize {
        self.first.len() + self.second.len()
    }

    #[inline]
    fn is_full(&self) -> bool {
        self.first.is_full() || self.second.is_full()
    }

    fn clear(&mut self) {
        self.first.clear();
        self.second.clear();
    }
}

/// Where in a batch a sender puts what it sends.
pub(crate) trait Lane: Send + 'static {
    /// What the channel carries.
    type Batch: Batch;
    /// The part of it that the sender fills.
    type Part;

    /// The part of a batch.
    fn part(batch: &mut Self::Batch) -> &mut Self::Part;
}

/// The whole batch: the operator has one input.
pub(crate) struct Only<A>(PhantomData<fn(A)>);

/// The first of two inputs.
pub(crate) struct First<A, B>(PhantomData<fn(A, B)>);

/// The second of two inputs.
pub(crate) struct Second<A, B>(PhantomData<fn(A, B)>);

impl<A: Batch> Lane for Only<A> {
    type Batch = A;
    type Part = A;

    #[inline]
    fn part(batch: &mut A) -> &mut A {
        batch
    }
}

impl<A: Batch, B: Batch> Lane for First<A, B> {
    type Batch = Pair<A, B>;
    type Part = A;

    #[inline]
    fn part(batch: &mut Pair<A, B>) -> &mut A {
        &mut batch.first
    }
}

impl<A: Batch, B: Batch> Lane for Second<A, B> {
    type Batch = Pair<A, B>;
    type Part = B;

    #[inline]
    fn part(batch: &mut Pair<A, B>) -> &mut B {
        &mut batch.second
    }
}
