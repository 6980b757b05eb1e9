//! `spt inspect` for people: what it is, then its operators, then their states.
//!
//! ```text
//! Savepoint of wordcount, taken 2026-11-22T15:04:05Z (3 minutes ago)
//! spt format 1, columnar, 2 operators, 2 states, 1,234 rows, 12.3 kB in 2 files
//!
//! OPERATOR    PARALLELISM  STATES   ROWS     SIZE   SHARE
//! stream-001        2/128       1      2    310 B   2.5 %
//! sum-001           2/128       1  1,232  12.0 kB  97.5 %
//!
//! OPERATOR    STATE    KIND           KEY   VALUE  ROWS     SIZE  PER ROW
//! …
//! ```

use std::time::{SystemTime, UNIX_EPOCH};

use spt_format::{Engine, ReadAs, SavepointKind, UidOrigin};

use super::table::{Lean, Table};
use super::text::{age, bytes, clean, count, counted, share, shorten};
use crate::report::inspect::{InspectReport, OperatorReport, StateReport};
use crate::ui::{Style, Ui};

/// A type longer than this is cut in a table; `--uid` and `--state` show it whole.
const TYPE_WIDTH: usize = 44;
/// Digits of an operator id that a table shows. `--uid` takes the beginning of an id.
const ID_DIGITS: usize = 12;

/// The whole summary.
pub(crate) fn summary(report: &InspectReport, created_at_ms: Option<i64>, ui: &Ui) -> String {
    let mut text = head(report, created_at_ms, ui);
    if !report.operators.is_empty() {
        text += "\n";
        text += &operators(report, ui);
    }
    if report.totals.states > 0 {
        text += "\n";
        text += &states(report, ui);
    }
    text + &foot(report, ui)
}

/// One operator, its types in full.
pub(crate) fn operator(operator: &OperatorReport, ui: &Ui) -> String {
    let mut text = Style::Bold.paint(&format!("Operator {}", label(operator)), ui.stdout_colors());
    text += &format!("\n  id           {}  {}\n", operator.operator_id, origin(operator.uid_origin));
    if let Some(name) = &operator.name {
        text += &format!("  name         {}\n", clean(name));
    }
    text += &format!("  parallelism  {} of at most {}\n", operator.parallelism, operator.max_parallelism);
    if operator.finished {
        text += "  finished     it had reached the end of its input\n";
    }
    if operator.channel_bytes > 0 {
        text += &format!("  in flight    {}\n", bytes(operator.channel_bytes));
    }
    for found in &operator.states {
        text += "\n";
        text += &state(found, ui);
    }
    text
}

fn state(state: &StateReport, ui: &Ui) -> String {
    let mut text = Style::Bold.paint(&format!("State {}", clean(&state.name)), ui.stdout_colors());
    text += &format!("  {}\n", state.kind);
    let types = [
        ("key", &state.key_type),
        ("namespace", &state.namespace_type),
        ("map key", &state.map_key_type),
        ("value", &state.value_type),
    ];
    for (name, ty) in types {
        if let Some(ty) = ty {
            text += &format!("  {name:<11}  {}\n", clean(ty));
        }
    }
    if let Some(read_as) = &state.read_as {
        text += &format!("  read as      {}\n", clean(&how_read(read_as)));
    }
    if let Some(ttl) = &state.ttl {
        let duration = ttl.duration_ms.map_or("not recorded".to_owned(), |ms| format!("{} ms", count(ms)));
        text += &format!("  ttl          {duration}\n");
    }
    text += &format!("  rows         {}\n", known(state.rows, count));
    text += &format!("  size         {}\n", known(state.bytes, bytes));
    text
}

/// What a connector's own bytes were taken for.
pub(crate) fn how_read(read_as: &ReadAs) -> String {
    match read_as.verified {
        true => read_as.what.clone(),
        false => format!("{}, read from its layout, unverified", read_as.what),
    }
}

fn head(report: &InspectReport, created_at_ms: Option<i64>, ui: &Ui) -> String {
    let kind = match report.kind {
        SavepointKind::Savepoint => "Savepoint",
        SavepointKind::Checkpoint => "Checkpoint",
    };
    let job = match (&report.job.name, &report.job.id) {
        (Some(name), _) => format!(" of {}", clean(name)),
        (None, Some(id)) => format!(" of job {}", clean(id)),
        (None, None) => format!(" {}", clean(&report.id)),
    };
    let taken = match (&report.created_at, created_at_ms) {
        (Some(text), Some(ms)) => format!(", taken {text} ({})", age(now_ms() - ms)),
        _ => String::new(),
    };
    let engine = match report.engine {
        Engine::Spt => "spt format",
        Engine::Flink => "Flink metadata",
    };
    let layout = serde_json::json!(report.layout);
    let totals = &report.totals;
    let rows = totals.rows.map(|rows| format!("{}, ", counted(rows, "row"))).unwrap_or_default();
    let files =
        if totals.files > 0 { format!(" in {}", counted(totals.files, "file")) } else { String::new() };
    let first = Style::Bold.paint(&format!("{kind}{job}{taken}"), ui.stdout_colors());
    format!(
        "{first}\n{engine} {}, {}, {}, {}, {rows}{}{files}\n",
        report.format_version,
        layout.as_str().unwrap_or_default(),
        counted(totals.operators as u64, "operator"),
        counted(totals.states as u64, "state"),
        bytes(totals.bytes),
    )
}

