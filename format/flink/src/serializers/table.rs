//! The serializers of Flink SQL and the Table API.
//!
//! # Source
//! Flink, `org.apache.flink.table.runtime.typeutils`.

use spt_format::Result;

use super::collections::map;
use super::flink_type::{FlinkType, Opaque, OpaqueEnd, Scalar, Unit, named};
use super::java_object::read_stream;
use super::snapshot::{Header, SnapshotReader};
use super::sql_type::{SqlField, SqlType};
use crate::java;

const TABLE: &str = "org.apache.flink.table.";

/// Reads a snapshot of this family, `None` if the class belongs to another one.
pub(super) fn read(header: &Header, reader: &mut SnapshotReader<'_, '_>) -> Result<Option<FlinkType>> {
    let Some(name) = header.class.strip_prefix(TABLE) else { return Ok(None) };
    if let Some(data_type) = simple(name) {
        reader.simple(header)?;
        return Ok(Some(data_type));
    }
    Ok(Some(match name {
        "runtime.typeutils.RowDataSerializer$RowDataSerializerSnapshot" => row_data(header, reader)?,
        "runtime.typeutils.BinaryRowDataSerializer$BinaryRowDataSerializerSnapshot" => {
            reader.cursor.i32_be()?; // the number of columns
            let class = "org.apache.flink.table.data.binary.BinaryRowData".to_owned();
            FlinkType::Opaque(Opaque { class, end: OpaqueEnd::Prefixed })
        }
        "runtime.typeutils.DecimalDataSerializer$DecimalSerializerSnapshot"
        | "runtime.typeutils.DecimalDataSerializer$DecimalDataSerializerSnapshot" => decimal(reader)?,
        "runtime.typeutils.TimestampDataSerializer$TimestampDataSerializerSnapshot"
        | "runtime.typeutils.TimestampDataSerializer$TimestampSerializerSnapshot" => {
            let place = reader.cursor.clone();
            let precision = reader.cursor.i32_be()?;
            let precision = u8::try_from(precision).ok().filter(|precision| *precision <= 9);
            FlinkType::TimestampData(precision.ok_or_else(|| place.invalid("a precision beyond 9"))?)
        }
        "runtime.typeutils.ArrayDataSerializer$ArrayDataSerializerSnapshot" => {
            let element = SqlType::read(reader.cursor)?;
            read_stream(reader.cursor)?; // the element's serializer
            FlinkType::ArrayData(element)
        }
        "runtime.typeutils.MapDataSerializer$MapDataSerializerSnapshot" => {
            let key = SqlType::read(reader.cursor)?;
            let value = SqlType::read(reader.cursor)?;
            read_stream(reader.cursor)?; // the key's serializer
            read_stream(reader.cursor)?; // the value's serializer
            FlinkType::MapData(key, value)
        }
        "runtime.typeutils.RawValueDataSerializer$RawValueDataSerializerSnapshot" => {
            let [inner] = reader.parts(header)?;
            FlinkType::RawData(Box::new(inner))
        }
        "runtime.typeutils.ExternalSerializer$ExternalSerializerSnapshot" => external(header, reader)?,
        "runtime.typeutils.WindowKeySerializer$WindowKeySerializerSnapshot" => {
            let [key] = reader.parts(header)?;
            named([("window", FlinkType::Scalar(Scalar::Long)), ("key", key)])
        }
        "dataview.ListViewSerializerSnapshot" | "dataview.MapViewSerializerSnapshot" => {
            let [inner] = reader.parts(header)?;
            inner
        }
        "dataview.NullAwareMapSerializerSnapshot"
        | "runtime.dataview.NullAwareMapSerializerSnapshot"
        | "runtime.typeutils.NullAwareMapSerializerSnapshot" => {
            let [key, value] = reader.parts(header)?;
            map(key, value, true)
        }
        other => match other.strip_prefix("runtime.sequencedmultisetstate.linked.") {
            Some(linked) => return sequenced(linked, header, reader),
            None => return Ok(None),
        },
    }))
}

/// Snapshots without a body.
fn simple(name: &str) -> Option<FlinkType> {
    Some(match name {
        "runtime.typeutils.StringDataSerializer$StringDataSerializerSnapshot" => {
            FlinkType::Scalar(Scalar::Utf8)
        }
        "dataview.NullSerializer$NullSerializerSnapshot" => FlinkType::Unit(Unit { bytes: 1, reported: 1 }),
        sink if sink.ends_with("SortedLongSerializer$SortedLongSerializerSnapshot") => {
            FlinkType::Scalar(Scalar::SortedLong)
        }
        _ => return None,
    })
}

/// `i32 n | n × logical type | delegate | from version 4: flag, n × utf name`.
fn row_data(header: &Header, reader: &mut SnapshotReader<'_, '_>) -> Result<FlinkType> {
    if !(3..=4).contains(&header.version) {
        return Err(reader.version("RowData serializer snapshot", header.version, "3 and 4"));
    }
    // A stream that holds one type is longer than 40 bytes.
    let count = java::count(reader.cursor, 40, "columns of a row")?;
    let types = (0..count).map(|_| SqlType::read(reader.cursor)).collect::<Result<Vec<_>>>()?;
    let parts = reader.delegate()?;
    if parts.len() != count {
        return Err(reader.cursor.invalid(format!("{count} columns with {} serializers", parts.len())));
    }
    let named = header.version >= 4 && reader.cursor.bool("whether columns have names")?;
    let mut fields = Vec::with_capacity(count);
    for (index, (data_type, part)) in types.into_iter().zip(parts).enumerate() {
        let name = match named {
            true => java::utf(reader.cursor, "column name")?,
            false => format!("f{index}"),
        };
        fields.push(SqlField { name, data_type: with_serializer(data_type, part) });
    }
    Ok(FlinkType::RowData(fields))
}

