//! Records made by a function, at a given pace: data for tests and demonstrations.

use std::marker::PhantomData;
use std::ops::Range;

use super::sequence::{Sequence, SequenceReader};
use super::span::Span;
use super::{Poll, Source, SourceReader};
use crate::data::Record;
use crate::error::Result;
use crate::job::Subtask;
use crate::operators::Out;

/// What a function makes of the numbers of a range, which are divided among the subtasks.
///
/// Replayable, as long as the function makes the same of a number whenever it is asked: take randomness from the
/// number, not from a clock.
///
/// ```
/// use spt_runtime::sources::Generator;
/// let clicks = Generator::new(0..i64::MAX, |n| (format!("user-{}", n % 100), n)).per_second(50.0);
/// ```
pub struct Generator<F, R> {
    numbers: Sequence,
    make: F,
    record: PhantomData<fn() -> R>,
}

impl<F: Clone, R> Clone for Generator<F, R> {
    fn clone(&self) -> Self {
        Self { numbers: self.numbers.clone(), make: self.make.clone(), record: PhantomData }
    }
}

impl<F: Fn(i64) -> R, R: Record> Generator<F, R> {
    /// The record that `make` makes of each number.
    pub fn new(range: Range<i64>, make: F) -> Self {
        Self { numbers: Sequence::new(range), make, record: PhantomData }
    }

    /// So many records a second, by all subtasks together. Nothing above zero is no pace.
    #[must_use]
    pub fn per_second(self, rate: f64) -> Self {
        Self { numbers: self.numbers.per_second(rate), ..self }
    }
}

impl<F, R> Source for Generator<F, R>
where
    F: Fn(i64) -> R + Clone + Send + 'static,
    R: Record + 'static,
{
    type Item = R::Data;
    type Split = Span;
    type Reader = GeneratorReader<F, R>;

    fn name(&self) -> &'static str {
        "generator"
    }

    fn is_replayable(&self) -> bool {
        true
    }

    fn splits(&self, parallelism: u32) -> Result<Vec<Span>> {
        self.numbers.splits(parallelism)
    }

    fn rescale(&self, splits: &[Span], parallelism: u32) -> Option<Vec<Vec<Span>>> {
        self.numbers.rescale(splits, parallelism)
    }

    fn reader(&self, subtask: &Subtask, splits: Vec<Span>) -> Result<GeneratorReader<F, R>> {
        let numbers = self.numbers.reader(subtask, splits)?;
        Ok(GeneratorReader { numbers, make: self.make.clone(), record: PhantomData })
    }
}

/// Makes the records of parts of a [`Generator`].
pub struct GeneratorReader<F, R> {
    numbers: SequenceReader,
    make: F,
    record: PhantomData<fn() -> R>,
}

impl<F: Fn(i64) -> R + Send, R: Record> SourceReader for GeneratorReader<F, R> {
    type Item = R::Data;
    type Split = Span;

    fn poll(&mut self, out: &mut Out<'_, R::Data>) -> Result<Poll> {
        Ok(match self.numbers.due(out) {
            Ok(range) => {
                out.extend(range.map(&self.make));
                Poll::Ready
            }
            Err(instead) => instead,
        })
    }

    fn splits(&self) -> Vec<Span> {
        self.numbers.splits()
    }
}
