//! Arrays of the model's types from JSON values: the way back of `export`.
//!
//! Every type takes what its values are written as, and a little more where a person would expect it: a
//! tuple also as an array, a timestamp also as its number.

use std::collections::HashSet;
use std::sync::Arc;

use arrow_array::types::{
    ArrowPrimitiveType, Date32Type, Decimal128Type, Decimal256Type, DurationMicrosecondType,
    DurationMillisecondType, DurationNanosecondType, Float32Type, Float64Type, Int8Type, Int16Type,
    Int32Type, Int64Type, Time32MillisecondType, Time64MicrosecondType, Time64NanosecondType,
    TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType, UInt8Type, UInt16Type,
    UInt32Type, UInt64Type,
};
use arrow_array::{
    Array, ArrayRef, BinaryArray, BooleanArray, FixedSizeBinaryArray, Int32Array, Int64Array, ListArray,
    MapArray, PrimitiveArray, StringArray, StructArray, UInt32Array,
};
use arrow_buffer::{NullBuffer, OffsetBuffer};
use arrow_schema::{DataType, Fields};
use arrow_select::take::take;
use serde_json::Value;

use super::check::is_one_character;
use super::parse::{
    big_decimal, big_integer, bytes, date, decimal, duration, float, integer, no, opaque, seconds_and_nanos,
    string, time, timestamp, uuid,
};
use crate::error::{Error, Result, ResultExt};
use crate::model::{Field, Logical, RowOrder, TimeUnit, Type};

/// An array of `field`'s type with one element per value; `None` stands for nothing below a null.
///
/// # Errors
/// [`ErrorKind::BadRequest`](crate::ErrorKind::BadRequest) if a value is not of the type, with its place.
pub fn array_from_json(field: &Field, values: &[Option<&Value>]) -> Result<ArrayRef> {
    if !field.nullable && values.contains(&Some(&Value::Null)) {
        return Err(Error::bad_request(format!("null, where {field} may not be null")))
            .within(|| place(field));
    }
    let present: Vec<Option<&Value>> =
        values.iter().map(|value| value.filter(|value| !value.is_null())).collect();
    typed(field, &present).within(|| place(field))
}

fn place(field: &Field) -> String {
    format!("field {:?}", field.name)
}

fn typed(field: &Field, values: &[Option<&Value>]) -> Result<ArrayRef> {
    match &field.logical {
        Some(Logical::Enum(names)) => strings(values, |text| names.iter().any(|name| name == text), field),
        Some(Logical::Char) => strings(values, is_one_character, field),
        Some(Logical::Opaque(class)) => binary(values, |value| opaque(value, class)),
        // A number with more digits than anybody reads is told by its bytes.
        Some(Logical::BigInteger) => binary(values, |value| {
            if value.is_object() {
                return opaque(value, "java.math.BigInteger");
            }
            let text = value.as_str().map(str::to_owned).or_else(|| Some(value.as_number()?.to_string()));
            text.and_then(|text| big_integer(&text)).ok_or_else(|| no("integer", value))
        }),
        Some(Logical::BigDecimal) => big_decimals(field, values),
        Some(Logical::Uuid) => fixed(16, values, uuid),
        Some(Logical::Instant) => times(field, values, true),
        Some(Logical::LocalDateTime) => times(field, values, false),
        Some(Logical::Unit) => units(field, values),
        Some(Logical::Variant) => variants(field, values),
        _ => stored(field, values),
    }
}

