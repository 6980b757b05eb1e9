//! The splits of a source, as its operator keeps them: what each is called, and how far it was read.
//!
//! A source keeps a list of structs, one for each split. One field of it says how far the split was read; the
//! others say which split it is.
//!
//! ```text
//! {path: utf8, offset: uint64}                        /in/a.txt = 120
//! {topic: utf8, partition: int32, offset: int64}      clicks-3  = 120
//! {next: int64, end: int64}                           0/2       = 120      subtask 0, its third split
//! ```

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_cast::display::array_value_to_string;

use crate::error::{Error, Result};
use crate::model::source_fields::{DONE, POSITIONS, SPLITS};
use crate::model::{Column, Field, State, StateKind, Type, columns_of};

/// Which fields of a source's splits mean what.
#[derive(Debug, Clone)]
pub struct Splits {
    field: Field,
    position: usize,
    done: Option<usize>,
    names: Vec<usize>,
}

impl Splits {
    /// Of a state that holds splits; `None` for any other.
    pub fn of(state: &State) -> Option<Self> {
        let is_list = matches!(state.kind, StateKind::OperatorList | StateKind::Union);
        let Type::Struct(fields) = &state.schema.value.as_ref().filter(|_| is_list)?.ty else { return None };
        let place = |name: &&str| fields.iter().position(|field| field.name == **name);
        let is_a = |place: &usize, fits: fn(&Field) -> bool| fields.get(*place).is_some_and(fits);
        let position = POSITIONS.iter().filter_map(place).find(|place| is_a(place, is_number))?;
        let done = DONE.iter().filter_map(place).find(|place| is_a(place, |field| field.ty == Type::Boolean));
        let names = SPLITS.iter().filter_map(place).collect();
        Some(Self { field: fields.get(position)?.clone(), position, done, names })
    }

    /// The field that says how far a split was read.
    pub fn position(&self) -> &Field {
        &self.field
    }

    /// Its place among the fields of the split.
    pub(crate) fn position_index(&self) -> usize {
        self.position
    }

    /// The place of the flag that says that nothing is left to read, if there is one.
    pub(crate) fn done_index(&self) -> Option<usize> {
        self.done
    }

    /// Every split of a batch of the state's rows: its name, and its place `SUBTASK/INDEX`. Where no
    /// field names it, a split is called by its place.
    ///
    /// # Errors
    /// If the batch is not of the state.
    pub fn names(&self, batch: &RecordBatch) -> Result<Vec<(String, String)>> {
        let columns = columns_of(batch, &[Column::Subtask, Column::Index, Column::Value])?;
        let [subtasks, indices, values] = columns.as_slice() else { return Err(misfit()) };
        let values = values.as_struct_opt().ok_or_else(misfit)?;
        let parts = self.names.iter().map(|index| values.columns().get(*index).ok_or_else(misfit));
        let parts = parts.collect::<Result<Vec<&ArrayRef>>>()?;
        let mut names = Vec::with_capacity(batch.num_rows());
        for row in 0..batch.num_rows() {
            let place = format!("{}/{}", text(subtasks, row)?, text(indices, row)?);
            let known = parts.iter().filter(|part| part.is_valid(row));
            let name = known.map(|part| text(part, row)).collect::<Result<Vec<_>>>()?.join("-");
            names.push((if name.is_empty() { place.clone() } else { name }, place));
        }
        Ok(names)
    }
}

fn is_number(field: &Field) -> bool {
    field.logical.is_none() && matches!(field.ty, Type::Int32 | Type::Int64 | Type::UInt32 | Type::UInt64)
}

fn text(array: &ArrayRef, row: usize) -> Result<String> {
    array_value_to_string(array, row).map_err(|error| misfit().caused_by(error))
}

fn misfit() -> Error {
    Error::invalid("rows are no splits")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::StateSchema;

    fn splits(kind: StateKind, value: &str) -> Option<Splits> {
        let schema = StateSchema::per_subtask(value.parse().unwrap());
        Splits::of(&State::new("splits", kind, schema))
    }

    #[test]
    fn a_split_has_one_position_and_may_have_a_name() {
        for (value, position, names) in [
            ("struct<path: utf8, offset: uint64>", "offset", vec![0]),
            ("struct<partition: int32, topic: utf8, offset: int64, n: int64>", "offset", vec![1, 0]),
            ("struct<next: int64, end: int64>", "next", vec![]),
            ("struct<next: int64, offset: utf8>", "next", vec![]),
        ] {
            let splits = splits(StateKind::OperatorList, value).unwrap();
            assert_eq!((splits.position().name.as_str(), &splits.names), (position, &names), "{value}");
        }
        for value in ["struct<present: boolean>", "int64", "struct<offset: utf8>"] {
            assert!(splits(StateKind::OperatorList, value).is_none(), "{value}");
        }
        assert!(splits(StateKind::Broadcast, "struct<next: int64, end: int64>").is_none());
    }
}
