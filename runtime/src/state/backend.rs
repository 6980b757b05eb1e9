//! The seam for other places to keep keyed state in: what an operator needs of a table, and no reference that
//! would outlive the call, so that a row may be decoded, or read from a disk, for as long as it is looked at.
//!
//! [`KeyedTable`] keeps everything in memory. A store that is larger than memory, or that writes only what
//! changed since the last checkpoint, implements the same two traits.

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use spt_format::{KeyGroup, KeyGroupRange, Result};

use super::cell::Cell;
use super::key::{Key, Place};
use super::table::{Frozen, KeyedTable};

/// The rows of one keyed state in one subtask.
pub trait KeyedStore<K: Key, C: Cell, N: Key>: Send {
    /// What a snapshot holds.
    type Frozen: FrozenStore + 'static;

    /// Shows the cell of a key and namespace, if there is one.
    fn read<R>(
        &self,
        place: Place,
        key: &K::Borrowed,
        namespace: &N,
        show: impl FnOnce(Option<&C>) -> R,
    ) -> R;

    /// Changes the cell of a key and namespace, which `first` makes if there is none. `None` means that another
    /// subtask owns the key.
    fn update<R>(
        &mut self,
        place: Place,
        key: &K::Borrowed,
        namespace: &N,
        first: impl FnOnce() -> C,
        change: impl FnOnce(&mut C) -> R,
    ) -> Option<R>;

    /// Takes the cell of a key and namespace out.
    fn remove(&mut self, place: Place, key: &K::Borrowed, namespace: &N) -> Option<C>;

    /// Keeps the cells that `keep` says yes to.
    fn retain(&mut self, keep: impl FnMut(&K::Borrowed, &N, &C) -> bool);

    /// The rows as they are now, without holding up the caller.
    fn freeze(&mut self) -> Self::Frozen;

    /// Adds rows of a snapshot.
    ///
    /// # Errors
    /// If they are not rows of this state and subtask.
    fn restore(&mut self, batch: &RecordBatch, max_parallelism: u32) -> Result<()>;
}

/// The rows of a keyed state at one moment.
pub trait FrozenStore: Send + Sync {
    /// Rows per key group that has any, ascending.
    fn rows(&self) -> Vec<(KeyGroup, u64)>;

    /// The rows of these key groups in the model's order.
    fn batches(
        &self,
        range: KeyGroupRange,
        schema: SchemaRef,
    ) -> Box<dyn Iterator<Item = Result<RecordBatch>> + '_>;
}

impl<K: Key, C: Cell, N: Key> KeyedStore<K, C, N> for KeyedTable<K, C, N> {
    type Frozen = Frozen<K, C, N>;

    #[inline]
    fn read<R>(
        &self,
        place: Place,
        key: &K::Borrowed,
        namespace: &N,
        show: impl FnOnce(Option<&C>) -> R,
    ) -> R {
        show(self.get(place, key, namespace))
    }

    #[inline]
    fn update<R>(
        &mut self,
        place: Place,
        key: &K::Borrowed,
        namespace: &N,
        first: impl FnOnce() -> C,
        change: impl FnOnce(&mut C) -> R,
    ) -> Option<R> {
        self.get_or_insert_with(place, key, namespace, first).map(change)
    }

    fn remove(&mut self, place: Place, key: &K::Borrowed, namespace: &N) -> Option<C> {
        self.remove(place, key, namespace)
    }

    fn retain(&mut self, keep: impl FnMut(&K::Borrowed, &N, &C) -> bool) {
        self.retain(keep);
    }

    fn freeze(&mut self) -> Frozen<K, C, N> {
        self.freeze()
    }

    fn restore(&mut self, batch: &RecordBatch, max_parallelism: u32) -> Result<()> {
        self.restore(batch, max_parallelism)
    }
}

impl<K: Key, C: Cell, N: Key> FrozenStore for Frozen<K, C, N> {
    fn rows(&self) -> Vec<(KeyGroup, u64)> {
        self.rows()
    }

    fn batches(
        &self,
        range: KeyGroupRange,
        schema: SchemaRef,
    ) -> Box<dyn Iterator<Item = Result<RecordBatch>> + '_> {
        Box::new(self.batches(range, schema))
    }
}
