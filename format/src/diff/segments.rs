//! Which parts of two states have to be read at all.
//!
//! Rows are sorted, and equal digests mean equal rows. So a segment that is on both sides cuts both tables in
//! two: what is before it on one side can only meet what is before it on the other.
//!
//! ```text
//! left   [A][B][C][D]      B = B, D = D      to read:  A against X,  C against nothing
//! right  [X][B][D]
//! ```

use std::collections::HashMap;
use std::ops::Range;

use crate::model::Segment;

/// What is left to compare after equal segments are taken out.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Work {
    /// Rows of the equal segments.
    pub(crate) rows_same: u64,
    /// Runs of segments, left and right, that stand against each other. Never both empty.
    pub(crate) runs: Vec<(Range<usize>, Range<usize>)>,
}

/// Finds the segments that are on both sides.
pub(crate) fn plan(left: &[Segment], right: &[Segment]) -> Work {
    let places: HashMap<[u8; 32], usize> =
        right.iter().enumerate().filter_map(|(place, segment)| Some((segment.digest?, place))).collect();
    let mut work = Work::default();
    let (mut left_start, mut right_start) = (0, 0);
    for (place, segment) in left.iter().enumerate() {
        let found = segment.digest.and_then(|digest| places.get(&digest)).copied();
        let (Some(twin), Some(rows)) = (found.filter(|twin| *twin >= right_start), segment.rows) else {
            continue;
        };
        work.rows_same += rows;
        work.push(left_start..place, right_start..twin);
        (left_start, right_start) = (place + 1, twin + 1);
    }
    work.push(left_start..left.len(), right_start..right.len());
    work
}

impl Work {
    fn push(&mut self, left: Range<usize>, right: Range<usize>) {
        if !left.is_empty() || !right.is_empty() {
            self.runs.push((left, right));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn segments(names: &str) -> Vec<Segment> {
        let segment = |name: u8| Segment {
            key_groups: None,
            rows: Some(10),
            bytes: None,
            digest: (name != b'?').then_some([name; 32]),
        };
        names.bytes().map(segment).collect()
    }

    #[test]
    fn only_what_differs_is_read() {
        let cases = [
            ("ABC", "ABC", 30, vec![]),
            ("ABCD", "XBD", 20, vec![(0..1, 0..1), (2..3, 2..2)]),
            ("", "AB", 0, vec![(0..0, 0..2)]),
            ("??", "??", 0, vec![(0..2, 0..2)]),
            ("AB", "BA", 10, vec![(0..0, 0..1), (1..2, 2..2)]),
        ];
        for (left, right, rows_same, runs) in cases {
            let expected = Work { rows_same, runs };
            assert_eq!(plan(&segments(left), &segments(right)), expected, "{left} {right}");
        }
    }
}
