//! Values of a serializer, decoded from their bytes straight into Arrow columns.
//!
//! ```text
//! FlinkType ──► field_of ──► Field ──► Column
//!     └───────► append(type, column, cursor, tail) ──► one value more in the column
//! ```
//!
//! Most values say themselves where they end. Opaque ones do not; they can be read where it is known how
//! many bytes follow them. That is the `tail`: the bytes between the end of this value and the end of the
//! cursor, `None` where nobody knows, as in a stream of values without lengths.

mod avro_end;
mod avro_value;
mod binary_row;
mod column;
mod composite;
mod kryo;
mod kryo_value;
mod nested;
mod opaque;
mod order;
mod pojo;
mod scalar;
mod stream_element;
mod time;
mod types;

use spt_format::{Cursor, Error, ErrorKind, Result};

use super::flink_type::{FlinkType, Opaque, OpaqueEnd, Unit};

pub(crate) use column::Column;
pub(crate) use composite::RowHead;
pub(crate) use kryo::kryo_head;
pub(crate) use scalar::big_integer;
pub(crate) use time::days;
pub(crate) use types::{field_of, structure, variant};

/// Bytes between the end of a value and the end of the cursor, where known.
pub(crate) type Tail = Option<usize>;

/// Decodes one value to its last byte and appends it.
///
/// After an error the column may hold parts of the value: the caller cuts it back with
/// [`Column::truncate`].
///
/// # Errors
/// [`ErrorKind::Unsupported`] for a value whose end cannot be found or that has no place in its column;
/// anything else means that the bytes are damaged.
pub(crate) fn append(
    data_type: &FlinkType,
    column: &mut Column,
    cursor: &mut Cursor<'_>,
    tail: Tail,
) -> Result<()> {
    match data_type {
        FlinkType::Scalar(scalar) => scalar::append(*scalar, column, cursor),
        FlinkType::Unit(unit) => append_unit(*unit, column, cursor),
        FlinkType::Enum(constants) => composite::append_enum(constants, column, cursor),
        FlinkType::Sequence(sequence) => composite::append_sequence(sequence, column, cursor, tail),
        FlinkType::Map(map) => composite::append_map(map, column, cursor, tail),
        FlinkType::Record(record) => composite::append_record(record, column, cursor, tail),
        FlinkType::Row(row) => composite::append_row(row, column, cursor, tail),
        FlinkType::Pojo(pojo) => pojo::append(pojo, column, cursor, tail),
        FlinkType::Optional(optional) => composite::append_optional(optional, column, cursor, tail),
        FlinkType::Either(either) => composite::append_either(either, column, cursor, tail),
        FlinkType::StreamElement(value) => stream_element::append(value, column, cursor, tail),
        FlinkType::TimeWindow => composite::append_window(column, cursor),
        FlinkType::Ttl(value) => composite::append_ttl(value, column, cursor, tail),
        FlinkType::Timer { key, namespace } => composite::append_timer(key, namespace, column, cursor, tail),
        FlinkType::RowData(fields) => binary_row::append_row(fields, column, cursor),
        FlinkType::ArrayData(element) => binary_row::append_array(element, column, cursor),
        FlinkType::MapData(key, value) => binary_row::append_map(key, value, column, cursor),
        FlinkType::RawData(inner) => append_raw(inner, column, cursor),
        FlinkType::DecimalData { precision, .. } => binary_row::append_decimal(*precision, column, cursor),
        FlinkType::TimestampData(precision) => time::append_timestamp_data(*precision, column, cursor),
        FlinkType::Avro(schema) => avro_value::append(schema, None, column, cursor),
        FlinkType::Opaque(value) => match kryo_value::append(value, column, cursor, tail)? {
            true => Ok(()),
            false => opaque::append(value, column, cursor, tail),
        },
    }
}

fn append_unit(unit: Unit, column: &mut Column, cursor: &mut Cursor<'_>) -> Result<()> {
    cursor.take(unit.bytes, "value without information")?;
    push_unit(column)
}

fn push_unit(column: &mut Column) -> Result<()> {
    let fields = column.fields()?;
    fields.column(0)?.boolean()?.push(true)?;
    fields.end();
    Ok(())
}

/// `i32` size, then exactly one value of another serializer.
fn append_raw(inner: &FlinkType, column: &mut Column, cursor: &mut Cursor<'_>) -> Result<()> {
    let mut bytes = sized(cursor, "raw value")?;
    append(inner, column, &mut bytes, Some(0))?;
    bytes.end("raw value")
}

/// `i32` size, then that many bytes, as a cursor of their own.
fn sized<'a>(cursor: &mut Cursor<'a>, what: &str) -> Result<Cursor<'a>> {
    let length = crate::java::count(cursor, 1, what)?;
    let start = cursor.offset();
    cursor.take(length, what).map(|bytes| Cursor::at(bytes, start))
}

/// The error for a value that is in order, but cannot be shown.
fn unsupported(cursor: &Cursor<'_>, what: impl Into<String>) -> Error {
    cursor.error(ErrorKind::Unsupported { what: what.into() })
}

/// Appends a value that fills its bytes, or leaves the column as it was.
///
/// # Errors
/// As [`append`], and [`ErrorKind::TrailingBytes`].
pub(crate) fn append_whole(
    data_type: &FlinkType,
    column: &mut Column,
    cursor: &mut Cursor<'_>,
) -> Result<()> {
    let length = column.len();
    let result = append(data_type, column, cursor, Some(0)).and_then(|()| cursor.end("value"));
    if result.is_err() {
        column.truncate(length);
    }
    result
}

/// Whether the end of the value at the cursor shows in its own bytes.
pub(crate) fn shows_its_end(data_type: &FlinkType, cursor: &Cursor<'_>) -> bool {
    match data_type {
        FlinkType::Opaque(Opaque { end: OpaqueEnd::Kryo(kryo), .. }) => {
            kryo::skip(&mut cursor.clone(), kryo).is_ok()
        }
        FlinkType::Opaque(Opaque { end: OpaqueEnd::Unmarked, .. }) => false,
        _ => true,
    }
}

/// Whether the error says that a value cannot be shown, rather than that its bytes are damaged.
pub(crate) fn is_unsupported(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Unsupported { .. })
}
