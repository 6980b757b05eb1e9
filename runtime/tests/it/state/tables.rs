//! Snapshots of tables, for the tests of what is in them.

use arrow_array::RecordBatch;
use spt_format::{KeyGroupRange, Result, StateKind, StateSchema, first_out_of_order};
use spt_runtime::state::{Cell, Frozen, Key, KeyedTable, Place, Places};

/// Key groups of every table here.
pub(super) const GROUPS: u32 = 128;

/// All of them.
pub(super) fn all() -> KeyGroupRange {
    KeyGroupRange::all(GROUPS)
}

pub(super) fn place(key: &str) -> Place {
    Places::new(GROUPS).of::<String>(key)
}

pub(super) fn schema<K: Key, C: Cell, N: Key>() -> StateSchema {
    let namespace = N::only().is_none().then(N::field);
    let mut schema = StateSchema { key: Some(K::field()), namespace, ..StateSchema::default() };
    C::describe(&mut schema);
    schema.number()
}

/// A snapshot's batches, which the format finds in order.
pub(super) fn snapshot<K: Key, C: Cell, N: Key>(
    frozen: &Frozen<K, C, N>,
    kind: StateKind,
) -> Vec<RecordBatch> {
    let schema = schema::<K, C, N>();
    let batches = frozen.batches(all(), schema.to_arrow(kind).unwrap());
    let batches: Vec<_> = batches.collect::<Result<_>>().unwrap();
    let order = schema.sort_columns(kind);
    assert!(batches.iter().all(|batch| first_out_of_order(batch, &order).unwrap().is_none()));
    batches
}

/// What a snapshot restores to.
pub(super) fn through_snapshot<K: Key, C: Cell, N: Key>(
    frozen: &Frozen<K, C, N>,
    kind: StateKind,
) -> KeyedTable<K, C, N> {
    let mut table = KeyedTable::new(all());
    snapshot(frozen, kind).iter().for_each(|batch| table.restore(batch, GROUPS).unwrap());
    table
}
