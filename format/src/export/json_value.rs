//! Values as JSON text, column by column: what `design.md` calls "Values as JSON".
//!
//! Types are looked at once per batch, not once per value: [`JsonValues`] is a tree of closures over the
//! batch's arrays, each of which appends one value's text to a buffer.
//!
//! ```text
//! 7  -0.0  "NaN"  true  "text"  "12.30" (decimal)  "2026-11-22T03:04:05.001Z"  null
//! {"$bytes":"base64"}   {"$opaque":{"class":"…","bytes":"base64"}}
//! {"$pickle":…,"$bytes":"base64"} (bytes that are a Python pickle)
//! [1,2]   {"k":1} (map of strings)   [[7,"a"],[8,"b"]] (any other map)
//! {"field":1,"$$odd name":2}   {"$kind":"-D","f0":1} (row)   {"left":1} (variant)
//! ```

use arrow_array::cast::AsArray;
use arrow_array::types::{
    ArrowPrimitiveType, Date32Type, Decimal128Type, Decimal256Type, DurationMicrosecondType,
    DurationMillisecondType, DurationNanosecondType, Float32Type, Float64Type, Int8Type, Int16Type,
    Int32Type, Int64Type, Time32MillisecondType, Time64MicrosecondType, Time64NanosecondType,
    TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType, UInt8Type, UInt16Type,
    UInt32Type, UInt64Type,
};
use arrow_array::{Array, ArrayRef, BinaryArray, PrimitiveArray, StringArray, StructArray};
use arrow_buffer::OffsetBuffer;

use super::big_text::{integer_digits, write_plain, write_scaled};
use super::json_text::{
    write_bytes, write_display, write_f32, write_f64, write_integer, write_name, write_opaque, write_string,
};
use super::time_text::{write_date, write_duration, write_seconds, write_time, write_timestamp};
use crate::error::{Error, Result};
use crate::model::{Field, Logical, TimeUnit, Type};

/// How 64 bit integers are written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Int64Style {
    /// As numbers, all digits.
    #[default]
    Number,
    /// As strings, for readers that keep numbers as 64 bit floats.
    String,
}

/// How bytes are written that are a Python pickle.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum PickleStyle {
    /// With what the pickle holds beside them, for people.
    #[default]
    Shown,
    /// As any other bytes, for readers that expect one form.
    Bytes,
}

/// What may be chosen about JSON.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct JsonOptions {
    /// How 64 bit integers are written.
    pub int64: Int64Style,
    /// How bytes are written that are a Python pickle.
    pub pickles: PickleStyle,
}

type Write = Box<dyn Fn(usize, &mut Vec<u8>) + Send + Sync>;

/// The values of one column of one batch, ready to be written as JSON.
pub struct JsonValues(Write);

impl JsonValues {
    /// The values of `array`, whose type is `field`.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`](crate::ErrorKind::Invalid) if the array is not of that type.
    pub fn new(field: &Field, array: &ArrayRef, options: JsonOptions) -> Result<Self> {
        nullable(field, array, options).map(Self)
    }

    /// Appends the value of `row`.
    ///
    /// # Panics
    /// If the row lies outside the column.
    #[inline]
    pub fn write(&self, row: usize, out: &mut Vec<u8>) {
        (self.0)(row, out);
    }

    /// The value of `row` alone.
    ///
    /// # Panics
    /// If the row lies outside the column.
    pub fn text(&self, row: usize) -> String {
        let mut out = Vec::new();
        self.write(row, &mut out);
        String::from_utf8_lossy(&out).into_owned()
    }
}

/// `null`, or the value.
fn nullable(field: &Field, array: &ArrayRef, options: JsonOptions) -> Result<Write> {
    let write =
        value(field, array, options).map_err(|error| error.within(format!("field {:?}", field.name)))?;
    let Some(nulls) = array.logical_nulls().filter(|nulls| nulls.null_count() > 0) else {
        return Ok(write);
    };
    Ok(Box::new(
        move |row, out| {
            if nulls.is_null(row) { out.extend_from_slice(b"null") } else { write(row, out) }
        },
    ))
}

fn value(field: &Field, array: &ArrayRef, options: JsonOptions) -> Result<Write> {
    match &field.logical {
        Some(Logical::Opaque(class)) => opaque(class, array, options),
        Some(Logical::BigInteger) => big_integer(array),
        Some(Logical::BigDecimal) => big_decimal(array),
        Some(Logical::Uuid) => uuid(array),
        Some(Logical::Instant) => seconds_and_nanos(true, array),
        Some(Logical::LocalDateTime) => seconds_and_nanos(false, array),
        Some(Logical::Unit) => Ok(Box::new(|_, out| out.extend_from_slice(b"{}"))),
        Some(Logical::Variant) => variant(field, array, options),
        Some(Logical::Row) => row(field, array, options),
        _ => stored(&field.ty, array, options),
    }
}

