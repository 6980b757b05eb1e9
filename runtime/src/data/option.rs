//! Records that may be absent.

use super::{Column, Data, Record};

/// A column of the records that are there, and which those are.
#[derive(Debug)]
pub struct Optional<C> {
    /// For each record its place in `present`, if it is there.
    places: Vec<Option<usize>>,
    present: C,
}

impl<C: Default> Default for Optional<C> {
    fn default() -> Self {
        Self { places: Vec::new(), present: C::default() }
    }
}

impl<T: Data> Column<Option<T>> for Optional<T::Column> {
    fn push(&mut self, record: Option<T::Ref<'_>>) {
        let place = record.map(|record| {
            self.present.push(record);
            self.present.len() - 1
        });
        self.places.push(place);
    }

    fn get(&self, index: usize) -> Option<Option<T::Ref<'_>>> {
        match *self.places.get(index)? {
            Some(place) => self.present.get(place).map(Some),
            None => Some(None),
        }
    }

    fn len(&self) -> usize {
        self.places.len()
    }

    fn clear(&mut self) {
        self.places.clear();
        self.present.clear();
    }

    fn bytes(&self) -> usize {
        self.places.len() * size_of::<Option<usize>>() + self.present.bytes()
    }
}

impl<T: Data> Data for Option<T> {
    type Ref<'a> = Option<T::Ref<'a>>;
    type Column = Optional<T::Column>;

    fn as_ref(&self) -> Option<T::Ref<'_>> {
        self.as_ref().map(T::as_ref)
    }

    fn from_ref(record: Option<T::Ref<'_>>) -> Self {
        record.map(T::from_ref)
    }

    fn shorten<'short, 'long: 'short>(record: Option<T::Ref<'long>>) -> Option<T::Ref<'short>> {
        record.map(T::shorten)
    }

    fn write_text(record: Option<T::Ref<'_>>, text: &mut String) {
        match record {
            Some(record) => T::write_text(record, text),
            None => text.push_str("null"),
        }
    }
}

impl<R: Record> Record for Option<R> {
    type Data = Option<R::Data>;

    fn lend<X>(self, to: impl FnOnce(<Self::Data as Data>::Ref<'_>) -> X) -> X {
        match self {
            Some(record) => record.lend(|record| to(Some(record))),
            None => to(None),
        }
    }
}
