//! A list per key.

use std::marker::PhantomData;

use super::tables::{KeyedAccess, UNDECLARED};
use crate::state::{ListCell, State, Timed, Touch, Ttl};

/// A handle of a list per key.
pub struct ListState<V> {
    index: usize,
    ttl: Option<Ttl>,
    values: PhantomData<fn() -> V>,
}

impl<V> Clone for ListState<V> {
    fn clone(&self) -> Self {
        Self { index: self.index, ttl: self.ttl, values: PhantomData }
    }
}

/// Not declared: using it fails the operator.
impl<V> Default for ListState<V> {
    fn default() -> Self {
        Self { index: UNDECLARED, ttl: None, values: PhantomData }
    }
}

impl<V: State> ListState<V> {
    pub(super) fn new(index: usize, ttl: Option<Ttl>) -> Self {
        Self { index, ttl, values: PhantomData }
    }

    /// The elements of the current key, in order.
    pub fn get<'a, A: KeyedAccess>(&self, at: &'a mut A) -> impl Iterator<Item = &'a V> + use<'a, A, V> {
        let scope = at.scope();
        let now = scope.now_ms(self.ttl);
        let (place, key, ttl) = (scope.place, scope.key, self.ttl);
        let (plain, timed) = match ttl {
            None => (scope.tables.get::<ListCell<V>>(self.index).get(place, key, &()), None),
            Some(ttl) => {
                let table = scope.tables.get::<ListCell<Timed<V>>>(self.index);
                if ttl.touch == Touch::OnReadAndWrite
                    && let Some(cell) = table.get_mut(place, key, &())
                {
                    let touch = |timed: &Timed<V>| Timed { value: timed.value.clone(), last_access_ms: now };
                    *cell = cell.iter().filter(|timed| ttl.is_live(now)(timed)).map(touch).collect();
                    if cell.is_empty() {
                        table.remove(place, key, &());
                    }
                }
                (None, table.get(place, key, &()))
            }
        };
        let timed = timed.into_iter().flat_map(ListCell::iter);
        let live = timed.filter(move |timed| ttl.is_none_or(|ttl| ttl.is_live(now)(timed)));
        plain.into_iter().flat_map(ListCell::iter).chain(live.map(|timed| &timed.value))
    }

    /// Appends an element.
    pub fn push<A: KeyedAccess>(&self, at: &mut A, value: V) {
        self.extend(at, [value]);
    }

    /// Appends elements.
    pub fn extend<A: KeyedAccess>(&self, at: &mut A, values: impl IntoIterator<Item = V>) {
        let scope = at.scope();
        let now = scope.now_ms(self.ttl);
        let (place, key) = (scope.place, scope.key);
        let mut values = values.into_iter().peekable();
        if values.peek().is_none() {
            return;
        }
        match self.ttl {
            None => {
                let table = scope.tables.get::<ListCell<V>>(self.index);
                if let Some(cell) = table.get_or_insert_with(place, key, &(), ListCell::default) {
                    cell.extend(values);
                }
            }
            Some(_) => {
                let table = scope.tables.get::<ListCell<Timed<V>>>(self.index);
                if let Some(cell) = table.get_or_insert_with(place, key, &(), ListCell::default) {
                    cell.extend(values.map(|value| Timed { value, last_access_ms: now }));
                }
            }
        }
    }

    /// Replaces the elements of the current key.
    pub fn replace<A: KeyedAccess>(&self, at: &mut A, values: impl IntoIterator<Item = V>) {
        self.clear(at);
        self.extend(at, values);
    }

    /// Removes the elements of the current key.
    pub fn clear<A: KeyedAccess>(&self, at: &mut A) {
        let scope = at.scope();
        match self.ttl {
            None => drop(scope.tables.get::<ListCell<V>>(self.index).remove(scope.place, scope.key, &())),
            Some(_) => {
                drop(scope.tables.get::<ListCell<Timed<V>>>(self.index).remove(scope.place, scope.key, &()));
            }
        }
    }
}
