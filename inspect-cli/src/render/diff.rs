//! `spt diff` for people: a line for each operator and state that differs, and the rows under it.
//!
//! ```text
//! ~ sum-001
//!   ~ counts   +1 −1 ~1, 4 the same
//!     value.old  int32 → gone
//!     + key f          7
//!     - key c          3
//!     ~ key b          2 → 20
//! - window-001   removed
//! ```

use arrow_array::RecordBatch;
use spt_format::{
    Error, JsonOptions, JsonValues, PositionChange, Positions, Projection, RowChange, RowChanges, State,
};

use super::rows::shown;
use super::table::{Lean, Table};
use super::text::{clean, count};
use crate::error::Result;
use crate::report::diff::{Change, DiffReport, OperatorDiff, PendingDiff, StateDiff};
use crate::ui::{Style, Ui};

/// A state's changed rows as text, as many as are wanted.
pub(crate) struct RowLines {
    left: Option<Projection>,
    right: Option<Projection>,
    limit: u64,
    lines: Vec<String>,
    colors: bool,
    touched: bool,
    /// On both sides, if rows say where a source stands.
    positions: Option<(Positions, Positions)>,
}

/// The columns of one batch under their names.
type Cells<'a> = Vec<(&'a str, JsonValues)>;

impl RowLines {
    /// At most `limit` lines about a state.
    ///
    /// # Errors
    /// If a schema does not fit its kind.
    pub(crate) fn new(
        left: Option<&State>,
        right: Option<&State>,
        limit: u64,
        touched: bool,
        ui: &Ui,
    ) -> Result<Self> {
        let flat = |state: Option<&State>| {
            state.map(|state| Projection::flat(state.kind, &state.schema)).transpose()
        };
        let colors = ui.stdout_colors();
        let positions = left.and_then(Positions::of).zip(right.and_then(Positions::of));
        let (left, right) = (flat(left)?, flat(right)?);
        Ok(Self { left, right, limit, lines: Vec::new(), colors, touched, positions })
    }

    /// Takes the changes of a batch.
    ///
    /// # Errors
    /// If the batches do not have the state's columns.
    pub(crate) fn take(&mut self, changes: &RowChanges<'_>) -> spt_format::Result<()> {
        if self.lines.len() as u64 >= self.limit {
            return Ok(());
        }
        let left = cells(self.left.as_ref(), changes.left)?;
        let right = cells(self.right.as_ref(), changes.right)?;
        let wanted = |change: &&RowChange| self.touched || !matches!(change, RowChange::Touched(..));
        let left_over = usize::try_from(self.limit).unwrap_or(usize::MAX) - self.lines.len();
        let lines: Vec<String> = changes
            .rows
            .iter()
            .filter(wanted)
            .take(left_over)
            .map(|change| match self.moved(*change, changes)? {
                Some(line) => Ok(line),
                None => Ok(line(*change, &left, &right, self.colors)),
            })
            .collect::<spt_format::Result<_>>()?;
        self.lines.extend(lines);
        Ok(())
    }

    /// `topic a, partition 0: 120 → 431, +311`, if a source's position moved.
    fn moved(&self, change: RowChange, changes: &RowChanges<'_>) -> spt_format::Result<Option<String>> {
        let (Some((before, now)), Some(left), Some(right), RowChange::Changed(old, new)) =
            (&self.positions, changes.left, changes.right, change)
        else {
            return Ok(None);
        };
        let change = before.change((left, old), now, (right, new))?;
        let moved = (change.before != change.after).then(|| movement(&change));
        Ok(moved.map(|text| Style::Yellow.paint(&format!("    ~ {text}"), self.colors)))
    }

    /// The lines.
    pub(crate) fn into_lines(self) -> Vec<String> {
        self.lines
    }
}

fn movement(change: &PositionChange) -> String {
    let field = |(name, value): (&String, &serde_json::Value)| {
        format!("{} {}", clean(name), shown(&value.to_string()))
    };
    let split: Vec<String> = change.split.as_object().into_iter().flatten().map(field).collect();
    let number = |number: Option<i64>| number.map_or("none".to_owned(), signed);
    let way = change
        .moved
        .map_or(String::new(), |moved| format!(", {}{}", if moved > 0 { "+" } else { "" }, signed(moved)));
    format!("{}: {} → {}{way}", split.join(", "), number(change.before), number(change.after))
}

