//! Lists of the operator's own.

use std::marker::PhantomData;

use super::tables::{OperatorAccess, UNDECLARED, UnionList};
use crate::state::State;

/// A handle of a list that belongs to the subtask. After a restore it holds what the subtask was dealt.
pub struct OperatorListState<V> {
    index: usize,
    values: PhantomData<fn() -> V>,
}

impl<V> Clone for OperatorListState<V> {
    fn clone(&self) -> Self {
        Self { index: self.index, values: PhantomData }
    }
}

/// Not declared: using it fails the operator.
impl<V> Default for OperatorListState<V> {
    fn default() -> Self {
        Self { index: UNDECLARED, values: PhantomData }
    }
}

impl<V: State> OperatorListState<V> {
    pub(super) fn new(index: usize) -> Self {
        Self { index, values: PhantomData }
    }

    /// The elements.
    pub fn get<'a, A: OperatorAccess>(&self, at: &'a A) -> &'a [V] {
        at.operator_tables().get::<Vec<V>>(self.index)
    }

    /// The elements, to be changed.
    pub fn get_mut<'a, A: OperatorAccess>(&self, at: &'a mut A) -> &'a mut Vec<V> {
        at.operator_tables_mut().get_mut::<Vec<V>>(self.index)
    }
}

/// A handle of a list of which every subtask is given all elements after a restore, to do with as it likes. Of
/// these, a part is its own to hold on to: the snapshot is made of what all subtasks call their own, so that it
/// does not grow from restore to restore.
pub struct UnionListState<V> {
    index: usize,
    values: PhantomData<fn() -> V>,
}

impl<V> Clone for UnionListState<V> {
    fn clone(&self) -> Self {
        Self { index: self.index, values: PhantomData }
    }
}

/// Not declared: using it fails the operator.
impl<V> Default for UnionListState<V> {
    fn default() -> Self {
        Self { index: UNDECLARED, values: PhantomData }
    }
}

impl<V: State> UnionListState<V> {
    pub(super) fn new(index: usize) -> Self {
        Self { index, values: PhantomData }
    }

    /// What all subtasks had in the snapshot that the job started from.
    pub fn restored<'a, A: OperatorAccess>(&self, at: &'a A) -> &'a [V] {
        &at.operator_tables().get::<UnionList<V>>(self.index).restored
    }

    /// What this subtask adds to the next snapshot.
    pub fn own<'a, A: OperatorAccess>(&self, at: &'a A) -> &'a [V] {
        &at.operator_tables().get::<UnionList<V>>(self.index).own
    }

    /// The same, to be changed.
    pub fn own_mut<'a, A: OperatorAccess>(&self, at: &'a mut A) -> &'a mut Vec<V> {
        &mut at.operator_tables_mut().get_mut::<UnionList<V>>(self.index).own
    }
}
