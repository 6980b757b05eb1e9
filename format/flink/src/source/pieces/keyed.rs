//! Keyed state and its timers: one table per state that the handle's header names.

use std::sync::Arc;

use spt_format::{Column, Error, ErrorKind, Field, KeyHash, Location, Result, ResultExt};

use super::{Found, KeyedPiece, KeyedPlace, Piece, Subtask};
use crate::keyed::{KeyedHeader, KeyedTable};
use crate::metadata::{Incremental, KeyGroupFile, KeyedHandle};
use crate::serializers::hazards;
use crate::state_meta::StateMeta;

impl Subtask<'_> {
    pub(super) fn keyed_states(&self, handle: &KeyedHandle) -> Result<Vec<Found>> {
        let mut header = match handle {
            KeyedHandle::KeyGroups(file) => self.header_of_file(file)?,
            KeyedHandle::Incremental(database) => self.header_of_database(database)?,
            KeyedHandle::Changelog(changelog) if changelog.changes.is_empty() => {
                return Ok(changelog
                    .base
                    .iter()
                    .map(|base| self.keyed_states(base))
                    .collect::<Result<Vec<_>>>()?
                    .concat());
            }
            KeyedHandle::Changelog(changelog) => self.header_of_changelog(changelog)?,
            KeyedHandle::MemoryChanges(_) | KeyedHandle::FileChanges(_) => {
                let what = "a log of changes on its own".to_owned();
                return Err(Error::new(ErrorKind::Unsupported { what }, Location::default()));
            }
        };
        header.set_kryo(self.kryo);
        let (handle, runs) = (Arc::new(handle.clone()), Arc::default());
        // Several states share their files: what each takes, only the data would tell.
        let bytes = (header.states.len() == 1).then(|| handle.size());
        let state = |(number, meta): (u16, &StateMeta)| match KeyedTable::new(&header.key, meta) {
            Ok(table) => {
                let place = KeyedPlace::State(number);
                let piece = KeyedPiece::whole(&handle, place, Arc::new(table), self.kryo);
                let piece = KeyedPiece { runs: Arc::clone(&runs), ..piece };
                let found = keyed(bytes, piece);
                let mut hazards = hazards(&header.key, Column::Key.name());
                hazards.extend(meta.hazards());
                Found { hazards, ..found }
            }
            Err(error) => Found::unreadable(&meta.name, bytes, &error),
        };
        Ok((0..).zip(&header.states).map(state).collect())
    }

    pub(in crate::source) fn header_of_file(&self, file: &KeyGroupFile) -> Result<KeyedHeader> {
        let stream = self.files.open(&file.stream)?;
        let first =
            file.offsets.iter().filter_map(|offset| u64::try_from(*offset).ok()).filter(|offset| *offset > 0);
        KeyedHeader::read(&stream, first.min(), self.limits).in_file(stream.name())
    }

    pub(in crate::source) fn header_of_database(&self, database: &Incremental) -> Result<KeyedHeader> {
        let stream = self.files.open(&database.meta)?;
        KeyedHeader::read(&stream, None, self.limits).in_file(stream.name())
    }
}

/// One state of a keyed handle.
pub(super) fn keyed(bytes: Option<u64>, piece: KeyedPiece) -> Found {
    let table = &piece.table;
    Found {
        name: table.name.clone(),
        kind: table.kind,
        schema: table.schema.clone(),
        read_as: None,
        ttl: table.ttl,
        key_hash: Some(key_hash(table.schema.key.as_ref())),
        rows: None,
        bytes,
        piece: Piece::Keyed(piece),
        hazards: Vec::new(),
    }
}

/// Keys of Java's own types have a hash that can be computed; of other classes only Java knows it.
fn key_hash(key: Option<&Field>) -> KeyHash {
    match key.map(KeyHash::for_key) {
        Some(KeyHash::Java1) => KeyHash::Java1,
        _ => KeyHash::Unknown,
    }
}
