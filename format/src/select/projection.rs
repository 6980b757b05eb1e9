//! Which columns of a table are shown: whole ones, or fields inside them under dotted names.

use arrow_array::{ArrayRef, RecordBatch};

use super::path::Path;
use crate::error::{Error, Result};
use crate::model::{Column, Field, Logical, StateKind, StateSchema, Type};

/// Named columns picked from a state's table.
#[derive(Debug, Clone)]
pub struct Projection {
    columns: Vec<(String, Path)>,
}

impl Projection {
    /// The columns that `names` lead to, in that order. A name is a column, or a path into one such as
    /// `value.user.age`.
    ///
    /// # Errors
    /// [`ErrorKind::BadRequest`](crate::ErrorKind::BadRequest) if there is no such column, with those there are.
    pub fn new(names: &[impl AsRef<str>], kind: StateKind, schema: &StateSchema) -> Result<Self> {
        let paths: Vec<Vec<String>> =
            names.iter().map(|name| name.as_ref().split('.').map(str::to_owned).collect()).collect();
        Self::of_paths(&paths, kind, schema)
    }

    /// The same for paths whose names may hold anything, a point too.
    ///
    /// # Errors
    /// As [`Projection::new`].
    pub(crate) fn of_paths(paths: &[Vec<String>], kind: StateKind, schema: &StateSchema) -> Result<Self> {
        let table = schema.columns(kind)?;
        let column = |path: &Vec<String>| {
            let name = path.join(".");
            let found = Path::find(path, &table).map_err(|error| error.within(format!("column {name:?}")))?;
            Ok((name, found))
        };
        Ok(Self { columns: paths.iter().map(column).collect::<Result<_>>()? })
    }

    /// All columns, those that are plain structs replaced by their fields: the widest table.
    ///
    /// # Errors
    /// As [`StateSchema::columns`].
    pub fn flat(kind: StateKind, schema: &StateSchema) -> Result<Self> {
        let mut columns = Vec::new();
        for (column, field) in schema.columns(kind)? {
            flatten(column.name().to_owned(), Path::column(column, field), &mut columns);
        }
        Ok(Self { columns })
    }

    /// Names and types, in order.
    pub fn fields(&self) -> impl Iterator<Item = (&str, &Field)> {
        self.columns.iter().map(|(name, path)| (name.as_str(), &path.field))
    }

    /// The picked columns of a batch, in order.
    ///
    /// # Errors
    /// If the batch does not have the state's columns.
    pub fn apply(&self, batch: &RecordBatch) -> Result<Vec<ArrayRef>> {
        self.columns
            .iter()
            .map(|(name, path)| {
                path.values(batch).map_err(|error: Error| error.within(format!("column {name:?}")))
            })
            .collect()
    }

    /// Its name begins with a column of the key: what identifies a row, not what it holds.
    pub fn identifies(name: &str) -> bool {
        let column = name.split('.').next().unwrap_or(name);
        ![Column::Value, Column::LastAccess].iter().any(|other| other.name() == column)
    }
}

fn flatten(name: String, path: Path, columns: &mut Vec<(String, Path)>) {
    match (&path.field.logical, &path.field.ty) {
        (None | Some(Logical::Tuple), Type::Struct(fields)) => {
            for (place, field) in fields.iter().enumerate() {
                flatten(format!("{name}.{}", field.name), path.inner(place, field), columns);
            }
        }
        _ => columns.push((name, path)),
    }
}
