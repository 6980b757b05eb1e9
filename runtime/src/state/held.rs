//! How a table keeps its keys: a short string lies in the page itself, not behind a pointer.
//!
//! ```text
//! K::Borrowed   what a key is looked up by      str       ──hold──►  CompactString   up to 24 bytes in place
//!                                               i64, …    ──hold──►  itself
//! ```

use std::borrow::Borrow;
use std::hash::{Hash, Hasher};

use compact_str::CompactString;
use spt_format::Result;

use super::column::{State, StateReader};
use super::key::Key;
use super::types::TextReader;

/// What keys are looked up by, and what a table keeps of them.
pub trait Hold: Eq + Hash + ToOwned {
    /// The kept key: a column of the same type as the key's own.
    type Held: State + Borrow<Self>;
    /// A key in a column, as long as nobody keeps it.
    type Read<'a>: Borrow<Self>;

    /// The key as it is kept.
    fn hold(&self) -> Self::Held;

    /// The key in a row of a column.
    ///
    /// # Errors
    /// As [`StateReader::get`].
    fn read(column: &<Self::Held as State>::Reader, row: usize) -> Result<Self::Read<'_>>;

    /// Keeps what was read.
    fn keep(read: Self::Read<'_>) -> Self::Held;

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
    type Read<'a> = K;

    fn hold(&self) -> K {
        self.clone()
    }

    #[inline]
    fn read(column: &K::Reader, row: usize) -> Result<K> {
        column.get(row)
    }

    #[inline]
    fn keep(read: K) -> K {
        read
    }
}

impl Hold for str {
    type Held = CompactString;
    type Read<'a> = &'a str;

    #[inline]
    fn hold(&self) -> CompactString {
        CompactString::from(self)
    }

    #[inline]
    fn read(column: &TextReader, row: usize) -> Result<&str> {
        column.text(row)
    }

    #[inline]
    fn keep(read: &str) -> CompactString {
        read.hold()
    }

    #[inline]
    fn hash_into(&self, hasher: &mut impl Hasher) {
        String::hash_both(self, hasher);
    }
}
