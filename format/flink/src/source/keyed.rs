//! The rows of one keyed state, subtask by subtask, which is key group by key group.

use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use spt_format::{Completeness, Error, KeyGroupRange, ReadLimits, Result, ResultExt, RowStream};

use super::changelog::Place;
use super::pieces::{KeyedPiece, KeyedPlace, Piece};
use crate::files::Files;
use crate::keyed::{
    CanonicalEntries, EntryScan, HeapScan, KeyedFile, KeyedLayout, RocksDatabase, TimerQueue,
};
use crate::metadata::{Changelog, Incremental, KeyGroupFile, KeyedHandle};
use crate::timers::RawTimers;

/// Rows of one state in the handles of several subtasks. One handle is open at a time.
pub(super) struct KeyedScan {
    files: Files,
    limits: ReadLimits,
    max_parallelism: u32,
    key_groups: Option<KeyGroupRange>,
    schema: SchemaRef,
    pieces: std::vec::IntoIter<KeyedPiece>,
    current: Option<Box<dyn RowStream>>,
    /// Of the handles that were read to their end.
    completeness: Completeness,
    failed: bool,
}

impl KeyedScan {
    /// Rows in these key groups, all of them without.
    ///
    /// # Errors
    /// If one of the pieces cannot be read.
    pub(super) fn new(
        files: &Files,
        limits: &ReadLimits,
        max_parallelism: u32,
        key_groups: Option<KeyGroupRange>,
        schema: SchemaRef,
        pieces: &[Piece],
    ) -> Result<Self> {
        let keyed = |piece: &Piece| match piece {
            Piece::Keyed(piece) => Ok(piece.clone()),
            Piece::Unreadable(reason) => Err(reason.error()),
            Piece::Elements(_) | Piece::Broadcast(_) => {
                Err(Error::invalid("subtasks keep a state in different ways"))
            }
        };
        let mut pieces: Vec<_> = pieces.iter().map(keyed).collect::<Result<_>>()?;
        pieces.retain(|piece| piece.meets(key_groups));
        Ok(Self {
            files: files.clone(),
            limits: limits.clone(),
            max_parallelism,
            key_groups,
            schema,
            pieces: pieces.into_iter(),
            current: None,
            completeness: Completeness::default(),
            failed: false,
        })
    }

    /// The next batch of whichever handle is next.
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
            self.current = Some(self.open(&piece)?);
        }
    }

    fn open(&self, piece: &KeyedPiece) -> Result<Box<dyn RowStream>> {
        match (&*piece.handle, &piece.place) {
            (KeyedHandle::KeyGroups(handle), KeyedPlace::State(state)) => {
                self.open_file(piece, handle, *state)
            }
            (KeyedHandle::KeyGroups(handle), KeyedPlace::RawTimers(queue)) => {
                self.open_timers(piece, handle, queue)
            }
            (KeyedHandle::Incremental(handle), _) => self.open_database(piece, handle),
            (KeyedHandle::Changelog(handle), _) => self.open_changelog(piece, handle),
            _ => Err(Error::invalid("a log of changes has no rows of its own")),
        }
    }

    fn open_timers(
        &self,
        piece: &KeyedPiece,
        handle: &KeyGroupFile,
        queue: &TimerQueue,
    ) -> Result<Box<dyn RowStream>> {
        let stream = self.files.open(&handle.stream)?;
        let file = stream.name().to_owned();
        let (groups, max_parallelism) = (self.key_groups, self.max_parallelism);
        let timers = RawTimers::new(stream, handle, queue.clone(), groups, max_parallelism, &self.limits);
        let rows = EntryScan::new(timers, Arc::clone(&piece.table), max_parallelism)?;
        Ok(Box::new(Placed { rows: Box::new(rows), file }))
    }

    fn open_file(&self, piece: &KeyedPiece, handle: &KeyGroupFile, state: u16) -> Result<Box<dyn RowStream>> {
        let stream = self.files.open(&handle.stream)?;
        let name = stream.name().to_owned();
        let file = KeyedFile::open(Arc::new(stream), handle, self.max_parallelism, &self.limits);
        let mut file = file.in_file(name.as_str())?;
        file.set_kryo(piece.kryo);
        let rows: Box<dyn RowStream> = match file.layout {
            KeyedLayout::Heap => Box::new(HeapScan::new(&file, state, self.key_groups)?),
            KeyedLayout::Canonical => {
                let entries = CanonicalEntries::new(&file, state, self.key_groups);
                Box::new(EntryScan::new(entries, Arc::clone(&piece.table), self.max_parallelism)?)
            }
        };
        Ok(Box::new(Placed { rows, file: name }))
    }

    fn open_changelog(&self, piece: &KeyedPiece, handle: &Changelog) -> Result<Box<dyn RowStream>> {
        let place = Place {
            files: &self.files,
            limits: &self.limits,
            max_parallelism: self.max_parallelism,
            key_groups: self.key_groups,
        };
        let entries = place.entries(handle, &piece.table)?;
        Ok(Box::new(EntryScan::new(entries, Arc::clone(&piece.table), self.max_parallelism)?))
    }

    fn open_database(&self, piece: &KeyedPiece, handle: &Incremental) -> Result<Box<dyn RowStream>> {
        let database = RocksDatabase::open(handle, self.max_parallelism, &self.files, &self.limits)?;
        let range = self.key_groups.unwrap_or(handle.key_groups);
        let entries = database.entries(&piece.table.name, range)?;
        Ok(Box::new(EntryScan::new(entries, Arc::clone(&piece.table), self.max_parallelism)?))
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

/// Rows whose errors name their file.
struct Placed {
    rows: Box<dyn RowStream>,
    file: String,
}

impl Iterator for Placed {
    type Item = Result<RecordBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        self.rows.next().map(|batch| batch.in_file(self.file.as_str()))
    }
}

impl RowStream for Placed {
    fn schema(&self) -> SchemaRef {
        self.rows.schema()
    }

    fn completeness(&self) -> Completeness {
        self.rows.completeness()
    }
}
