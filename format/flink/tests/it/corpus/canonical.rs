//! Values in one form, whether they come from `expected.json` or from Arrow: so that equal values are equal
//! texts, and nothing depends on how Java prints a time or on the order of a hash table.

use arrow_array::cast::AsArray;
use arrow_array::types::{
    Date32Type, Decimal128Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type,
    Time32MillisecondType, Time64MicrosecondType, Time64NanosecondType, TimestampMicrosecondType,
    TimestampMillisecondType, TimestampNanosecondType, UInt16Type, UInt32Type, UInt64Type,
};
use arrow_array::{Array, ArrayRef};
use serde_json::{Map, Value, json};
use spt_format::{Field, Logical, TimeUnit, Type};

use crate::support::hex;

/// What `expected.json` says of a value of this type.
pub(super) fn expected(field: &Field, value: &Value) -> Value {
    if value.is_null() {
        return Value::Null;
    }
    match (&field.logical, &field.ty) {
        (Some(Logical::Opaque(_)), _) => json!({"raw": value.get("raw").cloned().unwrap_or_default()}),
        (Some(Logical::Unit), _) => json!("unit"),
        (Some(Logical::Tuple), Type::Struct(fields)) => zip(fields, value.as_array().unwrap()),
        (Some(Logical::Row), Type::Struct(fields)) => {
            let values = zip(&fields[1..], value["fields"].as_array().unwrap());
            json!({"kind": value["kind"], "fields": values})
        }
        // Kryo's collections, whose elements say their classes themselves.
        (Some(Logical::Variant), Type::Struct(fields)) if is_collection(fields) => match &fields[1].ty {
            Type::List(_) if fields[1].logical.is_none() => value.clone(),
            _ => sorted(value.as_array().unwrap().clone()),
        },
        (Some(Logical::Variant), Type::Struct(fields)) => {
            let (tag, value) = value.as_object().unwrap().iter().next().unwrap();
            json!({tag: expected(named(fields, tag), value)})
        }
        (Some(Logical::Set), Type::List(element)) => sorted(each(element, value)),
        (Some(Logical::BigInteger | Logical::BigDecimal | Logical::Enum(_) | Logical::Char), _) => {
            value.clone()
        }
        (_, Type::List(element)) => each(element, value).into(),
        (_, Type::Map { key, value: inner }) => {
            let entries = value.as_array().unwrap().iter();
            sorted(
                entries.map(|entry| json!([expected(key, &entry[0]), expected(inner, &entry[1])])).collect(),
            )
        }
        (Some(Logical::Instant | Logical::LocalDateTime), _) => json!(instant(value).to_string()),
        (_, Type::Struct(fields)) => {
            let object = value.as_object().unwrap();
            assert_eq!(object.len(), fields.len(), "{value} is not of {field}");
            fields.iter().map(|field| (field.name.clone(), expected(field, &object[&field.name]))).collect()
        }
        (_, Type::Binary | Type::FixedBinary(_)) => value["bytes"].clone(),
        (_, Type::Float32 | Type::Float64) => float(match value {
            Value::String(text) => text.replace("Infinity", "inf").parse().unwrap(),
            number => number.as_f64().unwrap(),
        }),
        (_, Type::Date) => json!(days(value.as_str().unwrap())),
        (_, Type::Time(_)) => json!(nanoseconds(value.as_str().unwrap()).to_string()),
        (_, Type::Timestamp { .. }) => json!(instant(value).to_string()),
        _ => value.clone(),
    }
}

fn each(element: &Field, list: &Value) -> Vec<Value> {
    list.as_array().unwrap().iter().map(|value| expected(element, value)).collect()
}

fn zip(fields: &[Field], values: &[Value]) -> Value {
    assert_eq!(fields.len(), values.len());
    fields.iter().zip(values).map(|(field, value)| expected(field, value)).collect()
}

fn named<'a>(fields: &'a [Field], name: &str) -> &'a Field {
    fields.iter().find(|field| field.name == name).unwrap()
}