fn operators(report: &InspectReport, ui: &Ui) -> String {
    let named = report.operators.iter().any(|operator| shown_name(operator).is_some());
    let mut columns = vec![("OPERATOR", Lean::Left)];
    if named {
        columns.push(("NAME", Lean::Left));
    }
    columns.extend(["PARALLELISM", "STATES", "ROWS", "SIZE", "SHARE"].map(|name| (name, Lean::Right)));
    let mut table = Table::new(columns, ui);
    for operator in &report.operators {
        let mut cells = vec![label(operator)];
        if named {
            cells.push(shown_name(operator).unwrap_or_default());
        }
        cells.push(format!("{}/{}", operator.parallelism, operator.max_parallelism));
        if operator.states.is_empty() {
            cells.push("–".to_owned());
        } else {
            cells.push(count(operator.states.len() as u64));
            cells.push(known(operator.rows(), count));
            cells.push(known(operator.bytes(), bytes));
            cells.push(known(operator.bytes(), |bytes| share(bytes, report.totals.bytes)));
        }
        table.row(cells);
    }
    table.text()
}

fn states(report: &InspectReport, ui: &Ui) -> String {
    let columns = ["OPERATOR", "STATE", "KIND", "KEY", "VALUE"].map(|name| (name, Lean::Left));
    let numbers = ["ROWS", "SIZE", "PER ROW"].map(|name| (name, Lean::Right));
    let mut table = Table::new(columns.into_iter().chain(numbers), ui);
    let type_width =
        ui.width().map_or(TYPE_WIDTH, |columns| (usize::from(columns) / 5).clamp(12, TYPE_WIDTH));
    for operator in &report.operators {
        for (place, state) in operator.states.iter().enumerate() {
            let per_row = state.bytes.zip(state.rows).filter(|(_, rows)| *rows > 0);
            table.row([
                if place == 0 { label(operator) } else { String::new() },
                clean(&state.name),
                format!("{}{}", state.kind, if state.ttl.is_some() { ", ttl" } else { "" }),
                shorten(&key(state), type_width),
                shorten(&value(state), type_width),
                known(state.rows, count),
                known(state.bytes, bytes),
                per_row.map_or("–".to_owned(), |(size, rows)| bytes(size / rows)),
            ]);
        }
    }
    table.text()
}

/// The key's type, with the namespace's where there is one.
fn key(state: &StateReport) -> String {
    let key = state.key_type.as_deref().unwrap_or("–");
    let text = match &state.namespace_type {
        Some(namespace) => format!("{key} in {namespace}"),
        None => key.to_owned(),
    };
    clean(&text)
}

/// The value's type, with the map key's where there is one.
fn value(state: &StateReport) -> String {
    let value = state.value_type.as_deref().unwrap_or("–");
    let text = match &state.map_key_type {
        Some(key) => format!("{key} → {value}"),
        None => value.to_owned(),
    };
    clean(&text)
}

/// What Flink only has as bytes, since a Python process keeps it.
const PYTHON: &str = "opaque<pyflink>";

/// What a careful reader should know, if anything.
fn foot(report: &InspectReport, ui: &Ui) -> String {
    let mut text = String::new();
    let mut line = |words: &str| text += &format!("\n{}\n", Style::Yellow.paint(words, ui.stdout_colors()));
    let fragile = |operator: &&OperatorReport| {
        operator.uid_origin == UidOrigin::Generated && !operator.states.is_empty()
    };
    if report.operators.iter().any(|operator| fragile(&operator)) {
        line("* no uid: the id follows from the job's graph, and the state is lost when the graph changes");
    }
    let mut states = report.operators.iter().flat_map(|operator| &operator.states);
    if states.any(|state| value(state).contains(PYTHON)) {
        line(&format!(
            "{PYTHON}: Python's types are not recorded; `--python-types FILE` names them (JSON: uid, state, type)"
        ));
    }
    if report.drained {
        line("drained: all windows and timers fired before it was taken; going on from it changes results");
    }
    if !report.complete {
        line(&format!("not everything could be read: {}", counted(report.rows_unread, "row")));
    }
    text
}

/// The uid, or the beginning of the id with a mark where it is fragile.
pub(crate) fn label(operator: &OperatorReport) -> String {
    let id = || operator.operator_id.to_string().chars().take(ID_DIGITS).chain(['…']).collect::<String>();
    match (&operator.uid, operator.uid_origin) {
        (Some(uid), _) => clean(uid),
        (None, UidOrigin::Generated) => id() + "*",
        (None, _) => id(),
    }
}

fn origin(origin: UidOrigin) -> &'static str {
    match origin {
        UidOrigin::Given => "from its uid",
        UidOrigin::Generated => "generated from the job's graph: fragile",
        UidOrigin::Unknown => "its uid is not recorded",
    }
}

fn shown_name(operator: &OperatorReport) -> Option<String> {
    let name = operator.name.as_deref().filter(|name| Some(*name) != operator.uid.as_deref())?;
    Some(shorten(&clean(name), 32))
}

/// The text of what is known, a question mark otherwise.
fn known(value: Option<u64>, text: impl Fn(u64) -> String) -> String {
    value.map_or("?".to_owned(), text)
}

fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
