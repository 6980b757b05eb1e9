//! Gives the fields of a new schema the ids they have in an old one.

use super::aliases::Aliases;
use crate::model::{FIRST_NESTED_FIELD_ID, Field, StateSchema, Type};

/// The new schema with the old one's field ids: a field keeps its id under its name or an alias of it, a new
/// field gets one that was never used. [`Binding`](crate::Binding) then reads old rows with it.
pub fn adopt(old: &StateSchema, new: &StateSchema, aliases: &Aliases) -> StateSchema {
    let mut adopted = new.clone();
    let mut next = old
        .parts()
        .map(|(_, field)| highest_id(field))
        .fold(old.next_field_id.max(FIRST_NESTED_FIELD_ID), |next, id| next.max(id.saturating_add(1)));
    let parts = [
        (&old.key, &mut adopted.key),
        (&old.namespace, &mut adopted.namespace),
        (&old.map_key, &mut adopted.map_key),
        (&old.value, &mut adopted.value),
    ];
    for (from, to) in parts {
        let Some(to) = to else { continue };
        let path = to.name.clone();
        forget_ids(to);
        if let Some(from) = from {
            adopt_field(from, to, &path, aliases);
        }
        to.visit_mut(&mut |field| {
            if field.id == 0 {
                field.id = next;
                next = next.saturating_add(1);
            }
        });
    }
    // Columns have ids of their own; every other field has one by now.
    adopted.number()
}

fn highest_id(field: &Field) -> u32 {
    field.children().into_iter().map(highest_id).fold(field.id, u32::max)
}

fn forget_ids(field: &mut Field) {
    field.visit_mut(&mut |field| field.id = 0);
}

fn adopt_field(old: &Field, new: &mut Field, path: &str, aliases: &Aliases) {
    new.id = old.id;
    match (&old.ty, &mut new.ty) {
        (Type::List(old), Type::List(new)) => adopt_field(old, new, &format!("{path}.element"), aliases),
        (Type::Map { key: old_key, value: old }, Type::Map { key, value }) => {
            adopt_field(old_key, key, &format!("{path}.key"), aliases);
            adopt_field(old, value, &format!("{path}.value"), aliases);
        }
        (Type::Struct(old), Type::Struct(new)) => {
            let names: Vec<_> = new.iter().map(|field| field.name.clone()).collect();
            for field in new {
                let path = format!("{path}.{}", field.name);
                if let Some(old) = former(old, &field.name, aliases.of(&path), &names) {
                    adopt_field(old, field, &path, aliases);
                }
            }
        }
        _ => {}
    }
}

/// The old field of this name, otherwise of an alias that is not itself the name of a new field.
fn former<'a>(old: &'a [Field], name: &str, aliases: &[String], new_names: &[String]) -> Option<&'a Field> {
    let named = |name: &str| old.iter().find(|field| field.name == name);
    let free = aliases.iter().filter(|alias| !new_names.contains(alias));
    named(name).or_else(|| free.into_iter().find_map(|alias| named(alias)))
}
