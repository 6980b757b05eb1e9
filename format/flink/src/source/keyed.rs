//! The rows of one keyed state, segment by segment, which is key group by key group.

use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use spt_format::{Completeness, Error, KeyGroupRange, ReadLimits, Result, ResultExt, RowStream, StateKind};

use super::changelog::Place;
use super::pieces::{KeyedPiece, KeyedPlace};
use crate::files::Files;
use crate::keyed::{CanonicalEntries, Entries, EntryScan, HeapScan, KeyedFile, KeyedLayout, RocksDatabase};
use crate::metadata::{Changelog, Incremental, KeyGroupFile, KeyedHandle};
use crate::rows::Sorted;
use crate::timers::RawTimers;

/// Opens the pieces of one state. What pieces of one handle share is opened once.
#[derive(Clone)]
pub(super) struct Opener {
    pub(super) files: Files,
    pub(super) limits: ReadLimits,
    pub(super) max_parallelism: u32,
    /// Only rows of these key groups.
    pub(super) key_groups: Option<KeyGroupRange>,
    /// Rows are sorted, within so many bytes of memory.
    pub(super) sort_bytes: Option<usize>,
    pub(super) shared: Option<Shared>,
}

/// What was opened last.
#[derive(Clone)]
pub(super) struct Shared {
    handle: Arc<KeyedHandle>,
    bytes: Bytes,
}

#[derive(Clone)]
enum Bytes {
    File { name: String, file: KeyedFile },
    Database(Arc<RocksDatabase>),
}

/// A piece, opened.
enum Opened {
    Canonical { file: String, entries: CanonicalEntries },
    Heap { file: String, rows: HeapScan },
    Entries { file: Option<String>, entries: Box<dyn Entries> },
}

impl Opener {
    /// It may hold rows that are wanted.
    pub(super) fn wants(&self, piece: &KeyedPiece) -> bool {
        self.range(piece).is_some()
    }

    /// The rows of a piece.
    ///
    /// # Errors
    /// If its files cannot be opened, or are not what the piece says.
    pub(super) fn rows(&mut self, piece: &KeyedPiece) -> Result<Box<dyn RowStream>> {
        let (table, max_parallelism) = (Arc::clone(&piece.table), self.max_parallelism);
        let rows: Box<dyn RowStream> = match self.open(piece)? {
            Opened::Canonical { file, entries } => {
                placed(EntryScan::new(entries, table, max_parallelism)?, Some(file))
            }
            Opened::Entries { file, entries } => {
                placed(EntryScan::new(entries, table, max_parallelism)?, file)
            }
            Opened::Heap { file, rows } => placed(rows, Some(file)),
        };
        Ok(match self.sort_bytes {
            Some(bytes) => {
                Box::new(Sorted::new(rows, piece.table.schema.sort_columns(piece.table.kind), bytes))
            }
            None => rows,
        })
    }

    /// How many rows a piece has, where that is found without decoding them: not for lists, of which an entry
    /// is several rows, nor in heap files, where nothing else tells an entry's end.
    ///
    /// # Errors
    /// As [`Opener::rows`]; and at the first entry whose lengths or key group cannot be.
    pub(super) fn count(&mut self, piece: &KeyedPiece) -> Result<Option<u64>> {
        if piece.table.kind == StateKind::List {
            return Ok(None);
        }
        match self.open(piece)? {
            Opened::Canonical { file, mut entries } => entries.count().in_file(file).map(Some),
            Opened::Entries { file: Some(file), mut entries } => entries.count().in_file(file).map(Some),
            Opened::Entries { file: None, mut entries } => entries.count().map(Some),
            Opened::Heap { .. } => Ok(None),
        }
    }

    fn range(&self, piece: &KeyedPiece) -> Option<KeyGroupRange> {
        match self.key_groups {
            Some(range) => range.intersection(piece.key_groups),
            None => Some(piece.key_groups),
        }
    }

    fn open(&mut self, piece: &KeyedPiece) -> Result<Opened> {
        let outside = || Error::invalid("a scan beyond the key groups of a handle");
        let range = self.range(piece).ok_or_else(outside)?;
        match (&*piece.handle, &piece.place) {
            (KeyedHandle::KeyGroups(handle), KeyedPlace::State(state)) => {
                self.open_file(piece, handle, *state, range)
            }
            (KeyedHandle::KeyGroups(handle), KeyedPlace::RawTimers(queue)) => {
                let stream = self.files.open(&handle.stream)?;
                let file = Some(stream.name().to_owned());
                let timers = RawTimers::new(
                    stream,
                    handle,
                    queue.clone(),
                    Some(range),
                    self.max_parallelism,
                    &self.limits,
                );
                Ok(Opened::Entries { file, entries: Box::new(timers) })
            }
            (KeyedHandle::Incremental(handle), _) => {
                let entries = self.database(piece, handle)?.entries(&piece.table.name, range)?;
                Ok(Opened::Entries { file: None, entries: Box::new(entries) })
            }
            (KeyedHandle::Changelog(handle), _) => self.open_changelog(piece, handle, range),
            _ => Err(Error::invalid("a log of changes has no rows of its own")),
        }
    }

