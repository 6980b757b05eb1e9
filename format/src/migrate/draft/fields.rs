//! Fields of keys and values: renamed, left out, added, cast. Where their ids tell them, no row is touched.

use std::collections::BTreeSet;

use super::super::field_path::FieldPath;
use super::Draft;
use crate::error::{Error, Result};
use crate::model::{Field, KeyHash, StateSchema, Type};

impl Draft<'_> {
    pub(super) fn rename_field(&mut self, uid: &str, state: &str, path: &FieldPath, to: &str) -> Result<()> {
        let place = self.state(uid, state)?;
        let schema = &mut self.at(place)?.0.schema;
        let name = path.name();
        let siblings = path.find_siblings(schema)?;
        if siblings.iter().any(|field| field.name == to) {
            return Err(Error::bad_request(format!("a field {to:?} is there already")));
        }
        let found = siblings.iter_mut().find(|field| field.name == name);
        found.ok_or_else(|| Error::not_found(format!("there is no field {path}")))?.name = to.to_owned();
        Ok(())
    }

    pub(super) fn drop_field(&mut self, uid: &str, state: &str, path: &FieldPath) -> Result<()> {
        let place = self.state(uid, state)?;
        let schema = &mut self.at(place)?.0.schema;
        let identity = identifying_ids(schema);
        let name = path.name();
        let siblings = path.find_siblings(schema)?;
        let Some(index) = siblings.iter().position(|field| field.name == name) else {
            return Err(Error::not_found(format!("there is no field {path}")));
        };
        if siblings.get(index).is_some_and(|field| identity.contains(&field.id)) {
            return Err(Error::bad_request("a key without it would no longer be unique"));
        }
        if siblings.len() == 1 {
            return Err(Error::bad_request("it is the only field there; drop the state instead"));
        }
        siblings.remove(index);
        Ok(())
    }

    pub(super) fn add_field(
        &mut self,
        uid: &str,
        state: &str,
        path: &FieldPath,
        ty: &str,
        default: Option<&serde_json::Value>,
    ) -> Result<()> {
        let place = self.state(uid, state)?;
        let state = self.at(place)?.0;
        let identity = identifying_ids(&state.schema);
        let name = path.name();
        let siblings = path.find_siblings(&mut state.schema)?;
        if siblings.iter().any(|field| identity.contains(&field.id)) {
            return Err(Error::bad_request("a key with one more field is another key"));
        }
        if siblings.iter().any(|field| field.name == name) {
            return Err(Error::bad_request(format!("a field {name:?} is there already")));
        }
        let mut field: Field = ty.parse::<Field>()?.named(name);
        if default.is_none() && !field.nullable {
            field = field.nullable();
        }
        siblings.push(Field { default: default.cloned(), ..field });
        state.schema = std::mem::take(&mut state.schema).number();
        Ok(())
    }

    pub(super) fn cast(&mut self, uid: &str, state: &str, path: &FieldPath, ty: &str) -> Result<()> {
        let place = self.state(uid, state)?;
        let (state, origin) = self.at(place)?;
        let identity = identifying_ids(&state.schema);
        let former_key = state.schema.key.clone();
        let field = path.find(&mut state.schema)?;
        let mut wanted: Field = ty.parse()?;
        keep_ids(field, &mut wanted)?;
        let same = (&field.ty, &field.logical) == (&wanted.ty, &wanted.logical);
        let tightens = same && field.nullable && !wanted.nullable;
        if identity.contains(&field.id) {
            // Another type is another order, and of a key another hash.
            origin.rewrite().regroup = true;
        } else if tightens || !field.ty.widens_to(&wanted.ty) || field.logical != wanted.logical {
            origin.rewrite();
        }
        (field.ty, field.logical) = (wanted.ty, wanted.logical);
        // Another type may say nothing about null; the same type without its `?` has no other meaning.
        field.nullable = wanted.nullable || field.nullable && !tightens;
        state.schema = std::mem::take(&mut state.schema).number();
        if let (Some(key), Some(hash)) = (&state.schema.key, &mut state.key_hash)
            && state.schema.key != former_key
        {
            *hash = KeyHash::for_key(key);
        }
        Ok(())
    }
}

/// Gives the parts of a new type the ids they have in the old one: rows are bound by them.
fn keep_ids(old: &Field, new: &mut Field) -> Result<()> {
    new.id = old.id;
    if let (Type::Struct(olds), Type::Struct(news)) = (&old.ty, &new.ty)
        && (olds.len() != news.len() || olds.iter().any(|old| news.iter().all(|new| new.name != old.name)))
    {
        return Err(Error::bad_request("a cast keeps every field of a struct under its name"));
    }
    match (&old.ty, &mut new.ty) {
        (Type::Struct(olds), Type::Struct(news)) => news
            .iter_mut()
            .filter_map(|new| Some((olds.iter().find(|old| old.name == new.name)?, new)))
            .try_for_each(|(old, new)| keep_ids(old, new)),
        (Type::List(old), Type::List(new)) => keep_ids(old, new),
        (Type::Map { key: old_key, value: old }, Type::Map { key, value }) => {
            keep_ids(old_key, key).and_then(|()| keep_ids(old, value))
        }
        _ => Ok(()),
    }
}

/// Ids of every field that rows are told apart by.
fn identifying_ids(schema: &StateSchema) -> BTreeSet<u32> {
    let mut ids = BTreeSet::new();
    for field in [&schema.key, &schema.namespace, &schema.map_key].into_iter().flatten() {
        field.clone().visit_mut(&mut |field| {
            ids.insert(field.id);
        });
    }
    ids
}