/// Digits in groups of three, behind a minus where there is one.
fn signed(number: i64) -> String {
    format!("{}{}", if number < 0 { "-" } else { "" }, count(number.unsigned_abs()))
}

fn cells<'a>(
    projection: Option<&'a Projection>,
    batch: Option<&RecordBatch>,
) -> spt_format::Result<Cells<'a>> {
    let (Some(projection), Some(batch)) = (projection, batch) else { return Ok(Vec::new()) };
    let arrays = projection.apply(batch)?;
    projection
        .fields()
        .zip(&arrays)
        .map(|((name, field), array)| {
            Ok::<_, Error>((name, JsonValues::new(field, array, JsonOptions::default())?))
        })
        .collect()
}

fn line(change: RowChange, left: &Cells<'_>, right: &Cells<'_>, colors: bool) -> String {
    let (mark, style, text) = match change {
        RowChange::Removed(row) => {
            ("-", Style::Red, format!("{}  {}", identity(left, row), values(left, row)))
        }
        RowChange::Added(row) => {
            ("+", Style::Green, format!("{}  {}", identity(right, row), values(right, row)))
        }
        RowChange::Changed(old, new) | RowChange::Touched(old, new) => {
            ("~", Style::Yellow, format!("{}  {}", identity(right, new), movements(left, old, right, new)))
        }
    };
    style.paint(&format!("    {mark} {}", text.trim_end()), colors)
}

/// `key b` or `key.f0 a, key.f1 7, map_key x`. The key group follows from the key.
fn identity(cells: &Cells<'_>, row: usize) -> String {
    let named = |(name, values): &(&str, JsonValues)| format!("{} {}", clean(name), shown(&values.text(row)));
    let parts = cells.iter().filter(|(name, _)| Projection::identifies(name) && *name != "key_group");
    parts.map(named).collect::<Vec<_>>().join(", ")
}

/// All values of a row, fields under their names.
fn values(cells: &Cells<'_>, row: usize) -> String {
    let parts = cells.iter().filter(|(name, _)| !Projection::identifies(name));
    parts
        .map(|(name, values)| format!("{}{}", field(name), shown(&values.text(row))))
        .collect::<Vec<_>>()
        .join(", ")
}

/// The fields that changed, before and after.
fn movements(left: &Cells<'_>, old: usize, right: &Cells<'_>, new: usize) -> String {
    let before = |wanted: &str| {
        let found = left.iter().find(|(name, _)| *name == wanted);
        found.map(|(_, values)| shown(&values.text(old)))
    };
    let movement = |(name, values): &(&str, JsonValues)| {
        let (before, after) = (before(name)?, shown(&values.text(new)));
        (before != after).then(|| format!("{}{before} → {after}", field(name)))
    };
    let parts = right.iter().filter(|(name, _)| !Projection::identifies(name));
    parts.filter_map(movement).collect::<Vec<_>>().join(", ")
}

/// `count ` for `value.count`, nothing for `value`.
fn field(name: &str) -> String {
    match name.strip_prefix("value.") {
        Some(field) => format!("{} ", clean(field)),
        None if name == "value" => String::new(),
        None => format!("{} ", clean(name)),
    }
}

/// Everything that differs; `rows` are the lines of each operator's states, in the report's order.
pub(crate) fn differences(report: &DiffReport, rows: &[Vec<Vec<String>>], ui: &Ui) -> String {
    let mut text = String::new();
    for (operator, rows) in report.operators.iter().zip(rows) {
        if operator.change == Change::Same {
            continue;
        }
        text += &heading(operator, ui);
        for (state, lines) in operator.states.iter().zip(rows) {
            if state.change == Change::Same && lines.is_empty() {
                continue;
            }
            text += &self::state(state, ui);
            for line in lines {
                text += line;
                text.push('\n');
            }
            let told = lines.len() as u64;
            let all =
                [state.rows_added, state.rows_removed, state.rows_changed].iter().flatten().sum::<u64>();
            if told > 0 && told < all {
                text += &format!("    … {} more\n", count(all - told));
            }
        }
    }
    text + &pending(report, ui)
}

