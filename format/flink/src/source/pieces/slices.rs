//! Cuts what a subtask has of a state into segments of some megabytes: a run of key groups each, read on its own.
//!
//! ```text
//! handle     │ group 0 │ group 1 │ group 2        │ group 3 │ …
//! segments   └──── enough ───────┴──── enough ────┴─────────────
//! ```
//!
//! So the number of things that can be read at the same time follows the bytes, and not the parallelism the job
//! had. Key groups are not cut.

use spt_format::KeyGroupRange;

use super::{KeyedPiece, KeyedPlace, Piece};
use crate::metadata::{Incremental, KeyGroupFile, KeyedHandle};

impl Piece {
    /// This piece as several of at least `bytes` each, as long as there are so many.
    pub(in crate::source) fn cut(self, bytes: u64) -> Vec<Self> {
        let Self::Keyed(piece) = self else { return vec![self] };
        let ranges = match (&*piece.handle, &piece.place) {
            (KeyedHandle::KeyGroups(file), KeyedPlace::State(_)) => of_file(file, bytes),
            (KeyedHandle::Incremental(database), _) => of_database(database, bytes),
            // A log of changes is held in memory while it is read: once is enough.
            _ => vec![piece.key_groups],
        };
        let part = |key_groups| Self::Keyed(KeyedPiece { key_groups, ..piece.clone() });
        ranges.into_iter().map(part).collect()
    }
}

/// Offsets tell where key groups begin. What they are worth is checked when the file is opened.
fn of_file(file: &KeyGroupFile, bytes: u64) -> Vec<KeyGroupRange> {
    let groups = file.key_groups.iter().zip(&file.offsets);
    let mut written = groups.filter_map(|(group, offset)| Some((group, u64::try_from(*offset).ok()?)));
    let mut start = written.find(|(_, offset)| *offset > 0).map_or(0, |(_, offset)| offset);
    let cuts = written.filter_map(|(group, offset)| {
        let enough = offset > 0 && offset.saturating_sub(start) >= bytes;
        enough.then(|| {
            start = offset;
            group
        })
    });
    between(file.key_groups, cuts.collect())
}

/// A table has an index, so any key group is found: as many in each segment.
fn of_database(database: &Incremental, bytes: u64) -> Vec<KeyGroupRange> {
    let files = database.shared.iter().chain(&database.private);
    let size = files.map(|file| file.stream.size()).fold(0, u64::saturating_add);
    let groups = database.key_groups.len();
    let segments = usize::try_from(size / bytes.max(1)).unwrap_or(usize::MAX).clamp(1, groups);
    let first = usize::from(database.key_groups.first());
    let cuts = (1..segments).filter_map(|segment| u16::try_from(first + segment * groups / segments).ok());
    between(database.key_groups, cuts.collect())
}

/// The ranges that begin at the first key group and at every cut.
fn between(all: KeyGroupRange, cuts: Vec<u16>) -> Vec<KeyGroupRange> {
    let starts = std::iter::once(all.first()).chain(cuts.iter().copied());
    let ends = cuts.iter().map(|cut| cut - 1).chain(std::iter::once(all.last()));
    starts.zip(ends).filter_map(|(first, last)| KeyGroupRange::new(first, last).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metadata::{KeyGroupFileKind, StreamHandle};

    fn file(offsets: &[i64]) -> KeyGroupFile {
        let key_groups = KeyGroupRange::new(10, 9 + offsets.len() as u16).unwrap();
        let (kind, stream, offsets) = (KeyGroupFileKind::Savepoint, StreamHandle::Empty, offsets.to_vec());
        KeyGroupFile { kind, key_groups, offsets, stream, id: None }
    }

    fn cut(offsets: &[i64], bytes: u64) -> Vec<(u16, u16)> {
        of_file(&file(offsets), bytes).into_iter().map(|range| (range.first(), range.last())).collect()
    }

    #[test]
    fn a_segment_has_enough_bytes_and_every_key_group_is_in_one() {
        assert_eq!(cut(&[100, 110, 120, 190, 195], 20), [(10, 11), (12, 12), (13, 14)]);
        assert_eq!(cut(&[100, 110, 120], 1), [(10, 10), (11, 11), (12, 12)]);
        assert_eq!(cut(&[100, 110, 120], 1 << 20), [(10, 12)]);
    }

    #[test]
    fn key_groups_that_were_not_written_are_in_a_segment_all_the_same() {
        assert_eq!(cut(&[0, 0, 100, 0, 200, 0], 50), [(10, 13), (14, 15)]);
        assert_eq!(cut(&[0, 0], 1), [(10, 11)]);
    }

    #[test]
    fn offsets_that_lie_still_give_every_key_group_once() {
        assert_eq!(cut(&[i64::MAX, i64::MIN, -1, 5, i64::MAX], 1), [(10, 14)]);
        assert_eq!(cut(&[5, -1, i64::MAX, 0, 7], 1), [(10, 11), (12, 14)]);
    }
}
