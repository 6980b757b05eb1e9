//! Compares the rows of one state in two savepoints.

use arrow_array::RecordBatch;

use super::join::{Tell, all_rows, join};
use super::merge::{Comparison, Pick, RowChange, RowChanges, merge};
use super::parts::{Part, cut};
use super::positions::Positions;
use super::schema::{common_paths, same_storage, schema_changes};
use super::segments::{Work, plan};
use crate::error::{Error, Result};
use crate::model::{
    Column, Completeness, Field, Operator, SavepointSource, Scan, State, StateRef, columns_of,
};
use crate::select::Projection;
use crate::sort::{ExternalSorter, SortedRows};

/// Memory of each side's sorter, where rows have to be brought into another order.
const SORT_BYTES: usize = 64 << 20;

/// One state in one savepoint.
#[derive(Clone, Copy)]
pub struct Side<'a> {
    /// The savepoint.
    pub source: &'a dyn SavepointSource,
    /// The state's place in it.
    pub place: StateRef,
}

/// How many rows of a state are on which side.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RowCounts {
    /// On the right only.
    pub added: u64,
    /// On the left only.
    pub removed: u64,
    /// On both sides, with different values.
    pub changed: u64,
    /// On both sides, accessed at different times and otherwise equal.
    pub touched: u64,
    /// On both sides and equal.
    pub same: u64,
}

impl RowCounts {
    /// Rows differ, whenever they were accessed.
    pub fn any(&self) -> bool {
        self.added + self.removed + self.changed > 0
    }

    pub(super) fn add(&mut self, other: Self) {
        self.added += other.added;
        self.removed += other.removed;
        self.changed += other.changed;
        self.touched += other.touched;
        self.same += other.same;
    }

    pub(super) fn count(&mut self, changes: &[RowChange]) {
        for change in changes {
            *match change {
                RowChange::Added(_) => &mut self.added,
                RowChange::Removed(_) => &mut self.removed,
                RowChange::Changed(..) => &mut self.changed,
                RowChange::Touched(..) => &mut self.touched,
            } += 1;
        }
    }
}

/// How the rows of a state compare.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct StateComparison {
    /// Rows by side.
    pub counts: RowCounts,
    /// What could not be read on either side.
    pub completeness: Completeness,
}

/// How rows of the two sides find each other.
enum Method {
    /// Both are sorted alike: a merge, and equal segments need not be read.
    Merge { skip_equal: bool },
    /// Another max parallelism, or elements whose place means nothing: sorted by these columns first.
    Sort(Vec<Column>),
    /// Elements that say where sources stand: sorted by their splits first.
    Positions(Box<[Positions; 2]>),
    /// Keys of different types: no row meets another.
    Apart,
}

impl StateComparison {
    /// Compares the rows of a state that is on both sides, and tells every change.
    ///
    /// # Errors
    /// If either side cannot be read, and those of `tell`.
    pub fn of_both(left: Side<'_>, right: Side<'_>, tell: &mut Tell<'_>) -> Result<Self> {
        let mut found = Self::default();
        let (left_operator, left_state) = left.state()?;
        let (right_operator, right_state) = right.state()?;
        match method((left_operator, left_state), (right_operator, right_state)) {
            Method::Apart => {
                found.one_side(left, RowChange::Removed, tell)?;
                found.one_side(right, RowChange::Added, tell)?;
            }
            Method::Merge { skip_equal } => {
                let identity = left_state.schema.sort_columns(left_state.kind);
                let comparison = comparison(left_state, right_state, &identity)?;
                found.merge_sorted(left, right, skip_equal, &comparison, tell)?;
            }
            Method::Sort(identity) => {
                let comparison = comparison(left_state, right_state, &identity)?;
                found.sort_and_merge([left, right], &identity, [None, None], &comparison, tell)?;
            }
            Method::Positions(positions) => {
                let comparison = comparison(left_state, right_state, &[Column::Key])?;
                let [before, after] = positions.as_ref();
                let columns = [Column::Key, Column::Value];
                found.sort_and_merge(
                    [left, right],
                    &columns,
                    [Some(before), Some(after)],
                    &comparison,
                    tell,
                )?;
            }
        }
        Ok(found)
    }

    /// Counts and tells all rows of a state that is on one side only.
    ///
    /// # Errors
    /// If it cannot be read, and those of `tell`.
    pub fn of_one(side: Side<'_>, change: fn(usize) -> RowChange, tell: &mut Tell<'_>) -> Result<Self> {
        let mut found = Self::default();
        found.one_side(side, change, tell)?;
        Ok(found)
    }

    fn one_side(
        &mut self,
        side: Side<'_>,
        change: fn(usize) -> RowChange,
        tell: &mut Tell<'_>,
    ) -> Result<()> {
        let mut stream =
            side.source.scan(side.place, &Scan { sorted: true, ahead: true, ..Scan::default() })?;
        for batch in stream.by_ref() {
            let batch = batch?;
            let rows = all_rows(batch.num_rows(), change);
            self.counts.count(&rows);
            let is_right = matches!(rows.first(), Some(RowChange::Added(_)));
            let (left, right) = if is_right { (None, Some(&batch)) } else { (Some(&batch), None) };
            tell(&RowChanges { left, right, rows: &rows })?;
        }
        self.completeness = self.completeness.and(stream.completeness());
        Ok(())
    }