/// The value in a row of an array of this type.
pub(super) fn found(field: &Field, array: &ArrayRef, row: usize) -> Value {
    if array.is_null(row) {
        return Value::Null;
    }
    let child = |index: usize, field: &Field| found(field, array.as_struct().column(index), row);
    match (&field.logical, &field.ty) {
        (Some(Logical::Opaque(_)), _) => json!({"raw": hex(binary(array, row))}),
        (Some(Logical::Unit), _) => json!("unit"),
        (Some(Logical::Tuple), Type::Struct(fields)) => {
            fields.iter().enumerate().map(|(index, field)| child(index, field)).collect()
        }
        (Some(Logical::Row), Type::Struct(fields)) => {
            let values = fields.iter().enumerate().skip(1);
            let values: Vec<_> = values.map(|(index, field)| child(index, field)).collect();
            json!({"kind": child(0, &fields[0]), "fields": values})
        }
        (Some(Logical::Variant), Type::Struct(fields)) => {
            let tag = child(0, &fields[0]);
            let tag = tag.as_str().unwrap();
            if is_collection(fields) && tag != "opaque" {
                return found_collection(&fields[1], array.as_struct().column(1), row);
            }
            let index = fields.iter().skip(1).position(|field| field.name == tag).unwrap() + 1;
            json!({tag: child(index, &fields[index])})
        }
        (Some(Logical::BigInteger), _) => json!(decimal(binary(array, row), 0)),
        (Some(Logical::BigDecimal), _) => {
            let parts = array.as_struct();
            let scale = parts.column(1).as_primitive::<Int32Type>().value(row);
            json!(decimal(binary(parts.column(0), row), scale))
        }
        (Some(Logical::Instant | Logical::LocalDateTime), _) => {
            let seconds = array.as_struct().column(0).as_primitive::<Int64Type>().value(row);
            let nanos = array.as_struct().column(1).as_primitive::<Int32Type>().value(row);
            json!((i128::from(seconds) * 1_000_000_000 + i128::from(nanos)).to_string())
        }
        (logical, Type::List(element)) => {
            let values = array.as_list::<i32>().value(row);
            let values = (0..values.len()).map(|row| found(element, &values, row)).collect();
            if *logical == Some(Logical::Set) { sorted(values) } else { values.into() }
        }
        (_, Type::Map { key, value }) => {
            let entries = array.as_map().value(row);
            let entry =
                |row| json!([found(key, entries.column(0), row), found(value, entries.column(1), row)]);
            sorted((0..entries.len()).map(entry).collect())
        }
        (_, Type::Struct(fields)) => {
            let fields = fields.iter().enumerate();
            Value::Object(
                fields.map(|(index, field)| (field.name.clone(), child(index, field))).collect::<Map<_, _>>(),
            )
        }
        (_, ty) => scalar(ty, array, row),
    }
}

fn scalar(ty: &Type, array: &ArrayRef, row: usize) -> Value {
    match ty {
        Type::Boolean => json!(array.as_boolean().value(row)),
        Type::Int8 => json!(array.as_primitive::<Int8Type>().value(row)),
        Type::Int16 => json!(array.as_primitive::<Int16Type>().value(row)),
        Type::Int32 => json!(array.as_primitive::<Int32Type>().value(row)),
        Type::Int64 => json!(array.as_primitive::<Int64Type>().value(row)),
        Type::UInt16 => json!(array.as_primitive::<UInt16Type>().value(row)),
        Type::UInt32 => json!(array.as_primitive::<UInt32Type>().value(row)),
        Type::UInt64 => json!(array.as_primitive::<UInt64Type>().value(row)),
        Type::Float32 => {
            // The shortest text of a float is what Java prints: 0.1 and not 0.10000000149.
            float(array.as_primitive::<Float32Type>().value(row).to_string().parse().unwrap())
        }
        Type::Float64 => float(array.as_primitive::<Float64Type>().value(row)),
        Type::Utf8 => json!(array.as_string::<i32>().value(row)),
        Type::Binary | Type::FixedBinary(_) => json!(hex(binary(array, row))),
        Type::Decimal { .. } => json!(array.as_primitive::<Decimal128Type>().value_as_string(row)),
        Type::Date => json!(i64::from(array.as_primitive::<Date32Type>().value(row))),
        Type::Time(TimeUnit::Ms) => {
            json!(
                (i128::from(array.as_primitive::<Time32MillisecondType>().value(row)) * 1_000_000)
                    .to_string()
            )
        }
        Type::Time(TimeUnit::Us) => {
            json!((i128::from(array.as_primitive::<Time64MicrosecondType>().value(row)) * 1000).to_string())
        }
        Type::Time(TimeUnit::Ns) => {
            json!(array.as_primitive::<Time64NanosecondType>().value(row).to_string())
        }
        Type::Timestamp { unit, .. } => {
            let (value, scale) = match unit {
                TimeUnit::Ms => (array.as_primitive::<TimestampMillisecondType>().value(row), 1_000_000),
                TimeUnit::Us => (array.as_primitive::<TimestampMicrosecondType>().value(row), 1000),
                TimeUnit::Ns => (array.as_primitive::<TimestampNanosecondType>().value(row), 1),
            };
            json!((i128::from(value) * scale).to_string())
        }
        other => panic!("no value of the corpus is of type {other}"),
    }
}

