//! A Flink snapshot as the model sees it.
//!
//! ```text
//! path ─► _metadata ─► headers of all states, in parallel ─► catalogue
//!                                              scan ─► segments of one state, in parallel ─► batches of rows
//! ```
//!
//! Opening costs `_metadata` and the headers; rows are read when they are asked for.

mod ahead;
mod catalogue;
mod changelog;
mod check;
mod facts;
mod keyed;
mod payloads;
mod pieces;
mod scan;

use std::any::Any;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use spt_format::{
    Completeness, Error, ErrorKind, Location, ReadLimits, Result, ResultExt, RowStream, Savepoint,
    SavepointSource, Scan, Segment, StateRef,
};

use crate::files::{Files, PathMap};
use crate::location::{METADATA, find_metadata};
use crate::metadata::{self, Snapshot, StreamHandle};
use crate::parallel;
use crate::serializers::Hazard;
use pieces::Piece;

pub use check::{Trouble, TroubleKind};

/// Threads a scan uses at most: each holds a batch or more.
const MAX_THREADS: usize = 8;
/// Bytes of keyed state that are worth being read on their own.
const SEGMENT_BYTES: u64 = 8 << 20;

/// A savepoint or checkpoint of Flink, opened.
pub struct FlinkSource {
    savepoint: Savepoint,
    snapshot: Snapshot,
    files: Files,
    limits: ReadLimits,
    /// Threads that decode the rows of a scan.
    threads: usize,
    /// Per operator, per state: where its rows are.
    tables: Vec<Vec<Vec<Piece>>>,
    /// Per operator, per state: what Flink 2 may find wrong with it.
    hazards: Vec<Vec<Vec<Hazard>>>,
}

/// How to open a snapshot.
#[derive(Debug, Clone)]
pub struct FlinkOptions {
    limits: ReadLimits,
    path_maps: Vec<PathMap>,
    threads: usize,
    segment_bytes: u64,
}

impl Default for FlinkOptions {
    fn default() -> Self {
        Self {
            limits: ReadLimits::default(),
            path_maps: Vec::new(),
            threads: parallel::cores().min(MAX_THREADS),
            segment_bytes: SEGMENT_BYTES,
        }
    }
}

/// A file that is not where `_metadata` says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moved {
    /// Where it was.
    pub recorded: String,
    /// Where it was found, by name and size.
    pub found: PathBuf,
}

impl FlinkOptions {
    /// Other limits than the generous ones.
    #[must_use]
    pub fn limits(mut self, limits: ReadLimits) -> Self {
        self.limits = limits;
        self
    }

    /// Says where files are that were moved. The first that fits a recorded path counts.
    #[must_use]
    pub fn path_map(mut self, map: PathMap) -> Self {
        self.path_maps.push(map);
        self
    }

    /// Decodes the rows of a scan with so many threads, instead of one per core up to eight.
    #[must_use]
    pub fn threads(mut self, threads: usize) -> Self {
        self.threads = threads.max(1);
        self
    }

    /// Cuts keyed state into segments of at least so many bytes, instead of 8 MiB. They are what is read in
    /// parallel.
    #[must_use]
    pub fn segment_bytes(mut self, bytes: u64) -> Self {
        self.segment_bytes = bytes;
        self
    }

    /// Opens the snapshot at `path`: its folder, or its `_metadata`.
    ///
    /// # Errors
    /// [`ErrorKind::NotASavepoint`] with a hint, and what is wrong with `_metadata`. A state that cannot be
    /// read is no error here: it is in the catalogue, and reading its rows is one.
    pub fn open(self, path: impl AsRef<Path>) -> Result<FlinkSource> {
        let file = find_metadata(path.as_ref())?;
        let bytes = read_metadata(&file, &self.limits)?;
        let folder = file.parent().unwrap_or(Path::new(""));
        self.open_bytes(&bytes, folder).in_file(file.display().to_string())
    }

    /// Opens the snapshot whose `_metadata` is `bytes` and would be in `folder`, where its other files are.
    ///
    /// # Errors
    /// As [`FlinkOptions::open`].
    pub fn open_bytes(self, bytes: &Bytes, folder: &Path) -> Result<FlinkSource> {
        let snapshot = metadata::read(bytes, &self.limits)?;
        let files = Files::new(folder, self.path_maps)?;
        let mut savepoint = facts::savepoint(&snapshot, files.folder());
        let (mut tables, mut hazards) = (Vec::new(), Vec::new());
        for entry in catalogue::operators(&snapshot, &files, &self.limits, self.segment_bytes) {
            savepoint.operators.push(entry.operator);
            tables.push(entry.tables);
            hazards.push(entry.hazards);
        }
        let (limits, threads) = (self.limits, self.threads);
        Ok(FlinkSource { savepoint, snapshot, files, limits, threads, tables, hazards })
    }
}

