//! One state is one table: which columns it has, in which order, and by which of them it is sorted.
//!
//! ```text
//! value, reducing, aggregating   key_group  key  [namespace]                     value  [last_access]
//! list                           key_group  key  [namespace]  index              value  [last_access]
//! map                            key_group  key  [namespace]  map_key            value  [last_access]
//! timer                          key_group  key  [namespace]  service  domain  timestamp
//! operator-list, union, raw, …   subtask  index  value
//! broadcast                      map_key  value
//! ```

use std::sync::Arc;

use arrow_schema::{Schema, SchemaRef};

use super::kind::StateKind;
use super::types::{FIRST_NESTED_FIELD_ID, Field, TimeUnit, Type};
use crate::error::{Error, Result};

/// A column of a state's table. The number is the column's field id, the same in every state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u32)]
pub enum Column {
    /// `UInt16`: the key group of the row.
    KeyGroup = 1,
    /// The key's own type.
    Key = 2,
    /// The window, or whatever else a keyed state is further divided by.
    Namespace = 3,
    /// The key of a map entry or broadcast entry.
    MapKey = 4,
    /// `UInt32`: the subtask that held the element.
    Subtask = 5,
    /// `UInt64`: the element's place in its list.
    Index = 6,
    /// The value's own type.
    Value = 7,
    /// `Utf8`: the timer service.
    Service = 8,
    /// `Utf8`: `event` or `processing`.
    Domain = 9,
    /// `Timestamp(ms, UTC)`: when the timer fires.
    Timestamp = 10,
    /// `Timestamp(ms, UTC)`: when a state with a time to live was last touched.
    LastAccess = 11,
}

impl Column {
    /// The column's name in the table.
    pub fn name(self) -> &'static str {
        match self {
            Self::KeyGroup => "key_group",
            Self::Key => "key",
            Self::Namespace => "namespace",
            Self::MapKey => "map_key",
            Self::Subtask => "subtask",
            Self::Index => "index",
            Self::Value => "value",
            Self::Service => "service",
            Self::Domain => "domain",
            Self::Timestamp => "timestamp",
            Self::LastAccess => "last_access",
        }
    }

    /// The column's field id.
    pub fn id(self) -> u32 {
        self as u32
    }
}

/// The types of a state: what its key, namespace, map key and value are made of.
///
/// Field ids are unique within the schema: [`StateSchema::number`] gives every nested field one.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct StateSchema {
    /// The key, of a keyed state.
    pub key: Option<Field>,
    /// The namespace, where there is one other than nothing.
    pub namespace: Option<Field>,
    /// The key inside a map or broadcast state.
    pub map_key: Option<Field>,
    /// The value; timers have none.
    pub value: Option<Field>,
    /// Rows have a `last_access`.
    pub ttl: bool,
    /// The id of the next field that is added: above every id that was ever used, those of dropped fields
    /// included, because data files may still hold their columns. A format must keep it.
    pub next_field_id: u32,
}

impl StateSchema {
    /// A keyed state without namespace.
    pub fn keyed(key: Field, value: Field) -> Self {
        Self { key: Some(key), value: Some(value), ..Self::default() }.number()
    }

    /// A list per operator, or bytes of any other kind per subtask.
    pub fn per_subtask(value: Field) -> Self {
        Self { value: Some(value), ..Self::default() }.number()
    }

    /// Names the top-level fields after their columns and gives every field without an id one.
    #[must_use]
    pub fn number(mut self) -> Self {
        let mut next = self.next_field_id.max(FIRST_NESTED_FIELD_ID);
        for (_, field) in self.parts_mut() {
            field.visit_mut(&mut |field| next = next.max(field.id.saturating_add(1)));
        }
        for (column, field) in self.parts_mut() {
            field.name = column.name().to_owned();
            field.id = column.id();
            field.visit_mut(&mut |field| {
                if field.id == 0 {
                    field.id = next;
                    next = next.saturating_add(1);
                }
            });
        }
        self.next_field_id = next;
        self
    }

    /// The typed columns with their fields, in table order.
    pub fn parts(&self) -> impl Iterator<Item = (Column, &Field)> {
        [
            (Column::Key, &self.key),
            (Column::Namespace, &self.namespace),
            (Column::MapKey, &self.map_key),
            (Column::Value, &self.value),
        ]
        .into_iter()
        .filter_map(|(column, field)| Some((column, field.as_ref()?)))
    }

    /// The same, to be changed. Ids are the caller's business: see [`StateSchema::number`].
    pub fn parts_mut(&mut self) -> impl Iterator<Item = (Column, &mut Field)> {
        [
            (Column::Key, &mut self.key),
            (Column::Namespace, &mut self.namespace),
            (Column::MapKey, &mut self.map_key),
            (Column::Value, &mut self.value),
        ]
        .into_iter()
        .filter_map(|(column, field)| Some((column, field.as_mut()?)))
    }

