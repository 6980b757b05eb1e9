//! Numbers, booleans and characters, which flow by value.

use super::{Column, Data, Record, write_display};

/// Values one after the other.
#[derive(Debug)]
pub struct Scalars<T>(Vec<T>);

impl<T> Default for Scalars<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T: Copy + for<'a> Data<Ref<'a> = T>> Column<T> for Scalars<T> {
    #[inline]
    fn push(&mut self, record: T) {
        self.0.push(record);
    }

    #[inline]
    fn get(&self, index: usize) -> Option<T> {
        self.0.get(index).copied()
    }

    #[inline]
    fn len(&self) -> usize {
        self.0.len()
    }

    fn clear(&mut self) {
        self.0.clear();
    }

    #[inline]
    fn bytes(&self) -> usize {
        self.0.len() * size_of::<T>()
    }
}

macro_rules! scalars {
    ($($type:ty),*) => {$(
        impl Data for $type {
            type Ref<'a> = $type;
            type Column = Scalars<$type>;

            fn as_ref(&self) -> $type {
                *self
            }

            fn from_ref(record: $type) -> Self {
                record
            }

            fn shorten<'short, 'long: 'short>(record: $type) -> $type {
                record
            }

            fn write_text(record: $type, text: &mut String) {
                write_display(&record, text);
            }
        }

        impl Record for $type {
            type Data = $type;

            #[inline]
            fn lend<R>(self, to: impl FnOnce($type) -> R) -> R {
                to(self)
            }
        }

        impl Record for &$type {
            type Data = $type;

            #[inline]
            fn lend<R>(self, to: impl FnOnce($type) -> R) -> R {
                to(*self)
            }
        }
    )*};
}

scalars!(bool, char, i8, i16, i32, i64, i128, isize, u8, u16, u32, u64, u128, usize, f32, f64);

impl Data for () {
    type Ref<'a> = ();
    type Column = Scalars<()>;

    fn as_ref(&self) {}

    fn from_ref((): ()) -> Self {}

    fn shorten<'short, 'long: 'short>((): ()) {}

    fn write_text((): (), text: &mut String) {
        text.push_str("()");
    }
}

impl Record for () {
    type Data = ();

    fn lend<R>(self, to: impl FnOnce(()) -> R) -> R {
        to(())
    }
}
