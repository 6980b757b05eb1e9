//! The types that Python declared for its state, from whoever knows them: Flink's savepoints do not.
//!
//! ```text
//! {"states-001": {"total": "int64", "names": "utf8*", "counts": "map<utf8, int32>"}}
//!   operator       state   type        elements of a list state
//! ```
//!
//! Types are the model's, as text. Each stands for the coder that PyFlink has for it:
//!
//! | text | in Python |
//! | --- | --- |
//! | `int8` … `int64`, `float32`, `float64`, `boolean`, `utf8`, `binary` | `Types.BYTE()` … `Types.STRING()`, and bytes |
//! | `row:struct<name: T, …>` | `Types.ROW_NAMED(…)`, `Types.ROW(…)` |
//! | `tuple<T, …>` | `Types.TUPLE(…)` |
//! | `list<T?>`, `list<T>` | `Types.LIST(T)` and arrays of objects; arrays of primitives |
//! | `map<K, V>` | `Types.MAP(…)`; of a map state its keys and values |
//! | `time_window` | a window, in `merging-window-set` |
//!
//! # Source
//! PyFlink (2.1.0), `fn_execution/coder_impl_slow.py`.

mod rows;
mod source;

use std::collections::BTreeMap;

use spt_format::{
    Engine, Error, Field, Logical, Operator, OperatorId, Result, SavepointSource, State, StateKind, Type,
};

use crate::serializers::python;
use crate::serializers::values::field_of;
use crate::serializers::{FlinkType, MapType, Nulls, Record, RowType, Scalar, Sequence, TypeField};

use source::TypedSource;

/// Types for the state of a PyFlink job.
#[derive(Debug, Clone, Default)]
pub struct PythonTypes {
    /// By uid or id of the operator, then by the name of the state.
    operators: BTreeMap<String, BTreeMap<String, Named>>,
}

/// A type that somebody named.
#[derive(Debug, Clone, PartialEq)]
struct Named {
    coder: FlinkType,
    /// One value behind the other, as elements of a list state are that were added at one go.
    many: bool,
}

impl PythonTypes {
    /// Types from JSON: operators by uid or id, in each its states by their names in Python, and their types.
    ///
    /// # Errors
    /// For another form, and for types that PyFlink's coders do not have.
    pub fn from_json(text: &str) -> Result<Self> {
        let given: BTreeMap<String, BTreeMap<String, String>> = serde_json::from_str(text)
            .map_err(|error| Error::bad_request("these are no types of Python's states").caused_by(error))?;
        let mut operators: BTreeMap<String, BTreeMap<String, Named>> = BTreeMap::new();
        for (operator, states) in given {
            let types = operators.entry(operator.clone()).or_default();
            for (state, text) in states {
                let place = |error: Error| error.within(format!("operator {operator}, state {state:?}"));
                types.insert(state.clone(), Named::parse(&text).map_err(place)?);
            }
        }
        Ok(Self { operators })
    }

    /// The savepoint with its values of these types. States that are not in it are no error.
    ///
    /// # Errors
    /// If a state is none that a process of Python keeps, or two types are named for it; if a map state's type is no
    /// map, or its rows lie in the order of their bytes, as in a savepoint of [`Engine::Spt`].
    pub fn apply(&self, source: Box<dyn SavepointSource>) -> Result<Box<dyn SavepointSource>> {
        let engine = source.savepoint().engine;
        let parts = |operator: &Operator, state: &State| {
            self.of(operator, state, engine).map_err(|error| error.within(label(operator, state)))
        };
        Ok(Box::new(TypedSource::new(source, parts)?))
    }

    fn of(&self, operator: &Operator, state: &State, engine: Engine) -> Result<Option<Parts>> {
        let named = self.named(operator, state)?.filter(|_| state.kind != StateKind::Timer);
        let Some(named) = named else { return Ok(None) };
        let parts = named.parts(state.kind)?.fit(state)?;
        if engine == Engine::Spt && parts.as_ref().is_some_and(|parts| parts.map_key.is_some()) {
            let why = "its rows lie in the order of the bytes of their keys";
            let hint = "name the type when Flink's savepoint is converted";
            return Err(Error::bad_request(format!("{why}: {hint}")));
        }
        Ok(parts)
    }

    /// The type that was named for the state, by its own name or the one it has in Python.
    fn named(&self, operator: &Operator, state: &State) -> Result<Option<&Named>> {
        let names = [Some(state.name.as_str()), python::name_of(&state.name)];
        let operators = self.operators.iter().filter(|(id, _)| is_operator(operator, id));
        let types = operators.map(|(_, states)| names.iter().flatten().filter_map(|name| states.get(*name)));
        let mut types = types.flatten();
        let first = types.next();
        match types.all(|other| Some(other) == first) {
            true => Ok(first),
            false => Err(Error::bad_request("two types are named for it")),
        }
    }
}

