//! `spt inspect --offsets`: the lists that operators keep per subtask, source positions among them, in plain view.

use std::io::Write;

use spt_format::{
    Completeness, JsonOptions, JsonRows, Operator, Projection, RowQuery, SavepointSource, State, StateKind,
    StateRef,
};

use super::super::saw_all;
use crate::error::{Failure, Result};
use crate::exit::Exit;
use crate::render::inspect::how_read;
use crate::render::rows::RowTable;
use crate::render::text::clean;
use crate::ui::{Style, Ui};

/// Rows of one state that a table shows.
const TABLE_ROWS: u64 = 100;

/// Shows the rows of all lists per subtask that are wanted.
pub(super) fn show(source: &dyn SavepointSource, wanted: &dyn Fn(StateRef) -> bool, ui: &Ui) -> Result<Exit> {
    let mut seen = Completeness::default();
    let mut found = false;
    for (place, operator, state) in source.savepoint().states() {
        if has_positions(state) && wanted(place) {
            found = true;
            let read = if ui.json {
                lines(source, place, operator, state, ui)?
            } else {
                table(source, place, operator, state, ui)?
            };
            seen = seen.and(read);
        }
    }
    if !found {
        ui.note("no operator keeps a list per subtask");
    }
    Ok(saw_all(seen, ui))
}

/// It is a list per subtask, or what a source's coordinator has not given to a reader yet.
fn has_positions(state: &State) -> bool {
    match state.kind {
        StateKind::OperatorList | StateKind::Union => true,
        StateKind::Coordinator => state.read_as.is_some(),
        _ => false,
    }
}

/// As `--rows --json`, each line with its operator and state.
fn lines(
    source: &dyn SavepointSource,
    place: StateRef,
    operator: &Operator,
    state: &State,
    ui: &Ui,
) -> Result<Completeness> {
    let mut head = serde_json::json!({
        "operator_id": operator.id,
        "uid": operator.uid.as_ref().map(ToString::to_string),
        "state": state.name,
    });
    if let (Some(read_as), Some(head)) = (&state.read_as, head.as_object_mut()) {
        head.insert("read_as".to_owned(), serde_json::json!(read_as));
    }
    let head = head.to_string();
    let head = head.strip_suffix('}').unwrap_or(&head);
    let query = RowQuery::default();
    let mut rows = query.rows(source, place)?;
    let mut out = ui.stdout();
    let mut writer = JsonRows::new(state.kind, &state.schema, JsonOptions::default())?;
    for batch in rows.by_ref() {
        let mut text = Vec::new();
        writer.write(&batch?, &mut text)?;
        for line in text.split_inclusive(|byte| *byte == b'\n') {
            let members = line.get(1..).unwrap_or_default();
            out.write_all(head.as_bytes())
                .and_then(|()| out.write_all(b","))
                .and_then(|()| out.write_all(members))
                .map_err(Failure::stdout)?;
        }
    }
    out.flush().map_err(Failure::stdout)?;
    Ok(rows.completeness())
}

fn table(
    source: &dyn SavepointSource,
    place: StateRef,
    operator: &Operator,
    state: &State,
    ui: &Ui,
) -> Result<Completeness> {
    let projection = Projection::flat(state.kind, &state.schema)?;
    let query = RowQuery::default();
    let mut rows = query.rows(source, place)?;
    let mut table = RowTable::new(&projection, ui);
    for batch in rows.by_ref() {
        table.take(&batch?, TABLE_ROWS)?;
    }
    let mut title = format!("{}, {}", clean(&operator.label()), clean(&state.name));
    if let Some(read_as) = &state.read_as {
        title += &format!(" ({})", clean(&how_read(read_as)));
    }
    ui.answer(&format!("{}\n{}\n", Style::Bold.paint(&title, ui.stdout_colors()), table.text()))?;
    Ok(rows.completeness())
}
