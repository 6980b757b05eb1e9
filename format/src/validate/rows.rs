//! Checks the rows of a state: order, duplicates, key groups, count. Parallel over segments, in fixed memory.

use std::cmp::Ordering;
use std::ops::Range;
use std::sync::Mutex;
use std::sync::atomic::{self, AtomicUsize};

use arrow_array::cast::AsArray;
use arrow_array::types::UInt16Type;
use arrow_array::{Array, RecordBatch};

use super::code::Code;
use super::finding::{Finding, Findings};
use super::places::{Gap, Places};
use crate::error::{Error, Result};
use crate::model::{
    Column, Completeness, Engine, KeyGroupRange, Operator, RowOrder, SavepointSource, Scan, Segment, State,
    StateRef, columns_of, key_group_of,
};

/// What the check of rows came to.
#[derive(Debug, Default)]
pub struct RowChecks {
    /// What is wrong.
    pub findings: Findings,
    /// Rows that were read.
    pub rows: u64,
    /// What could not be read or understood.
    pub completeness: Completeness,
}

/// Reads every row of every state, or of the segments that `choose` picks, and checks it.
///
/// `choose` gets a state's place and a segment's number; a savepoint whose segments are not all read is not
/// checked for its row counts.
pub fn check_rows(
    source: &dyn SavepointSource,
    threads: usize,
    choose: &(dyn Fn(StateRef, usize) -> bool + Sync),
) -> RowChecks {
    let mut checks = RowChecks::default();
    for (place, operator, state) in source.savepoint().states() {
        let label = format!("operator {}, state {:?}", operator.label(), state.name);
        match source.segments(place) {
            Ok(segments) => {
                let state = StateCheck { source, place, operator, state, label: &label, segments: &segments };
                state.run(threads, choose, &mut checks);
            }
            Err(error) => {
                checks.findings.push(Finding::of(&error.within(label)));
                checks.completeness.rows_unread += state.rows.unwrap_or(1);
            }
        }
    }
    checks
}

struct StateCheck<'a> {
    source: &'a dyn SavepointSource,
    place: StateRef,
    operator: &'a Operator,
    state: &'a State,
    label: &'a str,
    segments: &'a [Segment],
}

/// What one piece of a state came to.
#[derive(Default)]
struct Piece {
    findings: Findings,
    rows: u64,
    completeness: Completeness,
    first: Option<RecordBatch>,
    last: Option<RecordBatch>,
    unknown_groups: u64,
    places: Places,
    /// Unread rows that are not supported here: no damage, and a finding of their own.
    unsupported: u64,
    /// The file that could not be read.
    damaged: Option<String>,
}

/// Rows that could not be read, and the file that is to blame.
struct Unread {
    rows: u64,
    /// How many of them are not supported here, which another finding says.
    unsupported: u64,
    file: Option<String>,
}

