//! Time to live: values that are gone once nobody touched them for long enough.
//!
//! What is stored is when a value was last touched, not when it expires: a new duration applies to old state.
//! An expired value is never returned, whether or not it is still in the table; [`Ttl::sweep`] removes them.

use std::time::{SystemTime, UNIX_EPOCH};

use super::cell::Cell;
use super::key::{Key, Place};
use super::payload::Payload;
use super::table::KeyedTable;

/// A value and when it was last touched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timed<V> {
    /// The value.
    pub value: V,
    /// When it was last touched, in ms since 1970.
    pub last_access_ms: i64,
}

/// What counts as touching a value.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Touch {
    /// Creating and writing.
    #[default]
    OnWrite,
    /// Reading too. Then a read is a write, and copies the cells of a page during a snapshot.
    OnReadAndWrite,
}

/// How long values of a state live.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ttl {
    /// Milliseconds after the last touch.
    pub duration_ms: u64,
    /// What a touch is.
    pub touch: Touch,
}

/// The time of day, in ms since 1970.
pub fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

impl Ttl {
    /// Values live this long after they were created or written.
    pub fn of_ms(duration_ms: u64) -> Self {
        Self { duration_ms, touch: Touch::OnWrite }
    }

    /// A value touched then is gone now. A clock that stepped back makes nothing expire.
    pub fn is_expired(self, last_access_ms: i64, now_ms: i64) -> bool {
        last_access_ms.saturating_add_unsigned(self.duration_ms) <= now_ms
    }

    /// The value of a key, if it has not expired; touched, if a read is a touch.
    pub fn get<'a, K, V, N>(
        self,
        table: &'a mut KeyedTable<K, Timed<V>, N>,
        place: Place,
        key: &K::Borrowed,
        namespace: &N,
        now_ms: i64,
    ) -> Option<&'a V>
    where
        K: Key,
        N: Key,
        Timed<V>: Cell,
    {
        if self.is_expired(table.get(place, key, namespace)?.last_access_ms, now_ms) {
            table.remove(place, key, namespace);
            return None;
        }
        if self.touch == Touch::OnReadAndWrite {
            table.get_mut(place, key, namespace)?.last_access_ms = now_ms;
        }
        table.get(place, key, namespace).map(|timed| &timed.value)
    }

    /// The value of a key to be changed, and thereby touched; made by `first` if there is none or it has expired.
    /// `None` means that another subtask owns the key.
    pub fn get_or_insert_with<'a, K, V, N>(
        self,
        table: &'a mut KeyedTable<K, Timed<V>, N>,
        place: Place,
        key: &K::Borrowed,
        namespace: &N,
        now_ms: i64,
        first: impl FnOnce() -> V,
    ) -> Option<&'a mut V>
    where
        K: Key,
        N: Key,
        Timed<V>: Cell,
    {
        let is_expired = |timed: &Timed<V>| self.is_expired(timed.last_access_ms, now_ms);
        if table.get(place, key, namespace).is_some_and(is_expired) {
            table.remove(place, key, namespace);
        }
        let fresh = || Timed { value: first(), last_access_ms: now_ms };
        let timed = table.get_or_insert_with(place, key, namespace, fresh)?;
        timed.last_access_ms = now_ms;
        Some(&mut timed.value)
    }

    /// Removes every value that has expired, and says how many there were.
    pub fn sweep<K, V, N>(self, table: &mut KeyedTable<K, Timed<V>, N>, now_ms: i64) -> usize
    where
        K: Key,
        N: Key,
        Timed<V>: Cell,
    {
        let before = table.len();
        table.retain(|_, _, timed| !self.is_expired(timed.last_access_ms, now_ms));
        before - table.len()
    }

    /// Drops the expired among the elements of a list or the entries of a map.
    pub fn is_live<V>(self, now_ms: i64) -> impl Fn(&Timed<V>) -> bool
    where
        Timed<V>: Payload,
    {
        move |timed| !self.is_expired(timed.last_access_ms, now_ms)
    }
}
