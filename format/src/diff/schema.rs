//! What changed in the shape of a state, field by field.

use crate::model::{Column, Field, KeyHash, State, Type};

/// One difference in shape. Fields are told by their path from the column on: `value.user.age`.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct SchemaChange {
    /// What changed: a path, or `kind`, `ttl`, `key_hash`.
    pub field: String,
    /// What it was; `None` if it was not there.
    pub before: Option<String>,
    /// What it is; `None` if it is gone.
    pub after: Option<String>,
}

/// Everything in which the shapes of two states differ.
pub fn schema_changes(left: &State, right: &State) -> Vec<SchemaChange> {
    let mut changes = Vec::new();
    let mut plain = |field: &str, before: Option<String>, after: Option<String>| {
        if before != after {
            changes.push(SchemaChange { field: field.to_owned(), before, after });
        }
    };
    plain("kind", Some(left.kind.to_string()), Some(right.kind.to_string()));
    plain("ttl", ttl(left), ttl(right));
    if let (Some(before), Some(after)) = (known_hash(left), known_hash(right)) {
        plain("key_hash", Some(before.to_owned()), Some(after.to_owned()));
    }
    let columns = [Column::Key, Column::Namespace, Column::MapKey, Column::Value];
    for column in columns.into_iter().filter(|column| *column != Column::Value || !says_nothing(left, right))
    {
        let of = |state: &State| {
            state.schema.parts().find(|(found, _)| *found == column).map(|(_, field)| field.clone())
        };
        compare(column.name(), of(left).as_ref(), of(right).as_ref(), &mut changes);
    }
    changes
}

/// Whether one of two lists has no elements that tell how such bytes are read, as the other's did: a source whose
/// splits are all read. That is no change of type.
fn says_nothing(left: &State, right: &State) -> bool {
    let is_untold = |state: &State| state.rows == Some(0) && state.read_as.is_none();
    let is_told = |state: &State| state.read_as.is_some();
    left.kind.is_per_subtask() && (is_untold(left) && is_told(right) || is_told(left) && is_untold(right))
}

/// Whether there is a time to live. Its duration may change from one start to the next and is no difference.
fn ttl(state: &State) -> Option<String> {
    state.schema.ttl.then(|| "on".to_owned())
}

/// How keys choose their key groups, where that is known.
fn known_hash(state: &State) -> Option<&'static str> {
    state.key_hash.filter(|hash| *hash != KeyHash::Unknown).map(KeyHash::name)
}

fn compare(path: &str, left: Option<&Field>, right: Option<&Field>, changes: &mut Vec<SchemaChange>) {
    let (Some(before), Some(after)) = (left, right) else {
        if left.is_some() || right.is_some() {
            let text = |field: Option<&Field>| field.map(Field::to_string);
            changes.push(SchemaChange { field: path.to_owned(), before: text(left), after: text(right) });
        }
        return;
    };
    if let (Type::Struct(olds), Type::Struct(news)) = (&before.ty, &after.ty)
        && before.logical == after.logical
    {
        if before.nullable != after.nullable {
            let text = |field: &Field| Some(if field.nullable { "struct?" } else { "struct" }.to_owned());
            changes.push(SchemaChange { field: path.to_owned(), before: text(before), after: text(after) });
        }
        let named = |fields: &[Field], name: &str| fields.iter().find(|field| field.name == name).cloned();
        let added = news.iter().filter(|field| named(olds, &field.name).is_none());
        for field in olds.iter().chain(added) {
            let (old, new) = (named(olds, &field.name), named(news, &field.name));
            compare(&format!("{path}.{}", field.name), old.as_ref(), new.as_ref(), changes);
        }
    } else if before.to_string() != after.to_string() {
        let text = |field: &Field| Some(field.to_string());
        changes.push(SchemaChange { field: path.to_owned(), before: text(before), after: text(after) });
    }
}

/// Values of both types are stored alike, so that they can be compared: names of struct fields and storage
/// are equal; ids, nullability and what the bytes mean are not asked for.
pub(crate) fn same_storage(left: &Type, right: &Type) -> bool {
    let same = |left: &Field, right: &Field| same_storage(&left.ty, &right.ty);
    match (left, right) {
        (Type::List(left), Type::List(right)) => same(left, right),
        (Type::Map { key: k1, value: v1 }, Type::Map { key: k2, value: v2 }) => same(k1, k2) && same(v1, v2),
        (Type::Struct(left), Type::Struct(right)) => {
            left.len() == right.len()
                && left.iter().zip(right).all(|(left, right)| left.name == right.name && same(left, right))
        }
        (Type::Timestamp { unit: left, .. }, Type::Timestamp { unit: right, .. }) => left == right,
        (left, right) => left == right,
    }
}

/// The parts of two fields that can be compared: `value` as a whole, or the fields that both have.
pub(super) fn common_paths(name: &str, left: &Field, right: &Field) -> Vec<Vec<String>> {
    let mut paths = Vec::new();
    collect_common(vec![name.to_owned()], left, right, &mut paths);
    paths
}

fn collect_common(path: Vec<String>, left: &Field, right: &Field, paths: &mut Vec<Vec<String>>) {
    if same_storage(&left.ty, &right.ty) {
        paths.push(path);
    } else if let (Type::Struct(olds), Type::Struct(news)) = (&left.ty, &right.ty) {
        for old in olds {
            if let Some(new) = news.iter().find(|field| field.name == old.name) {
                let inner = path.iter().cloned().chain([old.name.clone()]).collect();
                collect_common(inner, old, new, paths);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{ReadAs, StateKind, StateSchema};

    fn splits(value: Type, rows: u64, read_as: Option<&str>) -> State {
        let schema = StateSchema::per_subtask(Field::new("value", value));
        let read_as = read_as.map(|what| ReadAs { what: what.to_owned(), verified: true });
        State { rows: Some(rows), read_as, ..State::new("splits", StateKind::OperatorList, schema) }
    }

    #[test]
    fn a_source_whose_splits_are_all_read_has_no_other_type() {
        let known = splits(Type::Int64, 2, Some("number sequence split"));
        let (gone, strange) = (splits(Type::Binary, 0, None), splits(Type::Binary, 1, None));
        assert_eq!(schema_changes(&known, &gone), []);
        assert_eq!(schema_changes(&gone, &known), []);
        assert_eq!(schema_changes(&known, &strange).len(), 1);
        assert_eq!(schema_changes(&gone, &splits(Type::Int64, 2, None)).len(), 1);
    }
}
