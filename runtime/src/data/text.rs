//! Strings, which flow as `&str` and lie in one arena per batch.

use super::{Column, Data, Record};

/// Strings one after the other in one piece of memory.
#[derive(Debug, Default)]
pub struct Texts {
    text: String,
    /// Where each string ends, in bytes.
    ends: Vec<usize>,
}

impl Column<String> for Texts {
    #[inline]
    fn push(&mut self, record: &str) {
        self.text.push_str(record);
        self.ends.push(self.text.len());
    }

    #[inline]
    fn get(&self, index: usize) -> Option<&str> {
        let end = *self.ends.get(index)?;
        let start = if index == 0 { 0 } else { *self.ends.get(index - 1)? };
        self.text.get(start..end)
    }

    #[inline]
    fn len(&self) -> usize {
        self.ends.len()
    }

    fn clear(&mut self) {
        self.text.clear();
        self.ends.clear();
    }

    #[inline]
    fn bytes(&self) -> usize {
        self.text.len()
    }
}

impl Data for String {
    type Ref<'a> = &'a str;
    type Column = Texts;

    fn as_ref(&self) -> &str {
        self
    }

    fn from_ref(record: &str) -> Self {
        record.to_owned()
    }

    fn shorten<'short, 'long: 'short>(record: &'long str) -> &'short str {
        record
    }

    fn write_text(record: &str, text: &mut String) {
        text.push_str(record);
    }
}

impl Record for &str {
    type Data = String;

    #[inline]
    fn lend<R>(self, to: impl FnOnce(&str) -> R) -> R {
        to(self)
    }
}

impl Record for &&str {
    type Data = String;

    #[inline]
    fn lend<R>(self, to: impl FnOnce(&str) -> R) -> R {
        to(self)
    }
}

impl Record for String {
    type Data = String;

    #[inline]
    fn lend<R>(self, to: impl FnOnce(&str) -> R) -> R {
        to(&self)
    }
}

impl Record for &String {
    type Data = String;

    #[inline]
    fn lend<R>(self, to: impl FnOnce(&str) -> R) -> R {
        to(self)
    }
}
