//! What flows between operators: owned types, and the cheap views that stand for them while they flow.
//!
//! A record is never owned on its way. A stream of `(String, i64)` hands each operator a `(&str, i64)` that
//! borrows from wherever the record lies: a line of the source, a batch that arrived over a channel, a state.
//! Only an operator that keeps a record makes it its own.
//!
//! ```text
//! Data            Ref<'a>              Column (a batch of records)
//! String          &'a str              one arena of text, and where each ends
//! i64, bool, …    the value            Vec
//! (A, B)          (A::Ref, B::Ref)     one column per member
//! Option<A>       Option<A::Ref>       a column and a mask
//! your own type   &'a T                Vec, see `data!`
//! ```

mod option;
mod owned;
mod row;
mod scalar;
mod text;
mod time;
mod tuple;

#[cfg(test)]
mod tests;

pub use option::Optional;
pub use owned::Owned;
pub(crate) use row::columns_of;
pub use scalar::Scalars;
pub use text::Texts;
pub use time::{EventTime, EventTimes};

use std::fmt::Write;

/// A type of records.
pub trait Data: Clone + Send + 'static {
    /// A record while it flows: borrowed where owning it would allocate.
    type Ref<'a>: Copy;
    /// A batch of records.
    type Column: Column<Self>;

    /// The view of an owned record.
    fn as_ref(&self) -> Self::Ref<'_>;

    /// Makes a record one's own.
    fn from_ref(record: Self::Ref<'_>) -> Self;

    /// The same view for a shorter time. The body is always `record`; it proves that views may be shortened.
    fn shorten<'short, 'long: 'short>(record: Self::Ref<'long>) -> Self::Ref<'short>;

    /// Appends the record as text: strings as they are, tuples as `(a,b)`, as Flink prints them.
    fn write_text(record: Self::Ref<'_>, text: &mut String);
}

/// Anything that can stand for a record when one is emitted: owned, borrowed, or a tuple of either.
///
/// It is the way back from a view to its type, so that the compiler finds the type of a stream from what a
/// closure emits.
pub trait Record {
    /// The type of records it stands for.
    type Data: Data;

    /// Lends the record to a function.
    fn lend<R>(self, to: impl FnOnce(<Self::Data as Data>::Ref<'_>) -> R) -> R;
}

/// A batch of records of one type, kept so that pushing allocates only when the batch grows.
pub trait Column<T: Data>: Default + Send + 'static {
    /// Appends a record.
    fn push(&mut self, record: T::Ref<'_>);

    /// The record at this place.
    fn get(&self, index: usize) -> Option<T::Ref<'_>>;

    /// Records.
    fn len(&self) -> usize;

    /// Forgets all records and keeps the memory.
    fn clear(&mut self);

    /// Bytes in use, roughly: what bounds a batch of large records.
    fn bytes(&self) -> usize;

    /// There are no records.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// What `data!` prints with.
#[doc(hidden)]
pub fn write_debug(value: &impl std::fmt::Debug, text: &mut String) {
    // Writing to a string cannot fail.
    let _ = write!(text, "{value:?}");
}

pub(crate) fn write_display(value: &impl std::fmt::Display, text: &mut String) {
    let _ = write!(text, "{value}");
}
