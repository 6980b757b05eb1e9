//! Numbers, texts, dates and primitive arrays: snapshots without a body, and enums.
//!
//! # Source
//! Flink, `org.apache.flink.api.common.typeutils.base`.

use spt_format::Result;

use super::flink_type::{EnumType, FlinkType, Nulls, Opaque, OpaqueEnd, Scalar, Sequence, Unit};
use super::snapshot::{Header, SnapshotReader};
use crate::java;

const BASE: &str = "org.apache.flink.api.common.typeutils.base.";

/// Reads a snapshot of this family, `None` if the class belongs to another one.
pub(super) fn read(header: &Header, reader: &mut SnapshotReader<'_, '_>) -> Result<Option<FlinkType>> {
    let Some(name) = header.class.strip_prefix(BASE) else { return Ok(None) };
    let Some((serializer, _)) = name.split_once('$') else { return Ok(None) };
    if serializer == "EnumSerializer" {
        return enumeration(reader).map(FlinkType::Enum).map(Some);
    }
    let data_type = scalar(serializer).map(FlinkType::Scalar).or_else(|| other(serializer));
    if data_type.is_some() {
        reader.simple(header)?;
    }
    Ok(data_type)
}

fn scalar(serializer: &str) -> Option<Scalar> {
    Some(match serializer {
        "BooleanSerializer" | "BooleanValueSerializer" => Scalar::Boolean,
        "ByteSerializer" | "ByteValueSerializer" => Scalar::Byte,
        "ShortSerializer" | "ShortValueSerializer" => Scalar::Short,
        "IntSerializer" | "IntValueSerializer" => Scalar::Int,
        "LongSerializer" | "LongValueSerializer" => Scalar::Long,
        "FloatSerializer" | "FloatValueSerializer" => Scalar::Float,
        "DoubleSerializer" | "DoubleValueSerializer" => Scalar::Double,
        "CharSerializer" | "CharValueSerializer" => Scalar::Char,
        "StringSerializer" => Scalar::Text,
        "StringValueSerializer" => Scalar::TextValue,
        "BigIntSerializer" => Scalar::BigInteger,
        "BigDecSerializer" => Scalar::BigDecimal,
        "DateSerializer" | "SqlDateSerializer" | "SqlTimeSerializer" => Scalar::Millis,
        "SqlTimestampSerializer" => Scalar::SqlTimestamp,
        "InstantSerializer" => Scalar::Instant,
        "LocalDateSerializer" => Scalar::LocalDate,
        "LocalTimeSerializer" => Scalar::LocalTime,
        "LocalDateTimeSerializer" => Scalar::LocalDateTime,
        "array.BytePrimitiveArraySerializer" => Scalar::Bytes,
        _ => return None,
    })
}

/// What carries nothing, arrays of scalars, and blobs.
fn other(serializer: &str) -> Option<FlinkType> {
    Some(match serializer {
        "NullValueSerializer" => FlinkType::Unit(Unit { bytes: 0, reported: 0 }),
        "VoidSerializer" => FlinkType::Unit(Unit { bytes: 1, reported: 1 }),
        "VariantSerializer" => blob("org.apache.flink.types.variant.Variant", OpaqueEnd::TwoSizes),
        "BitmapSerializer" => blob("org.roaringbitmap.RoaringBitmap", OpaqueEnd::Prefixed),
        array => sequence_of(match array.strip_prefix("array.")? {
            "BooleanPrimitiveArraySerializer" => Scalar::Boolean,
            "CharPrimitiveArraySerializer" => Scalar::Char,
            "ShortPrimitiveArraySerializer" => Scalar::Short,
            "IntPrimitiveArraySerializer" => Scalar::Int,
            "LongPrimitiveArraySerializer" => Scalar::Long,
            "FloatPrimitiveArraySerializer" => Scalar::Float,
            "DoublePrimitiveArraySerializer" => Scalar::Double,
            "StringArraySerializer" => Scalar::Text,
            _ => return None,
        }),
    })
}

fn blob(class: &str, end: OpaqueEnd) -> FlinkType {
    FlinkType::Opaque(Opaque { class: class.to_owned(), end })
}

fn sequence_of(scalar: Scalar) -> FlinkType {
    let element = Box::new(FlinkType::Scalar(scalar));
    FlinkType::Sequence(Sequence { element, nulls: Nulls::Unmarked, set: false })
}

/// `utf class | i32 n | n × utf constant`; what is written is the place in this list.
fn enumeration(reader: &mut SnapshotReader<'_, '_>) -> Result<EnumType> {
    let class = java::utf(reader.cursor, "enum class")?;
    let count = java::count(reader.cursor, 2, "constants of an enum")?;
    let constants =
        (0i32..).take(count).map(|ordinal| Ok((ordinal, java::utf(reader.cursor, "enum constant")?)));
    Ok(EnumType { class, constants: constants.collect::<Result<_>>()? })
}
