//! The canonical text of a state's schema, and its digest: `SPEC.md`, "Schema".
//!
//! ```text
//! {"key":F,"namespace":F,"map_key":F,"value":F,"ttl":true,"next_id":16}
//!                                            parts that are absent are left out, and a false ttl
//! F = {"id":7,"name":"value","type":T,"nullable":true,"logical":L,"default":D}
//! T = "int64" | "decimal(10,2)" | "timestamp(ms,UTC)" | … | {"list":F} | {"map":[F,F]} | {"struct":[F,…]}
//! ```
//!
//! Members in this order, `nullable` only if true, `logical` and `default` only if there is one, no white
//! space: the text is the same whoever writes it, and so is its digest.

use std::fmt;

use serde::de::{self, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::columnar::checksum::Digest;
use crate::error::{Error, Result};
use crate::limits::ReadLimits;
use crate::model::{Field, Logical, StateSchema, TimeUnit, Type};

/// The canonical text and its SHA-256.
pub(crate) fn canonical(schema: &StateSchema) -> Result<(String, Digest)> {
    let schema = schema.clone().number();
    let mut text = String::from("{");
    for (column, field) in schema.parts() {
        text.push_str(&format!("\"{}\":", column.name()));
        write_field(field, &mut text)?;
        text.push(',');
    }
    if schema.ttl {
        text.push_str("\"ttl\":true,");
    }
    text.push_str(&format!("\"next_id\":{}}}", schema.next_field_id));
    let digest = Digest::of(text.as_bytes());
    Ok((text, digest))
}

/// The schema that a text stands for. The text need not be canonical; what is said must be known.
pub(crate) fn parse(text: &str, limits: &ReadLimits) -> Result<StateSchema> {
    let wire: SchemaWire =
        serde_json::from_str(text).map_err(|error| Error::invalid("schema is invalid").caused_by(error))?;
    let part = |field: Option<FieldWire>| field.map(|field| field.into_model(limits.depth)).transpose();
    Ok(StateSchema {
        key: part(wire.key)?,
        namespace: part(wire.namespace)?,
        map_key: part(wire.map_key)?,
        value: part(wire.value)?,
        ttl: wire.ttl,
        next_field_id: wire.next_id,
    })
}

fn write_field(field: &Field, text: &mut String) -> Result<()> {
    text.push_str(&format!("{{\"id\":{},\"name\":{},\"type\":", field.id, json(&field.name)?));
    write_type(&field.ty, text)?;
    if field.nullable {
        text.push_str(",\"nullable\":true");
    }
    if let Some(logical) = &field.logical {
        text.push_str(&format!(",\"logical\":{}", json(logical)?));
    }
    if let Some(default) = &field.default {
        text.push_str(&format!(",\"default\":{}", json(default)?));
    }
    text.push('}');
    Ok(())
}

fn write_type(ty: &Type, text: &mut String) -> Result<()> {
    match ty {
        Type::List(element) => {
            text.push_str("{\"list\":");
            write_field(element, text)?;
        }
        Type::Map { key, value } => {
            text.push_str("{\"map\":[");
            write_field(key, text)?;
            text.push(',');
            write_field(value, text)?;
            text.push(']');
        }
        Type::Struct(fields) => {
            text.push_str("{\"struct\":[");
            for (index, field) in fields.iter().enumerate() {
                if index > 0 {
                    text.push(',');
                }
                write_field(field, text)?;
            }
            text.push(']');
        }
        scalar => {
            text.push_str(&json(&scalar_name(scalar))?);
            return Ok(());
        }
    }
    text.push('}');
    Ok(())
}

fn json(value: &impl serde::Serialize) -> Result<String> {
    serde_json::to_string(value).map_err(|error| Error::invalid("schema").caused_by(error))
}

/// Names of the types without parameters.
const SIMPLE: [(&str, Type); 14] = [
    ("boolean", Type::Boolean),
    ("int8", Type::Int8),
    ("int16", Type::Int16),
    ("int32", Type::Int32),
    ("int64", Type::Int64),
    ("uint8", Type::UInt8),
    ("uint16", Type::UInt16),
    ("uint32", Type::UInt32),
    ("uint64", Type::UInt64),
    ("float32", Type::Float32),
    ("float64", Type::Float64),
    ("utf8", Type::Utf8),
    ("binary", Type::Binary),
    ("date", Type::Date),
];

fn scalar_name(ty: &Type) -> String {
    match ty {
        Type::FixedBinary(length) => format!("fixed_binary({length})"),
        Type::Decimal { precision, scale } => format!("decimal({precision},{scale})"),
        Type::Time(unit) => format!("time({})", unit.name()),
        Type::Timestamp { unit, zone: None } => format!("timestamp({})", unit.name()),
        Type::Timestamp { unit, zone: Some(zone) } => format!("timestamp({},{zone})", unit.name()),
        Type::Duration(unit) => format!("duration({})", unit.name()),
        simple => SIMPLE
            .iter()
            .find(|(_, ty)| ty == simple)
            .map_or_else(String::new, |(name, _)| (*name).to_owned()),
    }
}

fn scalar(name: &str) -> Option<Type> {
    if let Some((_, ty)) = SIMPLE.iter().find(|(found, _)| *found == name) {
        return Some(ty.clone());
    }
    let (kind, parameters) = name.strip_suffix(')')?.split_once('(')?;
    let unit =
        |text: &str| [TimeUnit::Ms, TimeUnit::Us, TimeUnit::Ns].into_iter().find(|unit| unit.name() == text);
    Some(match kind {
        "fixed_binary" => Type::FixedBinary(parameters.parse().ok()?),
        "decimal" => {
            let (precision, scale) = parameters.split_once(',')?;
            let (precision, scale) = (precision.parse().ok()?, scale.parse().ok()?);
            ((1..=76).contains(&precision) && scale <= precision)
                .then_some(Type::Decimal { precision, scale })?
        }
        "time" => Type::Time(unit(parameters)?),
        "timestamp" => match parameters.split_once(',') {
            None => Type::Timestamp { unit: unit(parameters)?, zone: None },
            Some((first, zone)) => Type::Timestamp { unit: unit(first)?, zone: Some(zone.to_owned()) },
        },
        "duration" => Type::Duration(unit(parameters)?),
        _ => return None,
    })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SchemaWire {
    key: Option<FieldWire>,
    namespace: Option<FieldWire>,
    map_key: Option<FieldWire>,
    value: Option<FieldWire>,
    #[serde(default)]
    ttl: bool,
    next_id: u32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FieldWire {
    id: u32,
    name: String,
    #[serde(rename = "type")]
    ty: TypeWire,
    #[serde(default)]
    nullable: bool,
    logical: Option<Logical>,
    default: Option<Value>,
}

enum TypeWire {
    Scalar(Type),
    List(Box<FieldWire>),
    Map(Box<(FieldWire, FieldWire)>),
    Struct(Vec<FieldWire>),
}

impl FieldWire {
    fn into_model(self, depth_left: u32) -> Result<Field> {
        let Some(depth_left) = depth_left.checked_sub(1) else {
            return Err(Error::invalid("schema is nested too deeply"));
        };
        let ty = match self.ty {
            TypeWire::Scalar(ty) => ty,
            TypeWire::List(element) => Type::List(Box::new(element.into_model(depth_left)?)),
            TypeWire::Map(entry) => {
                let (key, value) = *entry;
                let (key, value) = (key.into_model(depth_left)?, value.into_model(depth_left)?);
                Type::Map { key: Box::new(key), value: Box::new(value) }
            }
            TypeWire::Struct(fields) if fields.is_empty() => {
                return Err(Error::invalid(format!("struct {:?} has no field", self.name)));
            }
            TypeWire::Struct(fields) => {
                let fields = fields.into_iter().map(|field| field.into_model(depth_left));
                Type::Struct(fields.collect::<Result<_>>()?)
            }
        };
        let Self { id, name, nullable, logical, default, .. } = self;
        Ok(Field { id, name, nullable, ty, logical, default })
    }
}

impl<'de> Deserialize<'de> for TypeWire {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TypeVisitor;

        impl<'de> Visitor<'de> for TypeVisitor {
            type Value = TypeWire;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a type")
            }

            fn visit_str<E: de::Error>(self, name: &str) -> Result<TypeWire, E> {
                scalar(name)
                    .map(TypeWire::Scalar)
                    .ok_or_else(|| E::custom(format!("type {name:?} is unknown")))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<TypeWire, A::Error> {
                let ty = match map.next_key::<String>()?.as_deref() {
                    Some("list") => TypeWire::List(map.next_value()?),
                    Some("map") => TypeWire::Map(map.next_value()?),
                    Some("struct") => TypeWire::Struct(map.next_value()?),
                    other => return Err(de::Error::custom(format!("type {other:?} is unknown"))),
                };
                match map.next_key::<String>()? {
                    None => Ok(ty),
                    Some(more) => Err(de::Error::custom(format!("a type has a second member {more:?}"))),
                }
            }
        }

        deserializer.deserialize_any(TypeVisitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::FIRST_NESTED_FIELD_ID;

    #[test]
    fn the_canonical_text_is_pinned_and_reads_back() {
        let schema = StateSchema {
            namespace: Some(
                Field::new(
                    "",
                    Type::Struct(vec![Field::new("start", Type::Int64), Field::new("end", Type::Int64)]),
                )
                .with_logical(Logical::TimeWindow),
            ),
            ttl: true,
            ..StateSchema::keyed(
                Field::new("", Type::Utf8).with_logical(Logical::Enum(vec!["A\"".into()])),
                Field::new(
                    "",
                    Type::Map {
                        key: Box::new(Field::new("key", Type::Decimal { precision: 10, scale: 2 })),
                        value: Box::new(
                            Field::new(
                                "value",
                                Type::Timestamp { unit: TimeUnit::Us, zone: Some("UTC".into()) },
                            )
                            .nullable(),
                        ),
                    },
                ),
            )
        }
        .number();
        let (text, digest) = canonical(&schema).unwrap();
        assert_eq!(
            text,
            concat!(
                r#"{"key":{"id":2,"name":"key","type":"utf8","logical":{"enum":["A\""]}},"#,
                r#""namespace":{"id":3,"name":"namespace","type":{"struct":[{"id":18,"name":"start","type":"int64"},{"id":19,"name":"end","type":"int64"}]},"logical":"time-window"},"#,
                r#""value":{"id":7,"name":"value","type":{"map":[{"id":16,"name":"key","type":"decimal(10,2)"},{"id":17,"name":"value","type":"timestamp(us,UTC)","nullable":true}]}},"#,
                r#""ttl":true,"next_id":20}"#
            )
        );
        assert_eq!(FIRST_NESTED_FIELD_ID, 16);
        let read = parse(&text, &ReadLimits::default()).unwrap();
        assert_eq!(read, schema);
        assert_eq!(canonical(&read).unwrap().1, digest);
    }

    #[test]
    fn what_a_schema_does_not_know_is_refused() {
        for text in [
            r#"{"colour":1,"next_id":16}"#,
            r#"{"value":{"id":7,"name":"value","type":"int65"},"next_id":16}"#,
            r#"{"value":{"id":7,"name":"value","type":"decimal(77,0)"},"next_id":16}"#,
            r#"{"value":{"id":7,"name":"value","type":{"struct":[]}},"next_id":16}"#,
            r#"{"value":{"id":7,"name":"value","type":{"list":{"id":16,"name":"element","type":"utf8"},"map":[]}},"next_id":16}"#,
        ] {
            assert!(parse(text, &ReadLimits::default()).is_err(), "{text}");
        }
    }
}
