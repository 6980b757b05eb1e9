//! How a table keeps its keys: a short string lies in the page itself, not behind a pointer.
//!
//! ```text
//! K::Borrowed   what a key is looked up by      str       ──hold──►  SmolStr   up to 23 bytes in place
//!                                               i64, …    ──hold──►  itself
//! ```

use std::borrow::Borrow;
use std::hash::{Hash, Hasher};

use smol_str::SmolStr;

use super::column::State;
use super::key::Key;

/// What keys are looked up by, and what a table keeps of them.
pub trait Hold: Eq + Hash + ToOwned {
    /// The kept key: a column of the same type as the key's own.
    type Held: State + Borrow<Self>;

    /// The key as it is kept.
    fn hold(&self) -> Self::Held;

    /// Hashes a whole key: nothing needs to mark its end.
    #[inline]
    fn hash_into(&self, hasher: &mut impl Hasher) {
        self.hash(hasher);
    }
}

/// A key as a table keeps it.
pub type Held<K> = <<K as Key>::Borrowed as Hold>::Held;

impl<K: Key<Borrowed = K>> Hold for K {
    type Held = K;

    fn hold(&self) -> K {
        self.clone()
    }
}

impl Hold for str {
    type Held = SmolStr;

    #[inline]
    fn hold(&self) -> SmolStr {
        SmolStr::new(self)
    }

    #[inline]
    fn hash_into(&self, hasher: &mut impl Hasher) {
        hasher.write(self.as_bytes());
    }
}