    fn open_file(
        &mut self,
        piece: &KeyedPiece,
        handle: &KeyGroupFile,
        state: u16,
        range: KeyGroupRange,
    ) -> Result<Opened> {
        let (name, file) = self.file(piece, handle)?;
        Ok(match file.layout {
            KeyedLayout::Heap => Opened::Heap { rows: HeapScan::new(&file, state, Some(range))?, file: name },
            KeyedLayout::Canonical => {
                Opened::Canonical { entries: CanonicalEntries::new(&file, state, Some(range)), file: name }
            }
        })
    }

    fn open_changelog(&self, piece: &KeyedPiece, handle: &Changelog, range: KeyGroupRange) -> Result<Opened> {
        let place = Place {
            files: &self.files,
            limits: &self.limits,
            max_parallelism: self.max_parallelism,
            key_groups: Some(range),
        };
        let entries = place.entries(handle, &piece.table)?;
        Ok(Opened::Entries { file: None, entries: Box::new(entries) })
    }

    fn file(&mut self, piece: &KeyedPiece, handle: &KeyGroupFile) -> Result<(String, KeyedFile)> {
        if let Some(Bytes::File { name, file }) = self.opened_before(piece) {
            return Ok((name.clone(), file.clone()));
        }
        let stream = self.files.open(&handle.stream)?;
        let name = stream.name().to_owned();
        let file = KeyedFile::open(Arc::new(stream), handle, self.max_parallelism, &self.limits);
        let mut file = file.in_file(name.as_str())?;
        file.set_kryo(piece.kryo);
        file.runs = Arc::clone(&piece.runs);
        self.share(piece, Bytes::File { name: name.clone(), file: file.clone() });
        Ok((name, file))
    }

    fn database(&mut self, piece: &KeyedPiece, handle: &Incremental) -> Result<Arc<RocksDatabase>> {
        if let Some(Bytes::Database(database)) = self.opened_before(piece) {
            return Ok(Arc::clone(database));
        }
        let database = RocksDatabase::open(handle, self.max_parallelism, &self.files, &self.limits)?;
        let database = Arc::new(database);
        self.share(piece, Bytes::Database(Arc::clone(&database)));
        Ok(database)
    }

    fn opened_before(&self, piece: &KeyedPiece) -> Option<&Bytes> {
        let shared = self.shared.as_ref().filter(|shared| Arc::ptr_eq(&shared.handle, &piece.handle));
        shared.map(|shared| &shared.bytes)
    }

    fn share(&mut self, piece: &KeyedPiece, bytes: Bytes) {
        self.shared = Some(Shared { handle: Arc::clone(&piece.handle), bytes });
    }
}

/// Rows of one state in several pieces. One piece is open at a time.
pub(super) struct KeyedScan {
    opener: Opener,
    schema: SchemaRef,
    pieces: std::vec::IntoIter<KeyedPiece>,
    current: Option<Box<dyn RowStream>>,
    /// Of the pieces that were read to their end.
    completeness: Completeness,
    failed: bool,
}

impl KeyedScan {
    /// The rows of these pieces, one piece after the other.
    pub(super) fn new(opener: Opener, schema: SchemaRef, pieces: Vec<KeyedPiece>) -> Self {
        let (pieces, completeness) = (pieces.into_iter(), Completeness::default());
        Self { opener, schema, pieces, current: None, completeness, failed: false }
    }

    /// The next batch of whichever piece is next.
    fn advance(&mut self) -> Result<Option<RecordBatch>> {
        loop {
            if let Some(rows) = &mut self.current {
                if let Some(batch) = rows.next().transpose()? {
                    return Ok(Some(batch));
                }
                self.completeness = self.completeness();
                self.current = None;
            }
            let Some(piece) = self.pieces.next() else { return Ok(None) };
            self.current = Some(self.opener.rows(&piece)?);
        }
    }
}

impl Iterator for KeyedScan {
    type Item = Result<RecordBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        let batch = self.advance().transpose();
        self.failed = matches!(batch, Some(Err(_)));
        batch
    }
}

impl RowStream for KeyedScan {
    fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    fn completeness(&self) -> Completeness {
        let current = self.current.as_ref().map(|rows| rows.completeness());
        self.completeness.and(current.unwrap_or_default())
    }
}

fn placed(rows: impl RowStream + 'static, file: Option<String>) -> Box<dyn RowStream> {
    match file {
        Some(file) => Box::new(Placed { rows, file }),
        None => Box::new(rows),
    }
}

/// Rows whose errors name their file.
struct Placed<R> {
    rows: R,
    file: String,
}

impl<R: RowStream> Iterator for Placed<R> {
    type Item = Result<RecordBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        self.rows.next().map(|batch| batch.in_file(self.file.as_str()))
    }
}

impl<R: RowStream> RowStream for Placed<R> {
    fn schema(&self) -> SchemaRef {
        self.rows.schema()
    }

    fn completeness(&self) -> Completeness {
        self.rows.completeness()
    }
}
