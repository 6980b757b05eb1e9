//! The timers of one key and namespace, and their rows.

use std::ops::Range;
use std::sync::Arc;

use arrow_array::builder::StringBuilder;
use arrow_array::types::TimestampMillisecondType;
use arrow_array::{ArrayRef, PrimitiveArray, RecordBatch, StringArray};
use arrow_schema::Schema;
use spt_format::{Aliases, Column, Error, Result, ResultExt, StateSchema};

use super::Domain;
use crate::state::cell::{Cell, CellColumns, CellRows, column};
use crate::state::column::{StateBuilder, arrow_error, downcast};
use crate::state::types::NumberBuilder;

/// The timers of one key and namespace, sorted by domain and time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimerCell {
    service: Arc<str>,
    timers: Vec<(Domain, i64)>,
}

impl TimerCell {
    pub(super) fn new(service: Arc<str>) -> Self {
        Self { service, timers: Vec::new() }
    }

    /// Its timers, in order.
    pub fn iter(&self) -> impl Iterator<Item = (Domain, i64)> {
        self.timers.iter().copied()
    }

    /// There are none.
    pub fn is_empty(&self) -> bool {
        self.timers.is_empty()
    }

    /// Adds a timer; `false` if it is there already.
    pub(super) fn insert(&mut self, domain: Domain, timestamp: i64) -> bool {
        match self.timers.binary_search(&(domain, timestamp)) {
            Ok(_) => false,
            Err(place) => {
                self.timers.insert(place, (domain, timestamp));
                true
            }
        }
    }

    pub(super) fn remove(&mut self, domain: Domain, timestamp: i64) {
        if let Ok(place) = self.timers.binary_search(&(domain, timestamp)) {
            self.timers.remove(place);
        }
    }
}

/// The columns `service`, `domain` and `timestamp`.
pub struct TimerColumns {
    services: StringBuilder,
    domains: StringBuilder,
    timestamps: NumberBuilder<TimestampMillisecondType>,
}

/// The same, read.
pub struct TimerRows {
    services: StringArray,
    domains: StringArray,
    timestamps: PrimitiveArray<TimestampMillisecondType>,
}

impl Cell for TimerCell {
    type Columns = TimerColumns;
    type Rows = TimerRows;

    fn describe(_: &mut StateSchema) {}

    fn aliases(_: &mut Aliases) {}

    fn rows(&self) -> usize {
        self.timers.len()
    }
}

impl CellColumns<TimerCell> for TimerColumns {
    fn new(schema: &Schema, capacity: usize) -> Result<Self> {
        let timestamp = schema.field_with_name(Column::Timestamp.name()).map_err(arrow_error)?;
        Ok(Self {
            services: StringBuilder::with_capacity(capacity, capacity * 8),
            domains: StringBuilder::with_capacity(capacity, capacity * 8),
            timestamps: NumberBuilder::new(timestamp.data_type(), capacity),
        })
    }

    fn append(&mut self, cell: &TimerCell, rows: Range<usize>) {
        for (domain, timestamp) in cell.timers.get(rows).unwrap_or_default() {
            self.services.append_value(&cell.service);
            self.domains.append_value(domain.name());
            self.timestamps.append(timestamp);
        }
    }

    fn bytes(&self) -> usize {
        self.services.values_slice().len() + self.domains.values_slice().len() + self.timestamps.bytes()
    }

    fn finish(&mut self) -> Result<Vec<ArrayRef>> {
        Ok(vec![Arc::new(self.services.finish()), Arc::new(self.domains.finish()), self.timestamps.finish()?])
    }
}

impl CellRows<TimerCell> for TimerRows {
    fn new(batch: &RecordBatch) -> Result<Self> {
        Ok(Self {
            services: downcast(column(batch, Column::Service)?.as_ref(), &"Utf8")?,
            domains: downcast(column(batch, Column::Domain)?.as_ref(), &"Utf8")?,
            timestamps: downcast(column(batch, Column::Timestamp)?.as_ref(), &"Timestamp(ms)")?,
        })
    }

    fn first(&self, row: usize) -> Result<TimerCell> {
        let mut cell = TimerCell::new(self.services.value(row).into());
        self.next(row, &mut cell)?;
        Ok(cell)
    }

    fn next(&self, row: usize, cell: &mut TimerCell) -> Result<()> {
        let domain = match self.domains.value(row) {
            "event" => Domain::Event,
            "processing" => Domain::Processing,
            other => return Err(Error::invalid(format!("domain {other:?} is neither event nor processing"))),
        };
        if !cell.insert(domain, self.timestamps.value(row)) {
            return Err(Error::invalid("a second row for the same timer"));
        }
        Ok(())
    }
}

/// Refuses timers of another service.
pub(super) fn check_service(batch: &RecordBatch, service: &str) -> Result<()> {
    let services: StringArray = downcast(column(batch, Column::Service)?.as_ref(), &"Utf8")?;
    match services.iter().position(|found| found != Some(service)) {
        None => Ok(()),
        Some(row) => {
            let found = services.value(row);
            Err(Error::invalid(format!("timer of service {found:?}, this is {service:?}")))
                .within(|| format!("row {row}"))
        }
    }
}
