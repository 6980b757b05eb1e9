//! A map per key.

use std::marker::PhantomData;

use super::tables::{KeyedAccess, UNDECLARED};
use crate::state::{Key, MapCell, State, Timed, Touch, Ttl};

/// A handle of a map per key.
pub struct MapState<M, V> {
    index: usize,
    ttl: Option<Ttl>,
    entries: PhantomData<fn() -> (M, V)>,
}

impl<M, V> Clone for MapState<M, V> {
    fn clone(&self) -> Self {
        Self { index: self.index, ttl: self.ttl, entries: PhantomData }
    }
}

/// Not declared: using it fails the operator.
impl<M, V> Default for MapState<M, V> {
    fn default() -> Self {
        Self { index: UNDECLARED, ttl: None, entries: PhantomData }
    }
}

impl<M: Key, V: State> MapState<M, V> {
    pub(super) fn new(index: usize, ttl: Option<Ttl>) -> Self {
        Self { index, ttl, entries: PhantomData }
    }

    /// The value of an entry.
    pub fn get<'a, A: KeyedAccess>(&self, at: &'a mut A, entry: &M::Borrowed) -> Option<&'a V> {
        let scope = at.scope();
        let now = scope.now_ms(self.ttl);
        let (place, key) = (scope.place, scope.key);
        let Some(ttl) = self.ttl else {
            return scope.tables.get::<MapCell<M, V>>(self.index).get(place, key, &())?.get(entry);
        };
        let table = scope.tables.get::<MapCell<M, Timed<V>>>(self.index);
        if !ttl.is_live(now)(table.get(place, key, &())?.get(entry)?) {
            return None;
        }
        if ttl.touch == Touch::OnReadAndWrite {
            table.get_mut(place, key, &())?.get_mut(entry)?.last_access_ms = now;
        }
        table.get(place, key, &())?.get(entry).map(|timed| &timed.value)
    }

    /// There is such an entry.
    pub fn contains<A: KeyedAccess>(&self, at: &mut A, entry: &M::Borrowed) -> bool {
        self.get(at, entry).is_some()
    }

    /// The entries in the order of their keys. Reading them all touches none.
    pub fn iter<'a, A: KeyedAccess>(
        &self,
        at: &'a mut A,
    ) -> impl Iterator<Item = (&'a M, &'a V)> + use<'a, A, M, V> {
        let scope = at.scope();
        let now = scope.now_ms(self.ttl);
        let (place, key, ttl) = (scope.place, scope.key, self.ttl);
        let (plain, timed) = match ttl {
            None => (scope.tables.get::<MapCell<M, V>>(self.index).get(place, key, &()), None),
            Some(_) => (None, scope.tables.get::<MapCell<M, Timed<V>>>(self.index).get(place, key, &())),
        };
        let timed = timed.into_iter().flat_map(|cell| cell.iter());
        let live = timed.filter(move |(_, timed)| ttl.is_none_or(|ttl| ttl.is_live(now)(timed)));
        let plain = plain.into_iter().flat_map(|cell| cell.iter());
        plain.chain(live.map(|(entry, timed)| (entry, &timed.value)))
    }

    /// Sets the value of an entry.
    pub fn put<A: KeyedAccess>(&self, at: &mut A, entry: &M::Borrowed, value: V) {
        let scope = at.scope();
        let now = scope.now_ms(self.ttl);
        let (place, key) = (scope.place, scope.key);
        match self.ttl {
            None => {
                let table = scope.tables.get::<MapCell<M, V>>(self.index);
                if let Some(cell) = table.get_or_insert_with(place, key, &(), MapCell::default) {
                    cell.put(entry, value);
                }
            }
            Some(_) => {
                let table = scope.tables.get::<MapCell<M, Timed<V>>>(self.index);
                if let Some(cell) = table.get_or_insert_with(place, key, &(), MapCell::default) {
                    cell.put(entry, Timed { value, last_access_ms: now });
                }
            }
        }
    }

    /// Takes an entry out.
    pub fn remove<A: KeyedAccess>(&self, at: &mut A, entry: &M::Borrowed) -> Option<V> {
        let scope = at.scope();
        let now = scope.now_ms(self.ttl);
        let (removed, is_empty) = match self.ttl {
            None => {
                let table = scope.tables.get::<MapCell<M, V>>(self.index);
                let cell = table.get_mut(scope.place, scope.key, &())?;
                (cell.remove(entry), cell.is_empty())
            }
            Some(ttl) => {
                let table = scope.tables.get::<MapCell<M, Timed<V>>>(self.index);
                let cell = table.get_mut(scope.place, scope.key, &())?;
                let removed = cell.remove(entry).filter(ttl.is_live(now));
                (removed.map(|timed| timed.value), cell.is_empty())
            }
        };
        if is_empty {
            self.clear(at);
        }
        removed
    }

    /// Removes all entries of the current key.
    pub fn clear<A: KeyedAccess>(&self, at: &mut A) {
        let scope = at.scope();
        match self.ttl {
            None => drop(scope.tables.get::<MapCell<M, V>>(self.index).remove(scope.place, scope.key, &())),
            Some(_) => {
                drop(scope.tables.get::<MapCell<M, Timed<V>>>(self.index).remove(
                    scope.place,
                    scope.key,
                    &(),
                ));
            }
        }
    }
}