fn stored(field: &Field, values: &[Option<&Value>]) -> Result<ArrayRef> {
    use TimeUnit::{Ms, Ns, Us};
    match &field.ty {
        Type::Boolean => {
            let parse = |value: &Value| value.as_bool().ok_or_else(|| no("boolean", value));
            Ok(Arc::new(each(values, parse)?.into_iter().collect::<BooleanArray>()))
        }
        Type::Int8 => primitive::<Int8Type>(field, values, |value| integer(value, "int8")),
        Type::Int16 => primitive::<Int16Type>(field, values, |value| integer(value, "int16")),
        Type::Int32 => primitive::<Int32Type>(field, values, |value| integer(value, "int32")),
        Type::Int64 => primitive::<Int64Type>(field, values, |value| integer(value, "int64")),
        Type::UInt8 => primitive::<UInt8Type>(field, values, |value| integer(value, "uint8")),
        Type::UInt16 => primitive::<UInt16Type>(field, values, |value| integer(value, "uint16")),
        Type::UInt32 => primitive::<UInt32Type>(field, values, |value| integer(value, "uint32")),
        Type::UInt64 => primitive::<UInt64Type>(field, values, |value| integer(value, "uint64")),
        Type::Float32 => primitive::<Float32Type>(field, values, |value| float(value, "float32")),
        Type::Float64 => primitive::<Float64Type>(field, values, |value| float(value, "float64")),
        Type::Utf8 => strings(values, |_| true, field),
        Type::Binary => binary(values, bytes),
        Type::FixedBinary(length) => fixed(usize::from(*length), values, bytes),
        Type::Decimal { precision, scale } if *precision <= 38 => {
            primitive::<Decimal128Type>(field, values, |value| {
                decimal(value, *precision, *scale)?.to_i128().ok_or_else(|| no("decimal", value))
            })
        }
        Type::Decimal { precision, scale } => {
            primitive::<Decimal256Type>(field, values, |value| decimal(value, *precision, *scale))
        }
        Type::Date => primitive::<Date32Type>(field, values, date),
        Type::Time(Ms) => primitive::<Time32MillisecondType>(field, values, |value| {
            i32::try_from(time(value, Ms)?).map_err(|_| no("time", value))
        }),
        Type::Time(Us) => primitive::<Time64MicrosecondType>(field, values, |value| time(value, Us)),
        Type::Time(Ns) => primitive::<Time64NanosecondType>(field, values, |value| time(value, Ns)),
        Type::Timestamp { unit, zone } => {
            let parse = |value: &Value| timestamp(value, *unit, zone.is_some());
            match unit {
                Ms => primitive::<TimestampMillisecondType>(field, values, parse),
                Us => primitive::<TimestampMicrosecondType>(field, values, parse),
                Ns => primitive::<TimestampNanosecondType>(field, values, parse),
            }
        }
        Type::Duration(Ms) => {
            primitive::<DurationMillisecondType>(field, values, |value| duration(value, Ms))
        }
        Type::Duration(Us) => {
            primitive::<DurationMicrosecondType>(field, values, |value| duration(value, Us))
        }
        Type::Duration(Ns) => primitive::<DurationNanosecondType>(field, values, |value| duration(value, Ns)),
        Type::List(element) => lists(field, element, values),
        Type::Map { key, value } => maps(field, key, value, values),
        Type::Struct(fields) => structs(field, fields, values),
    }
}

/// Every value that is there, parsed.
fn each<T>(values: &[Option<&Value>], parse: impl Fn(&Value) -> Result<T>) -> Result<Vec<Option<T>>> {
    values.iter().map(|value| value.map(&parse).transpose()).collect()
}

fn primitive<T: ArrowPrimitiveType>(
    field: &Field,
    values: &[Option<&Value>],
    parse: impl Fn(&Value) -> Result<T::Native>,
) -> Result<ArrayRef> {
    let array: PrimitiveArray<T> = each(values, parse)?.into_iter().collect();
    Ok(Arc::new(array.with_data_type(field.ty.to_arrow())))
}

fn strings(values: &[Option<&Value>], allowed: impl Fn(&str) -> bool, field: &Field) -> Result<ArrayRef> {
    let what = field.to_string();
    let parse = |value: &Value| {
        let text = string(value, &what)?;
        if allowed(text) { Ok(text.to_owned()) } else { Err(no(&what, value)) }
    };
    Ok(Arc::new(each(values, parse)?.into_iter().collect::<StringArray>()))
}

fn binary(values: &[Option<&Value>], parse: impl Fn(&Value) -> Result<Vec<u8>>) -> Result<ArrayRef> {
    Ok(Arc::new(each(values, parse)?.into_iter().collect::<BinaryArray>()))
}

fn fixed(
    length: usize,
    values: &[Option<&Value>],
    parse: impl Fn(&Value) -> Result<Vec<u8>>,
) -> Result<ArrayRef> {
    let parse = |value: &Value| {
        let bytes = parse(value)?;
        if bytes.len() == length { Ok(bytes) } else { Err(no(&format!("{length} bytes"), value)) }
    };
    let bytes = each(values, parse)?;
    let array = FixedSizeBinaryArray::try_from_sparse_iter_with_size(bytes.into_iter(), length as i32);
    Ok(Arc::new(array.map_err(|error| Error::bad_request("bytes").caused_by(error))?))
}

fn big_decimals(field: &Field, values: &[Option<&Value>]) -> Result<ArrayRef> {
    let parts = each(values, big_decimal)?;
    let unscaled: Vec<&[u8]> =
        parts.iter().map(|part| part.as_ref().map_or(&[][..], |(bytes, _)| bytes)).collect();
    let scales: Vec<i32> = parts.iter().map(|part| part.as_ref().map_or(0, |(_, scale)| *scale)).collect();
    let columns: Vec<ArrayRef> =
        vec![Arc::new(BinaryArray::from(unscaled)), Arc::new(Int32Array::from(scales))];
    structure(field, columns, values)
}

