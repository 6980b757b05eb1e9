//! Files: is each there that a handle names, and does a handle name each that is there?

use std::collections::BTreeSet;
use std::path::PathBuf;

use spt_format::{Error, ErrorKind, Location};

use super::{Trouble, TroubleKind, kind_of};
use crate::files::Files;
use crate::location::METADATA;
use crate::metadata::{ChangeSet, KeyedHandle, Snapshot, StreamHandle};

/// What is wrong with the files.
pub(super) fn check(snapshot: &Snapshot, files: &Files) -> Vec<Trouble> {
    let mut troubles = Vec::new();
    let mut named = BTreeSet::new();
    for stream in snapshot.streams() {
        troubles.extend(stream_trouble(stream, files, &mut named));
    }
    for log in logs(snapshot) {
        match files.open_log(&log.stream) {
            Ok(_) => named.extend(files.place(&log.stream).ok().flatten().map(|place| place.path)),
            Err(error) => troubles.push(Trouble::new(kind_of(&error), error)),
        }
    }
    troubles.extend(orphans(files, &named));
    troubles
}

/// Opens the file of a stream, which compares its length.
fn stream_trouble(stream: &StreamHandle, files: &Files, named: &mut BTreeSet<PathBuf>) -> Option<Trouble> {
    let place = match files.place(stream) {
        Ok(place) => place?,
        Err(error) => return Some(Trouble::new(TroubleKind::File, error)),
    };
    let first_seen = named.insert(place.path.clone());
    if let Err(error) = files.open(stream) {
        return Some(Trouble::new(TroubleKind::File, error));
    }
    let (StreamHandle::File { path, .. } | StreamHandle::Segment { path, .. }) = stream else { return None };
    (place.moved && first_seen).then(|| {
        let what = format!("it is not at {path}, where the snapshot says");
        Trouble::new(TroubleKind::Moved, place_error(&place.path, what))
    })
}

/// The logs of changelogs: their recorded size is not that of a file.
fn logs(snapshot: &Snapshot) -> impl Iterator<Item = &ChangeSet> {
    let states = snapshot.operators.iter().flat_map(|operator| operator.states());
    let changelogs = states.filter_map(|(_, state)| match &state.managed_keyed {
        Some(KeyedHandle::Changelog(changelog)) => Some(changelog),
        _ => None,
    });
    let changes = changelogs.flat_map(|changelog| &changelog.changes);
    changes.flat_map(|handle| match handle {
        KeyedHandle::FileChanges(changes) => changes.sets.as_slice(),
        _ => &[],
    })
}

/// Files beside `_metadata` that no handle names.
fn orphans(files: &Files, named: &BTreeSet<PathBuf>) -> Vec<Trouble> {
    let folder = match std::fs::read_dir(files.folder()) {
        Ok(folder) => folder,
        Err(error) => return vec![Trouble::new(TroubleKind::File, Error::io("list", files.folder(), error))],
    };
    let paths = folder
        .filter_map(|entry| entry.ok())
        .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_file()));
    let mut orphans = paths
        .filter(|entry| entry.file_name() != METADATA)
        .map(|entry| entry.path())
        .filter(|path| !named.contains(path))
        .collect::<Vec<_>>();
    orphans.sort();
    let orphan = |path: PathBuf| {
        Trouble::new(TroubleKind::Orphan, place_error(&path, "nothing in the snapshot refers to it".into()))
    };
    orphans.into_iter().map(orphan).collect()
}

fn place_error(path: &std::path::Path, what: String) -> Error {
    Error::new(ErrorKind::Invalid { what }, Location::from(path))
}
