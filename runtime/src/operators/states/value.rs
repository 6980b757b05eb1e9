//! A value per key.

use std::marker::PhantomData;

use super::tables::{KeyedAccess, UNDECLARED};
use crate::state::{State, Timed, Ttl};

/// A handle of a value per key.
pub struct ValueState<V> {
    index: usize,
    ttl: Option<Ttl>,
    values: PhantomData<fn() -> V>,
}

impl<V> Clone for ValueState<V> {
    fn clone(&self) -> Self {
        Self { index: self.index, ttl: self.ttl, values: PhantomData }
    }
}

/// Not declared: using it fails the operator.
impl<V> Default for ValueState<V> {
    fn default() -> Self {
        Self { index: UNDECLARED, ttl: None, values: PhantomData }
    }
}

impl<V: State> ValueState<V> {
    pub(super) fn new(index: usize, ttl: Option<Ttl>) -> Self {
        Self { index, ttl, values: PhantomData }
    }

    /// The value of the current key.
    pub fn get<'a, A: KeyedAccess>(&self, at: &'a mut A) -> Option<&'a V> {
        let scope = at.scope();
        let now = scope.now_ms(self.ttl);
        match self.ttl {
            None => scope.tables.get::<V>(self.index).get(scope.place, scope.key, &()),
            Some(ttl) => ttl.get(scope.tables.get::<Timed<V>>(self.index), scope.place, scope.key, &(), now),
        }
    }

    /// Sets the value of the current key.
    pub fn set<A: KeyedAccess>(&self, at: &mut A, value: V) {
        let scope = at.scope();
        let now = scope.now_ms(self.ttl);
        match self.ttl {
            None => drop(scope.tables.get::<V>(self.index).put(scope.place, scope.key, &(), value)),
            Some(_) => {
                let value = Timed { value, last_access_ms: now };
                drop(scope.tables.get::<Timed<V>>(self.index).put(scope.place, scope.key, &(), value));
            }
        }
    }

    /// Changes the value of the current key, which `first` makes if there is none.
    pub fn update<A: KeyedAccess, R>(
        &self,
        at: &mut A,
        first: impl FnOnce() -> V,
        change: impl FnOnce(&mut V) -> R,
    ) -> Option<R> {
        let scope = at.scope();
        let now = scope.now_ms(self.ttl);
        let (place, key) = (scope.place, scope.key);
        let value = match self.ttl {
            None => scope.tables.get::<V>(self.index).get_or_insert_with(place, key, &(), first),
            Some(ttl) => {
                ttl.get_or_insert_with(scope.tables.get::<Timed<V>>(self.index), place, key, &(), now, first)
            }
        };
        value.map(change)
    }

    /// Takes the value of the current key out.
    pub fn take<A: KeyedAccess>(&self, at: &mut A) -> Option<V> {
        let scope = at.scope();
        let now = scope.now_ms(self.ttl);
        match self.ttl {
            None => scope.tables.get::<V>(self.index).remove(scope.place, scope.key, &()),
            Some(ttl) => {
                let timed = scope.tables.get::<Timed<V>>(self.index).remove(scope.place, scope.key, &())?;
                ttl.is_live(now)(&timed).then_some(timed.value)
            }
        }
    }

    /// Removes the value of the current key.
    pub fn clear<A: KeyedAccess>(&self, at: &mut A) {
        drop(self.take(at));
    }
}