fn times(field: &Field, values: &[Option<&Value>], instant: bool) -> Result<ArrayRef> {
    let parts = each(values, |value| seconds_and_nanos(value, instant))?;
    let seconds: Vec<i64> = parts.iter().map(|part| part.map_or(0, |(seconds, _)| seconds)).collect();
    let nanos: Vec<i32> = parts.iter().map(|part| part.map_or(0, |(_, nanos)| nanos)).collect();
    structure(field, vec![Arc::new(Int64Array::from(seconds)), Arc::new(Int32Array::from(nanos))], values)
}

fn units(field: &Field, values: &[Option<&Value>]) -> Result<ArrayRef> {
    let present = each(values, |value| value.as_object().map(|_| true).ok_or_else(|| no("unit", value)))?;
    let present: BooleanArray = present.into_iter().map(|present| Some(present.unwrap_or(false))).collect();
    structure(field, vec![Arc::new(present)], values)
}

/// `{"left":v}`: the tag is the member's name, the field of that name is its value.
fn variants(field: &Field, values: &[Option<&Value>]) -> Result<ArrayRef> {
    let Type::Struct(fields) = &field.ty else { return Err(Error::invalid("a variant is no struct")) };
    let only = |value: &Value| match value.as_object().map(|object| object.iter().collect::<Vec<_>>()) {
        Some(members) if members.len() == 1 => {
            Ok(members.first().map(|(name, _)| unescaped(name).to_owned()))
        }
        _ => Err(no("object with one member", value)),
    };
    let tags: Vec<Option<String>> = each(values, only)?.into_iter().map(Option::flatten).collect();
    let known: HashSet<&str> = fields.iter().skip(1).map(|field| field.name.as_str()).collect();
    if let Some(tag) = tags.iter().flatten().find(|tag| !known.contains(tag.as_str())) {
        return Err(Error::bad_request(format!("{tag:?} is no variant of {field}")));
    }
    let mut columns: Vec<ArrayRef> =
        vec![Arc::new(tags.iter().map(|tag| Some(tag.as_deref().unwrap_or(""))).collect::<StringArray>())];
    for variant in fields.iter().skip(1) {
        let name = escaped(&variant.name);
        let members: Vec<Option<&Value>> =
            values.iter().map(|value| value.and_then(|value| value.get(&name))).collect();
        columns.push(array_from_json(variant, &members)?);
    }
    structure(field, columns, values)
}

fn structs(field: &Field, fields: &[Field], values: &[Option<&Value>]) -> Result<ArrayRef> {
    let is_row = field.logical == Some(Logical::Row);
    for value in values.iter().flatten() {
        check_members(fields, value, is_row, field)?;
    }
    let insertion = Value::String("+I".to_owned());
    let mut columns = Vec::with_capacity(fields.len());
    for (place, inner) in fields.iter().enumerate() {
        let is_kind = is_row && place == 0;
        let name = if is_kind { "$kind".to_owned() } else { escaped(&inner.name) };
        let absent = if is_kind { &insertion } else { &Value::Null };
        let members: Vec<Option<&Value>> = values
            .iter()
            .map(|value| match (*value)? {
                Value::Array(items) => Some(items.get(place).unwrap_or(absent)),
                value => Some(value.get(&name).unwrap_or(absent)),
            })
            .collect();
        columns.push(array_from_json(inner, &members)?);
    }
    structure(field, columns, values)
}

/// An object without unknown members, or as many elements as there are fields.
fn check_members(fields: &[Field], value: &Value, is_row: bool, field: &Field) -> Result<()> {
    match value {
        Value::Array(items) if items.len() == fields.len() && !is_row => Ok(()),
        Value::Object(object) => {
            let named = fields.get(usize::from(is_row)..).unwrap_or_default();
            let is_known = |name: &String| {
                is_row && name == "$kind" || named.iter().any(|field| escaped(&field.name) == *name)
            };
            let unknown = object.keys().find(|name| !is_known(name));
            match unknown {
                None => Ok(()),
                Some(name) => {
                    let names: Vec<&str> = fields.iter().map(|field| field.name.as_str()).collect();
                    let names = names.join(", ");
                    Err(Error::bad_request(format!("there is no field {name:?}; there are: {names}")))
                }
            }
        }
        _ => Err(no(&field.to_string(), value)),
    }
}

fn structure(field: &Field, columns: Vec<ArrayRef>, values: &[Option<&Value>]) -> Result<ArrayRef> {
    let DataType::Struct(fields) = field.ty.to_arrow() else {
        return Err(Error::invalid(format!("{field} is no struct")));
    };
    let array = StructArray::try_new(fields, columns, nulls(values));
    Ok(Arc::new(array.map_err(|error| Error::bad_request(field.to_string()).caused_by(error))?))
}