/// `~ sink-001  pending output: 1 before, 2 now`
fn pending(report: &DiffReport, ui: &Ui) -> String {
    let line = |sink: &PendingDiff| {
        let name = sink.uid.as_deref().map_or_else(|| sink.operator_id.to_string(), clean);
        let text = format!("~ {name}  pending output: {} before, {} now", sink.before, sink.after);
        Style::Yellow.paint(&text, ui.stdout_colors()) + "\n"
    };
    report.pending.iter().map(line).collect()
}

fn heading(operator: &OperatorDiff, ui: &Ui) -> String {
    let name = operator.uid.as_deref().map_or_else(|| operator.operator_id.to_string(), clean);
    let what = match (&operator.renamed_from, operator.change) {
        (Some(from), _) => {
            let before = from.uid.as_deref().map_or_else(|| from.operator_id.to_string(), clean);
            format!("  renamed from {before}")
        }
        (None, Change::Added) if operator.states.is_empty() => "  added, without state".to_owned(),
        (None, Change::Removed) if operator.states.is_empty() => "  removed, without state".to_owned(),
        (None, Change::Added) => "  added".to_owned(),
        (None, Change::Removed) => "  removed".to_owned(),
        (None, _) => String::new(),
    };
    let groups =
        operator.max_parallelism.map(|moved| format!("  max parallelism {} → {}", moved.before, moved.after));
    let line = format!("{} {name}{what}{}", mark(operator.change), groups.unwrap_or_default());
    style(operator.change).paint(&line, ui.stdout_colors()) + "\n"
}

fn state(state: &StateDiff, ui: &Ui) -> String {
    let line = format!("  {} {}  {}", mark(state.change), clean(&state.name), counts(state));
    let mut text = style(state.change).paint(&line, ui.stdout_colors()) + "\n";
    for change in &state.schema_changes {
        let before = change.before.as_deref().map_or("none".to_owned(), clean);
        let after = change.after.as_deref().map_or("gone".to_owned(), clean);
        text += &format!("    {}  {before} → {after}\n", clean(&change.field));
    }
    text
}

fn counts(state: &StateDiff) -> String {
    let (Some(added), Some(removed), Some(changed), Some(same)) =
        (state.rows_added, state.rows_removed, state.rows_changed, state.rows_same)
    else {
        return "rows not compared".to_owned();
    };
    let mut text =
        format!("+{} -{} ~{}, {} the same", count(added), count(removed), count(changed), count(same));
    if let Some(touched) = state.rows_touched.filter(|touched| *touched > 0) {
        text += &format!(", {} only touched", count(touched));
    }
    if state.schema_changes.iter().any(|change| change.field.starts_with("value")) {
        text += ", in the fields that both have";
    }
    text
}

fn mark(change: Change) -> &'static str {
    match change {
        Change::Added => "+",
        Change::Removed => "-",
        Change::Changed => "~",
        Change::Renamed => ">",
        Change::Same => "=",
    }
}

fn style(change: Change) -> Style {
    match change {
        Change::Added => Style::Green,
        Change::Removed => Style::Red,
        Change::Changed | Change::Renamed => Style::Yellow,
        Change::Same => Style::Dim,
    }
}

/// `--stat`: one line a state, equal ones too.
pub(crate) fn statistics(report: &DiffReport, ui: &Ui) -> String {
    let names = ["", "OPERATOR", "STATE"].map(|name| (name, Lean::Left));
    let numbers = ["ADDED", "REMOVED", "CHANGED", "TOUCHED", "SAME"].map(|name| (name, Lean::Right));
    let mut table = Table::new(names.into_iter().chain(numbers), ui);
    let number = |value: Option<u64>| value.map_or("?".to_owned(), count);
    for operator in &report.operators {
        let name = operator.uid.as_deref().map_or_else(|| operator.operator_id.to_string(), clean);
        for state in &operator.states {
            table.row([
                mark(if operator.change == Change::Renamed { Change::Renamed } else { state.change })
                    .to_owned(),
                name.clone(),
                clean(&state.name),
                number(state.rows_added),
                number(state.rows_removed),
                number(state.rows_changed),
                number(state.rows_touched),
                number(state.rows_same),
            ]);
        }
        if operator.states.is_empty() {
            table.row([mark(operator.change).to_owned(), name, String::new()]);
        }
    }
    table.text() + &pending(report, ui)
}
