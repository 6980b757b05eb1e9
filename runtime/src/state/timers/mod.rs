//! Timers: unique by key, namespace, domain and time, fired in order.
//!
//! ```text
//! table   (key, namespace) ──► its timers          paged, and all that a snapshot holds
//! queue   (domain, time, key group, slot)          an index over the table: rebuilt on restore
//! ```
//!
//! The queue is a B-tree, not a heap: it removes a timer that is deleted at once, and never moves as a whole.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow_array::RecordBatch;
use spt_format::{KeyGroupRange, Result};

use super::key::{Key, Place};
use super::table::{Frozen, KeyedTable, Slot};

mod cell;

pub use cell::TimerCell;

/// Which clock a timer waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Domain {
    /// The watermark.
    Event,
    /// The time of day.
    Processing,
}

impl Domain {
    /// The name in the column `domain`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Event => "event",
            Self::Processing => "processing",
        }
    }
}

/// A timer of a key and namespace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timer<K, N> {
    /// When it fires, in ms since 1970.
    pub timestamp: i64,
    /// The key that it was set for.
    pub key: K,
    /// The namespace that it was set for.
    pub namespace: N,
}

/// The timers of one service in one subtask.
pub struct Timers<K: Key, N: Key = ()> {
    table: KeyedTable<K, TimerCell, N>,
    queue: BTreeSet<(Domain, i64, Slot)>,
    service: Arc<str>,
}

impl<K: Key, N: Key> Timers<K, N> {
    /// No timers of a service with this name.
    pub fn new(range: KeyGroupRange, service: &str) -> Self {
        Self { table: KeyedTable::new(range), queue: BTreeSet::new(), service: service.into() }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.queue.len()
    }

    /// There are none.
    pub fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// Sets a timer; `false` if it is set already, or if another subtask owns the key.
    pub fn set(
        &mut self,
        domain: Domain,
        timestamp: i64,
        place: Place,
        key: &K::Borrowed,
        namespace: &N,
    ) -> bool {
        let service = &self.service;
        let slot =
            self.table.slot_or_insert_with(place, key, namespace, || TimerCell::new(Arc::clone(service)));
        let Some(slot) = slot else { return false };
        let is_new = self.queue.insert((domain, timestamp, slot));
        if is_new && let Some(cell) = self.table.cell_mut(slot) {
            cell.insert(domain, timestamp);
        }
        is_new
    }

    /// Deletes a timer; `false` if there is none.
    pub fn delete(
        &mut self,
        domain: Domain,
        timestamp: i64,
        place: Place,
        key: &K::Borrowed,
        namespace: &N,
    ) -> bool {
        let Some(slot) = self.table.slot(place, key, namespace) else { return false };
        let was_set = self.queue.remove(&(domain, timestamp, slot));
        if was_set {
            self.forget(domain, timestamp, slot);
        }
        was_set
    }

    /// When the next timer of a domain is due.
    pub fn next(&self, domain: Domain) -> Option<i64> {
        let from = (domain, i64::MIN, Slot::MIN);
        let next = self.queue.range(from..).next();
        next.filter(|(found, ..)| *found == domain).map(|(_, timestamp, _)| *timestamp)
    }

    /// Takes out the next timer of a domain that is due at `now`, earliest first. Timers of one time come by key
    /// group.
    pub fn pop_due(&mut self, domain: Domain, now: i64) -> Option<Timer<K, N>> {
        let from = (domain, i64::MIN, Slot::MIN);
        let next = self.queue.range(from..).next().copied();
        let (_, timestamp, slot) = next.filter(|(found, time, _)| *found == domain && *time <= now)?;
        self.queue.remove(&(domain, timestamp, slot));
        let address = self.table.address(slot)?;
        let timer = Timer { timestamp, key: address.key().to_owned(), namespace: address.namespace.clone() };
        self.forget(domain, timestamp, slot);
        Some(timer)
    }

    /// The timers as they are now; see [`KeyedTable::freeze`].
    pub fn freeze(&mut self) -> Frozen<K, TimerCell, N> {
        self.table.freeze()
    }

    /// Adds the timers of a batch of the table, and queues them.
    ///
    /// # Errors
    /// As [`KeyedTable::restore`]; and for a timer of another service, of no known domain, or that is there twice.
    pub fn restore(&mut self, batch: &RecordBatch, max_parallelism: u32) -> Result<()> {
        cell::check_service(batch, &self.service)?;
        self.table.restore(batch, max_parallelism)
    }

    /// Queues what was restored. Until then no timer fires.
    pub fn restored(&mut self) {
        let timers = self
            .table
            .slots()
            .flat_map(|(slot, cell)| cell.iter().map(move |(domain, timestamp)| (domain, timestamp, slot)));
        self.queue = timers.collect();
    }

    /// Removes a timer from its cell, and the cell with its last timer.
    fn forget(&mut self, domain: Domain, timestamp: i64, slot: Slot) {
        let Some(cell) = self.table.cell_mut(slot) else { return };
        cell.remove(domain, timestamp);
        if cell.is_empty() {
            self.table.remove_slot(slot);
        }
    }
}
