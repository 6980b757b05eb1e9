//! Which values of heap files were delimited by where the next entry was found, and not by their serializer; and
//! why others were not.
//!
//! A reader cannot tell such a value from one that says its end, so it is said here.

use std::sync::Arc;

use spt_format::{Error, Result};

use super::super::FlinkSource;
use super::super::pieces::{KeyedPiece, KeyedPlace, Piece};
use super::{Trouble, TroubleKind};
use crate::keyed::{HeapScan, KeyedFile, KeyedLayout, KeyedTable};
use crate::metadata::{KeyGroupFileKind, KeyedHandle};
use crate::rows::Counted;

/// What inference did for one state.
#[derive(Default)]
struct Ends {
    inferred: u64,
    uncertain: Option<Error>,
}

/// The states of which rows were, or could not be, delimited by inference.
pub(super) fn check(source: &FlinkSource) -> Vec<Trouble> {
    let operators = source.savepoint.operators.iter().zip(&source.tables);
    let states = operators.flat_map(|(operator, tables)| {
        let states = operator.states.iter().zip(tables);
        states.map(move |(state, pieces)| (operator, state, pieces))
    });
    states
        .flat_map(|(operator, state, pieces)| {
            let place = format!("operator {}, state {:?}", operator.label(), state.name);
            let ends = ends(source, pieces, operator.max_parallelism);
            let inferred = (ends.inferred > 0).then(|| {
                let what = format!("{} rows end where the next entry was found", ends.inferred);
                Trouble::new(TroubleKind::Inferred, Error::invalid(what).within(place.clone()))
            });
            let uncertain = ends.uncertain.map(|error| error.within(place));
            let uncertain = uncertain.map(|error| Trouble::new(TroubleKind::Unsupported, error));
            inferred.into_iter().chain(uncertain)
        })
        .collect()
}

/// Damage is found by those who read the rows.
fn ends(source: &FlinkSource, pieces: &[Piece], max_parallelism: u32) -> Ends {
    let mut ends = Ends::default();
    for piece in pieces {
        let Piece::Keyed(piece) = piece else { continue };
        let Ok(Some(scan)) = scan(source, piece, max_parallelism) else { continue };
        ends.inferred += scan.inferred();
        if let Some(error) = scan.into_unread_because() {
            ends.uncertain.get_or_insert(error);
        }
    }
    ends
}

/// A scan that was read to its end, if it is of a heap file in which something may not tell its end.
fn scan(source: &FlinkSource, piece: &KeyedPiece, max_parallelism: u32) -> Result<Option<HeapScan>> {
    let (KeyedHandle::KeyGroups(handle), KeyedPlace::State(state)) = (&*piece.handle, &piece.place) else {
        return Ok(None);
    };
    if handle.kind == KeyGroupFileKind::Savepoint {
        return Ok(None);
    }
    let stream = Arc::new(source.files.open(&handle.stream)?);
    let mut file = KeyedFile::open(stream, handle, max_parallelism, &source.limits)?;
    file.set_kryo(piece.kryo);
    if file.layout != KeyedLayout::Heap || !file.header.states.iter().any(|state| hides_ends(&file, state)) {
        return Ok(None);
    }
    let mut scan = HeapScan::new(&file, *state, Some(piece.key_groups))?;
    scan.by_ref().try_for_each(|batch| batch.map(drop))?;
    Ok(Some(scan))
}

fn hides_ends(file: &KeyedFile, state: &crate::StateMeta) -> bool {
    KeyedTable::new(&file.header.key, state).is_ok_and(|table| Counted::is_needed(&table.schema))
}
