//! A snapshot that the job starts from: what each state of the graph finds in it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::types::UInt32Type;
use arrow_array::{PrimitiveArray, RecordBatch};
use spt_format::{
    Column, ColumnarReader, Error as FormatError, ErrorKind as FormatErrorKind, KeyGroup, KeyGroupRange,
    Operator, OperatorId, PendingOutput, Result as FormatResult, Savepoint, SavepointKind, SavepointSource,
    Scan, StateRef, failpoint,
};

use super::check::{Fit, Stored, Terms, check};
use super::deal::Elements;
use super::snapshot::StateSlot;
use super::write::Carried;
use crate::config::{NonRestored, PendingOutput as Pending};
use crate::error::{Error, ErrorKind, Result};
use crate::job::{CheckpointRecord, CheckpointStatus, RestoreOptions};
use crate::state::{BroadcastTable, Cell, Key, KeyedTable, Payload, State, StateReader, Timers, downcast};
use crate::tasks::OperatorInfo;

/// A snapshot, and where in it each state of the graph lies.
pub(crate) struct Restored {
    pub(crate) source: Arc<ColumnarReader>,
    pub(crate) path: PathBuf,
    /// Which checkpoint it is, if it says.
    pub(crate) checkpoint: Option<u64>,
    /// States of the graph that are in it. The others begin empty.
    pub(crate) states: BTreeMap<StateSlot, Stored>,
    /// States that no operator declares any more.
    carried: Vec<(usize, StateRef)>,
    /// What is pending in it and shall be committed.
    pub(crate) pending: Vec<PendingOutput>,
}

impl Restored {
    /// Goes with a savepoint that was found to fit.
    pub(crate) fn new(path: &Path, source: ColumnarReader, fit: Fit) -> Self {
        let savepoint = source.savepoint();
        Self {
            path: path.to_owned(),
            checkpoint: number(&savepoint.id),
            states: fit.states,
            carried: fit.carried,
            pending: savepoint.pending.clone(),
            source: Arc::new(source),
        }
    }

    /// Opens a checkpoint of the job's own; or what it was started from, on the terms of that start.
    ///
    /// # Errors
    /// If it cannot be read, or is not this job's after all.
    pub(crate) fn again(
        path: &Path,
        operators: &[OperatorInfo],
        start: Option<&RestoreOptions>,
    ) -> Result<Self> {
        failpoint("restore.open")?;
        let source = ColumnarReader::options().open(path).map_err(|error| unread(path, error))?;
        let own = Terms { non_restored: &NonRestored::Refuse, allow_drained: false, pending: None };
        let terms = start.filter(|start| start.path == path).map_or(own, Terms::of);
        let fit = check(operators, source.savepoint(), terms)?;
        let mut restored = Self::new(path, source, fit);
        if terms.pending == Some(Pending::Discard) {
            restored.pending.clear();
        }
        Ok(restored)
    }

    /// Its catalogue.
    pub(crate) fn savepoint(&self) -> &Savepoint {
        self.source.savepoint()
    }

    /// What people call an operator of it.
    pub(crate) fn label(&self, operator: OperatorId) -> String {
        let found = self.savepoint().operators.iter().find(|found| found.id == operator);
        found.map_or_else(|| operator.to_string(), Operator::label)
    }

    /// States that go from snapshot to snapshot, if there are any.
    pub(crate) fn carried(&self) -> Option<Carried> {
        let carried = || Carried { source: Arc::clone(&self.source), states: self.carried.clone() };
        (!self.carried.is_empty()).then(carried)
    }

    /// What it is called in the job's statistics.
    pub(crate) fn record(&self) -> CheckpointRecord {
        let savepoint = self.savepoint();
        CheckpointRecord {
            id: self.checkpoint.unwrap_or_default(),
            status: CheckpointStatus::Completed,
            is_savepoint: savepoint.kind == SavepointKind::Savepoint,
            triggered_at_ms: savepoint.created_at_ms.unwrap_or_default(),
            duration_ms: None,
            path: Some(self.path.clone()),
            bytes: savepoint.bytes,
            rows: savepoint.rows().unwrap_or_default(),
            failure: None,
        }
    }

    /// Output that was pending.
    pub(crate) fn pending(&self) -> &[PendingOutput] {
        &self.pending
    }

    /// The rows of a keyed state in these key groups.
    ///
    /// # Errors
    /// If they cannot be read, or are not what the graph declares.
    pub(crate) fn keyed_table<K: Key, C: Cell, N: Key>(
        &self,
        slot: StateSlot,
        range: KeyGroupRange,
        max_parallelism: u32,
    ) -> Result<KeyedTable<K, C, N>> {
        let Some(Stored { place, reading }) = self.states.get(&slot) else {
            return Ok(KeyedTable::new(range));
        };
        failpoint("restore.state")?;
        self.reading(|| {
            let rows = self.rows_by_group(*place)?;
            let rows_of = |group: KeyGroup| rows.get(usize::from(group.0)).copied().unwrap_or_default();
            let mut table = KeyedTable::with_rows(range, rows_of);
            let scan = Scan { key_groups: Some(range), ..Scan::default() };
            for batch in self.source.scan(*place, &scan)? {
                table.restore(&reading.read(&batch?)?, max_parallelism)?;
            }
            Ok(table)
        })
    }

