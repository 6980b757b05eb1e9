//! CSV records as the objects that [`JsonTable`](super::json_table) takes.
//!
//! A header names a column, or a field inside the structs of one: `value.user.age`. Everything else that is
//! nested is JSON in its cell, as `export` writes it.

use serde_json::{Map, Value};

use super::csv::Cell;
use super::from_text::json_from_text;
use super::names::ColumnNames;
use crate::error::{Error, Result, ResultExt};
use crate::model::{Column, Field, Logical, StateKind, StateSchema, Type};

/// Where the values of a table's columns stand in a record.
pub(super) struct CsvTable {
    columns: Vec<(Column, Node)>,
    header: Vec<String>,
}

/// What one value is made of.
enum Node {
    /// One cell.
    Cell { place: usize, field: Field },
    /// A struct that is spread over cells; a member without one is null.
    Struct { name: String, nullable: Nullable, members: Vec<(String, Option<Node>)> },
}

/// Whether a struct may be null, and whether its cells tell.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Nullable {
    No,
    /// It is null when all its cells are, since one of its fields may not be.
    Told,
    /// All its fields may be null too: cells that are all null could mean either.
    Untold,
}

impl CsvTable {
    /// # Errors
    /// If a header comes twice or means nothing.
    pub(super) fn new(
        header: Vec<Cell>,
        kind: StateKind,
        schema: &StateSchema,
        names: &ColumnNames,
    ) -> Result<Self> {
        let header: Vec<String> = header.into_iter().map(|cell| cell.text).collect();
        if let Some(twice) = header
            .iter()
            .enumerate()
            .find(|(place, name)| header.iter().take(*place).any(|other| other == *name))
        {
            return Err(Error::bad_request(format!("the header has {:?} twice", twice.1)));
        }
        let mut finder = Finder { header: &header, used: vec![false; header.len()] };
        let mut columns = Vec::new();
        for (column, field) in schema.columns(kind)? {
            let node = match column {
                Column::Value if names.spreads_value(finder.begins("value")) => {
                    finder.spread(&field, names)?
                }
                column => finder.node(names.of(column), &field)?,
            };
            columns.extend(node.map(|node| (column, node)));
        }
        let used = finder.used;
        let unused = header.iter().zip(used).find(|(name, used)| !used && *name != Column::KeyGroup.name());
        match unused {
            Some((name, _)) if !names.leaves_out() => {
                Err(Error::bad_request(format!("the column {name:?} is no part of the state's rows")))
            }
            _ => Ok(Self { columns, header }),
        }
    }

    /// Cells of a record.
    pub(super) fn width(&self) -> usize {
        self.header.len()
    }

    /// The object that a record stands for.
    ///
    /// # Errors
    /// With the column, if a cell is not of its type.
    pub(super) fn object(&self, cells: &[Cell]) -> Result<Map<String, Value>> {
        if cells.len() != self.header.len() {
            let what = format!("has {} cells, the header {}", cells.len(), self.header.len());
            return Err(Error::bad_request(what));
        }
        let member =
            |(column, node): &(Column, Node)| Ok((column.name().to_owned(), self.value(node, cells)?));
        self.columns.iter().map(member).collect()
    }

    fn value(&self, node: &Node, cells: &[Cell]) -> Result<Value> {
        match node {
            Node::Cell { place, field } => match cells.get(*place) {
                Some(cell) if !cell.is_null() => json_from_text(field, &cell.text)
                    .within(|| format!("column {:?}", self.header.get(*place).map_or("", String::as_str))),
                _ => Ok(Value::Null),
            },
            Node::Struct { name, nullable, members } => {
                if *nullable != Nullable::No && node.is_blank(cells) {
                    return if *nullable == Nullable::Told { Ok(Value::Null) } else { Err(untold(name)) };
                }
                let mut object = Map::new();
                for (name, node) in members {
                    let value = node.as_ref().map(|node| self.value(node, cells)).transpose()?;
                    object.insert(name.clone(), value.unwrap_or(Value::Null));
                }
                Ok(Value::Object(object))
            }
        }
    }
}

impl Node {
    /// Every cell of it is null.
    fn is_blank(&self, cells: &[Cell]) -> bool {
        match self {
            Self::Cell { place, .. } => cells.get(*place).is_none_or(Cell::is_null),
            Self::Struct { members, .. } => {
                members.iter().all(|(_, node)| node.as_ref().is_none_or(|node| node.is_blank(cells)))
            }
        }
    }
}

fn untold(name: &str) -> Error {
    let what = format!("CSV cannot tell a {name} that is null from one whose fields all are");
    Error::bad_request(format!("{what}: use NDJSON, Arrow or Parquet"))
}

/// Finds columns by name and remembers which were found.
struct Finder<'a> {
    header: &'a [String],
    used: Vec<bool>,
}

impl Finder<'_> {
    /// There is this column, or one for a field of it.
    fn begins(&self, name: &str) -> bool {
        self.header.iter().any(|found| {
            found.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        })
    }

    /// The column of this name, or those of its fields; `None` if there is neither.
    fn node(&mut self, name: &str, field: &Field) -> Result<Option<Node>> {
        if let Some(place) = self.header.iter().position(|found| found == name) {
            if let Some(used) = self.used.get_mut(place) {
                *used = true;
            }
            return Ok(Some(Node::Cell { place, field: field.clone() }));
        }
        let (None | Some(Logical::Tuple), Type::Struct(fields)) = (&field.logical, &field.ty) else {
            return Ok(None);
        };
        self.members(name, field, fields, |name, inner| format!("{name}.{inner}"))
    }

    /// A value whose fields are columns of their own.
    fn spread(&mut self, field: &Field, names: &ColumnNames) -> Result<Option<Node>> {
        let (None, Type::Struct(fields)) = (&field.logical, &field.ty) else { return Ok(None) };
        let fields: Vec<Field> =
            fields.iter().filter(|field| names.is_value_field(&field.name)).cloned().collect();
        self.members("value", field, &fields, |_, inner| inner.to_owned())
    }

    fn members(
        &mut self,
        name: &str,
        field: &Field,
        fields: &[Field],
        inner_name: impl Fn(&str, &str) -> String,
    ) -> Result<Option<Node>> {
        let mut members = Vec::with_capacity(fields.len());
        for inner in fields {
            let node = self.node(&inner_name(name, &inner.name), inner)?;
            members.push((super::from_json::escaped(&inner.name), node));
        }
        if members.iter().all(|(_, node)| node.is_none()) {
            return Ok(None);
        }
        let nullable = match field.nullable {
            false => Nullable::No,
            true if fields.iter().all(|inner| inner.nullable) => Nullable::Untold,
            true => Nullable::Told,
        };
        Ok(Some(Node::Struct { name: name.to_owned(), nullable, members }))
    }
}
