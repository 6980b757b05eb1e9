//! `spt inspect --start-report` for people.
//!
//! ```text
//! Started at 2026-11-22T10:00:00Z from a savepoint taken 2026-11-22T09:00:00Z, not drained
//!
//! OPERATOR  SERVICE        DOMAIN      TIMERS  FIRE AT ONCE  FIRST
//! windows   window-timers  processing      72            12  2026-11-22T09:30:00Z
//! ```

use spt_format::OperatorId;

use super::table::{Lean, Table};
use super::text::{clean, count, counted, share};
use crate::report::start::StartReport;
use crate::ui::Ui;

pub(crate) fn start(report: &StartReport, ui: &Ui) -> String {
    let taken = report.created_at.as_deref().unwrap_or("at a time not recorded");
    let drained = if report.drained { "drained: its windows and timers have fired" } else { "not drained" };
    let mut text = format!("Started at {} from a savepoint taken {taken}, {drained}\n", report.as_of);
    for part in [timers(report, ui), expired(report, ui), pending(report, ui)] {
        text.push('\n');
        text += &part;
    }
    text
}

fn label(uid: Option<&String>, id: OperatorId) -> String {
    uid.map_or_else(|| id.to_string(), |uid| clean(uid))
}

fn timers(report: &StartReport, ui: &Ui) -> String {
    if report.timers.is_empty() {
        return "No timers\n".to_owned();
    }
    let mut table = Table::new(
        [
            ("OPERATOR", Lean::Left),
            ("SERVICE", Lean::Left),
            ("DOMAIN", Lean::Left),
            ("TIMERS", Lean::Right),
            ("FIRE AT ONCE", Lean::Right),
            ("FIRST", Lean::Left),
        ],
        ui,
    );
    for found in &report.timers {
        table.row([
            label(found.uid.as_ref(), found.operator_id),
            clean(&found.service),
            clean(&found.domain),
            count(found.timers),
            count(found.overdue),
            found.first.clone(),
        ]);
    }
    let event = report.timers.iter().any(|found| found.domain == "event" && found.overdue > 0);
    let note = "Event-time timers fire once the watermark has come as far\n";
    table.text() + if event { note } else { "" }
}

fn expired(report: &StartReport, ui: &Ui) -> String {
    if report.ttl.is_empty() {
        return "No state with a time to live\n".to_owned();
    }
    let mut table = Table::new(
        [
            ("OPERATOR", Lean::Left),
            ("STATE", Lean::Left),
            ("TTL", Lean::Right),
            ("ROWS", Lean::Right),
            ("EXPIRED", Lean::Right),
            ("SHARE", Lean::Right),
            ("LONGEST UNTOUCHED", Lean::Left),
        ],
        ui,
    );
    for found in &report.ttl {
        table.row([
            label(found.uid.as_ref(), found.operator_id),
            clean(&found.state),
            found.ttl_ms.map_or("?".to_owned(), |ms| format!("{} ms", count(ms))),
            count(found.rows),
            found.expired.map_or("?".to_owned(), count),
            found.expired.map_or("?".to_owned(), |expired| share(expired, found.rows)),
            found.oldest_access.clone().unwrap_or_default(),
        ]);
    }
    table.text()
}

fn pending(report: &StartReport, _ui: &Ui) -> String {
    if report.pending.is_empty() {
        return "No pending output\n".to_owned();
    }
    let line = |found: &crate::report::start::Pending| {
        let age =
            found.age_ms.map_or(String::new(), |ms| format!(", {} s old", count(ms.max(0) as u64 / 1000)));
        let outputs = counted(found.outputs, "pending output");
        format!(
            "{}: {outputs}{age}, committed or discarded by who starts from it\n",
            label(found.uid.as_ref(), found.operator_id)
        )
    };
    report.pending.iter().map(line).collect()
}