fn label(operator: &Operator, state: &State) -> String {
    format!("operator {}, state {:?}", operator.label(), state.name)
}

fn is_operator(operator: &Operator, id: &str) -> bool {
    let is_uid = operator.uid.as_ref().is_some_and(|uid| uid.as_str() == id);
    is_uid || operator.id == OperatorId::of_uid(id) || operator.id.to_string() == id
}

/// The types of a state's columns.
#[derive(Debug, Clone)]
struct Parts {
    map_key: Option<Named>,
    value: Named,
}

impl Parts {
    /// These types, if what they are for is opaque and Python's; none if the state has them already.
    fn fit(self, state: &State) -> Result<Option<Self>> {
        let schema = &state.schema;
        let all = |is: fn(&Named, &Field) -> bool| {
            let of_key = self.map_key.as_ref().zip(schema.map_key.as_ref());
            let of_value = schema.value.as_ref().map(|field| (&self.value, field));
            of_key.into_iter().chain(of_value).all(|(named, field)| is(named, field))
        };
        match (all(|_, field| is_python(field)), all(Named::is_of)) {
            (true, _) => Ok(Some(self)),
            (false, true) => Ok(None),
            _ => {
                Err(Error::bad_request("its type is recorded: only what a process of Python keeps is named"))
            }
        }
    }
}

fn is_python(field: &Field) -> bool {
    matches!(&field.logical, Some(Logical::Opaque(class)) if class == python::CODER)
}

impl Named {
    fn parse(text: &str) -> Result<Self> {
        let (text, many) = text.strip_suffix('*').map_or((text, false), |element| (element, true));
        Ok(Self { coder: coder(&text.parse()?)?, many })
    }

    fn parts(&self, kind: StateKind) -> Result<Parts> {
        if !matches!(kind, StateKind::Map | StateKind::Broadcast) {
            return Ok(Parts { map_key: None, value: self.clone() });
        }
        match &self.coder {
            FlinkType::Map(map) if !self.many => {
                let one = |coder: &FlinkType| Self { coder: coder.clone(), many: false };
                Ok(Parts { map_key: Some(one(&map.key)), value: one(&map.value) })
            }
            _ => Err(Error::bad_request("the type of a map state is a map")),
        }
    }

    /// Whether the field has this type.
    fn is_of(&self, field: &Field) -> bool {
        Field { nullable: field.nullable, ..self.field() }.to_string() == field.to_string()
    }

    /// The type in the model, without name and id.
    fn field(&self) -> Field {
        let field = field_of(&self.coder);
        if self.many { Field::new("", Type::list(field)) } else { field }
    }
}

/// What PyFlink's coder for this type writes.
fn coder(field: &Field) -> Result<FlinkType> {
    let scalar = |scalar| Ok(FlinkType::Scalar(scalar));
    match (&field.logical, &field.ty) {
        (None, Type::Boolean) => scalar(Scalar::Boolean),
        (None, Type::Int8) => scalar(Scalar::Byte),
        (None, Type::Int16) => scalar(Scalar::Short),
        (None, Type::Int32) => scalar(Scalar::Int),
        (None, Type::Int64) => scalar(Scalar::Long),
        (None, Type::Float32) => scalar(Scalar::Float),
        (None, Type::Float64) => scalar(Scalar::Double),
        (None, Type::Utf8) => scalar(Scalar::Utf8),
        (None, Type::Binary) => scalar(Scalar::Bytes),
        (None, Type::List(element)) => {
            let nulls = if element.nullable { Nulls::IsPresent } else { Nulls::Unmarked };
            let element = Box::new(coder(element)?);
            Ok(FlinkType::Sequence(Sequence { element, nulls, set: false }))
        }
        (None, Type::Map { key, value }) => {
            let (key, value) = (Box::new(coder(key)?), Box::new(coder(value)?));
            Ok(FlinkType::Map(MapType { key, value, null_keys: false }))
        }
        (Some(Logical::Tuple), Type::Struct(fields)) => Ok(FlinkType::Record(Record::tuple(all(fields)?))),
        (Some(Logical::Row), Type::Struct(fields)) => {
            let columns = match fields.split_first() {
                Some((kind, columns)) if kind.name == "$kind" => columns,
                _ => fields,
            };
            Ok(FlinkType::Row(RowType { fields: all(columns)?, kind: true, is_hashed: true }))
        }
        (Some(Logical::TimeWindow), _) => Ok(FlinkType::TimeWindow),
        _ => Err(Error::bad_request(format!("{field} is no type of PyFlink's coders that is known here"))),
    }
}

fn all(fields: &[Field]) -> Result<Vec<TypeField>> {
    let named = |field: &Field| Ok(TypeField { name: field.name.clone(), data_type: coder(field)? });
    fields.iter().map(named).collect()
}

#[cfg(test)]
mod tests;
