//! Walks two schemas and applies the rules.

use std::slice;

use super::adopt::adopt;
use super::aliases::Aliases;
use super::rules::{Rule, rule};
use super::verdict::{Change, Refusal, Verdict};
use crate::model::{Binding, Column, Field, Logical, State, StateKind, StateSchema, Type};

/// Whether rows of `old` can be read as rows of `new`, field by field.
pub fn compare(old: &StateSchema, new: &StateSchema, aliases: &Aliases) -> Verdict {
    let mut walk = Walk { aliases, changes: Vec::new(), refusals: Vec::new() };
    walk.schema(old, &adopt(old, new, aliases));
    Verdict::of(walk.changes, walk.refusals)
}

/// The same for two states: their kinds must have the same table, and their keys the same hash.
pub fn compare_states(old: &State, new: &State, aliases: &Aliases) -> Verdict {
    let refuse =
        |path: &str, old: &dyn std::fmt::Display, new: &dyn std::fmt::Display, reason: &str| Refusal {
            path: path.to_owned(),
            old: Some(old.to_string()),
            new: Some(new.to_string()),
            reason: reason.to_owned(),
            can_migrate: false,
        };
    let mut refusals = Vec::new();
    if table_of(old.kind) != table_of(new.kind) {
        refusals.push(refuse("kind", &old.kind, &new.kind, "they are stored differently"));
    }
    // Another type of key is refused as such, and has another hash anyway.
    if let (Some(old_hash), Some(new_hash)) = (old.key_hash, new.key_hash)
        && old_hash != new_hash
        && old.schema.key.as_ref().map(anonymous) == new.schema.key.as_ref().map(anonymous)
    {
        refusals.push(refuse(
            "key_hash",
            &old_hash.name(),
            &new_hash.name(),
            "keys would be looked for in other key groups",
        ));
    }
    if refusals.is_empty() {
        compare(&old.schema, &new.schema, aliases)
    } else {
        Verdict::Incompatible { refusals }
    }
}

/// Kinds with one value per key and namespace have the same table.
fn table_of(kind: StateKind) -> StateKind {
    match kind {
        StateKind::Reducing | StateKind::Aggregating => StateKind::Value,
        other => other,
    }
}

struct Walk<'a> {
    aliases: &'a Aliases,
    changes: Vec<(String, Change)>,
    refusals: Vec<Refusal>,
}

