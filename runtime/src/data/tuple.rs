//! Tuples, which flow as tuples of views and lie in one column per member.

use super::{Column, Data, Record};

macro_rules! tuple {
    ($($name:ident $place:tt),+) => {
        impl<$($name: Data),+> Column<($($name,)+)> for ($($name::Column,)+) {
            #[inline]
            fn push(&mut self, record: ($($name::Ref<'_>,)+)) {
                $(self.$place.push(record.$place);)+
            }

            #[inline]
            fn get(&self, index: usize) -> Option<($($name::Ref<'_>,)+)> {
                Some(($(self.$place.get(index)?,)+))
            }

            #[inline]
            fn len(&self) -> usize {
                self.0.len()
            }

            fn clear(&mut self) {
                $(self.$place.clear();)+
            }

            #[inline]
            fn bytes(&self) -> usize {
                0 $(+ self.$place.bytes())+
            }
        }

        impl<$($name: Data),+> Data for ($($name,)+) {
            type Ref<'a> = ($($name::Ref<'a>,)+);
            type Column = ($($name::Column,)+);

            fn as_ref(&self) -> Self::Ref<'_> {
                ($(self.$place.as_ref(),)+)
            }

            fn from_ref(record: Self::Ref<'_>) -> Self {
                ($($name::from_ref(record.$place),)+)
            }

            #[inline]
            fn shorten<'short, 'long: 'short>(record: Self::Ref<'long>) -> Self::Ref<'short> {
                ($($name::shorten(record.$place),)+)
            }

            fn write_text(record: Self::Ref<'_>, text: &mut String) {
                text.push('(');
                $(
                    if $place > 0 {
                        text.push(',');
                    }
                    $name::write_text(record.$place, text);
                )+
                text.push(')');
            }
        }
    };
}

tuple!(A 0);
tuple!(A 0, B 1);
tuple!(A 0, B 1, C 2);
tuple!(A 0, B 1, C 2, D 3);
tuple!(A 0, B 1, C 2, D 3, E 4);
tuple!(A 0, B 1, C 2, D 3, E 4, F 5);

/// Lends the members from the outside in, then all of them together.
macro_rules! lend_tuple {
    ($($name:ident $lent:ident),+) => {
        impl<$($name: Record),+> Record for ($($name,)+) {
            type Data = ($($name::Data,)+);

            #[inline]
            #[allow(non_snake_case, reason = "members are named after their types")]
            fn lend<Lent>(self, to: impl FnOnce(<Self::Data as Data>::Ref<'_>) -> Lent) -> Lent {
                let ($($name,)+) = self;
                lend_tuple!(@nest to; ($($name $lent),+) $($name $lent),+)
            }
        }

        impl<'r, $($name),+> Record for &'r ($($name,)+)
        where
            $(&'r $name: Record),+
        {
            type Data = ($(<&'r $name as Record>::Data,)+);

            #[inline]
            #[allow(non_snake_case, reason = "members are named after their types")]
            fn lend<Lent>(self, to: impl FnOnce(<Self::Data as Data>::Ref<'_>) -> Lent) -> Lent {
                let ($($name,)+) = self;
                ($($name,)+).lend(to)
            }
        }
    };
    (@nest $to:ident; ($($name:ident $lent:ident),+) $head:ident $head_lent:ident $(, $rest:ident $rest_lent:ident)*) => {
        $head.lend(|$head_lent| lend_tuple!(@nest $to; ($($name $lent),+) $($rest $rest_lent),*))
    };
    (@nest $to:ident; ($($name:ident $lent:ident),+)) => {
        $to(($(<$name as Record>::Data::shorten($lent),)+))
    };
}

lend_tuple!(A a);
lend_tuple!(A a, B b);
lend_tuple!(A a, B b, C c);
lend_tuple!(A a, B b, C c, D d);
lend_tuple!(A a, B b, C c, D d, E e);
lend_tuple!(A a, B b, C c, D d, E e, F f);