impl StateCheck<'_> {
    fn run(&self, threads: usize, choose: &(dyn Fn(StateRef, usize) -> bool + Sync), checks: &mut RowChecks) {
        let pieces = self.pieces(choose);
        let all = pieces.iter().map(ExactSizeIterator::len).sum::<usize>() == self.segments.len();
        let done = self.check_pieces(&pieces, threads);
        let mut last: Option<RecordBatch> = None;
        let (mut rows, mut opaque, mut unknown) = (0, 0, 0);
        let mut unread = Unread { rows: 0, unsupported: 0, file: None };
        for piece in done {
            if let (Some(last), Some(first)) = (&last, &piece.first) {
                self.compare(last, 0, first, 0, &mut checks.findings);
            }
            last = piece.last.or(last);
            rows += piece.rows;
            unknown += piece.unknown_groups;
            unread.rows += piece.completeness.rows_unread;
            unread.unsupported += piece.unsupported;
            unread.file = unread.file.or(piece.damaged);
            opaque += piece.completeness.rows_opaque;
            checks.findings.append(piece.findings);
            checks.completeness = checks.completeness.and(piece.completeness);
        }
        checks.rows += rows;
        self.conclude(all.then_some(rows), unread, opaque, unknown, &mut checks.findings);
    }

    fn conclude(
        &self,
        rows: Option<u64>,
        unread: Unread,
        opaque: u64,
        unknown_groups: u64,
        findings: &mut Findings,
    ) {
        if let (Some(found), Some(expected)) = (rows, self.state.rows)
            && found + unread.rows != expected
        {
            let message = format!("{found} rows are there, the metadata says {expected}");
            findings.push(Finding::new(Code::RowCount, self.label, message));
        }
        let damaged = unread.rows - unread.unsupported;
        if damaged > 0 {
            let message = format!("{damaged} rows could not be read");
            findings.push(Finding::new(Code::RowsUnread, self.label, message).because_of(unread.file));
        }
        if opaque > 0 {
            let message = format!("the values of {opaque} rows are kept by their bytes");
            findings.push(Finding::new(Code::RowsOpaque, self.label, message));
        }
        if unknown_groups > 0 && !self.source.checks_key_groups(self.place) {
            let message = format!("the key groups of {unknown_groups} rows cannot be computed");
            findings.push(Finding::new(Code::RowKeyGroupUnknown, self.label, message));
        }
    }

    /// Runs of chosen segments, each read at one go. Order is promised only by our own format; others are read
    /// whole, as one piece.
    fn pieces(&self, choose: &(dyn Fn(StateRef, usize) -> bool + Sync)) -> Vec<Range<usize>> {
        let chosen = (0..self.segments.len()).filter(|segment| choose(self.place, *segment));
        chosen.map(|segment| segment..segment + 1).collect()
    }

    fn check_pieces(&self, pieces: &[Range<usize>], threads: usize) -> Vec<Piece> {
        let next = AtomicUsize::new(0);
        let done: Vec<Mutex<Option<Piece>>> = pieces.iter().map(|_| Mutex::new(None)).collect();
        let work = || {
            while let Some((piece, slot)) = {
                let index = next.fetch_add(1, atomic::Ordering::Relaxed);
                pieces.get(index).zip(done.get(index))
            } {
                let checked = self.piece(piece);
                if let Ok(mut slot) = slot.lock() {
                    *slot = Some(checked);
                }
            }
        };
        std::thread::scope(|scope| {
            for _ in 1..threads.clamp(1, pieces.len().max(1)) {
                scope.spawn(work);
            }
            work();
        });
        done.into_iter().filter_map(|slot| slot.into_inner().ok().flatten()).collect()
    }

    fn piece(&self, segments: &Range<usize>) -> Piece {
        let mut piece = Piece::default();
        if let Err(error) = self.read(segments, &mut piece) {
            let code = Code::of(&error);
            piece.damaged = error.location().file_name().map(str::to_owned);
            piece.findings.push_one_of(self.label, code, || Finding::of(&error.within(self.label)));
            let expected: u64 = self
                .segments
                .get(segments.clone())
                .into_iter()
                .flatten()
                .filter_map(|segment| segment.rows)
                .sum();
            let unread = expected.saturating_sub(piece.rows).max(1);
            piece.completeness.rows_unread += unread;
            if code == Code::NotSupported {
                piece.unsupported += unread;
            }
        }
        piece
    }

    fn read(&self, segments: &Range<usize>, piece: &mut Piece) -> Result<()> {
        let scan = Scan { segments: Some(segments.clone()), ..Scan::default() };
        let mut rows = self.source.scan(self.place, &scan)?;
        let range = self.segments.get(segments.start).and_then(|segment| segment.key_groups);
        let ended = loop {
            match rows.next() {
                None => break Ok(()),
                Some(Err(error)) => break Err(error),
                Some(Ok(batch)) if batch.num_rows() == 0 => {}
                Some(Ok(batch)) => self.batch(&batch, range, piece)?,
            }
        };
        piece.completeness = piece.completeness.and(rows.completeness());
        ended
    }

    fn batch(&self, batch: &RecordBatch, range: Option<KeyGroupRange>, piece: &mut Piece) -> Result<()> {
        if let Some(last) = &piece.last {
            self.compare(last, 0, batch, 0, &mut piece.findings);
        }
        if self.is_sorted() {
            let columns = self.state.schema.sort_columns(self.state.kind);
            let order = RowOrder::of_batches(batch, batch, &columns)?;
            for row in 1..batch.num_rows() {
                self.judge(order.compare(row - 1, row), batch, row, &mut piece.findings);
            }
        }
        self.lists(batch, range, piece)?;
        self.key_groups(batch, range, piece)?;
        piece.first.get_or_insert_with(|| batch.slice(0, 1));
        piece.last = Some(batch.slice(batch.num_rows() - 1, 1));
        piece.rows += batch.num_rows() as u64;
        Ok(())
    }

    /// Elements follow each other. The first row of a segment may be in the middle of a list only where the segment
    /// before it has the same key group.
    fn lists(&self, batch: &RecordBatch, range: Option<KeyGroupRange>, piece: &mut Piece) -> Result<()> {
        if !self.is_sorted() {
            return Ok(());
        }
        let first = range.map(KeyGroupRange::first);
        let continues = self.segments.iter().filter(|segment| {
            segment.key_groups.is_some_and(|groups| first.is_some_and(|first| groups.contains(first)))
        });
        let from_start = continues.count() == 1;
        for Gap { row, found, expected } in piece.places.watch(self.state, batch, from_start)? {
            piece.findings.push_one_of(self.label, Code::ListGap, || {
                let message = format!("an element has the place {found}, expected {expected}");
                Finding::new(Code::ListGap, self.place(batch, row), message)
            });
        }
        Ok(())
    }

    fn place(&self, batch: &RecordBatch, row: usize) -> String {
        match key_group(batch, row) {
            Some(group) => format!("{}, key group {group}", self.label),
            None => self.label.to_owned(),
        }
    }

    fn is_sorted(&self) -> bool {
        self.source.savepoint().engine == Engine::Spt
    }

    fn compare(&self, a: &RecordBatch, i: usize, b: &RecordBatch, j: usize, findings: &mut Findings) {
        if !self.is_sorted() {
            return;
        }
        let columns = self.state.schema.sort_columns(self.state.kind);
        match RowOrder::of_batches(a, b, &columns) {
            Ok(order) => self.judge(order.compare(i, j), b, j, findings),
            Err(error) => findings.push(Finding::of(&error.within(self.label))),
        }
    }

    fn judge(&self, order: Ordering, batch: &RecordBatch, row: usize, findings: &mut Findings) {
        let (code, what) = match order {
            Ordering::Less => return,
            Ordering::Equal => (Code::RowDuplicate, "a row is there twice"),
            Ordering::Greater => (Code::RowOrder, "a row is smaller than the row before it"),
        };
        findings.push_one_of(self.label, code, || Finding::new(code, self.place(batch, row), what));
    }

    /// Every key is in the key group of its hash, and that is one of the segment's.
    fn key_groups(&self, batch: &RecordBatch, range: Option<KeyGroupRange>, piece: &mut Piece) -> Result<()> {
        let (Some(field), Some(key_hash)) = (&self.state.schema.key, self.state.key_hash) else {
            return Ok(());
        };
        let columns = columns_of(batch, &[Column::KeyGroup, Column::Key])?;
        let [groups, keys] = columns.as_slice() else { return Err(Error::invalid("rows have no key")) };
        let groups = groups.as_primitive_opt::<UInt16Type>();
        let groups = groups.ok_or_else(|| Error::invalid("key groups are no uint16"))?;
        for row in 0..keys.len() {
            let stored = groups.value(row);
            let outside = range.is_some_and(|range| !range.contains(stored));
            let hashed = key_group_of(field, keys, row, self.operator.max_parallelism, key_hash);
            piece.unknown_groups += u64::from(hashed.is_none());
            let wrong = hashed.filter(|hashed| hashed.0 != stored);
            if !outside && wrong.is_none() {
                continue;
            }
            piece.findings.push_one_of(self.label, Code::RowKeyGroup, || {
                let message = match wrong {
                    Some(hashed) => format!("a key is in key group {stored}, its hash gives {hashed}"),
                    None => format!("a key is in key group {stored}, its segment holds others"),
                };
                Finding::new(Code::RowKeyGroup, format!("{}, key group {stored}", self.label), message)
            });
        }
        Ok(())
    }
}

fn key_group(batch: &RecordBatch, row: usize) -> Option<u16> {
    let column = batch.column_by_name(Column::KeyGroup.name())?;
    let groups = column.as_primitive_opt::<UInt16Type>()?;
    (row < groups.len()).then(|| groups.value(row))
}
