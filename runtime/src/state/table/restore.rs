//! Rows of a snapshot back into a table.

use std::borrow::Borrow;

use arrow_array::types::UInt16Type;
use arrow_array::{PrimitiveArray, RecordBatch};
use spt_format::{Column, Error, KeyGroup, Result, ResultExt};

use super::address::{Address, scoped};
use super::{AHEAD_ROWS, KeyedTable};
use crate::state::cell::{Cell, CellRows, column, reader};
use crate::state::column::{State, StateReader, downcast};
use crate::state::held::{Held, Hold};
use crate::state::key::{Key, Place, Places};

impl<K: Key, C: Cell, N: Key> KeyedTable<K, C, N> {
    /// Adds the rows of a batch of the state's table. Rows of one key and namespace follow each other.
    ///
    /// # Errors
    /// If a column is missing or of another type, if a row's key group is not this subtask's, or not the one its
    /// key has at this max parallelism, or if a key and namespace has two values. The place names the row.
    pub fn restore(&mut self, batch: &RecordBatch, max_parallelism: u32) -> Result<()> {
        let rows = Rows::<K, C, N>::new(batch, max_parallelism)?;
        let mut arrivals = Vec::with_capacity(AHEAD_ROWS);
        for first in (0..batch.num_rows()).step_by(AHEAD_ROWS) {
            for row in first..batch.num_rows().min(first + AHEAD_ROWS) {
                let arrival = rows.get(row).within(|| format!("row {row}"))?;
                self.prefetch(arrival.place);
                arrivals.push(arrival);
            }
            for arrival in arrivals.drain(..) {
                let row = arrival.row;
                self.restore_row(arrival, &rows.cells).within(|| format!("row {row}"))?;
            }
        }
        Ok(())
    }

    fn restore_row(&mut self, arrival: Arrival<'_, K, N>, cells: &C::Rows) -> Result<()> {
        let Arrival { row, key, namespace, place } = arrival;
        let range = self.range;
        let Some(group) = self.group_mut(place.group) else {
            let group = place.group;
            return Err(Error::invalid(format!("key group is {group}, this subtask has {range}")));
        };
        match group.locate(place.tag, |held| held.is(key.borrow(), &namespace)) {
            Ok(slot) => group.cell_mut(slot).map_or(Ok(()), |cell| cells.next(row, cell)),
            Err(free) => {
                let cell = cells.first(row)?;
                group.fill(free, place.tag, Address { held: K::Borrowed::keep(key), namespace }, cell);
                self.rows += 1;
                Ok(())
            }
        }
    }
}

/// A row on its way into the table.
struct Arrival<'a, K: Key, N> {
    /// Its number in the batch.
    row: usize,
    key: <K::Borrowed as Hold>::Read<'a>,
    namespace: N,
    /// With the tag of key and namespace.
    place: Place,
}

/// The rows of a batch.
struct Rows<K: Key, C: Cell, N: Key> {
    groups: PrimitiveArray<UInt16Type>,
    keys: <Held<K> as State>::Reader,
    /// None where there is only one.
    namespaces: Option<N::Reader>,
    cells: C::Rows,
    places: Places,
}

impl<K: Key, C: Cell, N: Key> Rows<K, C, N> {
    fn new(batch: &RecordBatch, max_parallelism: u32) -> Result<Self> {
        Ok(Self {
            groups: downcast(column(batch, Column::KeyGroup)?.as_ref(), &"UInt16")?,
            keys: reader::<Held<K>>(batch, Column::Key)?,
            namespaces: match N::only() {
                Some(_) => None,
                None => Some(reader::<N>(batch, Column::Namespace)?),
            },
            cells: C::Rows::new(batch)?,
            places: Places::new(max_parallelism),
        })
    }

    #[inline]
    fn get(&self, row: usize) -> Result<Arrival<'_, K, N>> {
        let key = K::Borrowed::read(&self.keys, row)?;
        let namespace = self.namespace(row)?;
        let group = KeyGroup(self.groups.value(row));
        let Place { group: expected, tag } = self.places.of::<K>(key.borrow());
        if group != expected {
            return Err(Error::invalid(format!("key group is {group}, the key's is {expected}")));
        }
        Ok(Arrival { row, place: Place { group, tag: scoped(tag, &namespace) }, key, namespace })
    }

    #[inline]
    fn namespace(&self, row: usize) -> Result<N> {
        match (&self.namespaces, N::only()) {
            (Some(namespaces), _) => namespaces.get(row),
            (None, Some(only)) => Ok(only),
            (None, None) => Err(Error::invalid("there is no namespace")),
        }
    }
}
