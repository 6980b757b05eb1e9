//! A map that is the same in every subtask.

use std::marker::PhantomData;

use super::tables::{OperatorAccess, UNDECLARED};
use crate::state::{BroadcastTable, Key, State};

/// A handle of a map that is the same in every subtask. The main input reads it; only the broadcast input, which
/// every subtask sees in full, may change it, and must do so in the same way everywhere: a snapshot is refused if
/// copies differ.
pub struct BroadcastState<M, V> {
    index: usize,
    entries: PhantomData<fn() -> (M, V)>,
}

impl<M, V> Clone for BroadcastState<M, V> {
    fn clone(&self) -> Self {
        Self { index: self.index, entries: PhantomData }
    }
}

/// Not declared: using it fails the operator.
impl<M, V> Default for BroadcastState<M, V> {
    fn default() -> Self {
        Self { index: UNDECLARED, entries: PhantomData }
    }
}

impl<M: Key, V: State + PartialEq> BroadcastState<M, V> {
    pub(super) fn new(index: usize) -> Self {
        Self { index, entries: PhantomData }
    }

    /// The value of an entry.
    pub fn get<'a, A: OperatorAccess>(&self, at: &'a A, entry: &M::Borrowed) -> Option<&'a V> {
        self.table(at).entries().get(entry)
    }

    /// The entries in the order of their keys.
    pub fn iter<'a, A: OperatorAccess>(
        &self,
        at: &'a A,
    ) -> impl Iterator<Item = (&'a M, &'a V)> + use<'a, A, M, V> {
        self.table(at).entries().iter()
    }

    /// Sets the value of an entry.
    pub fn put<A: OperatorAccess>(&self, at: &mut A, entry: &M::Borrowed, value: V) {
        drop(self.table_mut(at).entries_mut().put(entry, value));
    }

    /// Removes an entry.
    pub fn remove<A: OperatorAccess>(&self, at: &mut A, entry: &M::Borrowed) -> Option<V> {
        self.table_mut(at).entries_mut().remove(entry)
    }

    fn table<'a, A: OperatorAccess>(&self, at: &'a A) -> &'a BroadcastTable<M, V> {
        at.operator_tables().get(self.index)
    }

    fn table_mut<'a, A: OperatorAccess>(&self, at: &'a mut A) -> &'a mut BroadcastTable<M, V> {
        at.operator_tables_mut().get_mut(self.index)
    }
}
