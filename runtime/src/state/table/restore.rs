//! Rows of a snapshot back into a table.

use arrow_array::types::UInt16Type;
use arrow_array::{PrimitiveArray, RecordBatch};
use spt_format::{Column, Error, KeyGroup, Result, ResultExt};

use super::KeyedTable;
use super::address::{Address, scoped};
use crate::state::cell::{Cell, CellRows, column, reader};
use crate::state::column::{StateReader, downcast};
use crate::state::held::Held;
use crate::state::key::{Key, Places};

impl<K: Key, C: Cell, N: Key> KeyedTable<K, C, N> {
    /// Adds the rows of a batch of the state's table. Rows of one key and namespace follow each other.
    ///
    /// # Errors
    /// If a column is missing or of another type, if a row's key group is not this subtask's, or not the one its
    /// key has at this max parallelism, or if a key and namespace has two values. The place names the row.
    pub fn restore(&mut self, batch: &RecordBatch, max_parallelism: u32) -> Result<()> {
        let groups: PrimitiveArray<UInt16Type> =
            downcast(column(batch, Column::KeyGroup)?.as_ref(), &"UInt16")?;
        let keys = reader::<Held<K>>(batch, Column::Key)?;
        let namespaces = match N::only() {
            Some(_) => None,
            None => Some(reader::<N>(batch, Column::Namespace)?),
        };
        let namespace = |row| match (&namespaces, N::only()) {
            (Some(namespaces), _) => namespaces.get(row),
            (None, Some(only)) => Ok(only),
            (None, None) => Err(Error::invalid("there is no namespace")),
        };
        let cells = C::Rows::new(batch)?;
        let places = Places::new(max_parallelism);
        for (row, group) in groups.values().iter().enumerate() {
            let mut restore = || {
                let address = Address { held: keys.get(row)?, namespace: namespace(row)? };
                self.restore_row(KeyGroup(*group), address, &cells, row, &places)
            };
            restore().within(|| format!("row {row}"))?;
        }
        Ok(())
    }

    fn restore_row(
        &mut self,
        group: KeyGroup,
        address: Address<K, N>,
        cells: &C::Rows,
        row: usize,
        places: &Places,
    ) -> Result<()> {
        let place = places.of::<K>(address.key());
        if place.group != group {
            return Err(Error::invalid(format!("key group is {group}, the key's is {}", place.group)));
        }
        let tag = scoped(place.tag, &address.namespace);
        let range = self.range;
        let Some(held) = self.group_mut(group) else {
            return Err(Error::invalid(format!("key group is {group}, this subtask has {range}")));
        };
        match held
            .find(tag, |held| held.is(address.key(), &address.namespace))
            .and_then(|slot| held.cell_mut(slot))
        {
            Some(cell) => cells.next(row, cell),
            None => {
                held.insert(tag, address, cells.first(row)?);
                self.rows += 1;
                Ok(())
            }
        }
    }
}
