//! A keyed function in the graph and in a subtask, whatever its inputs are.

use super::core::{Declared, KeyedCore};
use crate::error::Result;
use crate::operators::states::States;
use crate::state::{Declaration, Key};
use crate::tasks::TaskContext;

/// A function of keyed records in the graph, and what it declared.
pub(crate) struct KeyedFunction<K, P> {
    function: P,
    declared: Declared<K>,
}

impl<K, P: Clone> Clone for KeyedFunction<K, P> {
    fn clone(&self) -> Self {
        Self { function: self.function.clone(), declared: self.declared.clone() }
    }
}

impl<K: Key, P> KeyedFunction<K, P> {
    /// Has the function declare its states.
    pub(crate) fn new(mut function: P, declare: impl FnOnce(&mut P, &mut States<K>)) -> Self {
        let mut states = States::default();
        declare(&mut function, &mut states);
        Self { function, declared: Declared::new(states) }
    }

    pub(crate) fn declarations(&self) -> Vec<Declaration> {
        self.declared.declarations()
    }

    /// The function in one subtask, its states restored.
    pub(super) fn open<E>(self, context: &TaskContext, node: usize, next: E) -> Result<KeyedHead<K, P, E>> {
        let core = KeyedCore::open(&self.declared, context, node, next)?;
        Ok(KeyedHead { function: self.function, core })
    }
}

/// A [`KeyedFunction`] in one subtask. Each kind of function says what it does with a batch.
pub(crate) struct KeyedHead<K: Key, P, E> {
    pub(super) function: P,
    pub(super) core: KeyedCore<K, E>,
}
