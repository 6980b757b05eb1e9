//! `spt inspect --sizes`: reads the key groups of all keyed rows and shows how they are spread.

use arrow_array::cast::AsArray;
use arrow_array::types::UInt16Type;
use spt_format::{Completeness, Error, SavepointSource, Scan, StateRef};

use super::super::saw_all;
use crate::error::Result;
use crate::exit::Exit;
use crate::render;
use crate::report::sizes::{SizesReport, Spread};
use crate::ui::Ui;

/// Shows the spread of the keyed states that are wanted, over the subtasks there were or over `parallelism`.
pub(super) fn show(
    source: &dyn SavepointSource,
    wanted: &dyn Fn(StateRef) -> bool,
    parallelism: Option<u32>,
    ui: &Ui,
) -> Result<Exit> {
    let mut states = Vec::new();
    let mut seen = Completeness::default();
    for (place, operator, state) in source.savepoint().states() {
        if state.kind.is_keyed() && wanted(place) {
            let (rows, read) = by_key_group(source, place, operator.max_parallelism)?;
            seen = seen.and(read);
            states.push(Spread::new(operator, state, rows, parallelism.unwrap_or(operator.parallelism)));
        }
    }
    let report = SizesReport {
        schema: "spt.sizes/1",
        states,
        complete: seen.is_complete(),
        rows_unread: seen.rows_unread,
    };
    if ui.json {
        ui.answer_json(&report)?;
    } else if report.states.is_empty() {
        ui.note("there is no keyed state");
    } else {
        ui.answer(&render::sizes::sizes(&report, parallelism.is_some(), ui))?;
    }
    Ok(saw_all(seen, ui))
}

fn by_key_group(
    source: &dyn SavepointSource,
    place: StateRef,
    groups: u32,
) -> Result<(Vec<u64>, Completeness), Error> {
    let mut rows = vec![0u64; groups as usize];
    let mut stream = source.scan(place, &Scan { ahead: true, ..Scan::default() })?;
    for batch in stream.by_ref() {
        let batch = batch?;
        let column =
            batch.column_by_name("key_group").and_then(|column| column.as_primitive_opt::<UInt16Type>());
        let column = column.ok_or_else(|| Error::invalid("keyed rows have no key group"))?;
        for group in column.values() {
            let slot = rows.get_mut(usize::from(*group));
            *slot.ok_or_else(|| Error::invalid(format!("key group {group} of {groups}")))? += 1;
        }
    }
    Ok((rows, stream.completeness()))
}