/// A value whose storage says all there is to say.
fn stored(ty: &Type, array: &ArrayRef, options: JsonOptions) -> Result<Write> {
    let quoted = options.int64 == Int64Style::String;
    match ty {
        Type::Boolean => {
            let array = array.as_boolean_opt().ok_or_else(|| mismatch(ty, array))?.clone();
            Ok(Box::new(move |row, out| write_display(array.value(row), out)))
        }
        Type::Int8 => primitive::<Int8Type>(array, write_integer),
        Type::Int16 => primitive::<Int16Type>(array, write_integer),
        Type::Int32 => primitive::<Int32Type>(array, write_integer),
        Type::Int64 if quoted => {
            primitive::<Int64Type>(array, |number, out| in_quotes(out, |out| write_integer(number, out)))
        }
        Type::Int64 => primitive::<Int64Type>(array, write_integer),
        Type::UInt8 => primitive::<UInt8Type>(array, write_integer),
        Type::UInt16 => primitive::<UInt16Type>(array, write_integer),
        Type::UInt32 => primitive::<UInt32Type>(array, write_integer),
        Type::UInt64 if quoted => {
            primitive::<UInt64Type>(array, |number, out| in_quotes(out, |out| write_integer(number, out)))
        }
        Type::UInt64 => primitive::<UInt64Type>(array, write_integer),
        Type::Float32 => primitive::<Float32Type>(array, write_f32),
        Type::Float64 => primitive::<Float64Type>(array, write_f64),
        Type::Utf8 => {
            let array = strings(array)?;
            Ok(Box::new(move |row, out| write_string(array.value(row), out)))
        }
        Type::Binary => {
            let array = binary(array)?;
            Ok(Box::new(move |row, out| write_bytes(array.value(row), options, out)))
        }
        Type::FixedBinary(_) => {
            let array = array.as_fixed_size_binary_opt().ok_or_else(|| mismatch(ty, array))?.clone();
            Ok(Box::new(move |row, out| write_bytes(array.value(row), options, out)))
        }
        Type::Decimal { precision, scale } => decimal(*precision, usize::from(*scale), array),
        Type::Date => {
            primitive::<Date32Type>(array, |days, out| in_quotes(out, |out| write_date(days.into(), out)))
        }
        Type::Time(unit) => time(*unit, array),
        Type::Timestamp { unit, zone } => timestamp(*unit, zone.is_some(), array),
        Type::Duration(unit) => duration(*unit, array),
        Type::List(element) => {
            let lists = array.as_list_opt::<i32>().ok_or_else(|| mismatch(ty, array))?;
            Ok(list(lists.offsets().clone(), nullable(element, lists.values(), options)?))
        }
        Type::Map { key, value } => map(key, value, array, options),
        Type::Struct(fields) => structure(fields, array, options),
    }
}

fn primitive<T: ArrowPrimitiveType>(
    array: &ArrayRef,
    write: impl Fn(T::Native, &mut Vec<u8>) + Send + Sync + 'static,
) -> Result<Write> {
    let array: PrimitiveArray<T> = array
        .as_primitive_opt::<T>()
        .ok_or_else(|| {
            Error::invalid(format!("column of type {} is not {}", array.data_type(), T::DATA_TYPE))
        })?
        .clone();
    Ok(Box::new(move |row, out| write(array.value(row), out)))
}

fn decimal(precision: u8, scale: usize, array: &ArrayRef) -> Result<Write> {
    if precision <= 38 {
        return primitive::<Decimal128Type>(array, move |number, out| {
            in_quotes(out, |out| write_plain(&number.to_string(), scale, out));
        });
    }
    primitive::<Decimal256Type>(array, move |number, out| {
        in_quotes(out, |out| write_plain(&number.to_string(), scale, out));
    })
}

fn time(unit: TimeUnit, array: &ArrayRef) -> Result<Write> {
    let write = move |ticks: i64, out: &mut Vec<u8>| in_quotes(out, |out| write_time(ticks, unit, out));
    match unit {
        TimeUnit::Ms => primitive::<Time32MillisecondType>(array, move |ticks, out| write(ticks.into(), out)),
        TimeUnit::Us => primitive::<Time64MicrosecondType>(array, write),
        TimeUnit::Ns => primitive::<Time64NanosecondType>(array, write),
    }
}

fn timestamp(unit: TimeUnit, instant: bool, array: &ArrayRef) -> Result<Write> {
    let write =
        move |ticks: i64, out: &mut Vec<u8>| in_quotes(out, |out| write_timestamp(ticks, unit, instant, out));
    match unit {
        TimeUnit::Ms => primitive::<TimestampMillisecondType>(array, write),
        TimeUnit::Us => primitive::<TimestampMicrosecondType>(array, write),
        TimeUnit::Ns => primitive::<TimestampNanosecondType>(array, write),
    }
}

