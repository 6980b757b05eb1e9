//! Lists, sets, maps, arrays, tuples, either, optional and row: types made of others.

use spt_format::Result;

use super::flink_type::{
    Either, FlinkType, MapType, Nulls, Optional, Record, RowType, Sequence, Side, Unit, positional,
};
use super::java_object::read_stream;
use super::snapshot::{Header, SnapshotReader};
use crate::java;

/// Reads a snapshot of this family, `None` if the class belongs to another one.
pub(super) fn read(header: &Header, reader: &mut SnapshotReader<'_, '_>) -> Result<Option<FlinkType>> {
    Ok(Some(match header.class.as_str() {
        "org.apache.flink.api.common.typeutils.base.ListSerializerSnapshot"
        | "org.apache.flink.runtime.state.ArrayListSerializerSnapshot" => {
            let [element] = reader.parts(header)?;
            sequence(element, Nulls::Unmarked)
        }
        "org.apache.flink.api.common.typeutils.base.SetSerializerSnapshot" => {
            let [element] = reader.parts(header)?;
            let element = Box::new(element);
            FlinkType::Sequence(Sequence { element, nulls: Nulls::IsNull, set: true })
        }
        "org.apache.flink.api.common.typeutils.base.MapSerializerSnapshot" => {
            let [key, value] = reader.parts(header)?;
            map(key, value, false)
        }
        "org.apache.flink.table.runtime.typeutils.SortedMapSerializerSnapshot" => {
            read_stream(reader.cursor)?; // the comparator
            let parts = reader.delegate()?;
            let [key, value] = reader.exactly(parts)?;
            map(key, value, false)
        }
        "org.apache.flink.api.common.typeutils.base.GenericArraySerializerSnapshot" => {
            let own = |reader: &mut SnapshotReader<'_, '_>, _| java::utf(reader.cursor, "component class");
            let (_, parts) = reader.composite(header, own)?;
            let [element] = reader.exactly(parts)?;
            sequence(element, Nulls::IsPresent)
        }
        "org.apache.flink.table.runtime.typeutils.LinkedListSerializer$LinkedListSerializerSnapshot" => {
            linked_list(header, reader)?
        }
        "org.apache.flink.api.java.typeutils.runtime.TupleSerializerSnapshot" => tuple(header, reader)?,
        "org.apache.flink.api.java.typeutils.runtime.Tuple0SerializerSnapshot"
        | "org.apache.flink.api.java.typeutils.runtime.Tuple0Serializer$Tuple0SerializerSnapshot" => {
            reader.simple(header)?;
            FlinkType::Unit(Unit { bytes: 1, reported: 1 })
        }
        "org.apache.flink.api.java.typeutils.runtime.JavaEitherSerializerSnapshot"
        | "org.apache.flink.api.java.typeutils.runtime.EitherSerializerSnapshot" => {
            let parts = reader.parts(header)?;
            either(parts, [1, 0], ["left", "right"])
        }
        "org.apache.flink.api.java.typeutils.runtime.NullableSerializer$NullableSerializerSnapshot" => {
            nullable(header, reader)?
        }
        "org.apache.flink.api.java.typeutils.runtime.RowSerializer$RowSerializerSnapshot" => {
            row(header, reader)?
        }
        _ => return Ok(None),
    }))
}

/// A list of these elements.
pub(super) fn sequence(element: FlinkType, nulls: Nulls) -> FlinkType {
    FlinkType::Sequence(Sequence { element: Box::new(element), nulls, set: false })
}

/// A map of these.
pub(super) fn map(key: FlinkType, value: FlinkType, null_keys: bool) -> FlinkType {
    FlinkType::Map(MapType { key: Box::new(key), value: Box::new(value), null_keys })
}

/// Two sides, told apart by a byte.
pub(super) fn either(parts: [FlinkType; 2], flags: [u8; 2], names: [&'static str; 2]) -> FlinkType {
    let [first, second] = parts;
    let [first_flag, second_flag] = flags;
    let [first_name, second_name] = names;
    FlinkType::Either(Box::new(Either {
        sides: [
            Side { flag: first_flag, name: first_name, data_type: first },
            Side { flag: second_flag, name: second_name, data_type: second },
        ],
    }))
}

/// A value or none; the flag is 1 when there is one.
pub(super) fn present(inner: FlinkType) -> FlinkType {
    FlinkType::Optional(Optional { inner: Box::new(inner), present: true, padding: 0 })
}

fn tuple(header: &Header, reader: &mut SnapshotReader<'_, '_>) -> Result<FlinkType> {
    let (_, fields) = reader.composite(header, |reader, _| java::utf(reader.cursor, "tuple class"))?;
    Ok(FlinkType::Record(Record::tuple(positional(fields))))
}

fn linked_list(header: &Header, reader: &mut SnapshotReader<'_, '_>) -> Result<FlinkType> {
    let own = |reader: &mut SnapshotReader<'_, '_>, version: i32| match version {
        1 => Ok(false),
        2 => Ok(true),
        3 => reader.cursor.bool("linked list's mask of nulls"),
        found => Err(reader.version("linked list serializer", found, "1 to 3")),
    };
    let (mask, parts) = reader.composite(header, own)?;
    let [element] = reader.exactly(parts)?;
    Ok(sequence(element, if mask { Nulls::Mask } else { Nulls::Unmarked }))
}

fn nullable(header: &Header, reader: &mut SnapshotReader<'_, '_>) -> Result<FlinkType> {
    let own = |reader: &mut SnapshotReader<'_, '_>, _| {
        let place = reader.cursor.clone();
        let padding = reader.cursor.i32_be()?;
        usize::try_from(padding)
            .ok()
            .filter(|padding| *padding <= 1 << 16)
            .ok_or_else(|| place.invalid(format!("{padding} bytes of padding for null")))
    };
    let (padding, parts) = reader.composite(header, own)?;
    let [inner] = reader.exactly(parts)?;
    Ok(FlinkType::Optional(Optional { inner: Box::new(inner), present: false, padding }))
}

fn row(header: &Header, reader: &mut SnapshotReader<'_, '_>) -> Result<FlinkType> {
    let own = |reader: &mut SnapshotReader<'_, '_>, version: i32| {
        let kind = match version {
            ..=2 => false,
            3 => true,
            _ => reader.cursor.bool("whether rows have a kind")?,
        };
        Ok((kind, version >= 4))
    };
    let ((kind, is_hashed), fields) = reader.composite(header, own)?;
    Ok(FlinkType::Row(RowType { fields: positional(fields), kind, is_hashed }))
}
