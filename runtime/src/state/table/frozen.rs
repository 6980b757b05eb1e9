//! A table at one moment, and its rows in the model's order.

use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch, UInt16Array};
use arrow_schema::SchemaRef;
use spt_format::{Column, KeyGroup, KeyGroupRange, Result};

use super::address::Address;
use super::group::FrozenGroup;
use super::pages::row_of;
use crate::state::cell::{Cell, CellColumns, builder};
use crate::state::column::{State, StateBuilder, arrow_error};
use crate::state::held::Held;
use crate::state::key::Key;

/// Rows of a batch.
const BATCH_ROWS: usize = 8_192;
/// Bytes of a batch above which it ends early.
const BATCH_BYTES: usize = 16 << 20;

/// The rows of a [`KeyedTable`](super::KeyedTable) when it was frozen.
pub struct Frozen<K: Key, C, N> {
    /// Key groups that have rows, ascending.
    groups: Vec<FrozenGroup<Address<K, N>, C>>,
}

impl<K: Key, C: Cell, N: Key> Frozen<K, C, N> {
    pub(super) fn new(groups: Vec<FrozenGroup<Address<K, N>, C>>) -> Self {
        Self { groups }
    }

    /// Keys and namespaces in it.
    pub fn len(&self) -> usize {
        self.groups.iter().map(|group| group.len).sum()
    }

    /// It holds nothing.
    pub fn is_empty(&self) -> bool {
        self.groups.is_empty()
    }

    /// Rows of the state's table per key group that has any, ascending: what decides where files are cut.
    pub fn rows(&self) -> Vec<(KeyGroup, u64)> {
        let rows_of = |group: &FrozenGroup<Address<K, N>, C>| -> usize {
            group.cells.iter().flat_map(|page| page.iter()).flatten().map(Cell::rows).sum()
        };
        self.groups.iter().map(|group| (group.number, rows_of(group) as u64)).collect()
    }

    /// The rows of these key groups, sorted, as batches of the state's table.
    ///
    /// `schema` is that of [`StateSchema::to_arrow`](spt_format::StateSchema::to_arrow). Several threads may
    /// take disjoint ranges of one snapshot.
    pub fn batches(&self, range: KeyGroupRange, schema: SchemaRef) -> Batches<'_, K, C, N> {
        let first = self.groups.partition_point(|group| group.number.0 < range.first());
        let end = self.groups.partition_point(|group| group.number.0 <= range.last());
        let groups = self.groups.get(first..end).unwrap_or_default();
        Batches { groups: groups.iter(), current: None, schema }
    }
}

/// A key group whose slots are sorted, and how far they were returned.
struct Sorted<'a, K: Key, C, N> {
    group: &'a FrozenGroup<Address<K, N>, C>,
    slots: std::vec::IntoIter<u32>,
    /// A cell that did not fit into the last batch, and its rows that are left.
    rest: Option<(u32, std::ops::Range<usize>)>,
}

/// Batches of a snapshot's rows.
pub struct Batches<'a, K: Key, C, N> {
    groups: std::slice::Iter<'a, FrozenGroup<Address<K, N>, C>>,
    current: Option<Sorted<'a, K, C, N>>,
    schema: SchemaRef,
}

impl<K: Key, C: Cell, N: Key> Iterator for Batches<'_, K, C, N> {
    type Item = Result<RecordBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        self.fill().transpose()
    }
}

impl<'a, K: Key, C: Cell, N: Key> Batches<'a, K, C, N> {
    fn fill(&mut self) -> Result<Option<RecordBatch>> {
        let mut rows = Rows::<K, C, N>::new(&self.schema)?;
        while !rows.is_full() {
            let Some((number, address, cell, range)) = self.next_cell(rows.room()) else { break };
            rows.append(number, address, cell, range);
        }
        if rows.len == 0 { Ok(None) } else { rows.finish(&self.schema).map(Some) }
    }

