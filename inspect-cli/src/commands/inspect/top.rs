//! `spt inspect --top N`: the keys that take the most.

use spt_format::{Completeness, SavepointSource, StateRef, heaviest_keys};

use super::super::saw_all;
use crate::error::{Failure, Result};
use crate::exit::Exit;
use crate::render;
use crate::report::top::{TopReport, TopState};
use crate::ui::Ui;

/// Shows the `keys` heaviest keys of each keyed state that is wanted.
pub(super) fn show(
    source: &dyn SavepointSource,
    wanted: &dyn Fn(StateRef) -> bool,
    keys: usize,
    ui: &Ui,
) -> Result<Exit> {
    let mut states = Vec::new();
    let mut seen = Completeness::default();
    for (place, operator, state) in source.savepoint().states() {
        if state.kind.is_keyed() && wanted(place) {
            let found = heaviest_keys(source, place, keys)?;
            seen = seen.and(found.seen);
            let state = TopState::new(operator, state, found);
            states.push(state.map_err(|error| Failure::new(error.to_string()))?);
        }
    }
    let report = TopReport {
        schema: "spt.top/1",
        states,
        complete: seen.is_complete(),
        rows_unread: seen.rows_unread,
    };
    if ui.json {
        ui.answer_json(&report)?;
    } else if report.states.is_empty() {
        ui.note("there is no keyed state");
    } else {
        ui.answer(&render::top::top(&report, ui))?;
    }
    Ok(saw_all(seen, ui))
}
