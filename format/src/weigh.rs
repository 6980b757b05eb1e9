//! How heavy keys are: the bytes their values take, and the rows they have.
//!
//! ```text
//! segments  [0..3] [4..7] [7..7] [8..9]       no key is in two units, so that each is weighed on its own,
//! units     [0..3] [    4..7   ] [8..9]       and of each the heaviest keys are kept
//! ```
//!
//! Where every row is a key of its own, rows are weighed as they come. Otherwise they are sorted, so that those of
//! one key follow each other: a running sum, and the heaviest so far, is all that is kept.

mod bytes;
mod scale;

use std::ops::Range;

use crate::error::{Error, Result};
use crate::model::{Completeness, SavepointSource, Scan, Segment, State, StateKind, StateRef};
use crate::parallel::{in_order, processors};
use scale::{Scale, Top};

/// One key of a state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeavyKey {
    /// The key as JSON.
    pub key: String,
    /// Its key group.
    pub key_group: u16,
    /// Its rows: elements of its lists, entries of its maps, timers, over all namespaces.
    pub rows: u64,
    /// Bytes of its map keys and values, uncompressed.
    pub bytes: u64,
    /// Its place among the keys of its key group.
    order: Vec<u8>,
}

/// The heaviest keys of a state, the heaviest first, and the state as a whole.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Heaviest {
    /// At most as many as were asked for.
    pub keys: Vec<HeavyKey>,
    /// Keys of the state.
    pub distinct_keys: u64,
    /// Rows of the state.
    pub rows: u64,
    /// Bytes of all map keys and values, uncompressed.
    pub bytes: u64,
    /// What could not be read.
    pub seen: Completeness,
}

/// Finds the `count` heaviest keys of a keyed state: by bytes, then by rows, then in the order of the state. Reads
/// on all processors.
///
/// # Errors
/// [`ErrorKind::BadRequest`](crate::ErrorKind::BadRequest) if the state is not keyed; otherwise as its rows.
pub fn heaviest_keys(source: &dyn SavepointSource, place: StateRef, count: usize) -> Result<Heaviest> {
    let (_, state) = source.savepoint().state(place).ok_or_else(|| Error::not_found("the state"))?;
    let field = state.schema.key.as_ref().filter(|_| state.kind.is_keyed());
    let field = field.ok_or_else(|| Error::bad_request(format!("{} state has no keys", state.kind)))?;
    let rows_are_keys = rows_are_keys(state);
    let units = units(&source.segments(place)?).into_iter().map(Ok);
    let mut all = Top::new(count);
    let weigh = |unit| weigh(source, place, unit, Scale::new(field, rows_are_keys, count));
    in_order(processors(), units, weigh, |found| {
        all.merge(found);
        Ok(())
    })?;
    Ok(all.found)
}

/// Whether no key has two rows.
fn rows_are_keys(state: &State) -> bool {
    let single = matches!(state.kind, StateKind::Value | StateKind::Reducing | StateKind::Aggregating);
    single && state.schema.namespace.is_none()
}

/// Runs of segments that share no key group with another.
fn units(segments: &[Segment]) -> Vec<Range<usize>> {
    let mut units: Vec<Range<usize>> = Vec::new();
    let mut last = None;
    for (place, segment) in segments.iter().enumerate() {
        let groups = segment.key_groups;
        let apart = groups.zip(last).is_some_and(|(groups, last)| groups.first() > last);
        match units.last_mut().filter(|_| !apart) {
            Some(unit) => unit.end = place + 1,
            None => units.push(place..place + 1),
        }
        last = groups.map(|groups| last.map_or(groups.last(), |last: u16| last.max(groups.last())));
    }
    units
}

fn weigh(
    source: &dyn SavepointSource,
    place: StateRef,
    segments: Range<usize>,
    mut scale: Scale<'_>,
) -> Result<Heaviest> {
    let scan = Scan { segments: Some(segments), sorted: !scale.rows_are_keys(), ..Scan::default() };
    let mut rows = source.scan(place, &scan)?;
    for batch in rows.by_ref() {
        scale.weigh(&batch?)?;
    }
    Ok(Heaviest { seen: rows.completeness(), ..scale.finish()? })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::KeyGroupRange;

    #[test]
    fn segments_that_share_a_key_group_are_weighed_together() {
        let segment = |(first, last)| Segment {
            key_groups: Some(KeyGroupRange::new(first, last).unwrap()),
            rows: None,
            bytes: None,
            digest: None,
        };
        let of = |ranges: &[(u16, u16)]| units(&ranges.iter().copied().map(segment).collect::<Vec<_>>());
        assert_eq!(of(&[(0, 3), (4, 7), (7, 7), (7, 9), (10, 10)]), [0..1, 1..4, 4..5]);
        assert_eq!(of(&[(0, 9), (3, 4), (5, 6), (10, 12)]), [0..3, 3..4]);
        assert_eq!(of(&[]), []);
        let unknown = Segment { key_groups: None, rows: None, bytes: None, digest: None };
        assert_eq!(units(&[segment((0, 1)), unknown, segment((2, 3))]).first(), Some(&(0..3)));
    }
}