    /// The table's columns for a state of this kind, in order.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`](crate::ErrorKind::Invalid) if the kind needs a part that is missing, or has
    /// no use for one that is there.
    pub fn columns(&self, kind: StateKind) -> Result<Vec<(Column, Field)>> {
        let instant = || Type::Timestamp { unit: TimeUnit::Ms, zone: Some("UTC".into()) };
        let fixed = |column: Column, ty: Type| {
            let field = Field { id: column.id(), ..Field::new(column.name(), ty) };
            (column, field)
        };
        let mut rest: Vec<(Column, Field)> =
            self.parts().map(|(column, field)| (column, field.clone())).collect();
        let mut part = |column: Column, required: bool, columns: &mut Vec<(Column, Field)>| match rest
            .iter()
            .position(|(found, _)| *found == column)
        {
            Some(index) => {
                columns.push(rest.remove(index));
                Ok(())
            }
            None if required => {
                Err(Error::invalid(format!("{kind} state has no type for its {}", column.name())))
            }
            None => Ok(()),
        };
        let mut columns = Vec::with_capacity(8);
        if kind.is_keyed() {
            columns.push(fixed(Column::KeyGroup, Type::UInt16));
            part(Column::Key, true, &mut columns)?;
            part(Column::Namespace, false, &mut columns)?;
        }
        if kind.is_per_subtask() {
            columns.push(fixed(Column::Subtask, Type::UInt32));
        }
        if kind.is_per_subtask() || kind == StateKind::List {
            columns.push(fixed(Column::Index, Type::UInt64));
        }
        if matches!(kind, StateKind::Map | StateKind::Broadcast) {
            part(Column::MapKey, true, &mut columns)?;
        }
        if kind == StateKind::Timer {
            columns.push(fixed(Column::Service, Type::Utf8));
            columns.push(fixed(Column::Domain, Type::Utf8));
            columns.push(fixed(Column::Timestamp, instant()));
        } else {
            part(Column::Value, true, &mut columns)?;
            if self.ttl && kind.is_keyed() {
                columns.push(fixed(Column::LastAccess, instant()));
            }
        }
        match rest.first() {
            None => Ok(columns),
            Some((column, _)) => {
                Err(Error::invalid(format!("{kind} state has a type for a {}", column.name())))
            }
        }
    }

    /// The table as Arrow sees it.
    ///
    /// # Errors
    /// As [`StateSchema::columns`].
    pub fn to_arrow(&self, kind: StateKind) -> Result<SchemaRef> {
        let fields: Vec<_> = self.columns(kind)?.into_iter().map(|(_, field)| field.to_arrow()).collect();
        Ok(Arc::new(Schema::new(fields)))
    }

    /// The columns that identify and order the rows of a state of this kind, most significant first.
    pub fn sort_columns(&self, kind: StateKind) -> Vec<Column> {
        let order: &[Column] = match kind {
            StateKind::Value | StateKind::Reducing | StateKind::Aggregating => {
                &[Column::KeyGroup, Column::Key, Column::Namespace]
            }
            StateKind::List => &[Column::KeyGroup, Column::Key, Column::Namespace, Column::Index],
            StateKind::Map => &[Column::KeyGroup, Column::Key, Column::Namespace, Column::MapKey],
            StateKind::Timer => &[
                Column::KeyGroup,
                Column::Key,
                Column::Namespace,
                Column::Service,
                Column::Domain,
                Column::Timestamp,
            ],
            StateKind::Broadcast => &[Column::MapKey],
            _ => &[Column::Subtask, Column::Index],
        };
        let has_namespace = self.namespace.is_some();
        order.iter().copied().filter(|column| *column != Column::Namespace || has_namespace).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reducing_state_has_the_columns_of_the_design() {
        let schema = StateSchema::keyed(
            Field::new("", Type::Utf8),
            Field::new("", Type::Struct(vec![Field::new("n", Type::Int64), Field::new("s", Type::Utf8)])),
        );
        let arrow = schema.to_arrow(StateKind::Reducing).unwrap();
        let names: Vec<_> = arrow.fields().iter().map(|field| field.name().as_str()).collect();
        assert_eq!(names, ["key_group", "key", "value"]);
        let Some(Field { ty: Type::Struct(fields), .. }) = &schema.value else { panic!("a struct") };
        assert_eq!(fields.iter().map(|field| field.id).collect::<Vec<_>>(), [16, 17]);
    }

    #[test]
    fn the_id_of_a_dropped_field_is_never_given_again() {
        let value = "struct<a: int64, b: int64>".parse().unwrap();
        let mut schema = StateSchema::keyed(Field::new("", Type::Utf8), value);
        let Some(Field { ty: Type::Struct(fields), .. }) = &mut schema.value else { panic!("a struct") };
        assert_eq!(fields.pop().map(|field| field.id), Some(17));
        fields.push(Field::new("c", Type::Int64));
        let schema = schema.number();
        let Some(Field { ty: Type::Struct(fields), .. }) = &schema.value else { panic!("a struct") };
        assert_eq!(fields.iter().map(|field| field.id).collect::<Vec<_>>(), [16, 18]);
    }

    #[test]
    fn a_part_the_kind_has_no_use_for_is_refused() {
        let schema = StateSchema {
            map_key: Some(Field::new("", Type::Utf8)),
            ..StateSchema::keyed(Field::new("", Type::Utf8), Field::new("", Type::Int64))
        };
        let error = schema.to_arrow(StateKind::Value).unwrap_err();
        assert_eq!(error.to_string(), "value state has a type for a map_key");
    }
}
