//! The savepoints of a folder for people: one line each, the newest first.

use spt_format::SavepointKind;

use super::table::{Lean, Table};
use super::text::{age, bytes, clean, count};
use crate::report::list::{Entry, ListReport};
use crate::ui::Ui;

/// The table; `now_ms` is what ages are counted from.
pub(crate) fn list(report: &ListReport, now_ms: i64, ui: &Ui) -> String {
    let names = ["PATH", "KIND", "JOB", "AGE"].map(|name| (name, Lean::Left));
    let numbers = ["OPERATORS", "STATES", "SIZE"].map(|name| (name, Lean::Right));
    let mut table = Table::new(names.into_iter().chain(numbers), ui);
    for entry in &report.savepoints {
        match &entry.error {
            Some(error) => table.row([clean(&entry.path), "broken".to_owned(), clean(error)]),
            None => table.row([
                clean(&entry.path),
                kind(entry).to_owned(),
                job(entry),
                age(now_ms - entry.created_at_ms),
                count(entry.operators as u64),
                count(entry.states as u64),
                bytes(entry.bytes),
            ]),
        }
    }
    table.text()
}

fn kind(entry: &Entry) -> &'static str {
    match entry.kind {
        Some(SavepointKind::Savepoint) => "savepoint",
        Some(SavepointKind::Checkpoint) => "checkpoint",
        None => "",
    }
}

fn job(entry: &Entry) -> String {
    let job = entry.job.as_ref();
    let name = job.and_then(|job| job.name.as_deref().or(job.id.as_deref()));
    name.map_or("–".to_owned(), clean)
}