fn lists(field: &Field, element: &Field, values: &[Option<&Value>]) -> Result<ArrayRef> {
    let items = each(values, |value| value.as_array().cloned().ok_or_else(|| no(&field.to_string(), value)))?;
    let offsets = OffsetBuffer::from_lengths(items.iter().map(|items| items.as_ref().map_or(0, Vec::len)));
    let flat: Vec<Option<&Value>> = items.iter().flatten().flatten().map(Some).collect();
    let mut elements = array_from_json(element, &flat)?;
    if field.logical == Some(Logical::Set) {
        elements = permute(&elements, &sorted(&elements, &offsets)?)?;
    }
    let array = ListArray::try_new(Arc::new(element.to_arrow()), offsets, elements, nulls(values));
    Ok(Arc::new(array.map_err(|error| Error::bad_request(field.to_string()).caused_by(error))?))
}

/// Objects, or arrays of `[key,value]`; entries are put in the order of their keys.
fn maps(field: &Field, key: &Field, value: &Field, values: &[Option<&Value>]) -> Result<ArrayRef> {
    let entries = each(values, |value| map_entries(value).ok_or_else(|| no(&field.to_string(), value)))?;
    let offsets =
        OffsetBuffer::from_lengths(entries.iter().map(|entries| entries.as_ref().map_or(0, Vec::len)));
    let flat: Vec<&(Value, Value)> = entries.iter().flatten().flatten().collect();
    let keys = array_from_json(key, &flat.iter().map(|(key, _)| Some(key)).collect::<Vec<_>>())?;
    let contents = array_from_json(value, &flat.iter().map(|(_, value)| Some(value)).collect::<Vec<_>>())?;
    let order = sorted(&keys, &offsets)?;
    let columns = vec![permute(&keys, &order)?, permute(&contents, &order)?];
    let failed = |error| Error::bad_request(field.to_string()).caused_by(error);
    let DataType::Map(inner, is_sorted) = field.ty.to_arrow() else {
        return Err(Error::invalid(format!("{field} is no map")));
    };
    let fields = Fields::from(vec![key.to_arrow(), value.to_arrow()]);
    let entries = StructArray::try_new(fields, columns, None).map_err(failed)?;
    let array = MapArray::try_new(inner, offsets, entries, nulls(values), is_sorted).map_err(failed)?;
    Ok(Arc::new(array))
}

fn map_entries(value: &Value) -> Option<Vec<(Value, Value)>> {
    match value {
        Value::Object(object) => {
            Some(object.iter().map(|(name, value)| (Value::String(name.clone()), value.clone())).collect())
        }
        Value::Array(pairs) => pairs
            .iter()
            .map(|pair| match pair.as_array().map(Vec::as_slice) {
                Some([key, value]) => Some((key.clone(), value.clone())),
                _ => None,
            })
            .collect(),
        _ => None,
    }
}

/// The places of all elements, those of each list in order.
///
/// # Errors
/// If an element is there twice.
pub(super) fn sorted(elements: &ArrayRef, offsets: &OffsetBuffer<i32>) -> Result<UInt32Array> {
    let order = RowOrder::between(std::slice::from_ref(elements), std::slice::from_ref(elements))?;
    let mut places: Vec<u32> = (0..elements.len() as u32).collect();
    for bounds in offsets.windows(2) {
        let [start, end] = bounds else { continue };
        let Some(list) = places.get_mut(*start as usize..*end as usize) else { continue };
        list.sort_by(|left, right| order.compare(*left as usize, *right as usize));
        let twice = list.windows(2).any(
            |pair| matches!(pair, [left, right] if order.compare(*left as usize, *right as usize).is_eq()),
        );
        if twice {
            return Err(Error::bad_request("a key or an element of a set is there twice"));
        }
    }
    Ok(UInt32Array::from(places))
}

fn permute(array: &ArrayRef, places: &UInt32Array) -> Result<ArrayRef> {
    take(array, places, None).map_err(|error| Error::invalid("sort").caused_by(error))
}

fn nulls(values: &[Option<&Value>]) -> Option<NullBuffer> {
    let valid: NullBuffer = values.iter().map(Option::is_some).collect::<Vec<bool>>().into();
    (valid.null_count() > 0).then_some(valid)
}

/// A member's name for a field: one `$` more if it begins with one.
pub(super) fn escaped(name: &str) -> String {
    if name.starts_with('$') { format!("${name}") } else { name.to_owned() }
}

fn unescaped(name: &str) -> &str {
    if name.starts_with("$$") { name.get(1..).unwrap_or(name) } else { name }
}
