//! Key and namespace of a row.

use std::borrow::Borrow;
use std::cmp::Ordering;

use crate::state::held::{Held, Hold};
use crate::state::key::{Key, tag};

/// What a row is found by, as a table keeps it.
#[derive(Clone)]
pub(in crate::state) struct Address<K: Key, N> {
    pub(super) held: Held<K>,
    pub(in crate::state) namespace: N,
}

impl<K: Key, N: Key> Address<K, N> {
    pub(super) fn new(key: &K::Borrowed, namespace: &N) -> Self {
        Self { held: key.hold(), namespace: namespace.clone() }
    }

    #[inline]
    pub(in crate::state) fn key(&self) -> &K::Borrowed {
        self.held.borrow()
    }

    #[inline]
    pub(super) fn is(&self, key: &K::Borrowed, namespace: &N) -> bool {
        self.key() == key && self.namespace == *namespace
    }

    /// What the index finds it by.
    pub(super) fn tag(&self) -> u32 {
        scoped(tag(self.key()), &self.namespace)
    }

    /// The model's order within a key group.
    pub(super) fn order(&self, other: &Self) -> Ordering {
        let namespaces = || N::order(self.namespace.borrow(), other.namespace.borrow());
        K::order(self.key(), other.key()).then_with(namespaces)
    }
}

/// The tag of a key within a namespace.
#[inline]
pub(super) fn scoped<N: Key>(key_tag: u32, namespace: &N) -> u32 {
    if N::only().is_some() { key_tag } else { key_tag ^ tag::<N::Borrowed>(namespace.borrow()) }
}
