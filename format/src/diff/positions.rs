//! Where sources stand: elements of a list per subtask that say what is read and how far.
//!
//! ```text
//! {topic: "a", partition: 0, offset: 120}   split: topic, partition   position: offset
//! {path: "in.csv", offset: 4711, …}         split: path               position: offset
//! {next: 40, end: 100}                      split: end                position: next
//! ```
//!
//! Nothing in a schema says so; the names of the fields do, those of the runtime's sources and of the
//! connectors that are read from Flink's savepoints. The split then stands in the place of a key: an element whose
//! position alone moved is one that changed, wherever it lies now, and not one that went and one that came.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, RecordBatch, StructArray};
use arrow_schema::{Field as ArrowField, Schema};
use serde_json::Value;

use super::schema::same_storage;
use crate::error::{Error, Result};
use crate::export::{JsonOptions, JsonValues};
use crate::model::source_fields::{ENDS, POSITIONS, SPLITS};
use crate::model::{Column, Field, Logical, State, Type};

/// How the elements of a state say where a source stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Positions {
    fields: Vec<Field>,
    /// Places of the fields that name what is read.
    split: Vec<usize>,
    /// The place of the field that says how far.
    position: usize,
}

/// A split whose position is not what it was.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct PositionChange {
    /// What is read, by the names of its fields.
    pub split: Value,
    /// How far it was read; null where that was not known.
    pub before: Option<i64>,
    /// How far it is read now.
    pub after: Option<i64>,
    /// The way between them.
    pub moved: Option<i64>,
}

impl Positions {
    /// How a state's elements say where a source stands; `None` if they say no such thing.
    pub fn of(state: &State) -> Option<Self> {
        let value = state.schema.value.as_ref().filter(|_| state.kind.is_per_subtask())?;
        let Type::Struct(fields) = &value.ty else { return None };
        let place = |name: &&str| fields.iter().position(|field| field.name == **name);
        let is_number = |place: &usize| fields.get(*place).is_some_and(|field| is_integer(&field.ty));
        let position = POSITIONS.iter().filter_map(&place).find(is_number)?;
        let named = |names: &[&str]| names.iter().filter_map(place).collect::<Vec<usize>>();
        let split = Some(named(&SPLITS)).filter(|split| !split.is_empty()).unwrap_or_else(|| named(&ENDS));
        let usable =
            !split.is_empty() && !value.nullable && matches!(value.logical, None | Some(Logical::Tuple));
        usable.then(|| Self { fields: fields.clone(), split, position })
    }

    /// Both name what is read in the same way, so that a split of one can be found in the other.
    pub(super) fn same_splits(&self, other: &Self) -> bool {
        let fields = |one: &Self| -> Vec<Field> {
            one.split.iter().filter_map(|place| one.fields.get(*place).cloned()).collect()
        };
        same_storage(&Type::Struct(fields(self)), &Type::Struct(fields(other)))
    }

    /// The rows with their splits as keys.
    pub(super) fn keyed(&self, batch: &RecordBatch) -> Result<RecordBatch> {
        let splits = self.splits(&self.values(batch)?)?;
        let schema = batch.schema();
        let key = ArrowField::new(Column::Key.name(), splits.data_type().clone(), false);
        let fields: Vec<_> = schema.fields().iter().cloned().chain([Arc::new(key)]).collect();
        let columns = batch.columns().iter().cloned().chain([Arc::new(splits) as ArrayRef]).collect();
        RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)
            .map_err(|error| Error::invalid("splits").caused_by(error))
    }

    /// What became of a split, from its row before and its row `now`.
    ///
    /// # Errors
    /// If the batches do not have the state's columns.
    pub fn change(
        &self,
        left: (&RecordBatch, usize),
        now: &Self,
        right: (&RecordBatch, usize),
    ) -> Result<PositionChange> {
        let (before, after) = (self.position(left)?, now.position(right)?);
        let moved = before.zip(after).and_then(|(before, after)| after.checked_sub(before));
        Ok(PositionChange { split: now.split(right)?, before, after, moved })
    }

    fn values(&self, batch: &RecordBatch) -> Result<StructArray> {
        let values = batch.column_by_name(Column::Value.name()).and_then(|values| values.as_struct_opt());
        values.cloned().ok_or_else(|| Error::invalid("positions are no structs"))
    }

    /// The fields that name what is read, as a struct of their own.
    fn splits(&self, values: &StructArray) -> Result<StructArray> {
        let parts = self.split.iter().map(|place| {
            let field = self.fields.get(*place)?;
            Some((Arc::new(field.to_arrow()), values.columns().get(*place)?.clone()))
        });
        let (fields, columns): (Vec<_>, Vec<_>) = parts
            .collect::<Option<Vec<_>>>()
            .ok_or_else(|| Error::invalid("positions lack a field"))?
            .into_iter()
            .unzip();
        StructArray::try_new(fields.into(), columns, None)
            .map_err(|error| Error::invalid("splits").caused_by(error))
    }

    fn split(&self, (batch, row): (&RecordBatch, usize)) -> Result<Value> {
        let fields = self.split.iter().filter_map(|place| self.fields.get(*place).cloned()).collect();
        let splits: ArrayRef = Arc::new(self.splits(&self.values(batch)?)?);
        let text = JsonValues::new(&Field::new("", Type::Struct(fields)), &splits, JsonOptions::default())?
            .text(row);
        serde_json::from_str(&text).map_err(|error| Error::invalid("a split").caused_by(error))
    }

    fn position(&self, (batch, row): (&RecordBatch, usize)) -> Result<Option<i64>> {
        let values = self.values(batch)?;
        let (Some(field), Some(column)) =
            (self.fields.get(self.position), values.columns().get(self.position))
        else {
            return Err(Error::invalid("positions lack a field"));
        };
        let text = JsonValues::new(field, column, JsonOptions::default())?.text(row);
        Ok(text.parse().ok())
    }
}

fn is_integer(ty: &Type) -> bool {
    matches!(ty, Type::Int32 | Type::Int64 | Type::UInt32 | Type::UInt64)
}
