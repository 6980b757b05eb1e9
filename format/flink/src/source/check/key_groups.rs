//! Is every key in the key group of its hash? Flink would not find it elsewhere.
//!
//! Keys with a hash that the model knows are compared where rows are; here are the others that Flink hashes in a
//! known way: rows, those of SQL and of PyFlink among them, dates and times.

use std::sync::Arc;

use spt_format::{Error, ErrorKind, KeyHash, Location, Result, ResultExt};

use super::super::FlinkSource;
use super::super::pieces::{KeyedPiece, KeyedPlace, Piece};
use super::{Trouble, TroubleKind, kind_of};
use crate::keyed::{CanonicalEntries, Entries, HeapEntries, KeyedFile, KeyedLayout, RocksDatabase};
use crate::metadata::KeyedHandle;
use crate::serializers::key_hash;
use crate::serializers::values::is_unsupported;

/// The first key of each state and subtask that is in another key group than its own.
pub(super) fn check(source: &FlinkSource) -> Vec<Trouble> {
    let operators = source.savepoint.operators.iter().zip(&source.tables);
    let mut troubles = Vec::new();
    for (operator, tables) in operators {
        for piece in tables.iter().flatten() {
            let Piece::Keyed(piece) = piece else { continue };
            let known_to_the_model =
                piece.table.schema.key.as_ref().map(KeyHash::for_key) == Some(KeyHash::Java1);
            if known_to_the_model || !is_hashed(piece) {
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

/// Whether the keys of all these pieces are hashed here.
pub(in crate::source) fn hashes_keys(pieces: &[Piece]) -> bool {
    pieces.iter().all(|piece| matches!(piece, Piece::Keyed(piece) if is_hashed(piece)))
}

fn is_hashed(piece: &KeyedPiece) -> bool {
    let is_read = matches!(
        (&*piece.handle, &piece.place),
        (KeyedHandle::KeyGroups(_), KeyedPlace::State(_)) | (KeyedHandle::Incremental(_), _)
    );
    is_read && key_hash::is_known(&piece.table.key)
}

fn check_piece(source: &FlinkSource, piece: &KeyedPiece, max_parallelism: u32) -> Result<()> {
    let (files, limits) = (&source.files, &source.limits);
    match (&*piece.handle, &piece.place) {
        (KeyedHandle::KeyGroups(handle), KeyedPlace::State(state)) => {
            let stream = files.open(&handle.stream)?;
            let name = stream.name().to_owned();
            let mut file = KeyedFile::open(Arc::new(stream), handle, max_parallelism, limits)?;
            file.runs = Arc::clone(&piece.runs);
            let key_groups = Some(piece.key_groups);
            match file.layout {
                // Rows whose end is not found count as unread, which whoever reads them says.
                KeyedLayout::Heap => {
                    check_entries(HeapEntries::new(&file, *state, key_groups), piece, max_parallelism)
                        .or_else(|error| if is_unsupported(&error) { Ok(()) } else { Err(error) })
                }
                _ => check_entries(CanonicalEntries::new(&file, *state, key_groups), piece, max_parallelism),
            }
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
