//! Carries a plan out: from a source into a sink, state by state, in fixed memory.

use arrow_array::RecordBatch;

use super::plan::{MigrationPlan, Rewrite, StateStep, Work};
use super::rewrite::Rewriter;
use crate::error::{Error, Result, ResultExt};
use crate::model::{
    Engine, Operator, RowStream, SavepointSink, SavepointSource, Scan, State, StateKind, StateRef,
};
use crate::sort::{ExternalSorter, SortedRows};

/// Memory for sorting, before rows are spilled.
const SORT_BYTES: usize = 128 << 20;

/// What was done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Applied {
    /// States whose files were taken over as they are.
    pub states_kept: u64,
    /// States whose rows were written anew.
    pub states_rewritten: u64,
    /// Rows read for that.
    pub rows_read: u64,
    /// Rows written for that; the others were purged.
    pub rows_written: u64,
}

impl MigrationPlan {
    /// Writes the target savepoint; the sink is not yet committed.
    ///
    /// # Errors
    /// If a row cannot be read, changed or written, with its operator and state. The sink is then of no use.
    pub fn apply(&self, source: &dyn SavepointSource, sink: &mut dyn SavepointSink) -> Result<Applied> {
        let mut applied = Applied::default();
        for step in &self.steps {
            let (Some((_, from)), Some((operator, to))) =
                (source.savepoint().state(step.source), self.target.state(step.target))
            else {
                return Err(Error::bad_request("the plan is for another savepoint"));
            };
            self.step(step, source, from, operator, to, sink, &mut applied)
                .within(|| format!("state {:?}", to.name))
                .within(|| format!("operator {}", operator.label()))?;
        }
        Ok(applied)
    }

    #[expect(clippy::too_many_arguments, reason = "the two sides of one step, and the count")]
    fn step(
        &self,
        step: &StateStep,
        source: &dyn SavepointSource,
        from: &State,
        operator: &Operator,
        to: &State,
        sink: &mut dyn SavepointSink,
        applied: &mut Applied,
    ) -> Result<()> {
        let unchanged = Rewrite::default();
        let rewrite = match &step.work {
            Work::Keep if sink.adopt(operator, to, source, step.source)? => {
                applied.states_kept += 1;
                return Ok(());
            }
            Work::Keep => &unchanged,
            Work::Rewrite(rewrite) => rewrite,
        };
        let rewriter = Rewriter::new(from, operator, to, rewrite)?;
        // Parts of a foreign savepoint follow each other in no order.
        let is_torn = rewrite.readable.is_some() && source.savepoint().engine != Engine::Spt;
        let sorts = rewriter.loses_order() || is_torn;
        // The elements of a list are numbered as they come.
        let scan = Scan { sorted: !sorts || from.kind == StateKind::List, ahead: true, ..Scan::default() };
        let mut rows = Changed {
            source,
            place: step.source,
            scans: rewrite.scans(&scan).into_iter(),
            current: None,
            rewriter: &rewriter,
            may_lose: self.drops_unreadable,
            read: 0,
            written: 0,
            has_ended: false,
        };
        if sorts {
            let mut sorted = sorted(&mut rows, to)?;
            let to = State { rows: Some(rows.written), ..to.clone() };
            sink.table(operator, &to, &mut sorted)?;
        } else {
            let expected = from.rows.filter(|_| !rewriter.loses_rows() && !self.drops_unreadable);
            let to = State { rows: expected, ..to.clone() };
            sink.table(operator, &to, &mut rows)?;
        }
        applied.rows_read += rows.read;
        applied.rows_written += rows.written;
        applied.states_rewritten += 1;
        Ok(())
    }
}

/// The rows of a state on their way, changed.
struct Changed<'a> {
    source: &'a dyn SavepointSource,
    place: StateRef,
    scans: std::vec::IntoIter<Scan>,
    current: Option<Box<dyn RowStream>>,
    rewriter: &'a Rewriter<'a>,
    /// Rows that cannot be read were told before, and are left out.
    may_lose: bool,
    read: u64,
    written: u64,
    has_ended: bool,
}

impl Changed<'_> {
    fn next_batch(&mut self) -> Result<Option<RecordBatch>> {
        let Some(batch) = self.next_read()? else { return self.rewriter.finish().map(|()| None) };
        self.read += batch.num_rows() as u64;
        let batch = self.rewriter.rewrite(&batch)?;
        self.written += batch.num_rows() as u64;
        Ok(Some(batch))
    }

    /// The next batch of the scans, one after the other.
    fn next_read(&mut self) -> Result<Option<RecordBatch>> {
        loop {
            if let Some(rows) = &mut self.current {
                if let Some(batch) = rows.next() {
                    return batch.map(Some);
                }
                let unread = rows.completeness().rows_unread;
                if unread > 0 && !self.may_lose {
                    return Err(Error::invalid(format!("{unread} rows cannot be read, and would be lost")));
                }
                self.current = None;
            }
            let Some(scan) = self.scans.next() else { return Ok(None) };
            self.current = Some(self.source.scan(self.place, &scan)?);
        }
    }
}

impl Iterator for Changed<'_> {
    type Item = Result<RecordBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.has_ended {
            return None;
        }
        let next = self.next_batch().transpose();
        self.has_ended = !matches!(next, Some(Ok(_)));
        next
    }
}

/// Sorts rows whose order is lost.
fn sorted(rows: &mut Changed<'_>, state: &State) -> Result<SortedRows> {
    let columns = state.schema.sort_columns(state.kind);
    let mut sorter = ExternalSorter::new(rows.rewriter.schema().clone(), columns, SORT_BYTES);
    rows.try_for_each(|batch| sorter.push(batch?))?;
    sorter.finish()
}
