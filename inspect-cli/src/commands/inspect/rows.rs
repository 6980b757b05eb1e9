//! `spt inspect --rows`: the rows of one state, as lines for programs or as a table for people.

use std::io::Write;

use spt_format::{
    JsonOptions, JsonRows, Projection, RowQuery, SavepointSource, SelectedRows, StateRef, write_json_table,
};

use super::Args;
use crate::commands::choose::parts;
use crate::commands::saw_all;
use crate::error::{Failure, Result};
use crate::exit::Exit;
use crate::render::rows::RowTable;
use crate::render::text::counted;
use crate::ui::Ui;

/// Rows a table shows unless asked for more.
const TABLE_ROWS: u64 = 20;

pub(super) fn show(
    args: &Args,
    source: &dyn SavepointSource,
    place: StateRef,
    query: &RowQuery,
    ui: &Ui,
) -> Result<Exit> {
    let (_, state) = parts(source, place)?;
    let mut rows = query.rows(source, place)?;
    let limit = args.limit.unwrap_or(u64::MAX);
    match (ui.json, args.columns.is_empty()) {
        (true, true) => {
            let lines = JsonRows::new(state.kind, &state.schema, JsonOptions::default())?.limit(limit);
            write_lines(lines, &mut rows, ui)?;
        }
        (true, false) => {
            let projection = Projection::new(&args.columns, state.kind, &state.schema)?;
            write_columns(&projection, &mut rows, limit, ui)?;
        }
        (false, whole) => {
            let projection = if whole {
                Projection::flat(state.kind, &state.schema)?
            } else {
                Projection::new(&args.columns, state.kind, &state.schema)?
            };
            write_table(&projection, &mut rows, args.limit.unwrap_or(TABLE_ROWS), ui)?;
        }
    }
    Ok(saw_all(rows.completeness(), ui))
}

fn write_lines(mut lines: JsonRows, rows: &mut SelectedRows<'_>, ui: &Ui) -> Result<()> {
    let mut out = ui.stdout();
    let mut text = Vec::new();
    while !lines.is_full() {
        let Some(batch) = rows.next().transpose()? else { break };
        lines.write(&batch, &mut text)?;
        out.write_all(&text).map_err(Failure::stdout)?;
        text.clear();
    }
    lines.finish(&mut text);
    out.write_all(&text).and_then(|()| out.flush()).map_err(Failure::stdout)
}

fn write_columns(projection: &Projection, rows: &mut SelectedRows<'_>, limit: u64, ui: &Ui) -> Result<()> {
    let mut out = ui.stdout();
    let mut text = Vec::new();
    let mut left = limit;
    while left > 0 {
        let Some(batch) = rows.next().transpose()? else { break };
        write_json_table(projection, &batch, left, JsonOptions::default(), &mut text)?;
        left = left.saturating_sub(batch.num_rows() as u64);
        out.write_all(&text).map_err(Failure::stdout)?;
        text.clear();
    }
    out.flush().map_err(Failure::stdout)
}

fn write_table(projection: &Projection, rows: &mut SelectedRows<'_>, limit: u64, ui: &Ui) -> Result<()> {
    let mut table = RowTable::new(projection, ui);
    let mut more = false;
    for batch in rows.by_ref() {
        let batch = batch?;
        let before = table.rows();
        table.take(&batch, limit)?;
        more = before + batch.num_rows() as u64 > limit;
        if more {
            break;
        }
    }
    if table.rows() == 0 {
        ui.note("no row");
        return Ok(());
    }
    ui.answer(&table.text())?;
    if more {
        ui.note(&format!(
            "the first {}; there are more: `--limit N`, or `--json` for all",
            counted(limit, "row")
        ));
    }
    Ok(())
}
