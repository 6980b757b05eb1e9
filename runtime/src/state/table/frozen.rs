//! A table at one moment, and its rows in the model's order.

use std::ops::Range;
use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch, UInt16Array};
use arrow_schema::SchemaRef;
use spt_format::{Column, KeyGroup, KeyGroupRange, Result};

use super::address::Address;
use super::group::FrozenGroup;
use super::pages::Slab;
use super::sorted::Sorted;
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

    #[cfg(test)]
    pub(super) fn groups(&self) -> &[FrozenGroup<Address<K, N>, C>] {
        &self.groups
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
            match C::IS_ONE_ROW {
                true => group.len,
                false => Slab::of(&group.pages).iter().map(|(_, _, cell)| cell.rows()).sum(),
            }
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
        Batches { groups: groups.iter(), current: None, rest: None, schema }
    }
}

/// A row of the table, and which of its cell's rows are meant.
struct Piece<'a, K: Key, C, N> {
    group: KeyGroup,
    address: &'a Address<K, N>,
    cell: &'a C,
    rows: Range<usize>,
}

/// Batches of a snapshot's rows.
pub struct Batches<'a, K: Key, C, N> {
    groups: std::slice::Iter<'a, FrozenGroup<Address<K, N>, C>>,
    current: Option<(KeyGroup, Sorted<'a, K, C, N>)>,
    /// What did not fit into the last batch.
    rest: Option<Piece<'a, K, C, N>>,
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
            let Some(piece) = self.next_piece(rows.room()) else { break };
            rows.append(piece);
        }
        if rows.len == 0 { Ok(None) } else { rows.finish(&self.schema).map(Some) }
    }

    /// The next cell, or at most `room` rows of it.
    fn next_piece(&mut self, room: usize) -> Option<Piece<'a, K, C, N>> {
        let mut piece = self.rest.take().or_else(|| self.next_cell())?;
        let Range { start, end } = piece.rows;
        if end - start > room {
            self.rest = Some(Piece { rows: start + room..end, ..piece });
            piece.rows.end = start + room;
        }
        Some(piece)
    }

    fn next_cell(&mut self) -> Option<Piece<'a, K, C, N>> {
        loop {
            if let Some((group, sorted)) = &mut self.current
                && let Some((address, cell)) = sorted.next()
            {
                return Some(Piece { group: *group, address, cell, rows: 0..cell.rows() });
            }
            let group = self.groups.next()?;
            self.current = Some((group.number, Sorted::of(group)));
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

    fn append(&mut self, Piece { group, address, cell, rows }: Piece<'_, K, C, N>) {
        for _ in rows.clone() {
            self.groups.push(group.0);
            self.keys.append(&address.held);
            if let Some(namespaces) = &mut self.namespaces {
                namespaces.append(&address.namespace);
            }
        }
        self.len += rows.len();
        self.cells.append(cell, rows);
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
