//! Kryo's collections as columns.
//!
//! What they hold is not in the snapshot: every element says its own class. So each is a variant.
//!
//! ```text
//! java.util.List, …   variant<list: list<element>, opaque: binary>
//! java.util.Set, …    variant<set: set<element>, opaque: binary>
//! java.util.Map, …    variant<map: set<struct<key: element, value: element>>, opaque: binary>
//! element             variant<boolean, byte, …, string, …, opaque>, or null
//! ```
//!
//! A value with an element of a class that is not known is `opaque` as a whole, where its end is known; a
//! collection inside a collection is `opaque` alone.

use std::rc::Rc;

use spt_format::{Cursor, Field, Logical, Result, TimeUnit, Type};

use super::column::Column;
use super::kryo::{self, Found, KAFKA_PARTITION};
use super::types::{opaque_field, structure, variant};
use super::{Tail, unsupported};
use crate::serializers::flink_type::{Kryo, Opaque, OpaqueEnd};

/// What a class means, whose values Kryo writes by serializers of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    List,
    Set,
    Map,
    KafkaPartition,
}

impl Shape {
    fn of(class: &str) -> Option<Self> {
        Some(match class {
            "java.util.Collection"
            | "java.util.List"
            | "java.util.ArrayList"
            | "java.util.LinkedList"
            | "java.util.Vector"
            | "java.util.Queue"
            | "java.util.Deque"
            | "java.util.ArrayDeque" => Self::List,
            "java.util.Set" | "java.util.HashSet" | "java.util.LinkedHashSet" => Self::Set,
            "java.util.Map"
            | "java.util.HashMap"
            | "java.util.LinkedHashMap"
            | "java.util.Hashtable"
            | "java.util.concurrent.ConcurrentMap"
            | "java.util.concurrent.ConcurrentHashMap" => Self::Map,
            KAFKA_PARTITION => Self::KafkaPartition,
            _ => return None,
        })
    }

    fn tag(self) -> &'static str {
        match self {
            Self::List => "list",
            Self::Set => "set",
            Self::Map => "map",
            Self::KafkaPartition => "partition",
        }
    }
}

/// The shape of a value that is Kryo's and understood, and the Kryo that wrote it.
fn understood(value: &Opaque) -> Option<(Shape, &Kryo)> {
    match &value.end {
        OpaqueEnd::Kryo(kryo) => Some((Shape::of(&value.class)?, kryo)),
        _ => None,
    }
}

/// The field for values of this class, `None` if it is not one of Java's collections.
pub(super) fn field(value: &Opaque) -> Option<Field> {
    let (shape, _) = understood(value)?;
    let element = || element(&value.class);
    let known = match shape {
        Shape::List => Field::new("", Type::list(element())),
        Shape::Set => Field::new("", Type::list(element())).with_logical(Logical::Set),
        Shape::Map => {
            let entry = structure([("key", element()), ("value", element())]);
            Field::new("", Type::list(entry)).with_logical(Logical::Set)
        }
        Shape::KafkaPartition => {
            let topic = Field::new("", Type::Utf8);
            return Some(structure([("topic", topic), ("partition", Field::new("", Type::Int32))]));
        }
    };
    let alternatives = [known.named(shape.tag()), opaque_field(&value.class).named("opaque")];
    Some(variant(alternatives.into_iter()).nullable())
}

/// One element, whatever its class is.
fn element(class: &str) -> Field {
    let date = Type::Timestamp { unit: TimeUnit::Ms, zone: Some("UTC".to_owned()) };
    let plain = |ty| Field::new("", ty);
    let decimal = structure([("unscaled", plain(Type::Binary)), ("scale", plain(Type::Int32))]);
    let alternatives = [
        plain(Type::Boolean).named("boolean"),
        plain(Type::Int8).named("byte"),
        plain(Type::Int16).named("short"),
        plain(Type::Int32).named("int"),
        plain(Type::Int64).named("long"),
        plain(Type::Float32).named("float"),
        plain(Type::Float64).named("double"),
        plain(Type::Utf8).with_logical(Logical::Char).named("char"),
        plain(Type::Utf8).named("string"),
        plain(date).named("date"),
        plain(Type::Binary).with_logical(Logical::BigInteger).named("big_integer"),
        decimal.with_logical(Logical::BigDecimal).named("big_decimal"),
        plain(Type::FixedBinary(16)).with_logical(Logical::Uuid).named("uuid"),
        plain(Type::Binary).named("bytes"),
        opaque_field(class).named("opaque"),
    ];
    variant(alternatives.into_iter()).nullable()
}