/// A `RAW` column is written by its own serializer, which only the delegate knows.
fn with_serializer(data_type: SqlType, part: FlinkType) -> SqlType {
    match (data_type, part) {
        (SqlType::Raw(None), FlinkType::RawData(inner)) => SqlType::Raw(Some(inner)),
        (SqlType::Row(fields), FlinkType::RowData(parts)) if fields.len() == parts.len() => {
            let fields = fields.into_iter().zip(parts);
            SqlType::Row(
                fields.map(|(field, part)| SqlField { data_type: part.data_type, ..field }).collect(),
            )
        }
        (data_type, _) => data_type,
    }
}

fn decimal(reader: &mut SnapshotReader<'_, '_>) -> Result<FlinkType> {
    let place = reader.cursor.clone();
    let (precision, scale) = (reader.cursor.i32_be()?, reader.cursor.i32_be()?);
    match (u8::try_from(precision), i8::try_from(scale)) {
        (Ok(precision @ 1..=38), Ok(scale)) if (0..=precision.cast_signed()).contains(&scale) => {
            Ok(FlinkType::DecimalData { precision, scale })
        }
        _ => Err(place.invalid(format!("DECIMAL({precision}, {scale}) is no SQL type"))),
    }
}

/// A data type, a flag whether values come in SQL's own form, and the serializer that writes them.
fn external(header: &Header, reader: &mut SnapshotReader<'_, '_>) -> Result<FlinkType> {
    let own = |reader: &mut SnapshotReader<'_, '_>, _| {
        read_stream(reader.cursor)?;
        reader.cursor.bool("whether the input is internal")
    };
    let (_, parts) = reader.composite(header, own)?;
    let [inner] = reader.exactly(parts)?;
    Ok(inner)
}

/// State of the upsert materializer, second version: rows in the order they came, linked to their neighbours.
///
/// # Source
/// Flink 2.3, `NodeSerializer`, `RowSqnInfoSerializer`, `MetaSqnInfoSerializer`: fields back to back.
fn sequenced(name: &str, header: &Header, reader: &mut SnapshotReader<'_, '_>) -> Result<Option<FlinkType>> {
    let long = || FlinkType::Scalar(Scalar::Long);
    Ok(Some(match name.split('$').next().unwrap_or(name) {
        "RowDataKeySerializerSnapshot" => {
            java::bytes32(reader.cursor, "equaliser")?;
            java::bytes32(reader.cursor, "hash function")?;
            reader.nested()?
        }
        "RowSqnInfoSerializer" => {
            let [_, _] = reader.parts(header)?;
            named([("first", long()), ("last", long())])
        }
        "MetaSqnInfoSerializer" => {
            let [_, _] = reader.parts(header)?;
            named([("highest", long()), ("size", long())])
        }
        "NodeSerializer" => {
            let [row, _, previous, next, next_of_row, _] = reader.parts(header)?;
            named([
                ("row", row),
                ("number", long()),
                ("previous", previous),
                ("next", next),
                ("next_of_row", next_of_row),
                ("timestamp", long()),
            ])
        }
        _ => return Ok(None),
    }))
}

#[cfg(test)]
mod tests {
    use arrow_array::Array;
    use arrow_array::cast::AsArray;
    use arrow_array::types::Int64Type;

    use crate::serializers::Serializer;

    const LONG: &str = "org.apache.flink.api.common.typeutils.base.LongSerializer$LongSerializerSnapshot";
    const NULLABLE: &str =
        "org.apache.flink.api.java.typeutils.runtime.NullableSerializer$NullableSerializerSnapshot";
    const NODE: &str =
        "org.apache.flink.table.runtime.sequencedmultisetstate.linked.NodeSerializer$NodeSerializerSnapshot";

    fn int(number: i32) -> Vec<u8> {
        number.to_be_bytes().to_vec()
    }

    fn snapshot(class: &str, body: &[u8]) -> Vec<u8> {
        [&(class.len() as u16).to_be_bytes(), class.as_bytes(), &int(3), body].concat()
    }

    fn composite(class: &str, version: i32, own: &[u8], parts: &[Vec<u8>]) -> Vec<u8> {
        let delegate = [int(0x0014_57FD), int(1), int(parts.len() as i32), parts.concat()].concat();
        snapshot(class, &[int(0x000D_E704), int(version), own.to_vec(), delegate].concat())
    }

    #[test]
    fn a_node_of_the_upsert_materializer_has_its_row_and_its_neighbours() {
        let long = snapshot(LONG, &[]);
        let nullable = composite(NULLABLE, 2, &int(8), std::slice::from_ref(&long));
        // The row is another type here, so that it needs no Java object.
        let parts =
            [long.clone(), long.clone(), nullable.clone(), nullable.clone(), nullable.clone(), long.clone()];
        let node = Serializer::parse(&[int(2), composite(NODE, 0, &[], &parts)].concat()).unwrap();
        let number = |number: i64| number.to_be_bytes().to_vec();
        let none = [vec![1], number(0)].concat();
        let bytes = [number(7), number(2), [vec![0], number(1)].concat(), none.clone(), none, number(99)];
        let array = node.decode(&bytes.concat()).unwrap();
        let columns = array.as_struct().columns();
        let values = [0, 1, 2, 5].map(|column: usize| columns[column].as_primitive::<Int64Type>().value(0));
        assert_eq!(values, [7, 2, 1, 99]);
        assert!(columns[3].is_null(0) && columns[4].is_null(0));
    }
}