fn duration(unit: TimeUnit, array: &ArrayRef) -> Result<Write> {
    let write = move |ticks: i64, out: &mut Vec<u8>| in_quotes(out, |out| write_duration(ticks, unit, out));
    match unit {
        TimeUnit::Ms => primitive::<DurationMillisecondType>(array, write),
        TimeUnit::Us => primitive::<DurationMicrosecondType>(array, write),
        TimeUnit::Ns => primitive::<DurationNanosecondType>(array, write),
    }
}

fn opaque(class: &str, array: &ArrayRef, options: JsonOptions) -> Result<Write> {
    let (array, class) = (binary(array)?, class.to_owned());
    Ok(Box::new(move |row, out| write_opaque(&class, array.value(row), options, out)))
}

/// Digits in a string; a number too long to print in reasonable time is shown by its bytes.
fn big_integer(array: &ArrayRef) -> Result<Write> {
    let array = binary(array)?;
    Ok(Box::new(move |row, out| match integer_digits(array.value(row)) {
        Some(digits) => write_string(&digits, out),
        None => write_opaque("java.math.BigInteger", array.value(row), JsonOptions::default(), out),
    }))
}

/// A number in a string, its scale readable; one too long to print is shown by its parts.
fn big_decimal(array: &ArrayRef) -> Result<Write> {
    let parts = structs(array)?;
    let unscaled = binary(child(&parts, 0)?)?;
    let scales = child(&parts, 1)?.as_primitive_opt::<Int32Type>().cloned();
    let scales = scales.ok_or_else(|| Error::invalid("the scale of a decimal is not int32"))?;
    Ok(Box::new(move |row, out| match integer_digits(unscaled.value(row)) {
        Some(digits) => in_quotes(out, |out| write_scaled(&digits, scales.value(row), out)),
        None => write_opaque("java.math.BigDecimal", unscaled.value(row), JsonOptions::default(), out),
    }))
}

fn seconds_and_nanos(instant: bool, array: &ArrayRef) -> Result<Write> {
    let parts = structs(array)?;
    let seconds = child(&parts, 0)?.as_primitive_opt::<Int64Type>().cloned();
    let nanos = child(&parts, 1)?.as_primitive_opt::<Int32Type>().cloned();
    let (Some(seconds), Some(nanos)) = (seconds, nanos) else {
        return Err(Error::invalid("a time is not int64 seconds and int32 nanoseconds"));
    };
    Ok(Box::new(move |row, out| {
        in_quotes(out, |out| write_seconds(seconds.value(row), nanos.value(row), instant, out));
    }))
}

fn uuid(array: &ArrayRef) -> Result<Write> {
    let array = array.as_fixed_size_binary_opt().filter(|array| array.value_length() == 16).cloned();
    let array = array.ok_or_else(|| Error::invalid("a uuid is not 16 bytes"))?;
    Ok(Box::new(move |row, out| {
        in_quotes(out, |out| {
            for (index, byte) in array.value(row).iter().enumerate() {
                if matches!(index, 4 | 6 | 8 | 10) {
                    out.push(b'-');
                }
                write_display(format_args!("{byte:02x}"), out);
            }
        });
    }))
}

fn list(offsets: OffsetBuffer<i32>, write: Write) -> Write {
    Box::new(move |row, out| {
        out.push(b'[');
        for (place, element) in entries(&offsets, row).enumerate() {
            comma(place, out);
            write(element, out);
        }
        out.push(b']');
    })
}

/// An object if every key is a string that cannot be mistaken for a marker, otherwise an array of pairs.
fn map(key: &Field, value: &Field, array: &ArrayRef, options: JsonOptions) -> Result<Write> {
    let maps = array.as_map_opt().ok_or_else(|| Error::invalid("a map is not stored as one"))?;
    let names = if key.ty == Type::Utf8 { maps.keys().as_string_opt::<i32>().cloned() } else { None };
    let offsets = maps.offsets().clone();
    let values = nullable(value, maps.values(), options)?;
    let keys = nullable(key, maps.keys(), options)?;
    Ok(Box::new(move |row, out| match &names {
        Some(names) if entries(&offsets, row).all(|entry| is_plain_name(names, entry)) => {
            out.push(b'{');
            for (place, entry) in entries(&offsets, row).enumerate() {
                comma(place, out);
                write_name(names.value(entry), out);
                values(entry, out);
            }
            out.push(b'}');
        }
        _ => {
            out.push(b'[');
            for (place, entry) in entries(&offsets, row).enumerate() {
                comma(place, out);
                out.push(b'[');
                keys(entry, out);
                out.push(b',');
                values(entry, out);
                out.push(b']');
            }
            out.push(b']');
        }
    }))
}

