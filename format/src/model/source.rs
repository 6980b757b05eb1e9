//! Where the model comes from and where it goes: the two traits every format implements.

use std::any::Any;

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;

use super::key_group::KeyGroupRange;
use super::operator::Operator;
use super::savepoint::{Savepoint, StateRef};
use super::state::State;
use crate::error::Result;

/// What a reader could not show of the rows it was asked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Completeness {
    /// Rows that are there and could not be read at all.
    pub rows_unread: u64,
    /// Rows of which some value is opaque: shown by its bytes and class.
    pub rows_opaque: u64,
}

impl Completeness {
    /// Everything was read; opaque values are there by their bytes.
    pub fn is_complete(self) -> bool {
        self.rows_unread == 0
    }

    /// Both together.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            rows_unread: self.rows_unread + other.rows_unread,
            rows_opaque: self.rows_opaque + other.rows_opaque,
        }
    }
}

/// What to read of a state.
#[derive(Debug, Clone, Default)]
pub struct Scan {
    /// Only rows of these key groups; for states that are not keyed it has no meaning.
    pub key_groups: Option<KeyGroupRange>,
    /// Only these segments, by their place in [`SavepointSource::segments`].
    pub segments: Option<std::ops::Range<usize>>,
    /// Only rows whose `key` equals the single element of this array. A reader may use it to read less and
    /// may return more rows than match: the caller compares.
    pub key: Option<arrow_array::ArrayRef>,
    /// A reader may use more threads, and a fixed amount of memory, to have rows ready before they are asked for.
    /// Whoever reads several parts at the same time has no use for it.
    pub ahead: bool,
    /// Rows must come in the model's order. Without it they come in the order found, by key group.
    pub sorted: bool,
}

/// Rows of a state, batch by batch, in bounded memory.
pub trait RowStream: Iterator<Item = Result<RecordBatch>> + Send {
    /// The table's schema, see [`StateSchema::to_arrow`](crate::StateSchema::to_arrow).
    fn schema(&self) -> SchemaRef;

    /// What could not be read of the batches returned so far.
    fn completeness(&self) -> Completeness;

    /// Reads on to the end: how many rows there are, and what of them could not be read.
    ///
    /// # Errors
    /// The first of the stream.
    fn count_rows(&mut self) -> Result<(u64, Completeness)> {
        let mut rows = 0;
        while let Some(batch) = self.next().transpose()? {
            rows += batch.num_rows() as u64;
        }
        Ok((rows, self.completeness()))
    }
}

/// A part of a state that can be read on its own: a row group, or a key-group range of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Segment {
    /// The key groups of its rows; `None` for states that are not keyed.
    pub key_groups: Option<KeyGroupRange>,
    /// Rows, where the metadata tells.
    pub rows: Option<u64>,
    /// Bytes where it is stored, where the metadata tells.
    pub bytes: Option<u64>,
    /// Equal digests, equal rows. Different digests say nothing.
    pub digest: Option<[u8; 32]>,
}

/// Segments that stand or fall together, for whoever reads what is left of a damaged savepoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Extent {
    /// Their places in [`SavepointSource::segments`].
    pub segments: std::ops::Range<usize>,
    /// The key groups of their rows; `None` for states that are not keyed.
    pub key_groups: Option<KeyGroupRange>,
    /// Their rows, where the metadata tells.
    pub rows: Option<u64>,
}

/// A savepoint that can be read.
pub trait SavepointSource: Send + Sync {
    /// Its catalogue.
    fn savepoint(&self) -> &Savepoint;

    /// The parts of a state, in the order in which a scan returns them.
    ///
    /// # Errors
    /// If the metadata of the state cannot be read.
    fn segments(&self, state: StateRef) -> Result<Vec<Segment>>;

    /// All segments of a state, those included that cannot be opened.
    fn extents(&self, state: StateRef) -> Vec<Extent> {
        match self.segments(state) {
            Ok(segments) => {
                let extent = |(place, segment): (usize, Segment)| Extent {
                    segments: place..place + 1,
                    key_groups: segment.key_groups,
                    rows: segment.rows,
                };
                segments.into_iter().enumerate().map(extent).collect()
            }
            Err(_) => {
                let rows = self.savepoint().state(state).and_then(|(_, state)| state.rows);
                vec![Extent { segments: 0..usize::MAX, key_groups: None, rows }]
            }
        }
    }

    /// Reads rows of a state.
    ///
    /// # Errors
    /// At once if the state's data cannot be opened; later from the stream, with the place.
    fn scan(&self, state: StateRef, scan: &Scan) -> Result<Box<dyn RowStream>>;

    /// How many rows a scan returns, and what it could not read of them. A reader decodes no more than it
    /// takes to find every row; damage inside of rows may go unnoticed.
    ///
    /// # Errors
    /// As those of [`SavepointSource::scan`] and of its stream.
    fn count(&self, state: StateRef, scan: &Scan) -> Result<(u64, Completeness)> {
        self.scan(state, scan)?.count_rows()
    }

    /// Whether the reader's own check finds keys of this state in a wrong key group, so that nobody else has to:
    /// their hash is known, but not to the model.
    fn checks_key_groups(&self, state: StateRef) -> bool {
        let _ = state;
        false
    }

    /// The reader itself, for a sink that can take over a state's files as they are.
    fn as_any(&self) -> Option<&dyn Any> {
        None
    }
}

/// A savepoint that is being written. Until [`SavepointSink::commit`] there is none.
pub trait SavepointSink {
    /// Begins the table of a state. Operators and states come in any order, each once.
    ///
    /// # Errors
    /// If the state cannot be stored, or was begun before.
    fn state(&mut self, operator: &Operator, state: &State) -> Result<Box<dyn StateSink + '_>>;

    /// Writes the whole table of a state. Where the number of rows is known beforehand, `state.rows`, a sink may
    /// need less room for it than by [`SavepointSink::state`]; then there have to be exactly as many.
    ///
    /// # Errors
    /// As [`SavepointSink::state`] and [`StateSink`], and every error of `rows`.
    fn table(
        &mut self,
        operator: &Operator,
        state: &State,
        rows: &mut dyn Iterator<Item = Result<RecordBatch>>,
    ) -> Result<()> {
        let mut sink = self.state(operator, state)?;
        for batch in rows {
            sink.write(&batch?)?;
        }
        sink.finish()
    }

    /// Takes over the files of a state of another savepoint without reading its rows, if the sink can:
    /// `state` has the same rows, and a schema that differs at most as the format lets a schema evolve.
    /// Returns `false`, having done nothing, if it cannot; then the rows have to be written.
    ///
    /// # Errors
    /// If the files could not be taken over, or the state was begun before.
    fn adopt(
        &mut self,
        operator: &Operator,
        state: &State,
        source: &dyn SavepointSource,
        place: StateRef,
    ) -> Result<bool> {
        let _ = (operator, state, source, place);
        Ok(false)
    }

    /// Makes it a savepoint, durably: its catalogue is `savepoint` with the rows and bytes that were written.
    ///
    /// # Errors
    /// If anything could not be made durable; then there is no savepoint.
    fn commit(self: Box<Self>, savepoint: &Savepoint) -> Result<()>;
}

/// The table of one state while it is written.
pub trait StateSink {
    /// Appends rows, which must continue in the model's order.
    ///
    /// # Errors
    /// If the rows are out of order or do not have the state's schema, or could not be stored.
    fn write(&mut self, batch: &RecordBatch) -> Result<()>;

    /// Ends the table.
    ///
    /// # Errors
    /// If what was written could not be stored.
    fn finish(self: Box<Self>) -> Result<()>;
}
