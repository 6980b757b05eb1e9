//! Records of a type out of JSON values: what NDJSON and CSV have in common.
//!
//! A value is first fitted to the type, by the rules of schema evolution: a member under a former name gets its
//! name, one that is absent its default, one that the type does not know is left out.
//!
//! ```text
//! {"sum":1.5,"note":"x"}  ──fit──►  {"amount":1.5,"currency":"EUR"}  ──►  Arrow array  ──►  Order { … }
//! ```

use std::marker::PhantomData;

use serde_json::{Map, Value};
use spt_format::{Aliases, Field, Logical, Type, array_from_json};

use super::Tally;
use crate::data::Data;
use crate::error::{Error, Result};
use crate::operators::Out;
use crate::state::{State, StateReader};

/// Makes records of JSON values, in batches.
pub(super) struct FromJson<T> {
    field: Field,
    fit: Fit,
    /// Values that are not emitted yet, and the lines they began on.
    values: Vec<Value>,
    lines: Vec<u64>,
    record: PhantomData<fn() -> T>,
}

impl<T: Data + State> FromJson<T> {
    pub(super) fn new() -> Self {
        let field = T::field().named("record");
        let aliases = aliases_of::<T>();
        let fit = Fit::of(&field, "value", &aliases);
        Self { field, fit, values: Vec::new(), lines: Vec::new(), record: PhantomData }
    }

    /// Adds a value.
    pub(super) fn push(&mut self, line: u64, mut value: Value) {
        self.fit.apply(&mut value);
        self.values.push(value);
        self.lines.push(line);
    }

    /// Takes in a record that is not even a value, behind all that were added before.
    ///
    /// # Errors
    /// As [`FromJson::flush`], and the record's.
    pub(super) fn malformed(
        &mut self,
        line: u64,
        error: Error,
        tally: &mut Tally,
        out: &mut Out<'_, T>,
    ) -> Result<()> {
        self.flush(tally, out)?;
        tally.malformed(&format!("line {line}"), error)
    }

    /// Emits everything that was added, in order.
    ///
    /// # Errors
    /// If a value is no record of the type, and must not be.
    pub(super) fn flush(&mut self, tally: &mut Tally, out: &mut Out<'_, T>) -> Result<()> {
        let (values, lines) = (std::mem::take(&mut self.values), std::mem::take(&mut self.lines));
        let all: Vec<_> = values.iter().map(Some).collect();
        // Together they are cheap; one by one it is found which of them are none.
        match self.emit(&all, &lines, tally, out) {
            Ok(emitted) => emitted,
            Err(_) => all.iter().zip(&lines).try_for_each(|(value, line)| {
                match self.emit(std::slice::from_ref(value), std::slice::from_ref(line), tally, out) {
                    Ok(emitted) => emitted,
                    Err(error) => tally.malformed(&format!("line {line}"), error.into()),
                }
            }),
        }
    }

    /// Emits values. The outer result is an error if they cannot be an array, and then none was emitted.
    fn emit(
        &self,
        values: &[Option<&Value>],
        lines: &[u64],
        tally: &mut Tally,
        out: &mut Out<'_, T>,
    ) -> spt_format::Result<Result<()>> {
        let records = T::Reader::new(array_from_json(&self.field, values)?.as_ref())?;
        Ok(lines.iter().enumerate().try_for_each(|(row, line)| match records.get(row) {
            Ok(record) => {
                out.emit_ref(record.as_ref());
                Ok(())
            }
            Err(error) => tally.malformed(&format!("line {line}"), error.into()),
        }))
    }
}

/// What the fields of a type were called before.
pub(super) fn aliases_of<T: State>() -> Aliases {
    let mut aliases = Aliases::default();
    T::aliases("value", &mut aliases);
    aliases
}

/// How a value is fitted to a type.
enum Fit {
    /// It is taken as it is.
    Same,
    Struct(Vec<Member>),
    List(Box<Fit>),
    Map(Box<Fit>),
    /// An enum with data: one member, under the name of its variant.
    Variant(Vec<Member>),
}

struct Member {
    /// In JSON, where a `$` in front is doubled.
    name: String,
    former: Vec<String>,
    default: Option<Value>,
    fit: Fit,
}

impl Fit {
    fn of(field: &Field, path: &str, aliases: &Aliases) -> Self {
        let members =
            |fields: &[Field]| fields.iter().map(|field| Member::of(field, path, aliases)).collect();
        match (&field.ty, &field.logical) {
            (Type::Struct(fields), None | Some(Logical::Tuple)) => Self::Struct(members(fields)),
            (Type::Struct(fields), Some(Logical::Variant)) => {
                Self::Variant(members(fields.get(1..).unwrap_or_default()))
            }
            (Type::List(element), None) => {
                Self::List(Box::new(Self::of(element, &format!("{path}.element"), aliases)))
            }
            (Type::Map { value, .. }, _) => {
                Self::Map(Box::new(Self::of(value, &format!("{path}.value"), aliases)))
            }
            _ => Self::Same,
        }
    }

    fn apply(&self, value: &mut Value) {
        match (self, value) {
            (Self::Struct(members), Value::Object(object)) => {
                *object = members.iter().filter_map(|member| member.take(object)).collect();
            }
            (Self::Struct(members), Value::Array(items)) => {
                members.iter().zip(items).for_each(|(member, item)| member.fit.apply(item));
            }
            (Self::List(element), Value::Array(items)) => {
                items.iter_mut().for_each(|item| element.apply(item))
            }
            (Self::Map(value), Value::Object(entries)) => {
                entries.values_mut().for_each(|entry| value.apply(entry));
            }
            (Self::Variant(members), Value::Object(object)) => {
                for member in members {
                    object.get_mut(&member.name).into_iter().for_each(|value| member.fit.apply(value));
                }
            }
            _ => {}
        }
    }
}

impl Member {
    fn of(field: &Field, path: &str, aliases: &Aliases) -> Self {
        let escaped = |name: &str| if name.starts_with('$') { format!("${name}") } else { name.to_owned() };
        let path = format!("{path}.{}", field.name);
        Self {
            name: escaped(&field.name),
            former: aliases.of(&path).iter().map(|name| escaped(name)).collect(),
            default: field.default.clone(),
            fit: Fit::of(field, &path, aliases),
        }
    }

    fn take(&self, object: &mut Map<String, Value>) -> Option<(String, Value)> {
        let names = std::iter::once(&self.name).chain(&self.former);
        let mut value =
            names.into_iter().find_map(|name| object.swap_remove(name)).or_else(|| self.default.clone())?;
        self.fit.apply(&mut value);
        Some((self.name.clone(), value))
    }
}
