//! The cursor over a `_metadata`, with what every part of it needs.

use bytes::Bytes;
use spt_format::{Cursor, Error, ErrorKind, KeyGroupRange, ReadLimits, Result, ResultExt};

use crate::java;

/// A place in a `_metadata`, the file it is in, and how deep handles are nested there.
pub(super) struct Wire<'a> {
    pub(super) cursor: Cursor<'a>,
    file: &'a Bytes,
    depth: u32,
    depth_limit: u32,
}

impl<'a> Wire<'a> {
    pub(super) fn new(cursor: Cursor<'a>, file: &'a Bytes, limits: &ReadLimits) -> Self {
        Self { cursor, file, depth: 0, depth_limit: limits.depth }
    }

    /// Reads something that stands inside another of its kind.
    pub(super) fn nested<T>(&mut self, read: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        self.depth += 1;
        if self.depth > self.depth_limit {
            let (found, limit) = (self.depth.into(), self.depth_limit.into());
            return Err(self.cursor.error(ErrorKind::LimitExceeded {
                what: "nesting of handles",
                found,
                limit,
            }));
        }
        let result = read(self);
        self.depth -= 1;
        result
    }

    /// `i32 n` and n things of at least `min_bytes` each; `what` is one of them.
    pub(super) fn list<T>(
        &mut self,
        what: &str,
        min_bytes: usize,
        mut read: impl FnMut(&mut Self) -> Result<T>,
    ) -> Result<Vec<T>> {
        let count = java::count(&mut self.cursor, min_bytes, &format!("{what}s"))?;
        // Not reserved at once: a thing in memory is larger than its fewest bytes in the file.
        let mut list = Vec::new();
        for index in 0..count {
            list.push(read(self).within(|| format!("{what} {index}"))?);
        }
        Ok(list)
    }

    pub(super) fn utf(&mut self, what: &str) -> Result<String> {
        java::utf(&mut self.cursor, what)
    }

    /// A string where the empty one means that there is none.
    pub(super) fn optional_utf(&mut self, what: &str) -> Result<Option<String>> {
        self.utf(what).map(|text| (!text.is_empty()).then_some(text))
    }

    /// `i32 length` and that many bytes, shared with the file.
    pub(super) fn bytes32(&mut self, what: &str) -> Result<Bytes> {
        java::bytes32(&mut self.cursor, what).map(|bytes| self.file.slice_ref(bytes))
    }

    /// Everything that is left, shared with the file.
    pub(super) fn rest(&mut self) -> Result<Bytes> {
        let rest = self.cursor.take(self.cursor.remaining(), "the rest")?;
        Ok(self.file.slice_ref(rest))
    }

    /// An `i64` that must not be negative.
    pub(super) fn size(&mut self, what: &str) -> Result<u64> {
        let start = self.cursor.clone();
        let found = self.cursor.i64_be()?;
        u64::try_from(found).map_err(|_| start.invalid(format!("{what} is {found}, which is negative")))
    }

    /// An `i32` that must not be negative.
    pub(super) fn unsigned(&mut self, what: &str) -> Result<u32> {
        let start = self.cursor.clone();
        let found = self.cursor.i32_be()?;
        u32::try_from(found).map_err(|_| start.invalid(format!("{what} is {found}, which is negative")))
    }

    /// `i32 first, i32 count`.
    pub(super) fn key_groups(&mut self) -> Result<KeyGroupRange> {
        let start = self.cursor.clone();
        let (first, count) = (self.cursor.i32_be()?, self.cursor.i32_be()?);
        let group = |number: i64| u16::try_from(number).ok().filter(|group| *group <= 0x7FFF);
        let last = i64::from(first) + i64::from(count) - 1;
        let range = group(first.into()).zip(group(last));
        range.and_then(|(first, last)| KeyGroupRange::new(first, last).ok()).ok_or_else(|| {
            start.invalid(format!("{count} key groups from {first} on are no range of key groups"))
        })
    }

    /// An error at the byte before which the cursor stands, one back.
    pub(super) fn bad_tag(&self, what: &str, tag: u8, known: &str) -> Error {
        let place = self.cursor.offset().saturating_sub(1);
        Cursor::at(&[], place).invalid(format!("{what} has the tag {tag}, known are {known}"))
    }
}
