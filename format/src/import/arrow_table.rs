//! Rows that come with Arrow types, from Parquet or Arrow files, as batches of a state's table.
//!
//! Columns are found by name, fields inside them too; a type that differs is cast if each value stays exact.

use std::sync::Arc;

use arrow_array::{Array, ArrayRef, RecordBatch, StructArray};
use arrow_cast::{CastOptions, cast_with_options};
use arrow_schema::{DataType, Field as ArrowField, Fields, Schema};

use super::check::check_meaning;
use super::names::ColumnNames;
use crate::error::{Error, Result, ResultExt};
use crate::model::{Binding, Column, Field, StateKind, StateSchema, Type};

/// Where the columns of a table stand in a file, and how they become the table's.
pub(super) struct ArrowTable {
    columns: Vec<Source>,
    written: Vec<Field>,
    wanted: Vec<Field>,
    binding: Binding,
}

/// Where a column comes from.
enum Source {
    /// One column.
    Column(usize),
    /// A struct of columns.
    Columns(Vec<usize>),
}

impl ArrowTable {
    /// # Errors
    /// If the file has a column that the table has no use for, or one whose type can never be the table's.
    pub(super) fn new(
        file: &Schema,
        kind: StateKind,
        schema: &StateSchema,
        names: &ColumnNames,
    ) -> Result<Self> {
        let mut used = vec![false; file.fields().len()];
        let (mut columns, mut written, mut wanted) = (Vec::new(), Vec::new(), Vec::new());
        // The value comes last, so that it can be what is left.
        let mut table = schema.columns(kind)?;
        table.sort_by_key(|(column, _)| *column == Column::Value);
        for (column, field) in table {
            let Some((source, mut found)) = find(file, column, names, &used)? else { continue };
            for place in source.places() {
                if let Some(used) = used.get_mut(*place) {
                    *used = true;
                }
            }
            align(&mut found, &field).within(|| format!("column {:?}", names.of(column)))?;
            columns.push(source);
            written.push(found);
            wanted.push(field);
        }
        let unused =
            file.fields().iter().zip(used).find(|(field, used)| {
                !used && field.name() != Column::KeyGroup.name() && !names.leaves_out()
            });
        if let Some((field, _)) = unused {
            let what = format!("the column {:?} is no part of the state's rows", field.name());
            return Err(Error::bad_request(what));
        }
        let binding = Binding::new(&written, &wanted)?;
        Ok(Self { columns, written, wanted, binding })
    }

    /// The rows of a batch.
    ///
    /// # Errors
    /// With the column, and with the row by its place in the batch, if a value does not fit its type.
    pub(super) fn rows(&self, batch: &RecordBatch) -> Result<RecordBatch, (usize, Error)> {
        self.bind(batch).map_err(|error| {
            let alone = |row: usize| Some((row, self.bind(&batch.slice(row, 1)).err()?));
            (0..batch.num_rows()).find_map(alone).unwrap_or((0, error))
        })
    }

    fn bind(&self, batch: &RecordBatch) -> Result<RecordBatch> {
        let mut arrays = Vec::with_capacity(self.columns.len());
        for (source, field) in self.columns.iter().zip(&self.written) {
            let array = source.array(batch)?;
            arrays.push(cast(&array, &field.ty.to_arrow()).within(|| format!("column {:?}", field.name))?);
        }
        let fields: Fields = self
            .written
            .iter()
            .zip(&arrays)
            .map(|(field, array)| ArrowField::new(&field.name, array.data_type().clone(), true))
            .collect();
        let rows = RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays);
        let rows = self.binding.bind(&rows.map_err(misfit)?)?;
        for (field, array) in self.wanted.iter().zip(rows.columns()) {
            check_meaning(field, array).within(|| format!("column {:?}", field.name))?;
        }
        Ok(rows)
    }
}

