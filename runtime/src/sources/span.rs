//! A run of numbers, read from the front: what collections and sequences are divided into.

use crate::state::State;

/// The numbers from `next` to before `end` that are still to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, State)]
pub struct Span {
    /// The first that has not been read.
    pub next: i64,
    /// The first that belongs to somebody else.
    pub end: i64,
}

impl Span {
    /// Divides the numbers from `start` to before `end` into this many runs of nearly equal length.
    pub(super) fn divide(start: i64, end: i64, runs: u32) -> Vec<Self> {
        let length = i128::from(end.max(start)) - i128::from(start);
        let runs = i128::from(runs.max(1));
        // Between `start` and `end`, so it fits.
        let border = |run: i128| i64::try_from(i128::from(start) + length * run / runs).unwrap_or(end);
        (0..runs).map(|run| Self { next: border(run), end: border(run + 1) }).collect()
    }

    /// Divides what is left of these spans into this many runs of nearly equal length; nothing if nothing is left.
    pub(super) fn divide_again(spans: &[Self], runs: u32) -> Option<Vec<Vec<Self>>> {
        let left: Vec<_> = spans.iter().filter(|span| !span.is_empty()).collect();
        let length = |span: &Self| span.end.abs_diff(span.next);
        let all: u128 = left.iter().map(|span| u128::from(length(span))).sum();
        let mut left = left.into_iter().copied();
        let mut span = left.next()?;
        let (mut divided, mut taken, count) = (Vec::new(), 0, u128::from(runs.max(1)));
        for run in 1..=count {
            let (mut parts, border) = (Vec::new(), all * run / count);
            while taken < border {
                let part = span.take(u64::try_from(border - taken).unwrap_or(u64::MAX));
                let part = Self { next: part.start, end: part.end };
                taken += u128::from(length(&part));
                parts.push(part);
                if span.is_empty() {
                    span = left.next().unwrap_or(span);
                }
            }
            divided.push(parts);
        }
        Some(divided)
    }

    /// Takes at most `count` numbers from the front.
    pub(super) fn take(&mut self, count: u64) -> std::ops::Range<i64> {
        let first = self.next;
        self.next = first.saturating_add_unsigned(count).min(self.end).max(first);
        first..self.next
    }

    pub(super) fn is_empty(self) -> bool {
        self.next >= self.end
    }

    /// The first of these runs with something left to read.
    pub(super) fn first_left(spans: &[Self]) -> Option<usize> {
        spans.iter().position(|span| !span.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_cover_everything_once() {
        for (start, end, runs) in [(0, 10, 3), (-5, 5, 4), (0, 0, 2), (0, 2, 5), (i64::MIN, i64::MAX, 7)] {
            let spans = Span::divide(start, end, runs);
            assert_eq!(spans.len(), runs as usize);
            assert_eq!((spans[0].next, spans[spans.len() - 1].end), (start, end));
            assert!(spans.windows(2).all(|pair| pair[0].end == pair[1].next), "{spans:?}");
        }
    }

    #[test]
    fn what_is_left_is_divided_into_runs_of_one_length() {
        let span = |next, end| Span { next, end };
        assert_eq!(
            Span::divide_again(&[span(2, 10)], 4).unwrap(),
            [(2, 4), (4, 6), (6, 8), (8, 10)].map(|(next, end)| vec![span(next, end)])
        );
        let uneven = [span(0, 1), span(7, 7), span(20, 26), span(30, 35)];
        assert_eq!(
            Span::divide_again(&uneven, 3).unwrap(),
            [vec![span(0, 1), span(20, 23)], vec![span(23, 26), span(30, 31)], vec![span(31, 35)]]
        );
        assert_eq!(Span::divide_again(&uneven, 1).unwrap(), [[uneven[0], uneven[2], uneven[3]]]);
        assert_eq!(Span::divide_again(&[span(0, 1)], 3).unwrap(), [vec![], vec![], vec![span(0, 1)]]);
        let widest = Span::divide_again(&[span(i64::MIN, 0), span(0, i64::MAX)], 2).unwrap();
        assert_eq!(widest.concat().len(), 3);
        assert_eq!(Span::divide_again(&[span(7, 7)], 2), None);
    }

    #[test]
    fn numbers_are_taken_from_the_front() {
        let mut span = Span { next: 3, end: 8 };
        assert_eq!(span.take(4), 3..7);
        assert_eq!(span.take(4), 7..8);
        assert!(span.is_empty());
        assert_eq!(span.take(4), 8..8);
    }
}
