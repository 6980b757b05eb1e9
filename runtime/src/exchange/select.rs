//! What of a record a keyed exchange sends: its key, borrowed or computed, and a value.

use crate::data::{Column, Data};
use crate::state::Key;

/// Finds the key of a record.
pub trait KeyOf<T: Data, K: Key>: Clone + Send + 'static {
    /// Lends the record's key.
    fn with<'a, R>(&mut self, record: &'a T::Ref<'a>, to: impl FnOnce(&K::Borrowed) -> R) -> R;
}

/// The key lies in the record.
#[derive(Debug, Clone)]
pub struct BorrowedKey<F>(pub F);

/// The key is made from the record.
#[derive(Debug, Clone)]
pub struct ComputedKey<F>(pub F);

impl<T, K, F> KeyOf<T, K> for BorrowedKey<F>
where
    T: Data,
    K: Key,
    F: for<'a> FnMut(&'a T::Ref<'a>) -> &'a K::Borrowed + Clone + Send + 'static,
{
    #[inline]
    fn with<'a, R>(&mut self, record: &'a T::Ref<'a>, to: impl FnOnce(&K::Borrowed) -> R) -> R {
        to((self.0)(record))
    }
}

impl<T, K, F> KeyOf<T, K> for ComputedKey<F>
where
    T: Data,
    K: Key,
    F: for<'a> FnMut(&'a T::Ref<'a>) -> K + Clone + Send + 'static,
{
    #[inline]
    fn with<'a, R>(&mut self, record: &'a T::Ref<'a>, to: impl FnOnce(&K::Borrowed) -> R) -> R {
        to((self.0)(record).borrow())
    }
}

/// Finds what of a record is sent along with its key.
pub(crate) trait ValueOf<T: Data, V: Data>: Clone + Send + 'static {
    /// Appends the record's value.
    fn push<'a>(&mut self, record: &'a T::Ref<'a>, values: &mut V::Column);
}

/// The whole record.
#[derive(Debug, Clone, Copy)]
pub(crate) struct WholeRecord;

/// A value made from the record.
#[derive(Debug, Clone)]
pub(crate) struct ComputedValue<F>(pub F);

impl<T: Data> ValueOf<T, T> for WholeRecord {
    #[inline]
    fn push<'a>(&mut self, record: &'a T::Ref<'a>, values: &mut T::Column) {
        values.push(*record);
    }
}

impl<T, V, F> ValueOf<T, V> for ComputedValue<F>
where
    T: Data,
    V: Data,
    F: for<'a> FnMut(&'a T::Ref<'a>) -> V + Clone + Send + 'static,
{
    #[inline]
    fn push<'a>(&mut self, record: &'a T::Ref<'a>, values: &mut V::Column) {
        values.push((self.0)(record).as_ref());
    }
}