impl Walk<'_> {
    fn schema(&mut self, old: &StateSchema, new: &StateSchema) {
        self.part(Column::Key, old.key.as_ref(), new.key.as_ref());
        self.part(Column::Namespace, old.namespace.as_ref(), new.namespace.as_ref());
        self.part(Column::MapKey, old.map_key.as_ref(), new.map_key.as_ref());
        self.part(Column::Value, old.value.as_ref(), new.value.as_ref());
        match (old.ttl, new.ttl) {
            (false, true) => self.change(Column::LastAccess.name(), Change::TtlAdded),
            (true, false) => self.change(Column::LastAccess.name(), Change::TtlRemoved),
            _ => {}
        }
    }

    fn part(&mut self, column: Column, old: Option<&Field>, new: Option<&Field>) {
        let path = column.name();
        match (old, new) {
            (None, None) => {}
            (Some(old), Some(new)) if column == Column::Value => self.field(old, new, path),
            (Some(old), Some(new)) => self.exact(old, new, path),
            _ => self.refuse(path, old, new, "one of the two has no such column", false),
        }
    }

    fn field(&mut self, old: &Field, new: &Field, path: &str) {
        match (old.nullable, new.nullable) {
            (false, true) => self.change(path, Change::MadeOptional),
            (true, false) => self.refuse(path, Some(old), Some(new), "null has no place any more", true),
            _ => {}
        }
        let former = |name: &str| self.aliases.of(&format!("{path}.{name}")).to_vec();
        match rule(old, new, former) {
            Rule::Same => {}
            Rule::Change(change) => self.change(path, change),
            Rule::Refuse(reason, may_cast) => {
                self.refuse(path, Some(old), Some(new), reason, may_cast && can_cast(old, new));
            }
            Rule::Nested => self.nested(old, new, path),
        }
    }

    fn nested(&mut self, old: &Field, new: &Field, path: &str) {
        let inner = |name: &str| format!("{path}.{name}");
        match (&old.ty, &new.ty) {
            (Type::List(old), Type::List(element)) if new.logical == Some(Logical::Set) => {
                self.exact(old, element, &inner("element"));
            }
            (Type::List(old), Type::List(new)) => self.field(old, new, &inner("element")),
            (Type::Map { key: old_key, value: old }, Type::Map { key, value }) => {
                self.exact(old_key, key, &inner("key"));
                self.field(old, value, &inner("value"));
            }
            (Type::Struct(old_fields), Type::Struct(new_fields)) => {
                let is_variant = new.logical == Some(Logical::Variant);
                self.fields(old_fields, new_fields, path, is_variant);
            }
            _ => {}
        }
    }

    fn fields(&mut self, old: &[Field], new: &[Field], path: &str, is_variant: bool) {
        for field in new {
            let path = format!("{path}.{}", field.name);
            match old.iter().find(|old| old.id == field.id) {
                Some(old) => {
                    self.renamed(old, field, &path);
                    self.field(old, field, &path);
                }
                None if field.nullable || field.default.is_some() => self.change(&path, Change::Added),
                None => self.refuse(&path, None, Some(field), "it has no default, and no null either", true),
            }
        }
        for field in old.iter().filter(|old| new.iter().all(|new| new.id != old.id)) {
            let path = format!("{path}.{}", field.name);
            if is_variant {
                self.refuse(&path, Some(field), None, "the job does not know this variant", false);
            } else {
                self.change(&path, Change::Removed);
            }
        }
    }

    fn renamed(&mut self, old: &Field, new: &Field, path: &str) {
        if old.name != new.name {
            self.change(path, Change::Renamed(old.name.clone()));
        }
    }

    /// Names of fields may differ, nothing else.
    fn exact(&mut self, old: &Field, new: &Field, path: &str) {
        if anonymous(old) != anonymous(new) {
            let reason = "its hash or order would be another";
            let castable = old.children().is_empty() && new.children().is_empty() && can_cast(old, new);
            return self.refuse(path, Some(old), Some(new), reason, castable);
        }
        for (old, new) in old.children().into_iter().zip(new.children()) {
            let path = format!("{path}.{}", new.name);
            if old.name != new.name && old.id != new.id {
                self.refuse(&path, Some(old), Some(new), "another field is in its place", false);
            } else {
                self.renamed(old, new, &path);
                self.exact(old, new, &path);
            }
        }
    }

    fn change(&mut self, path: &str, change: Change) {
        self.changes.push((path.to_owned(), change));
    }

    fn refuse(
        &mut self,
        path: &str,
        old: Option<&Field>,
        new: Option<&Field>,
        reason: &str,
        can_migrate: bool,
    ) {
        self.refusals.push(Refusal {
            path: path.to_owned(),
            old: old.map(Field::to_string),
            new: new.map(Field::to_string),
            reason: reason.to_owned(),
            can_migrate,
        });
    }
}

/// `spt migrate --cast` can try: it binds rows like this.
fn can_cast(old: &Field, new: &Field) -> bool {
    let new = Field { id: old.id, default: None, ..new.clone() };
    Binding::new(slice::from_ref(old), slice::from_ref(&new)).is_ok()
}

/// The field without ids, names of fields and defaults: what decides hash and order.
fn anonymous(field: &Field) -> Field {
    let mut field = field.clone();
    field.visit_mut(&mut |field| {
        field.id = 0;
        field.name.clear();
        field.default = None;
    });
    field
}