fn read_metadata(file: &Path, limits: &ReadLimits) -> Result<Bytes> {
    let size = std::fs::metadata(file).map_err(|error| Error::io("look at", file, error))?.len();
    ReadLimits::check("size of _metadata", size, limits.metadata_bytes)
        .in_file(file.display().to_string())?;
    std::fs::read(file).map(Bytes::from).map_err(|error| Error::io("read", file, error))
}

impl FlinkSource {
    /// Opens the snapshot at `path` as it is.
    ///
    /// # Errors
    /// As [`FlinkOptions::open`].
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        Self::options().open(path)
    }

    /// How to open a snapshot.
    pub fn options() -> FlinkOptions {
        FlinkOptions::default()
    }

    /// Whether `path` looks like a snapshot of Flink: a `_metadata`, or a folder with one.
    pub fn is_at(path: &Path) -> bool {
        path.join(METADATA).is_file()
            || (path.is_file() && path.file_name().is_some_and(|name| name == METADATA))
    }

    /// What `_metadata` says, for what the model has no place for.
    pub fn snapshot(&self) -> &Snapshot {
        &self.snapshot
    }

    /// Files that are not where `_metadata` says, and where they were found.
    ///
    /// # Errors
    /// The first file that is not to be found at all.
    pub fn moved(&self) -> Result<Vec<Moved>> {
        let mut moved = Vec::new();
        for stream in self.snapshot.streams() {
            let (StreamHandle::File { path, .. } | StreamHandle::Segment { path, .. }) = stream else {
                continue;
            };
            match self.files.place(stream)? {
                Some(place) if place.moved => moved.push(Moved { recorded: path.clone(), found: place.path }),
                _ => {}
            }
        }
        moved.sort_by(|a, b| a.recorded.cmp(&b.recorded));
        moved.dedup();
        Ok(moved)
    }

    /// The line of Flink that wrote it: 1 or 2.
    pub fn written_by_line(&self) -> u32 {
        if self.snapshot.version >= FIRST_VERSION_OF_FLINK_2 { 2 } else { 1 }
    }

    /// What Flink 2 may find wrong with a state; nothing if Flink 2 wrote it.
    pub fn hazards(&self, place: StateRef) -> &[Hazard] {
        let hazards = self.hazards.get(place.operator).and_then(|states| states.get(place.state));
        hazards.filter(|_| self.written_by_line() == 1).map_or(&[], Vec::as_slice)
    }

    fn pieces(&self, place: StateRef) -> Result<&[Piece]> {
        let pieces = self.tables.get(place.operator).and_then(|tables| tables.get(place.state));
        pieces.map(Vec::as_slice).ok_or_else(|| {
            let what = format!("state {} of operator {}", place.state, place.operator);
            Error::new(ErrorKind::NotFound { what }, Location::default())
        })
    }
}

/// `_metadata` got this version with Flink 2.0.
const FIRST_VERSION_OF_FLINK_2: u32 = 5;

impl SavepointSource for FlinkSource {
    fn savepoint(&self) -> &Savepoint {
        &self.savepoint
    }

    fn segments(&self, state: StateRef) -> Result<Vec<Segment>> {
        let pieces = self.pieces(state)?;
        let kind = self.savepoint.state(state).map(|(_, state)| state.kind);
        let pieces = kind.map_or(pieces, |kind| scan::used(kind, pieces));
        Ok(pieces.iter().map(scan::segment).collect())
    }

    fn scan(&self, state: StateRef, scan: &Scan) -> Result<Box<dyn RowStream>> {
        let (operator, entry) =
            self.savepoint.state(state).ok_or_else(|| Error::not_found("there is no such state"))?;
        scan::rows(self, operator, entry, self.pieces(state)?, scan)
            .within(|| format!("operator {}, state {:?}", operator.label(), entry.name))
    }

    fn count(&self, state: StateRef, scan: &Scan) -> Result<(u64, Completeness)> {
        let found = self.savepoint.state(state).filter(|(_, entry)| entry.kind.is_keyed());
        let Some((operator, entry)) = found else { return self.scan(state, scan)?.count_rows() };
        scan::count(self, operator, entry, self.pieces(state)?, scan)
            .within(|| format!("operator {}, state {:?}", operator.label(), entry.name))
    }

    fn checks_key_groups(&self, state: StateRef) -> bool {
        self.pieces(state).is_ok_and(check::hashes_keys)
    }

    fn as_any(&self) -> Option<&dyn Any> {
        Some(self)
    }
}
