//! Types of one's own, which flow by reference and are cloned where a batch is made of them.

use super::{Column, Data};

/// Owned records one after the other.
#[derive(Debug)]
pub struct Owned<T>(Vec<T>);

impl<T> Default for Owned<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T: for<'a> Data<Ref<'a> = &'a T>> Column<T> for Owned<T> {
    fn push(&mut self, record: &T) {
        self.0.push(record.clone());
    }

    fn get(&self, index: usize) -> Option<&T> {
        self.0.get(index)
    }

    fn len(&self) -> usize {
        self.0.len()
    }

    fn clear(&mut self) {
        self.0.clear();
    }

    fn bytes(&self) -> usize {
        self.0.len() * size_of::<T>()
    }
}

/// Makes types of one's own records of a stream: `data!(Order, Payment)`. They must be `Clone`, `Debug` and `Send`.
/// `#[derive(State)]` does the same.
#[macro_export]
macro_rules! data {
    ($($type:ty),+ $(,)?) => {$(
        impl $crate::Data for $type {
            type Ref<'a> = &'a $type;
            type Column = $crate::data::Owned<$type>;

            fn as_ref(&self) -> &$type {
                self
            }

            fn from_ref(record: &$type) -> Self {
                ::core::clone::Clone::clone(record)
            }

            fn shorten<'short, 'long: 'short>(record: &'long $type) -> &'short $type {
                record
            }

            fn write_text(record: &$type, text: &mut ::std::string::String) {
                $crate::data::write_debug(record, text);
            }
        }

        impl $crate::Record for $type {
            type Data = $type;

            fn lend<__Given>(self, to: impl ::core::ops::FnOnce(&$type) -> __Given) -> __Given {
                to(&self)
            }
        }

        impl $crate::Record for &$type {
            type Data = $type;

            fn lend<__Given>(self, to: impl ::core::ops::FnOnce(&$type) -> __Given) -> __Given {
                to(self)
            }
        }
    )+};
}
