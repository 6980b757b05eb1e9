//! `spt inspect --count`: finds every row and counts, on all cores.

use std::ops::Range;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde::Serialize;
use spt_format::{Completeness, RowQuery, SavepointSource, Scan, StateRef};

use crate::commands::saw_all;
use crate::error::Result;
use crate::exit::Exit;
use crate::render::text;
use crate::ui::Ui;

/// Parts a state is divided into, for each thread.
const PARTS: usize = 4;

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
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let places = savepoint.states().map(|(place, _, _)| place).filter(|place| wanted(*place));
    let parts: Vec<Part> = places.flat_map(|place| divide(source, place, PARTS * threads)).collect();
    let rows = savepoint.operators.iter().map(|operator| vec![None; operator.states.len()]).collect();
    let mut counted = Counted { rows, seen: Completeness::default(), failed: false };
    for of_state in count(source, &parts, threads).chunk_by(|(one, _), (next, _)| one == next) {
        match (of_state.first(), sum(of_state)) {
            (Some((place, _)), Ok((rows, seen))) => counted.note(*place, rows, seen),
            (_, Err(error)) => {
                counted.failed = true;
                ui.warn(&error.full());
            }
            (None, _) => {}
        }
    }
    counted
}

/// Segments of a state that one thread counts; `None` for all of them.
type Part = (StateRef, Option<Range<usize>>);
/// What the count of a part came to.
type PartCount = spt_format::Result<(u64, Completeness)>;

/// A state as about so many parts: enough to keep every thread busy to the end.
fn divide(source: &dyn SavepointSource, place: StateRef, parts: usize) -> Vec<Part> {
    let segments = source.segments(place).map_or(0, |segments| segments.len());
    if segments < 2 {
        return vec![(place, None)];
    }
    let step = segments.div_ceil(parts);
    let range = |start: usize| start..(start + step).min(segments);
    (0..segments).step_by(step).map(|start| (place, Some(range(start)))).collect()
}

/// Counts parts on several threads.
fn count(source: &dyn SavepointSource, parts: &[Part], threads: usize) -> Vec<(StateRef, PartCount)> {
    let counts: Vec<OnceLock<PartCount>> = parts.iter().map(|_| OnceLock::new()).collect();
    let next = AtomicUsize::new(0);
    let work = || {
        while let Some(((place, segments), count)) = {
            let index = next.fetch_add(1, Ordering::Relaxed);
            parts.get(index).zip(counts.get(index))
        } {
            let scan = Scan { segments: segments.clone(), ..Scan::default() };
            // Every index is taken once, so the place is free.
            let _ = count.set(source.count(*place, &scan));
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..threads.min(parts.len()) {
            scope.spawn(work);
        }
    });
    let places = parts.iter().map(|(place, _)| *place);
    places.zip(counts).filter_map(|(place, count)| Some((place, count.into_inner()?))).collect()
}

/// All parts of a state together, or the first that could not be read.
fn sum(parts: &[(StateRef, PartCount)]) -> Result<(u64, Completeness), &spt_format::Error> {
    let mut whole = (0, Completeness::default());
    for (_, part) in parts {
        let (rows, seen) = part.as_ref()?;
        whole = (whole.0 + rows, whole.1.and(*seen));
    }
    Ok(whole)
}

impl Counted {
    fn note(&mut self, place: StateRef, rows: u64, seen: Completeness) {
        self.seen = self.seen.and(seen);
        if let Some(slot) = self.rows.get_mut(place.operator).and_then(|states| states.get_mut(place.state)) {
            *slot = Some(rows);
        }
    }
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
