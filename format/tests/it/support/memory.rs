//! A savepoint whose rows are in memory: one segment per batch, digested if asked for.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use spt_format::{
    Completeness, JsonOptions, JsonRows, KeyGroupRange, Operator, Result, RowStream, Savepoint,
    SavepointKind, SavepointSource, Scan, Segment, State, StateRef,
};

/// A savepoint in memory that counts the rows it was asked for.
pub(crate) struct MemorySource {
    savepoint: Savepoint,
    rows: HashMap<StateRef, Vec<RecordBatch>>,
    digests: bool,
    unread: u64,
    /// Rows that scans returned.
    pub(crate) rows_read: AtomicU64,
}

impl MemorySource {
    pub(crate) fn new() -> Self {
        Self {
            savepoint: Savepoint::new(SavepointKind::Savepoint, "memory"),
            rows: HashMap::new(),
            digests: true,
            unread: 0,
            rows_read: AtomicU64::new(0),
        }
    }

    /// Segments have no digest, as those of Flink.
    pub(crate) fn without_digests(mut self) -> Self {
        self.digests = false;
        self
    }

    /// Every scan misses this many rows.
    pub(crate) fn unread(mut self, rows: u64) -> Self {
        self.unread = rows;
        self
    }

    /// Adds an operator; states go to the last one.
    pub(crate) fn operator(mut self, operator: Operator) -> Self {
        self.savepoint.operators.push(operator);
        self
    }

    /// Adds a state with its rows, in the model's order, one segment a batch.
    pub(crate) fn state(mut self, mut state: State, batches: Vec<RecordBatch>) -> Self {
        let operator = self.savepoint.operators.len() - 1;
        state.rows = Some(batches.iter().map(|batch| batch.num_rows() as u64).sum());
        let states = &mut self.savepoint.operators[operator].states;
        states.push(state);
        self.rows.insert(StateRef { operator, state: states.len() - 1 }, batches);
        self
    }

    pub(crate) fn place(&self, uid: &str, state: &str) -> StateRef {
        let found = self.savepoint.states().find(|(_, operator, found)| {
            operator.uid.as_ref().is_some_and(|known| known.as_str() == uid) && found.name == state
        });
        found.unwrap().0
    }

    fn digest(&self, place: StateRef, batch: &RecordBatch) -> Option<[u8; 32]> {
        let (_, state) = self.savepoint.state(place)?;
        let mut lines = JsonRows::new(state.kind, &state.schema, JsonOptions::default()).unwrap();
        let mut text = Vec::new();
        lines.write(batch, &mut text).unwrap();
        lines.finish(&mut text);
        let mut digest = [0; 32];
        text.iter().enumerate().for_each(|(place, byte)| {
            let slot = &mut digest[place % 32];
            *slot = u8::wrapping_mul(*slot, 31).wrapping_add(*byte).rotate_left(3);
        });
        Some(digest)
    }
}

fn key_groups(batch: &RecordBatch) -> Option<KeyGroupRange> {
    let groups = batch.column_by_name("key_group")?;
    let groups = groups.as_any().downcast_ref::<arrow_array::UInt16Array>()?.values();
    KeyGroupRange::new(*groups.first()?, *groups.last()?).ok()
}

impl SavepointSource for MemorySource {
    fn savepoint(&self) -> &Savepoint {
        &self.savepoint
    }

    fn segments(&self, place: StateRef) -> Result<Vec<Segment>> {
        let segment = |batch: &RecordBatch| Segment {
            key_groups: key_groups(batch),
            rows: Some(batch.num_rows() as u64),
            bytes: None,
            digest: if self.digests { self.digest(place, batch) } else { None },
        };
        Ok(self.rows[&place].iter().map(segment).collect())
    }

    fn scan(&self, place: StateRef, scan: &Scan) -> Result<Box<dyn RowStream>> {
        let all = &self.rows[&place];
        let range = scan.segments.clone().unwrap_or(0..all.len());
        let meets = |batch: &&RecordBatch| match (scan.key_groups, key_groups(batch)) {
            (Some(wanted), Some(found)) => wanted.intersection(found).is_some(),
            _ => true,
        };
        let batches: Vec<RecordBatch> = all[range].iter().filter(meets).cloned().collect();
        let rows: usize = batches.iter().map(RecordBatch::num_rows).sum();
        self.rows_read.fetch_add(rows as u64, Ordering::Relaxed);
        let (_, state) = self.savepoint.state(place).unwrap();
        Ok(Box::new(Batches {
            schema: state.schema.to_arrow(state.kind)?,
            batches: batches.into_iter(),
            unread: self.unread,
        }))
    }
}

struct Batches {
    schema: SchemaRef,
    batches: std::vec::IntoIter<RecordBatch>,
    unread: u64,
}

impl Iterator for Batches {
    type Item = Result<RecordBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        self.batches.next().map(Ok)
    }
}

impl RowStream for Batches {
    fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    fn completeness(&self) -> Completeness {
        Completeness { rows_unread: self.unread, rows_opaque: 0 }
    }
}