/// The types that a file gives a state of this kind, as far as it has columns for them.
///
/// What may be null in other tools' files is most often not meant to be: keys and values are required, unless
/// the file was exported from a savepoint.
pub(super) fn schema_of(
    file: &Schema,
    kind: StateKind,
    names: &ColumnNames,
    is_exported: bool,
) -> Result<StateSchema> {
    let mut used = vec![false; file.fields().len()];
    for column in [Column::KeyGroup, Column::Subtask, Column::Index, Column::LastAccess] {
        let place = file.fields().find(column.name()).map(|(place, _)| place);
        if let Some(used) = place.and_then(|place| used.get_mut(place)) {
            *used = true;
        }
    }
    let mut part = |column: Column| -> Result<Option<Field>> {
        let Some((source, mut field)) = find(file, column, names, &used)? else { return Ok(None) };
        for place in source.places() {
            if let Some(used) = used.get_mut(*place) {
                *used = true;
            }
        }
        if !is_exported {
            field.visit_mut(&mut |field| field.id = 0);
            field.nullable = false;
        }
        Ok(Some(field))
    };
    let has_map_key = matches!(kind, StateKind::Map | StateKind::Broadcast);
    let schema = StateSchema {
        key: if kind.is_keyed() { part(Column::Key)? } else { None },
        namespace: if kind.is_keyed() { part(Column::Namespace)? } else { None },
        map_key: if has_map_key { part(Column::MapKey)? } else { None },
        value: if kind == StateKind::Timer { None } else { part(Column::Value)? },
        ttl: kind.is_keyed() && file.fields().find(Column::LastAccess.name()).is_some(),
        ..StateSchema::default()
    };
    Ok(schema.number())
}

/// A column of the table in a file, with its type there.
fn find(
    file: &Schema,
    column: Column,
    names: &ColumnNames,
    used: &[bool],
) -> Result<Option<(Source, Field)>> {
    let has_value = file.fields().find(Column::Value.name()).is_some();
    if column == Column::Value && names.spreads_value(has_value) {
        let is_field = |place: &usize| {
            let free = used.get(*place).is_some_and(|used| !used);
            let field = file.fields().get(*place);
            free && field.is_some_and(|field| {
                names.is_value_field(field.name()) && field.name() != Column::KeyGroup.name()
            })
        };
        let places: Vec<usize> = (0..used.len()).filter(is_field).collect();
        let fields = places.iter().filter_map(|place| file.fields().get(*place));
        let fields = fields.map(|field| field_of(field)).collect::<Result<Vec<_>>>()?;
        let field = Field::new(Column::Value.name(), Type::Struct(fields));
        return Ok((!places.is_empty()).then_some((Source::Columns(places), field)));
    }
    let Some((place, field)) = file.fields().find(names.of(column)) else { return Ok(None) };
    Ok(Some((Source::Column(place), field_of(field)?)))
}

fn field_of(field: &ArrowField) -> Result<Field> {
    Field::from_arrow(field).within(|| format!("column {:?}", field.name()))
}

/// Gives the fields in a file the ids of those that are wanted, by name.
fn align(found: &mut Field, wanted: &Field) -> Result<()> {
    found.id = wanted.id;
    match (&mut found.ty, &wanted.ty) {
        (Type::List(found), Type::List(wanted)) => align(found, wanted),
        (Type::Map { key, value }, Type::Map { key: wanted_key, value: wanted }) => {
            align(key, wanted_key)?;
            align(value, wanted)
        }
        (Type::Struct(found), Type::Struct(wanted)) => found.iter_mut().try_for_each(|field| {
            let known = wanted.iter().find(|wanted| wanted.name == field.name).ok_or_else(|| {
                let known: Vec<&str> = wanted.iter().map(|field| field.name.as_str()).collect();
                let known = known.join(", ");
                Error::bad_request(format!("there is no field {:?}; there are {known}", field.name))
            });
            align(field, known?)
        }),
        _ => Ok(()),
    }
}

impl Source {
    fn places(&self) -> &[usize] {
        match self {
            Self::Column(place) => std::slice::from_ref(place),
            Self::Columns(places) => places,
        }
    }

    fn array(&self, batch: &RecordBatch) -> Result<ArrayRef> {
        let column = |place: &usize| {
            batch.columns().get(*place).cloned().ok_or_else(|| Error::invalid("a column is missing"))
        };
        match self {
            Self::Column(place) => column(place),
            Self::Columns(places) => {
                let arrays = places.iter().map(column).collect::<Result<Vec<_>>>()?;
                let schema = batch.schema();
                let fields: Fields =
                    places.iter().filter_map(|place| schema.fields().get(*place)).cloned().collect();
                let array = StructArray::try_new(fields, arrays, None).map_err(misfit)?;
                Ok(Arc::new(array))
            }
        }
    }
}

/// Other widths and encodings of the same values: large strings, dictionaries, seconds.
fn cast(array: &ArrayRef, to: &DataType) -> Result<ArrayRef> {
    if array.data_type() == to {
        return Ok(array.clone());
    }
    let strict = CastOptions { safe: false, ..CastOptions::default() };
    cast_with_options(array, to, &strict).map_err(misfit)
}

fn misfit(error: arrow_schema::ArrowError) -> Error {
    Error::bad_request("a value does not fit its type").caused_by(error)
}
