//! What would happen if a job started from a savepoint at a given time: timers that fire at once, and state
//! whose time to live is over.

use arrow_array::cast::AsArray;
use arrow_array::types::TimestampMillisecondType;
use arrow_array::{RecordBatch, StringArray};

use crate::error::{Error, Result};
use crate::model::{Column, Completeness, SavepointSource, Scan, State, StateKind, StateRef};

/// The timers of one service in one time domain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DueTimers {
    /// The timer service.
    pub service: String,
    /// `event` or `processing`.
    pub domain: String,
    /// All of them.
    pub timers: u64,
    /// Those whose time has come: processing-time timers fire at once, event-time timers as soon as the
    /// watermark reaches the time asked about.
    pub overdue: u64,
    /// The time of the first one, in ms since 1970.
    pub first_ms: i64,
}

/// How much of a state with a time to live is over.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ExpiredRows {
    /// All rows.
    pub rows: u64,
    /// Rows that were last touched longer ago than their time to live; `None` where that is not recorded.
    pub expired: Option<u64>,
    /// When the row that was not touched for longest was, in ms since 1970.
    pub oldest_ms: Option<i64>,
}

/// The timers of a timer state by service and domain, as of a time in ms since 1970.
///
/// # Errors
/// If it is no timer state, or its rows cannot be read.
pub fn due_timers(
    source: &dyn SavepointSource,
    place: StateRef,
    as_of_ms: i64,
) -> Result<(Vec<DueTimers>, Completeness)> {
    let mut services: Vec<DueTimers> = Vec::new();
    let state = state_at(source, place)?;
    if state.kind != StateKind::Timer {
        return Err(Error::bad_request(format!("{} state has no timers", state.kind)));
    }
    let mut rows = source.scan(place, &Scan::default())?;
    for batch in rows.by_ref() {
        let batch = batch?;
        let (names, domains) = (texts(&batch, Column::Service)?, texts(&batch, Column::Domain)?);
        let times = times(&batch, Column::Timestamp)?;
        for (row, time) in times.iter().enumerate() {
            let (service, domain) = (names.value(row), domains.value(row));
            let is_it = |found: &&mut DueTimers| found.service == service && found.domain == domain;
            let overdue = u64::from(*time <= as_of_ms);
            if let Some(found) = services.iter_mut().find(is_it) {
                found.timers += 1;
                found.overdue += overdue;
                found.first_ms = found.first_ms.min(*time);
            } else {
                let (service, domain) = (service.to_owned(), domain.to_owned());
                services.push(DueTimers { service, domain, timers: 1, overdue, first_ms: *time });
            }
        }
    }
    services.sort_by(|left, right| (&left.service, &left.domain).cmp(&(&right.service, &right.domain)));
    Ok((services, rows.completeness()))
}

/// The rows of a state with a time to live that are over, as of a time in ms since 1970.
///
/// # Errors
/// If the state has no time to live, or its rows cannot be read.
pub fn expired_rows(
    source: &dyn SavepointSource,
    place: StateRef,
    as_of_ms: i64,
) -> Result<(ExpiredRows, Completeness)> {
    let state = state_at(source, place)?;
    if !state.schema.ttl {
        return Err(Error::bad_request("the state has no time to live"));
    }
    let ttl_ms = state.ttl.and_then(|ttl| ttl.duration_ms);
    let limit = ttl_ms.map(|ttl| as_of_ms.saturating_sub(i64::try_from(ttl).unwrap_or(i64::MAX)));
    let mut found = ExpiredRows { expired: limit.map(|_| 0), ..ExpiredRows::default() };
    let mut rows = source.scan(place, &Scan::default())?;
    for batch in rows.by_ref() {
        let batch = batch?;
        let touched = times(&batch, Column::LastAccess)?;
        found.rows += touched.len() as u64;
        let oldest = touched.iter().copied().min();
        found.oldest_ms = found.oldest_ms.into_iter().chain(oldest).min();
        if let (Some(limit), Some(expired)) = (limit, &mut found.expired) {
            *expired += touched.iter().filter(|time| **time <= limit).count() as u64;
        }
    }
    Ok((found, rows.completeness()))
}

fn state_at(source: &dyn SavepointSource, place: StateRef) -> Result<&State> {
    let found = source.savepoint().state(place).map(|(_, state)| state);
    found.ok_or_else(|| Error::not_found("the state"))
}

fn texts(batch: &RecordBatch, column: Column) -> Result<&StringArray> {
    let array = batch.column_by_name(column.name()).and_then(|array| array.as_string_opt::<i32>());
    array.ok_or_else(|| missing(column))
}

fn times(batch: &RecordBatch, column: Column) -> Result<&[i64]> {
    let array = batch.column_by_name(column.name());
    let array = array.and_then(|array| array.as_primitive_opt::<TimestampMillisecondType>());
    Ok(array.ok_or_else(|| missing(column))?.values())
}

fn missing(column: Column) -> Error {
    Error::invalid(format!("rows have no column {}", column.name()))
}
