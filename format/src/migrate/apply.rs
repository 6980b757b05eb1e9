//! Carries a plan out: from a source into a sink, state by state, in fixed memory.

use arrow_array::RecordBatch;

use super::plan::{MigrationPlan, Rewrite, StateStep, Work};
use super::rewrite::Rewriter;
use crate::error::{Error, Result, ResultExt};
use crate::model::{Operator, RowStream, SavepointSink, SavepointSource, Scan, State, StateKind};
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
        // The elements of a list are numbered as they come.
        let sorted_now = !rewriter.loses_order() || from.kind == StateKind::List;
        let rows = source.scan(step.source, &Scan { sorted: sorted_now, ahead: true, ..Scan::default() })?;
        let mut rows = Changed { rows, rewriter: &rewriter, read: 0, written: 0, has_ended: false };
        if rewriter.loses_order() {
            let mut sorted = sorted(&mut rows, to)?;
            let to = State { rows: Some(rows.written), ..to.clone() };
            sink.table(operator, &to, &mut sorted)?;
        } else {
            let expected = from.rows.filter(|_| !rewriter.loses_rows());
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
    rows: Box<dyn RowStream>,
    rewriter: &'a Rewriter<'a>,
    read: u64,
    written: u64,
    has_ended: bool,
}

impl Changed<'_> {
    fn next_batch(&mut self) -> Result<Option<RecordBatch>> {
        let Some(batch) = self.rows.next().transpose()? else {
            let seen = self.rows.completeness();
            if !seen.is_complete() {
                let what = format!("{} rows cannot be read, and would be lost", seen.rows_unread);
                return Err(Error::invalid(what));
            }
            return self.rewriter.finish().map(|()| None);
        };
        self.read += batch.num_rows() as u64;
        let batch = self.rewriter.rewrite(&batch)?;
        self.written += batch.num_rows() as u64;
        Ok(Some(batch))
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
