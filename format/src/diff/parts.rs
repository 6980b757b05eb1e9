//! Cuts the comparison of two states into parts that can be done at the same time.
//!
//! ```text
//! left    [0‥3][4‥7][8‥11]      parts end where no segment of either side goes on:
//! right   [0‥7]     [8‥11]      0‥7 | 8‥11
//! ```
//!
//! Segments without that order, as Flink's, are read by ranges of key groups instead.

use std::ops::Range;

use crate::model::{KeyGroupRange, Scan, Segment};
use crate::parallel::processors;

/// A part is worth a thread of its own from so many rows of both sides on.
const PART_ROWS: u64 = 262_144;
/// Parts for each core where the number of rows is not known.
const PARTS_PER_CORE: usize = 4;

/// Rows of the left and rows of the right that stand against each other, and against no others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Part {
    /// Segments of the left.
    pub(crate) left: Range<usize>,
    /// Segments of the right.
    pub(crate) right: Range<usize>,
    /// Of their rows only those of these key groups.
    pub(crate) key_groups: Option<KeyGroupRange>,
}

impl Part {
    /// What to read of either side, in order.
    pub(crate) fn scan(&self, segments: &Range<usize>) -> Scan {
        Scan {
            segments: Some(segments.clone()),
            key_groups: self.key_groups,
            sorted: true,
            ..Scan::default()
        }
    }
}

/// Cuts runs of segments that stand against each other; `max_parallelism` is that of keyed states.
pub(crate) fn cut(
    runs: Vec<(Range<usize>, Range<usize>)>,
    left: &[Segment],
    right: &[Segment],
    max_parallelism: Option<u32>,
) -> Vec<Part> {
    let cores = processors();
    let mut parts = Vec::new();
    for (left_run, right_run) in runs {
        let sides = [(left, &left_run), (right, &right_run)]
            .map(|(segments, run)| segments.get(run.clone()).unwrap_or_default());
        let [ascending_left, ascending_right] = sides.map(ascending);
        match (ascending_left.zip(ascending_right), max_parallelism) {
            (Some((left, right)), _) => {
                let ends = ends(sides.iter().copied().flatten());
                parts.extend(by_segments(&ends, (&left, left_run.start), (&right, right_run.start)));
            }
            (None, Some(groups)) if cores > 1 => {
                let count = known_parts(sides).unwrap_or(cores * PARTS_PER_CORE);
                parts.extend(by_key_groups(&left_run, &right_run, groups, count));
            }
            (None, _) => parts.push(Part { left: left_run, right: right_run, key_groups: None }),
        }
    }
    parts
}

/// The first key group of each segment, if all of them have key groups and they ascend.
fn ascending(segments: &[Segment]) -> Option<Vec<u16>> {
    let ranges: Vec<KeyGroupRange> =
        segments.iter().map(|segment| segment.key_groups).collect::<Option<_>>()?;
    let ascend = ranges.windows(2).all(|pair| matches!(pair, [one, next] if one.last() <= next.first()));
    ascend.then(|| ranges.iter().map(|range| range.first()).collect())
}

/// Key groups before which no segment goes on, once a part has enough rows.
fn ends<'a>(segments: impl Iterator<Item = &'a Segment>) -> Vec<u16> {
    let mut sorted: Vec<(KeyGroupRange, u64)> = segments
        .filter_map(|segment| Some((segment.key_groups?, segment.rows.unwrap_or(PART_ROWS))))
        .collect();
    sorted.sort_unstable_by_key(|(range, _)| range.first());
    let (mut ends, mut reached, mut rows) = (Vec::new(), None, 0);
    for (range, count) in sorted {
        if rows >= PART_ROWS && reached.is_some_and(|reached| reached < range.first()) {
            ends.push(range.first());
            rows = 0;
        }
        rows += count;
        reached = reached.max(Some(range.last()));
    }
    ends
}

/// Whole segments between these key groups; each side's first key groups, and the place of its first segment.
fn by_segments(ends: &[u16], left: (&[u16], usize), right: (&[u16], usize)) -> Vec<Part> {
    let place = |(firsts, start): (&[u16], usize), end: Option<u16>| {
        start + end.map_or(firsts.len(), |end| firsts.partition_point(|first| *first < end))
    };
    let mut from = (left.1, right.1);
    let ends = ends.iter().copied().map(Some).chain([None]);
    let part = ends.map(|end| {
        let to = (place(left, end), place(right, end));
        let part = Part { left: from.0..to.0, right: from.1..to.1, key_groups: None };
        from = to;
        part
    });
    part.collect()
}

/// How many parts the rows are worth, if their number is known on one side at least.
fn known_parts(sides: [&[Segment]; 2]) -> Option<usize> {
    let rows = |segments: &[Segment]| segments.iter().map(|segment| segment.rows).sum::<Option<u64>>();
    let most = sides.into_iter().filter_map(rows).max()?;
    usize::try_from(2 * most / PART_ROWS + 1).ok()
}

/// Ranges of key groups, as equal as they can be.
fn by_key_groups(left: &Range<usize>, right: &Range<usize>, max_parallelism: u32, count: usize) -> Vec<Part> {
    let count = (count as u64).clamp(1, u64::from(max_parallelism).max(1));
    let at = |index: u64| u64::from(max_parallelism) * index / count;
    let range = |index: u64| {
        let (first, end) = (u16::try_from(at(index)).ok()?, at(index + 1).checked_sub(1)?);
        KeyGroupRange::new(first, u16::try_from(end).ok()?).ok()
    };
    let part = |index| Part { left: left.clone(), right: right.clone(), key_groups: range(index) };
    (0..count).map(part).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn segments(ranges: &[(u16, u16)]) -> Vec<Segment> {
        let segment = |(first, last): &(u16, u16)| Segment {
            key_groups: Some(KeyGroupRange::new(*first, *last).unwrap()),
            rows: Some(PART_ROWS),
            bytes: None,
            digest: None,
        };
        ranges.iter().map(segment).collect()
    }

    fn part(left: Range<usize>, right: Range<usize>) -> Part {
        Part { left, right, key_groups: None }
    }

    #[test]
    fn parts_end_where_no_segment_goes_on() {
        let left = segments(&[(0, 3), (4, 7), (8, 11), (11, 11), (12, 15)]);
        let right = segments(&[(0, 7), (8, 11), (12, 12)]);
        assert_eq!(
            cut(vec![(0..5, 0..3)], &left, &right, Some(16)),
            [part(0..2, 0..1), part(2..4, 1..2), part(4..5, 2..3)]
        );
        assert_eq!(cut(vec![(2..3, 1..1)], &left, &right, Some(16)), [part(2..3, 1..1)]);
    }

    #[test]
    fn ranges_of_key_groups_cover_all_of_them_once() {
        for groups in [1, 7, 128, 32_768] {
            for count in [1, 3, 8, 1000] {
                let parts = by_key_groups(&(0..2), &(0..3), groups, count);
                let mut next = 0;
                for part in &parts {
                    let range = part.key_groups.unwrap();
                    assert_eq!(u32::from(range.first()), next, "{groups} in {count}");
                    next = u32::from(range.last()) + 1;
                }
                assert_eq!(next, groups);
            }
        }
    }
}
