//! Carries a plan out: from a source into a sink, state by state, in fixed memory.

use super::plan::{MigrationPlan, Rewrite, StateStep, Work};
use super::rewrite::Rewriter;
use crate::error::{Error, Result, ResultExt};
use crate::model::{Operator, RowStream, SavepointSink, SavepointSource, Scan, State, StateSink};
use crate::sort::ExternalSorter;

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
        let rows = source.scan(step.source, &Scan { sorted: true, ..Scan::default() })?;
        let written = write_rows(rows, &rewriter, to, sink.state(operator, to)?, applied)?;
        applied.rows_written += written;
        applied.states_rewritten += 1;
        Ok(())
    }
}

fn write_rows(
    mut rows: Box<dyn RowStream>,
    rewriter: &Rewriter<'_>,
    state: &State,
    mut sink: Box<dyn StateSink + '_>,
    applied: &mut Applied,
) -> Result<u64> {
    let mut written = 0;
    let mut sorter = rewriter.loses_order().then(|| {
        let columns = state.schema.sort_columns(state.kind);
        ExternalSorter::new(rewriter.schema().clone(), columns, SORT_BYTES)
    });
    for batch in rows.by_ref() {
        let batch = batch?;
        applied.rows_read += batch.num_rows() as u64;
        let batch = rewriter.rewrite(&batch)?;
        written += batch.num_rows() as u64;
        match &mut sorter {
            Some(sorter) => sorter.push(batch)?,
            None => sink.write(&batch)?,
        }
    }
    let seen = rows.completeness();
    if !seen.is_complete() {
        return Err(Error::invalid(format!("{} rows cannot be read, and would be lost", seen.rows_unread)));
    }
    for batch in sorter.map(ExternalSorter::finish).transpose()?.into_iter().flatten() {
        sink.write(&batch?)?;
    }
    rewriter.finish()?;
    sink.finish()?;
    Ok(written)
}
