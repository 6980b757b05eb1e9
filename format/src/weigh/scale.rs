//! Rows on the scale, and the heaviest keys so far.

use std::cmp::Reverse;

use arrow_array::cast::AsArray;
use arrow_array::types::UInt16Type;
use arrow_array::{ArrayRef, RecordBatch};

use super::bytes::batch_bytes;
use super::{Heaviest, HeavyKey};
use crate::error::{Error, Result};
use crate::export::{JsonOptions, JsonValues};
use crate::model::{Column, Field, RowOrder, columns_of, write_key_bytes};

/// Weighs the rows of one state.
pub(super) struct Scale<'a> {
    key: &'a Field,
    /// Every row is a key of its own; otherwise rows come sorted.
    rows_are_keys: bool,
    top: Top,
    /// The key that the last batch ended with: more rows of it may come.
    open: Option<Open>,
}

struct Open {
    /// One of its rows.
    row: RecordBatch,
    bytes: u64,
    rows: u64,
}

impl<'a> Scale<'a> {
    /// A scale for rows with this key, that keeps the `count` heaviest.
    pub(super) fn new(key: &'a Field, rows_are_keys: bool, count: usize) -> Self {
        Self { key, rows_are_keys, top: Top::new(count), open: None }
    }

    pub(super) fn rows_are_keys(&self) -> bool {
        self.rows_are_keys
    }

    pub(super) fn weigh(&mut self, batch: &RecordBatch) -> Result<()> {
        let bytes = batch_bytes(batch);
        if !self.rows_are_keys {
            return self.weigh_sorted(batch, &bytes);
        }
        let keys = Keys::of(self.key, batch)?;
        bytes.iter().enumerate().try_for_each(|(row, bytes)| self.top.offer(&keys, row, *bytes, 1))
    }

    fn weigh_sorted(&mut self, batch: &RecordBatch, bytes: &[u64]) -> Result<()> {
        let columns = [Column::KeyGroup, Column::Key];
        let keys = Keys::of(self.key, batch)?;
        let order = RowOrder::of_batches(batch, batch, &columns)?;
        let rows = batch.num_rows();
        let weight = |start, end| bytes.get(start..end).unwrap_or_default().iter().sum::<u64>();
        let mut start = 0;
        if let Some(mut open) = self.open.take() {
            let order = RowOrder::of_batches(&open.row, batch, &columns)?;
            start = (0..rows).find(|row| order.compare(0, *row).is_ne()).unwrap_or(rows);
            open.bytes += weight(0, start);
            open.rows += start as u64;
            if start == rows {
                self.open = Some(open);
                return Ok(());
            }
            self.close(&open)?;
        }
        while start < rows {
            let differs = |row: &usize| order.compare(start, *row).is_ne();
            let end = (start + 1..rows).find(differs).unwrap_or(rows);
            let (bytes, count) = (weight(start, end), (end - start) as u64);
            if end == rows {
                self.open = Some(Open { row: batch.slice(start, 1), bytes, rows: count });
            } else {
                self.top.offer(&keys, start, bytes, count)?;
            }
            start = end;
        }
        Ok(())
    }

    fn close(&mut self, open: &Open) -> Result<()> {
        self.top.offer(&Keys::of(self.key, &open.row)?, 0, open.bytes, open.rows)
    }

    pub(super) fn finish(mut self) -> Result<Heaviest> {
        if let Some(open) = self.open.take() {
            self.close(&open)?;
        }
        Ok(self.top.found)
    }
}

/// The keys of a batch.
struct Keys<'a> {
    field: &'a Field,
    groups: ArrayRef,
    keys: ArrayRef,
}

impl<'a> Keys<'a> {
    fn of(field: &'a Field, batch: &RecordBatch) -> Result<Self> {
        let columns = columns_of(batch, &[Column::KeyGroup, Column::Key])?;
        let [groups, keys] =
            <[ArrayRef; 2]>::try_from(columns).map_err(|_| Error::invalid("rows have no key"))?;
        match groups.as_primitive_opt::<UInt16Type>() {
            Some(_) => Ok(Self { field, groups, keys }),
            None => Err(Error::invalid("rows have no key group")),
        }
    }

    fn group(&self, row: usize) -> u16 {
        self.groups.as_primitive::<UInt16Type>().value(row)
    }

    fn order(&self, row: usize) -> Result<Vec<u8>> {
        let mut order = Vec::new();
        write_key_bytes(&self.keys, row, &mut order)?;
        Ok(order)
    }

    fn text(&self, row: usize) -> Result<String> {
        Ok(JsonValues::new(self.field, &self.keys, JsonOptions::default())?.text(row))
    }
}

/// The heaviest keys so far, and what all weigh together.
pub(super) struct Top {
    count: usize,
    pub(super) found: Heaviest,
}

impl Top {
    pub(super) fn new(count: usize) -> Self {
        Self { count, found: Heaviest::default() }
    }

    /// Takes the key in a row with all it weighs. Most keys are light: only of those that are kept the text is made.
    fn offer(&mut self, keys: &Keys<'_>, row: usize, bytes: u64, rows: u64) -> Result<()> {
        self.found.distinct_keys += 1;
        self.found.bytes += bytes;
        self.found.rows += rows;
        let key_group = keys.group(row);
        if self.is_light((Reverse(bytes), Reverse(rows), key_group)) {
            return Ok(());
        }
        let key = HeavyKey { key: String::new(), key_group, rows, bytes, order: keys.order(row)? };
        if let Some(place) = self.place(&key) {
            let key = HeavyKey { key: keys.text(row)?, ..key };
            self.found.keys.insert(place, key);
            self.found.keys.truncate(self.count);
        }
        Ok(())
    }

    /// As many as are kept come before every key of this rank.
    fn is_light(&self, rank: (Reverse<u64>, Reverse<u64>, u16)) -> bool {
        let last = self.found.keys.last().filter(|_| self.found.keys.len() >= self.count);
        self.count == 0
            || last.is_some_and(|last| rank > (Reverse(last.bytes), Reverse(last.rows), last.key_group))
    }

    /// Where a key belongs, if it is among the heaviest.
    fn place(&self, key: &HeavyKey) -> Option<usize> {
        let place = self.found.keys.partition_point(|kept| rank(kept) <= rank(key));
        (place < self.count).then_some(place)
    }

    /// Takes what was found among other keys.
    pub(super) fn merge(&mut self, other: Heaviest) {
        let found = &mut self.found;
        found.distinct_keys += other.distinct_keys;
        found.rows += other.rows;
        found.bytes += other.bytes;
        found.seen = found.seen.and(other.seen);
        for key in other.keys {
            if let Some(place) = self.place(&key) {
                self.found.keys.insert(place, key);
                self.found.keys.truncate(self.count);
            }
        }
    }
}

/// The smallest is the heaviest.
fn rank(key: &HeavyKey) -> (Reverse<u64>, Reverse<u64>, u16, &[u8]) {
    (Reverse(key.bytes), Reverse(key.rows), key.key_group, &key.order)
}
