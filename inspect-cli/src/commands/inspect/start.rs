//! `spt inspect --start-report`: what starting from a savepoint would mean, now or at another time.

use arrow_array::cast::AsArray;
use arrow_array::types::TimestampMillisecondType;
use spt_format::{
    Completeness, Error, Field, Operator, OperatorId, Savepoint, SavepointSource, StateKind, StateRef,
    TimeUnit, Type, array_from_text, due_timers, expired_rows, instant_text,
};

use super::super::saw_all;
use crate::error::{Failure, Result};
use crate::exit::Exit;
use crate::render;
use crate::report::start::{Expiry, Pending, StartReport, Timers};
use crate::ui::Ui;

/// Milliseconds since 1970 of `2026-11-22T10:00:00Z`, or of their number.
pub(super) fn time(text: &str) -> Result<i64> {
    let field = Field::new("", Type::Timestamp { unit: TimeUnit::Ms, zone: Some("UTC".to_owned()) });
    let time = array_from_text(&field, text).ok();
    let time = time.and_then(|time| Some(time.as_primitive_opt::<TimestampMillisecondType>()?.value(0)));
    time.ok_or_else(|| {
        Failure::new(format!("{text:?} is no time")).hint("a time is written as 2026-11-22T10:00:00Z")
    })
}

/// Shows the report about the states that are wanted.
pub(super) fn show(
    source: &dyn SavepointSource,
    wanted: &dyn Fn(StateRef) -> bool,
    as_of_ms: i64,
    ui: &Ui,
) -> Result<Exit> {
    let savepoint = source.savepoint();
    let mut report = empty(savepoint, as_of_ms);
    let mut seen = Completeness::default();
    for (place, operator, state) in savepoint.states() {
        if state.kind == StateKind::Timer && wanted(place) {
            seen = seen.and(timers(source, place, operator, as_of_ms, &mut report)?);
        } else if state.schema.ttl && wanted(place) {
            let (found, read) = expired_rows(source, place, as_of_ms)?;
            seen = seen.and(read);
            report.ttl.push(Expiry {
                uid: operator.uid.as_ref().map(ToString::to_string),
                operator_id: operator.id,
                state: state.name.clone(),
                ttl_ms: state.ttl.and_then(|ttl| ttl.duration_ms),
                rows: found.rows,
                expired: found.expired,
                oldest_access: found.oldest_ms.map(instant_text),
            });
        }
    }
    (report.complete, report.rows_unread) = (seen.is_complete(), seen.rows_unread);
    if ui.json {
        ui.answer_json(&report)?;
    } else {
        ui.answer(&render::start::start(&report, ui))?;
    }
    Ok(saw_all(seen, ui))
}

/// What the metadata alone tells.
fn empty(savepoint: &Savepoint, as_of_ms: i64) -> StartReport {
    let age_ms = savepoint.created_at_ms.map(|created| as_of_ms.saturating_sub(created));
    StartReport {
        schema: "spt.start-report/1",
        as_of: instant_text(as_of_ms),
        created_at: savepoint.created_at_ms.map(instant_text),
        age_ms,
        drained: savepoint.drained,
        timers: Vec::new(),
        ttl: Vec::new(),
        pending: pending(savepoint, age_ms),
        complete: true,
        rows_unread: 0,
    }
}

fn timers(
    source: &dyn SavepointSource,
    place: StateRef,
    operator: &Operator,
    as_of_ms: i64,
    report: &mut StartReport,
) -> Result<Completeness, Error> {
    let (services, seen) = due_timers(source, place, as_of_ms)?;
    report.timers.extend(services.into_iter().map(|found| Timers {
        uid: operator.uid.as_ref().map(ToString::to_string),
        operator_id: operator.id,
        service: found.service,
        domain: found.domain,
        timers: found.timers,
        overdue: found.overdue,
        first: instant_text(found.first_ms),
    }));
    Ok(seen)
}

/// Pending outputs by sink, in the savepoint's order.
fn pending(savepoint: &Savepoint, age_ms: Option<i64>) -> Vec<Pending> {
    let mut sinks: Vec<(OperatorId, u64)> = Vec::new();
    for output in &savepoint.pending {
        match sinks.iter_mut().find(|(id, _)| *id == output.operator) {
            Some((_, outputs)) => *outputs += 1,
            None => sinks.push((output.operator, 1)),
        }
    }
    let sink = |(operator_id, outputs)| {
        let operator = savepoint.operator(operator_id);
        let uid = operator.and_then(|operator| operator.uid.as_ref()).map(ToString::to_string);
        Pending { uid, operator_id, outputs, age_ms }
    };
    sinks.into_iter().map(sink).collect()
}
