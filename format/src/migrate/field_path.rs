//! Finds a field inside a state's schema by its names.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::model::{Column, Field, StateSchema, Type};

/// Names from the outside in: `count`, `a.b`, `value.a.b`, `key.user`.
///
/// The first name is looked for in the value; if that leads nowhere, it may be a column's name.
/// Lists and maps are passed through by `element`, `key` and `value`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct FieldPath(String);

impl FieldPath {
    /// A path of these names, separated by dots.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The last name.
    pub fn name(&self) -> &str {
        self.0.rsplit('.').next().unwrap_or(&self.0)
    }

    /// The field in a schema.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`](crate::ErrorKind::NotFound), listing what is there.
    pub fn find<'a>(&self, schema: &'a mut StateSchema) -> Result<&'a mut Field> {
        let names: Vec<&str> = self.0.split('.').collect();
        self.resolve(schema, &names, |_| true)
    }

    /// The fields of the struct that holds the field, or would hold it.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`](crate::ErrorKind::NotFound) if there is no such struct.
    pub fn find_siblings<'a>(&self, schema: &'a mut StateSchema) -> Result<&'a mut Vec<Field>> {
        let mut names: Vec<&str> = self.0.split('.').collect();
        names.pop();
        if names.is_empty() {
            names.push(Column::Value.name());
        }
        match self.resolve(schema, &names, |field| matches!(field.ty, Type::Struct(_)))? {
            Field { ty: Type::Struct(fields), .. } => Ok(fields),
            other => Err(Error::not_found(format!("{self}: {other} has no fields"))),
        }
    }

    /// The field that these names lead to, one of this kind if they may mean two.
    fn resolve<'a>(
        &self,
        schema: &'a mut StateSchema,
        names: &[&str],
        is_meant: fn(&Field) -> bool,
    ) -> Result<&'a mut Field> {
        let first = names.first().copied().unwrap_or_default();
        let mut in_value = children(schema.value.as_ref()).iter().any(|name| name == first);
        if in_value && schema.parts().any(|(column, _)| column.name() == first) {
            // `value.count`, and the value is a map, or has a field `value`.
            let mut value = schema.value.clone();
            let found = value.as_mut().and_then(|value| descend(value, names).ok());
            in_value = found.is_some_and(|found| is_meant(found));
        }
        let there = || schema.parts().map(|(column, _)| column.name().to_owned()).collect::<Vec<_>>();
        let there = [there(), children(schema.value.as_ref())].concat();
        let (column, rest) = match names.split_first() {
            Some((_, rest)) if !in_value => (first, rest),
            _ => (Column::Value.name(), names),
        };
        let column = schema.parts_mut().find(|(found, _)| found.name() == column).map(|(_, field)| field);
        column.ok_or(there).and_then(|field| descend(field, rest)).map_err(|there| {
            Error::not_found(format!("there is no field {self}; there are: {}", there.join(", ")))
        })
    }
}

fn children(field: Option<&Field>) -> Vec<String> {
    field.map(|field| field.children().iter().map(|child| child.name.clone()).collect()).unwrap_or_default()
}

fn descend<'a>(field: &'a mut Field, names: &[&str]) -> std::result::Result<&'a mut Field, Vec<String>> {
    let Some((first, rest)) = names.split_first() else { return Ok(field) };
    let found = children(Some(field));
    let child = match &mut field.ty {
        Type::Struct(fields) => fields.iter_mut().find(|child| child.name == *first),
        Type::List(element) => Some(&mut **element).filter(|child| child.name == *first),
        Type::Map { key, value } => [&mut **key, &mut **value].into_iter().find(|child| child.name == *first),
        _ => None,
    };
    descend(child.ok_or(found)?, rest)
}

impl fmt::Display for FieldPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schema() -> StateSchema {
        StateSchema::keyed(
            "struct<user: utf8>".parse().unwrap(),
            "struct<count: int64, inner: struct<a: int32>, items: list<struct<n: int8>>>".parse().unwrap(),
        )
    }

    #[test]
    fn a_field_is_found_in_the_value_first_and_in_a_column_by_its_name() {
        let mut schema = schema();
        for (path, ty) in [
            ("count", "int64"),
            ("value.count", "int64"),
            ("inner.a", "int32"),
            ("items.element.n", "int8"),
            ("key.user", "utf8"),
        ] {
            assert_eq!(FieldPath::new(path).find(&mut schema).unwrap().to_string(), ty, "{path}");
        }
    }

    #[test]
    fn a_name_that_leads_nowhere_in_the_value_may_be_a_column_s() {
        let found = |value: &str, path: &str| {
            let mut schema = StateSchema::keyed("utf8".parse().unwrap(), value.parse().unwrap());
            FieldPath::new(path).find(&mut schema).unwrap().to_string()
        };
        for map in ["value", "value.value"] {
            assert_eq!(found("map<utf8, int64>", map), "int64");
        }
        assert_eq!(found("map<utf8, struct<a: int8>>", "value.value.a"), "int8");
        let of_a_field = "struct<value: int8, more: int64>";
        assert_eq!(
            ["value", "value.value", "value.more"].map(|path| found(of_a_field, path)),
            ["int8", "int8", "int64"]
        );
        let mut schema = StateSchema::keyed("utf8".parse().unwrap(), of_a_field.parse().unwrap());
        assert_eq!(FieldPath::new("value.new").find_siblings(&mut schema).unwrap().len(), 2);
    }

    #[test]
    fn what_is_not_there_is_answered_by_what_is() {
        let error = FieldPath::new("inner.b").find(&mut schema()).unwrap_err();
        assert_eq!(error.to_string(), "there is no field inner.b; there are: a");
        let error = FieldPath::new("nope").find(&mut schema()).unwrap_err();
        assert_eq!(error.to_string(), "there is no field nope; there are: key, value, count, inner, items");
        let error = FieldPath::new("count.x").find_siblings(&mut schema()).err().unwrap();
        assert_eq!(error.to_string(), "count.x: int64 has no fields");
    }
}