    fn reading<R>(&self, read: impl FnOnce() -> FormatResult<R>) -> Result<R> {
        read().map_err(|error| unread(&self.path, error))
    }

    /// The timers of a service in these key groups.
    ///
    /// # Errors
    /// As [`Restored::keyed_table`].
    pub(crate) fn timers<K: Key, N: Key>(
        &self,
        slot: StateSlot,
        service: &str,
        range: KeyGroupRange,
        max_parallelism: u32,
    ) -> Result<Timers<K, N>> {
        let mut timers = Timers::new(range, service);
        let Some(Stored { place, reading }) = self.states.get(&slot) else { return Ok(timers) };
        self.reading(|| {
            let scan = Scan { key_groups: Some(range), ..Scan::default() };
            for batch in self.source.scan(*place, &scan)? {
                timers.restore(&reading.read(&batch?)?, max_parallelism)?;
            }
            timers.restored();
            Ok(timers)
        })
    }

    /// The copy of a broadcast state.
    ///
    /// # Errors
    /// As [`Restored::keyed_table`].
    pub(crate) fn broadcast<K: Key, P: Payload + PartialEq>(
        &self,
        slot: StateSlot,
    ) -> Result<BroadcastTable<K, P>> {
        let mut table = BroadcastTable::default();
        let Some(Stored { place, reading }) = self.states.get(&slot) else { return Ok(table) };
        self.reading(|| {
            for batch in self.source.scan(*place, &Scan::default())? {
                table.restore(&reading.read(&batch?)?)?;
            }
            Ok(table)
        })
    }

    /// About how many rows each key group has: those of a segment, spread evenly over its groups.
    fn rows_by_group(&self, place: StateRef) -> FormatResult<Vec<usize>> {
        let mut rows = Vec::new();
        for segment in self.source.segments(place)? {
            let (Some(groups), Some(count)) = (segment.key_groups, segment.rows) else { continue };
            let each = (count as usize).div_ceil(groups.len());
            rows.resize(rows.len().max(usize::from(groups.last()) + 1), 0);
            for group in groups.iter() {
                if let Some(rows) = rows.get_mut(usize::from(group)) {
                    *rows += each;
                }
            }
        }
        Ok(rows)
    }

    /// The elements of a list state.
    ///
    /// # Errors
    /// As [`Restored::keyed_table`].
    pub(crate) fn elements<T: State>(&self, slot: StateSlot) -> Result<Option<Elements<T>>> {
        let Some(Stored { place, reading }) = self.states.get(&slot) else { return Ok(None) };
        let parallelism =
            self.source.savepoint().state(*place).map_or(1, |(operator, _)| operator.parallelism);
        self.reading(|| {
            let mut elements = Elements::new(parallelism);
            for batch in self.source.scan(*place, &Scan { sorted: true, ..Scan::default() })? {
                read_elements(&reading.read(&batch?)?, &mut elements)?;
            }
            Ok(Some(elements))
        })
    }
}

/// Why a snapshot was not read. One that is damaged is called unreadable, so that the next start may go back to another; what the
/// system would not read now, it may read the next time.
fn unread(path: &Path, error: FormatError) -> Error {
    let path = path.display().to_string();
    let kind = match error.kind() {
        FormatErrorKind::Io { .. } => ErrorKind::Failed { what: format!("{path} was not read") },
        _ => ErrorKind::Unreadable { path },
    };
    Error::new(kind).caused_by(Error::from(error))
}

/// The number that ends a snapshot's id. An id may come from anywhere: what leaves no room to count on is none.
fn number(id: &str) -> Option<u64> {
    let number: u64 = id.rsplit_once('-')?.1.parse().ok()?;
    (number <= u64::MAX / 2).then_some(number)
}

fn read_elements<T: State>(batch: &RecordBatch, elements: &mut Elements<T>) -> FormatResult<()> {
    let column = |column: Column| {
        let missing = || FormatError::invalid(format!("column {:?} is missing", column.name()));
        batch.column_by_name(column.name()).ok_or_else(missing)
    };
    let subtasks: PrimitiveArray<UInt32Type> = downcast(column(Column::Subtask)?.as_ref(), &"UInt32")?;
    let values = T::Reader::new(column(Column::Value)?.as_ref())?;
    for (row, subtask) in subtasks.values().iter().enumerate() {
        if !elements.push(*subtask, values.get(row)?) {
            return Err(FormatError::invalid(format!("row {row}: there can be no subtask {subtask}")));
        }
    }
    Ok(())
}