fn is_plain_name(names: &StringArray, entry: usize) -> bool {
    names.is_valid(entry) && !names.value(entry).starts_with('$')
}

/// An object by field name.
fn structure(fields: &[Field], array: &ArrayRef, options: JsonOptions) -> Result<Write> {
    let members = members(fields, &structs(array)?, options)?;
    Ok(Box::new(move |row, out| {
        out.push(b'{');
        write_members(&members, row, out);
        out.push(b'}');
    }))
}

/// An object by field name, with the row's kind unless it is an insertion.
fn row(field: &Field, array: &ArrayRef, options: JsonOptions) -> Result<Write> {
    let parts = structs(array)?;
    let Type::Struct(fields) = &field.ty else { return Err(mismatch(&field.ty, array)) };
    let kinds = strings(child(&parts, 0)?)?;
    let members = members(fields, &parts, options)?.split_off(1);
    Ok(Box::new(move |row, out| {
        out.push(b'{');
        if kinds.is_valid(row) && kinds.value(row) != "+I" {
            out.extend_from_slice(b"\"$kind\":");
            write_string(kinds.value(row), out);
            comma(members.len(), out);
        }
        write_members(&members, row, out);
        out.push(b'}');
    }))
}

/// `{"left":v}`: the one field that the tag names.
fn variant(field: &Field, array: &ArrayRef, options: JsonOptions) -> Result<Write> {
    let parts = structs(array)?;
    let Type::Struct(fields) = &field.ty else { return Err(mismatch(&field.ty, array)) };
    let tags = strings(child(&parts, 0)?)?;
    let variants = members(fields, &parts, options)?.split_off(1);
    let names: Vec<String> = fields.iter().skip(1).map(|field| field.name.clone()).collect();
    Ok(Box::new(move |row, out| {
        let tag = if tags.is_valid(row) { tags.value(row) } else { "" };
        out.push(b'{');
        match names.iter().zip(&variants).find(|(name, _)| *name == tag) {
            Some((_, (name, write))) => {
                out.extend_from_slice(name);
                write(row, out);
            }
            None => {
                write_name(tag, out);
                out.extend_from_slice(b"null");
            }
        }
        out.push(b'}');
    }))
}

/// A member's quoted name with its colon, and its values.
type Member = (Vec<u8>, Write);

fn members(fields: &[Field], array: &StructArray, options: JsonOptions) -> Result<Vec<Member>> {
    if fields.len() != array.num_columns() {
        let what = format!("{} fields are declared, {} are there", fields.len(), array.num_columns());
        return Err(Error::invalid(what));
    }
    let member = |(field, column): (&Field, &ArrayRef)| {
        let mut name = Vec::new();
        write_name(&field.name, &mut name);
        Ok((name, nullable(field, column, options)?))
    };
    fields.iter().zip(array.columns()).map(member).collect()
}

fn write_members(members: &[Member], row: usize, out: &mut Vec<u8>) {
    for (place, (name, write)) in members.iter().enumerate() {
        comma(place, out);
        out.extend_from_slice(name);
        write(row, out);
    }
}

fn comma(place: usize, out: &mut Vec<u8>) {
    if place > 0 {
        out.push(b',');
    }
}

fn in_quotes(out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
    out.push(b'"');
    write(out);
    out.push(b'"');
}

/// Where the elements of one list or map stand among all of them.
fn entries(offsets: &OffsetBuffer<i32>, row: usize) -> std::ops::Range<usize> {
    match (offsets.get(row), offsets.get(row + 1)) {
        (Some(start), Some(end)) => *start as usize..*end as usize,
        _ => 0..0,
    }
}

fn strings(array: &ArrayRef) -> Result<StringArray> {
    array.as_string_opt::<i32>().cloned().ok_or_else(|| mismatch(&Type::Utf8, array))
}

fn binary(array: &ArrayRef) -> Result<BinaryArray> {
    array.as_binary_opt::<i32>().cloned().ok_or_else(|| mismatch(&Type::Binary, array))
}

fn structs(array: &ArrayRef) -> Result<StructArray> {
    array
        .as_struct_opt()
        .cloned()
        .ok_or_else(|| Error::invalid(format!("column of type {} is not a struct", array.data_type())))
}

fn child(array: &StructArray, index: usize) -> Result<&ArrayRef> {
    array.columns().get(index).ok_or_else(|| {
        Error::invalid(format!("a struct of {} fields has no field {index}", array.num_columns()))
    })
}

fn mismatch(ty: &Type, array: &ArrayRef) -> Error {
    Error::invalid(format!("column of type {} is not {ty}", array.data_type()))
}
