//! Is every key in the key group of its hash? Flink would not find it elsewhere.
//!
//! Keys with a hash that the model knows are compared where rows are; here are the others that Flink hashes in a
//! known way: rows of SQL, dates and times.

use std::sync::Arc;

use spt_format::{Error, ErrorKind, KeyHash, Location, Result, ResultExt};

use super::super::FlinkSource;
use super::super::pieces::{KeyedPiece, KeyedPlace, Piece};
use super::{Trouble, TroubleKind, kind_of};
use crate::keyed::{CanonicalEntries, Entries, KeyedFile, KeyedLayout, RocksDatabase};
use crate::metadata::KeyedHandle;
use crate::serializers::key_hash;

/// The first key of each state and subtask that is in another key group than its own.
pub(super) fn check(source: &FlinkSource) -> Vec<Trouble> {
    let operators = source.savepoint.operators.iter().zip(&source.tables);
    let mut troubles = Vec::new();
    for (operator, tables) in operators {
        for piece in tables.iter().flatten() {
            let Piece::Keyed(piece) = piece else { continue };
            let known_to_the_model =
                piece.table.schema.key.as_ref().map(KeyHash::for_key) == Some(KeyHash::Java1);
            if known_to_the_model || !key_hash::is_known(&piece.table.key) {
                continue;
            }
            if let Err(error) = check_piece(source, piece, operator.max_parallelism) {
                let place = format!("operator {}, state {:?}", operator.label(), piece.table.name);
                let kind = match error.kind() {
                    ErrorKind::Mismatch { .. } => TroubleKind::Structure,
                    _ => kind_of(&error),
                };
                troubles.push(Trouble::new(kind, error.within(place)));
            }
        }
    }
    troubles
}

fn check_piece(source: &FlinkSource, piece: &KeyedPiece, max_parallelism: u32) -> Result<()> {
    let (files, limits) = (&source.files, &source.limits);
    match (&*piece.handle, &piece.place) {
        (KeyedHandle::KeyGroups(handle), KeyedPlace::State(state)) => {
            let stream = files.open(&handle.stream)?;
            let name = stream.name().to_owned();
            let mut file = KeyedFile::open(Arc::new(stream), handle, max_parallelism, limits)?;
            file.runs = Arc::clone(&piece.runs);
            if file.layout == KeyedLayout::Heap {
                return Ok(());
            }
            check_entries(
                CanonicalEntries::new(&file, *state, Some(piece.key_groups)),
                piece,
                max_parallelism,
            )
            .in_file(name)
        }
        (KeyedHandle::Incremental(handle), _) => {
            let database = RocksDatabase::open(handle, max_parallelism, files, limits)?;
            let entries = database.entries(&piece.table.name, piece.key_groups)?;
            check_entries(entries, piece, max_parallelism)
        }
        _ => Ok(()),
    }
}

fn check_entries(mut entries: impl Entries, piece: &KeyedPiece, max_parallelism: u32) -> Result<()> {
    while entries.advance()? {
        let key = entries.key();
        let prefix = key.iter().take(if max_parallelism > 128 { 2 } else { 1 });
        let found = prefix.fold(0u16, |group, byte| group << 8 | u16::from(*byte));
        let expected = piece.table.key_group_of(key, max_parallelism).within(|| entries.place())?;
        if let Some(expected) = expected.filter(|expected| *expected != found) {
            let what = "key group of a key".to_owned();
            let (found, expected) = (found.to_string(), expected.to_string());
            let kind = ErrorKind::Mismatch { what, found, expected };
            return Err(Error::new(kind, Location::default()).within(entries.place()));
        }
    }
    Ok(())
}
