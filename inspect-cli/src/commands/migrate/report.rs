//! What a migrate does, or did, for people and programs.

use std::collections::BTreeMap;

use serde::Serialize;
use spt_format::migrate::{Loss, MigrationPlan, Operation, Work};
use spt_format::{Savepoint, Sharing};

use super::write::Made;
use crate::error::Result;
use crate::render::table::{Lean, Table};
use crate::render::text::{bytes, clean, count, counted};
use crate::ui::Ui;

/// `spt.migrate/1`: what was done, or would be.
#[derive(Serialize)]
pub(super) struct Report<'a> {
    schema: &'static str,
    dry_run: bool,
    path: Option<String>,
    operations: &'a [Operation],
    states: Vec<StepReport>,
    rows_rewritten: u64,
    bytes_rewritten: u64,
    bytes_shared: u64,
    /// Bytes taken over, by how; empty before it is done.
    sharing: BTreeMap<&'static str, u64>,
    pending_dropped: usize,
    lost: &'a [Loss],
}

/// What becomes of one state.
#[derive(Serialize)]
struct StepReport {
    uid: String,
    state: String,
    work: &'static str,
    rows: Option<u64>,
    bytes: Option<u64>,
}

impl<'a> Report<'a> {
    /// Before anything is done.
    pub(super) fn of_plan(plan: &'a MigrationPlan, source: &Savepoint) -> Self {
        let (rows_rewritten, bytes_rewritten) = plan.rewritten(source);
        Self {
            schema: "spt.migrate/1",
            dry_run: true,
            path: None,
            operations: &plan.operations,
            states: steps(plan, source),
            rows_rewritten,
            bytes_rewritten,
            bytes_shared: plan.linked_bytes(source),
            sharing: BTreeMap::new(),
            pending_dropped: plan.dropped_pending.len(),
            lost: &plan.lost,
        }
    }

    /// Once it is done.
    pub(super) fn done(self, made: &Made) -> Self {
        let bytes = |wanted: &dyn Fn(Sharing) -> bool| {
            made.sharing.iter().filter(|(sharing, _)| wanted(**sharing)).map(|(_, bytes)| bytes).sum()
        };
        Self {
            dry_run: false,
            path: Some(made.path.display().to_string()),
            rows_rewritten: made.applied.rows_written,
            bytes_shared: bytes(&|sharing| sharing != Sharing::Copy),
            sharing: made.sharing.iter().map(|(sharing, bytes)| (sharing.name(), *bytes)).collect(),
            ..self
        }
    }

    /// The plan for people: what changes, what becomes of each state, what is lost.
    ///
    /// # Errors
    /// If it cannot be written.
    pub(super) fn show(&self, ui: &Ui) -> Result<()> {
        let changes: String = self
            .operations
            .iter()
            .map(|operation| format!("  {}\n", clean(&operation.to_string())))
            .collect();
        let lost: String = self.lost.iter().map(|loss| format!("  {}\n", clean(&lost_text(loss)))).collect();
        let lost = if lost.is_empty() { lost } else { format!("\nlost:\n{lost}") };
        ui.answer(&format!("{changes}\n{}{lost}\n", self.table(ui)))
    }

    /// The last line for people: what it came to, or would.
    ///
    /// # Errors
    /// If it cannot be written.
    pub(super) fn conclude(&self, ui: &Ui) -> Result<()> {
        let rewritten = counted(self.rows_rewritten, "row");
        let mut sums = format!("{rewritten} rewritten ({})", bytes(self.bytes_rewritten));
        let copied = self.sharing.get(Sharing::Copy.name()).copied().unwrap_or_default();
        if self.bytes_shared > 0 || copied == 0 {
            sums += &format!(", {} shared", bytes(self.bytes_shared));
        }
        if copied > 0 {
            sums += &format!(", {} copied", bytes(copied));
        }
        match &self.path {
            Some(path) => ui.answer(&format!("made {}: {sums}\n", clean(path))),
            None => ui.answer(&format!("would be: {sums}\n")),
        }
    }

    fn table(&self, ui: &Ui) -> String {
        let columns = ["OPERATOR", "STATE", ""].map(|name| (name, Lean::Left));
        let numbers = ["ROWS", "SIZE"].map(|name| (name, Lean::Right));
        let mut table = Table::new(columns.into_iter().chain(numbers), ui);
        for state in &self.states {
            table.row([
                clean(&state.uid),
                clean(&state.state),
                state.work.to_owned(),
                state.rows.map_or("?".to_owned(), count),
                state.bytes.map_or("?".to_owned(), bytes),
            ]);
        }
        table.text()
    }
}

fn lost_text(loss: &Loss) -> String {
    let rows = loss.rows.map_or_else(|| "an unknown number of rows".to_owned(), |rows| counted(rows, "row"));
    let groups = loss.key_groups.map(|groups| format!(", key groups {groups}")).unwrap_or_default();
    format!("{}/{}{groups}: {rows}: {}", loss.operator, loss.state, loss.reason)
}

/// The states of the new savepoint, then those that are left out.
fn steps(plan: &MigrationPlan, source: &Savepoint) -> Vec<StepReport> {
    let step = |savepoint: &Savepoint, place, work| {
        savepoint.state(place).map(|(operator, state)| StepReport {
            uid: operator.label(),
            state: state.name.clone(),
            work,
            rows: state.rows,
            bytes: state.bytes,
        })
    };
    let kept = plan.steps.iter().filter_map(|found| {
        let work = if found.work == Work::Keep { "kept" } else { "rewritten" };
        let mut report = step(&plan.target, found.target, work)?;
        (report.rows, report.bytes) =
            source.state(found.source).map_or((None, None), |(_, state)| (state.rows, state.bytes));
        Some(report)
    });
    let dropped = plan.dropped.iter().filter_map(|place| step(source, *place, "dropped"));
    kept.chain(dropped).collect()
}