    /// The next cell, or at most `room` rows of it.
    #[expect(clippy::type_complexity, reason = "a row's parts, taken apart at once by the only caller")]
    fn next_cell(
        &mut self,
        room: usize,
    ) -> Option<(KeyGroup, &'a Address<K, N>, &'a C, std::ops::Range<usize>)> {
        loop {
            if let Some(sorted) = &mut self.current {
                let group = sorted.group;
                let next = sorted.rest.take().or_else(|| {
                    let slot = sorted.slots.next()?;
                    Some((slot, 0..row_of(&group.cells, slot).map_or(0, Cell::rows)))
                });
                if let Some((slot, range)) = next {
                    let end = range.end.min(range.start + room);
                    sorted.rest = (end < range.end).then_some((slot, end..range.end));
                    let (address, cell) = (row_of(&group.addresses, slot)?, row_of(&group.cells, slot)?);
                    return Some((group.number, address, cell, range.start..end));
                }
            }
            let group = self.groups.next()?;
            let slots = sorted_slots(group).into_iter();
            self.current = Some(Sorted { group, slots, rest: None });
        }
    }
}

/// Arrays of a batch in the making.
struct Rows<K: Key, C: Cell, N: Key> {
    groups: Vec<u16>,
    keys: <Held<K> as State>::Builder,
    namespaces: Option<N::Builder>,
    cells: C::Columns,
    len: usize,
}

impl<K: Key, C: Cell, N: Key> Rows<K, C, N> {
    fn new(schema: &SchemaRef) -> Result<Self> {
        let namespaces = match N::only() {
            Some(_) => None,
            None => Some(builder::<N>(schema, Column::Namespace, BATCH_ROWS)?),
        };
        Ok(Self {
            groups: Vec::with_capacity(BATCH_ROWS),
            keys: builder::<Held<K>>(schema, Column::Key, BATCH_ROWS)?,
            namespaces,
            cells: C::Columns::new(schema, BATCH_ROWS)?,
            len: 0,
        })
    }

    fn room(&self) -> usize {
        BATCH_ROWS - self.len.min(BATCH_ROWS)
    }

    fn is_full(&self) -> bool {
        let bytes = || {
            let namespaces = self.namespaces.as_ref().map_or(0, |builder| builder.bytes());
            self.keys.bytes() + namespaces + self.cells.bytes()
        };
        self.len >= BATCH_ROWS || bytes() >= BATCH_BYTES
    }

    fn append(&mut self, number: KeyGroup, address: &Address<K, N>, cell: &C, range: std::ops::Range<usize>) {
        for _ in range.clone() {
            self.groups.push(number.0);
            self.keys.append(&address.held);
            if let Some(namespaces) = &mut self.namespaces {
                namespaces.append(&address.namespace);
            }
        }
        self.len += range.len();
        self.cells.append(cell, range);
    }

    fn finish(mut self, schema: &SchemaRef) -> Result<RecordBatch> {
        let mut columns: Vec<ArrayRef> = vec![Arc::new(UInt16Array::from(self.groups)), self.keys.finish()?];
        if let Some(namespaces) = &mut self.namespaces {
            columns.push(namespaces.finish()?);
        }
        columns.extend(self.cells.finish()?);
        RecordBatch::try_new(Arc::clone(schema), columns).map_err(arrow_error)
    }
}

/// The used slots of a key group in the model's order: by eight bytes of the key first, which mostly decide.
fn sorted_slots<K: Key, C, N: Key>(group: &FrozenGroup<Address<K, N>, C>) -> Vec<u32> {
    let skip = common_prefix(group);
    let mut slots: Vec<_> = group
        .addresses()
        .map(|(slot, address)| (K::sort_prefix(address.key(), skip), slot, address))
        .collect();
    slots.sort_unstable_by(|(a, _, left), (b, _, right)| a.cmp(b).then_with(|| left.order(right)));
    slots.into_iter().map(|(_, slot, _)| slot).collect()
}

fn common_prefix<K: Key, C, N: Key>(group: &FrozenGroup<Address<K, N>, C>) -> usize {
    let mut addresses = group.addresses();
    let Some((_, first)) = addresses.next() else { return 0 };
    let mut shared = usize::MAX;
    for (_, address) in addresses {
        shared = shared.min(K::common_prefix(first.key(), address.key()));
        if shared == 0 {
            break;
        }
    }
    if shared == usize::MAX { 0 } else { shared }
}