/// Appends a value, if it is one of Java's collections; `false` if its class is another.
pub(super) fn append(
    value: &Opaque,
    column: &mut Column,
    cursor: &mut Cursor<'_>,
    tail: Tail,
) -> Result<bool> {
    let Some((shape, kryo)) = understood(value) else { return Ok(false) };
    let start = cursor.clone();
    let length = tail.and_then(|tail| cursor.remaining().checked_sub(tail));
    let mut end = cursor.clone();
    let found = match kryo::read(&mut end, kryo) {
        Ok(found) if length.is_none_or(|length| end.position() - start.position() == length) => found,
        Err(error) if length.is_none() => return Err(error),
        // What is not understood, or does not end where it must, is shown by its bytes.
        _ => Rc::new(Found::Other(Vec::new())),
    };
    let length = length.unwrap_or(end.position() - start.position());
    let bytes = cursor.take(length, "Kryo value")?;
    push(shape, &found, bytes, column, &start)?;
    Ok(true)
}

fn push(shape: Shape, found: &Found, bytes: &[u8], column: &mut Column, place: &Cursor<'_>) -> Result<()> {
    match (shape, found) {
        (Shape::KafkaPartition, Found::KafkaPartition(topic, partition)) => {
            let fields = column.fields()?;
            push_text(topic, fields.column(0)?, place)?;
            fields.column(1)?.i32()?.push(*partition)?;
            fields.end();
        }
        (Shape::KafkaPartition, _) => return Err(unsupported(place, "a partition in another form")),
        (_, Found::Null) => column.push_null(),
        (Shape::List | Shape::Set, Found::List(elements)) => {
            push_tagged(shape.tag(), 1, column, |column| {
                let list = column.list()?;
                list.sort(shape == Shape::Set);
                for (index, element) in elements.iter().enumerate() {
                    push_element(element, list.element(), place)?;
                    list.element().check_growth(index + 1)?;
                }
                list.end()
            })?;
        }
        (Shape::Map, Found::Map(entries)) => {
            push_tagged(shape.tag(), 1, column, |column| {
                let list = column.list()?;
                list.sort(true);
                for (index, (key, value)) in entries.iter().enumerate() {
                    let entry = list.element().fields()?;
                    push_element(key, entry.column(0)?, place)?;
                    push_element(value, entry.column(1)?, place)?;
                    entry.end();
                    list.element().check_growth(index + 1)?;
                }
                list.end()
            })?;
        }
        _ => push_tagged("opaque", 2, column, |column| column.bytes()?.push(bytes))?,
    }
    Ok(())
}

/// One alternative of a variant, in its column.
fn push_tagged(
    tag: &str,
    place: usize,
    column: &mut Column,
    push: impl FnOnce(&mut Column) -> Result<()>,
) -> Result<()> {
    let fields = column.fields()?;
    fields.column(0)?.bytes()?.push(tag.as_bytes())?;
    push(fields.column(place)?)?;
    fields.end();
    Ok(())
}

fn push_element(found: &Found, column: &mut Column, place: &Cursor<'_>) -> Result<()> {
    match found {
        Found::Null => {
            column.push_null();
            Ok(())
        }
        Found::Boolean(value) => push_tagged("boolean", 1, column, |column| column.boolean()?.push(*value)),
        Found::Byte(value) => push_tagged("byte", 2, column, |column| column.i8()?.push(*value)),
        Found::Short(value) => push_tagged("short", 3, column, |column| column.i16()?.push(*value)),
        Found::Int(value) => push_tagged("int", 4, column, |column| column.i32()?.push(*value)),
        Found::Long(value) => push_tagged("long", 5, column, |column| column.i64()?.push(*value)),
        Found::Float(value) => push_tagged("float", 6, column, |column| column.f32()?.push(*value)),
        Found::Double(value) => push_tagged("double", 7, column, |column| column.f64()?.push(*value)),
        Found::Char(unit) => push_tagged("char", 8, column, |column| push_text(&[*unit], column, place)),
        Found::Text(units) => push_tagged("string", 9, column, |column| push_text(units, column, place)),
        Found::Date(value) => push_tagged("date", 10, column, |column| column.i64()?.push(*value)),
        Found::BigInteger(bytes) => {
            push_tagged("big_integer", 11, column, |column| column.bytes()?.push(bytes))
        }
        Found::BigDecimal(unscaled, scale) => push_tagged("big_decimal", 12, column, |column| {
            let fields = column.fields()?;
            fields.column(0)?.bytes()?.push(unscaled)?;
            fields.column(1)?.i32()?.push(*scale)?;
            fields.end();
            Ok(())
        }),
        Found::Uuid(bytes) => push_tagged("uuid", 13, column, |column| column.bytes()?.push(bytes)),
        Found::Bytes(bytes) => push_tagged("bytes", 14, column, |column| column.bytes()?.push(bytes)),
        Found::Other(bytes) => push_tagged("opaque", 15, column, |column| column.bytes()?.push(bytes)),
        Found::List(_) | Found::Map(_) | Found::KafkaPartition(..) => {
            Err(unsupported(place, "a collection in a collection"))
        }
    }
}

fn push_text(units: &[u16], column: &mut Column, place: &Cursor<'_>) -> Result<()> {
    match String::from_utf16(units) {
        Ok(text) => column.bytes()?.push(text.as_bytes()),
        Err(_) => Err(unsupported(place, "a text with half of a surrogate pair")),
    }
}

#[cfg(test)]
mod tests;
