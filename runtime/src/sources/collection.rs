//! Records that are in memory when the job is built.

use std::sync::Arc;

use super::reading::Reading;
use super::span::Span;
use super::{Poll, Source, SourceReader};
use crate::data::Data;
use crate::error::{Error, Result};
use crate::job::Subtask;
use crate::operators::Out;

/// Records in memory, read from the front by each subtask in its part of them.
///
/// Replayable as long as the program makes the same collection again.
#[derive(Debug)]
pub struct Collection<T>(Arc<[T]>);

impl<T> Clone for Collection<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> Collection<T> {
    /// Of these records.
    pub fn new(records: impl IntoIterator<Item = T>) -> Self {
        Self(records.into_iter().collect())
    }

    fn len(&self) -> i64 {
        i64::try_from(self.0.len()).unwrap_or(i64::MAX)
    }
}

impl<T: Data + Sync> Source for Collection<T> {
    type Item = T;
    type Split = Span;
    type Reader = CollectionReader<T>;

    fn name(&self) -> &'static str {
        "collection"
    }

    fn is_replayable(&self) -> bool {
        true
    }

    fn splits(&self, parallelism: u32) -> Result<Vec<Span>> {
        Ok(Span::divide(0, self.len(), parallelism))
    }

    fn new_splits(&self, known: &[Span]) -> Result<Vec<Span>> {
        let len = self.len();
        if known.iter().any(|span| span.next < 0 || span.end > len) {
            return Err(Error::refused(format!(
                "the savepoint was taken of another collection: this one has {len} records, that one had {}",
                known.iter().map(|span| span.end).max().unwrap_or(0)
            )));
        }
        let end = known.iter().map(|span| span.end).max().unwrap_or(0);
        let more = Span { next: end, end: len };
        Ok(if more.is_empty() { Vec::new() } else { vec![more] })
    }

    fn reader(&self, _: &Subtask, splits: Vec<Span>) -> Result<CollectionReader<T>> {
        Ok(CollectionReader { records: Arc::clone(&self.0), splits, reading: Reading::default() })
    }
}

/// Reads parts of a [`Collection`].
#[derive(Debug)]
pub struct CollectionReader<T> {
    records: Arc<[T]>,
    splits: Vec<Span>,
    reading: Reading,
}

impl<T: Data + Sync> SourceReader for CollectionReader<T> {
    type Item = T;
    type Split = Span;

    fn poll(&mut self, out: &mut Out<'_, T>) -> Result<Poll> {
        let split = Span::first_left(&self.splits);
        self.reading.turn_to(split, out);
        let Some(span) = split.and_then(|split| self.splits.get_mut(split)) else { return Ok(Poll::End) };
        let range = span.take(out.room());
        let place = |index: i64| usize::try_from(index).unwrap_or(usize::MAX);
        let records = self.records.get(place(range.start)..place(range.end)).unwrap_or_default();
        records.iter().for_each(|record| out.emit_ref(record.as_ref()));
        Ok(Poll::Ready)
    }

    fn splits(&self) -> Vec<Span> {
        self.splits.clone()
    }
}