fn is_collection(fields: &[Field]) -> bool {
    matches!(fields[1].name.as_str(), "list" | "set" | "map")
}

/// A collection of variants, without their tags.
fn found_collection(field: &Field, array: &ArrayRef, row: usize) -> Value {
    let untagged = |value: Value| match value {
        Value::Object(variant) => variant.into_iter().next().unwrap().1,
        null => null,
    };
    let elements = match found(&Field { logical: None, ..field.clone() }, array, row) {
        Value::Array(elements) => elements,
        other => panic!("{other} is no collection"),
    };
    match field.name.as_str() {
        "map" => sorted(
            elements
                .into_iter()
                .map(|entry| json!([untagged(entry["key"].clone()), untagged(entry["value"].clone())]))
                .collect(),
        ),
        "set" => sorted(elements.into_iter().map(untagged).collect()),
        _ => elements.into_iter().map(untagged).collect(),
    }
}

fn binary(array: &ArrayRef, row: usize) -> &[u8] {
    match array.as_binary_opt::<i32>() {
        Some(array) => array.value(row),
        None => array.as_fixed_size_binary().value(row),
    }
}

/// Bits, because NaN is NaN and -0.0 is not 0.0.
fn float(value: f64) -> Value {
    if value.is_nan() { json!("NaN") } else { json!(format!("{:016x}", value.to_bits())) }
}

pub(super) fn sorted(mut values: Vec<Value>) -> Value {
    values.sort_by_cached_key(Value::to_string);
    values.into()
}

/// A number in two's complement, big-endian, divided by 10 to the power of `scale`.
fn decimal(bytes: &[u8], scale: i32) -> String {
    let negative = bytes.first().is_some_and(|byte| *byte >= 0x80);
    let mut magnitude: Vec<u8> = bytes.iter().map(|byte| if negative { !byte } else { *byte }).collect();
    if negative {
        for byte in magnitude.iter_mut().rev() {
            let (next, carry) = byte.overflowing_add(1);
            *byte = next;
            if !carry {
                break;
            }
        }
    }
    let mut digits = Vec::new();
    while magnitude.iter().any(|byte| *byte != 0) {
        let mut rest = 0u32;
        for byte in &mut magnitude {
            let value = rest * 256 + u32::from(*byte);
            *byte = (value / 10) as u8;
            rest = value % 10;
        }
        digits.push(char::from(b'0' + rest as u8));
    }
    for _ in scale..0 {
        digits.insert(0, '0');
    }
    while digits.len() <= usize::try_from(scale).unwrap_or(0) {
        digits.push('0');
    }
    let mut text: String = digits.into_iter().rev().collect();
    if scale > 0 {
        text.insert(text.len() - scale as usize, '.');
    }
    if negative { format!("-{text}") } else { text }
}

/// Nanoseconds since 1970 of milliseconds, or of an ISO text with or without zone.
fn instant(value: &Value) -> i128 {
    match value {
        Value::String(text) => {
            let (date, time) = text.trim_end_matches('Z').split_once('T').unwrap();
            i128::from(days(date)) * 86_400_000_000_000 + nanoseconds(time)
        }
        number => i128::from(number.as_i64().unwrap()) * 1_000_000,
    }
}

/// Days since 1970 of `2020-02-29`, by the civil calendar.
fn days(date: &str) -> i64 {
    let mut parts = date.rsplitn(3, '-').map(|part| part.parse::<i64>().unwrap());
    let (day, month, year) = (parts.next().unwrap(), parts.next().unwrap(), parts.next().unwrap());
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let year_of_era = year.rem_euclid(400);
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

/// Nanoseconds since midnight of `03:04`, `03:04:05` or `03:04:05.006`.
fn nanoseconds(time: &str) -> i128 {
    let (whole, fraction) = time.split_once('.').unwrap_or((time, ""));
    let mut parts = whole.split(':').map(|part| part.parse::<i128>().unwrap());
    let mut next = || parts.next().unwrap_or(0);
    let seconds = (next() * 60 + next()) * 60 + next();
    seconds * 1_000_000_000 + format!("{fraction:0<9}").parse::<i128>().unwrap()
}
