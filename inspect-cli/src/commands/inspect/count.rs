//! `spt inspect --count`: reads every row and counts, two states at a time.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde::Serialize;
use spt_format::{Completeness, RowQuery, SavepointSource, Scan, StateRef};

use crate::commands::saw_all;
use crate::error::Result;
use crate::exit::Exit;
use crate::render::text;
use crate::ui::Ui;

/// Rows by operator and state; `None` for a state that was not asked for or could not be read.
pub(super) struct Counted {
    pub(super) rows: Vec<Vec<Option<u64>>>,
    pub(super) seen: Completeness,
    /// Some state could not be read to its end.
    pub(super) failed: bool,
}

/// `spt.count/1`: how many rows match.
#[derive(Serialize)]
struct CountReport {
    schema: &'static str,
    rows: u64,
    complete: bool,
    rows_unread: u64,
    rows_opaque: u64,
}

/// Counts the rows of all states that are wanted. One that cannot be read is told and left uncounted.
pub(super) fn all(
    source: &dyn SavepointSource,
    wanted: &(dyn Fn(StateRef) -> bool + Sync),
    ui: &Ui,
) -> Counted {
    let savepoint = source.savepoint();
    let places: Vec<StateRef> =
        savepoint.states().map(|(place, _, _)| place).filter(|place| wanted(*place)).collect();
    let rows = savepoint.operators.iter().map(|operator| vec![None; operator.states.len()]).collect();
    let counted = Mutex::new(Counted { rows, seen: Completeness::default(), failed: false });
    let next = AtomicUsize::new(0);
    let work = || {
        while let Some(place) = places.get(next.fetch_add(1, Ordering::Relaxed)) {
            let result = count(source, *place);
            let mut counted = counted.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            match result {
                Ok((rows, seen)) => counted.note(*place, rows, seen),
                Err(error) => {
                    counted.failed = true;
                    ui.warn(&error.full());
                }
            }
        }
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(places.len());
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(work);
        }
    });
    counted.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner)
}

impl Counted {
    fn note(&mut self, place: StateRef, rows: u64, seen: Completeness) {
        self.seen = self.seen.and(seen);
        if let Some(slot) = self.rows.get_mut(place.operator).and_then(|states| states.get_mut(place.state)) {
            *slot = Some(rows);
        }
    }
}

fn count(source: &dyn SavepointSource, place: StateRef) -> spt_format::Result<(u64, Completeness)> {
    let mut stream = source.scan(place, &Scan::default())?;
    let mut rows = 0;
    for batch in stream.by_ref() {
        rows += batch?.num_rows() as u64;
    }
    Ok((rows, stream.completeness()))
}

/// Counts the rows of one state that match.
pub(super) fn matching(
    source: &dyn SavepointSource,
    place: StateRef,
    query: &RowQuery,
    ui: &Ui,
) -> Result<Exit> {
    let mut selected = query.rows(source, place)?;
    let mut rows = 0;
    for batch in selected.by_ref() {
        rows += batch?.num_rows() as u64;
    }
    let seen = selected.completeness();
    if ui.json {
        ui.answer_json(&CountReport {
            schema: "spt.count/1",
            rows,
            complete: seen.is_complete(),
            rows_unread: seen.rows_unread,
            rows_opaque: seen.rows_opaque,
        })?;
    } else {
        ui.answer(&format!("{}\n", text::count(rows)))?;
    }
    Ok(saw_all(seen, ui))
}