    /// Sorts each side on a thread of its own.
    fn sort_and_merge(
        &mut self,
        [left, right]: [Side<'_>; 2],
        columns: &[Column],
        [before, after]: [Option<&Positions>; 2],
        comparison: &Comparison<'_>,
        tell: &mut Tell<'_>,
    ) -> Result<()> {
        let (left, right) = std::thread::scope(|scope| {
            let left = scope.spawn(|| left.sorted(columns, before));
            let right = right.sorted(columns, after);
            (left.join().unwrap_or_else(|_| Err(Error::invalid("sorting has ended"))), right)
        });
        let ((left, left_seen), (right, right_seen)) = (left?, right?);
        self.completeness = left_seen.and(right_seen);
        merge(Box::new(left), Box::new(right), comparison, &mut self.counts, tell)
    }

    fn merge_sorted(
        &mut self,
        left: Side<'_>,
        right: Side<'_>,
        skip_equal: bool,
        comparison: &Comparison<'_>,
        tell: &mut Tell<'_>,
    ) -> Result<()> {
        let (left_segments, right_segments) =
            (left.source.segments(left.place)?, right.source.segments(right.place)?);
        let work = if skip_equal {
            plan(&left_segments, &right_segments)
        } else {
            Work { rows_same: 0, runs: vec![(0..left_segments.len(), 0..right_segments.len())] }
        };
        let (operator, state) = left.state()?;
        let groups = state.kind.is_keyed().then_some(operator.max_parallelism);
        let parts = cut(work.runs, &left_segments, &right_segments, groups);
        let open = |part: &Part| {
            let left = left.source.scan(left.place, &part.scan(&part.left))?;
            Ok([left, right.source.scan(right.place, &part.scan(&part.right))?])
        };
        self.add(join(&parts, &open, comparison, tell)?);
        self.counts.same += work.rows_same;
        Ok(())
    }

    /// Adds what was found in another part of the same state.
    pub(super) fn add(&mut self, other: Self) {
        self.counts.add(other.counts);
        self.completeness = self.completeness.and(other.completeness);
    }
}

impl<'a> Side<'a> {
    /// All rows, brought into the order of these columns in fixed memory.
    fn sorted(self, columns: &[Column], positions: Option<&Positions>) -> Result<(SortedRows, Completeness)> {
        let mut stream = self.source.scan(self.place, &Scan { ahead: true, ..Scan::default() })?;
        let keyed = |batch: RecordBatch| match positions {
            Some(positions) => positions.keyed(&batch),
            None => Ok(batch),
        };
        let schema = keyed(RecordBatch::new_empty(stream.schema()))?.schema();
        let mut sorter = ExternalSorter::new(schema, columns.to_vec(), SORT_BYTES);
        for batch in stream.by_ref() {
            sorter.push(keyed(batch?)?)?;
        }
        Ok((sorter.finish()?, stream.completeness()))
    }

    fn state(&self) -> Result<(&'a Operator, &'a State)> {
        let found = self.source.savepoint().state(self.place);
        found.ok_or_else(|| Error::not_found("there is no such state"))
    }
}

fn method(
    (left_operator, left): (&Operator, &State),
    (right_operator, right): (&Operator, &State),
) -> Method {
    let identity = left.schema.sort_columns(left.kind);
    if identity != right.schema.sort_columns(right.kind) {
        return Method::Apart;
    }
    if left.kind.is_per_subtask() {
        if let Some((before, after)) = Positions::of(left).zip(Positions::of(right))
            && before.same_splits(&after)
        {
            return Method::Positions(Box::new([before, after]));
        }
        let same = matches!((&left.schema.value, &right.schema.value), (Some(left), Some(right)) if same_storage(&left.ty, &right.ty));
        return if same { Method::Sort(vec![Column::Value]) } else { Method::Apart };
    }
    let part = |state: &State, column: Column| -> Option<Field> {
        state.schema.parts().find(|(found, _)| *found == column).map(|(_, field)| field.clone())
    };
    let alike = |column: &Column| match (part(left, *column), part(right, *column)) {
        (Some(left), Some(right)) => same_storage(&left.ty, &right.ty),
        (left, right) => left.is_none() && right.is_none(),
    };
    if !identity.iter().all(alike) {
        return Method::Apart;
    }
    let same_groups =
        left_operator.max_parallelism == right_operator.max_parallelism && left.key_hash == right.key_hash;
    if left.kind.is_keyed() && !same_groups {
        return Method::Sort(identity.into_iter().filter(|column| *column != Column::KeyGroup).collect());
    }
    Method::Merge { skip_equal: schema_changes(left, right).is_empty() }
}

/// Identity by these columns, values by the fields both have, `last_access` where both have it.
fn comparison(left: &State, right: &State, identity: &[Column]) -> Result<Comparison<'static>> {
    let paths = match (&left.schema.value, &right.schema.value) {
        (Some(old), Some(new)) => common_paths(Column::Value.name(), old, new),
        _ => Vec::new(),
    };
    let values = |state: &State| -> Result<Pick<'static>> {
        let projection = Projection::of_paths(&paths, state.kind, &state.schema)?;
        Ok(Box::new(move |batch| projection.apply(batch)))
    };
    let both_age = left.schema.ttl && right.schema.ttl && left.kind.is_keyed();
    let touched = || -> Pick<'static> {
        Box::new(
            move |batch| if both_age { columns_of(batch, &[Column::LastAccess]) } else { Ok(Vec::new()) },
        )
    };
    let identity = || -> Pick<'static> {
        let identity = identity.to_vec();
        Box::new(move |batch: &RecordBatch| columns_of(batch, &identity))
    };
    Ok(Comparison {
        identity: [identity(), identity()],
        value: [values(left)?, values(right)?],
        touched: [touched(), touched()],
    })
}
