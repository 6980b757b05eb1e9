//! The serializers of Flink's Scala API, in its own package and in the one it moved to in 2.0.

use spt_format::Result;

use super::collections::{either, present, sequence};
use super::flink_type::{EnumType, FlinkType, Nulls, Record, Unit, positional};
use super::snapshot::{Header, SnapshotReader};
use crate::java;

const PACKAGES: [&str; 2] =
    ["org.apache.flink.api.scala.typeutils.", "org.apache.flink.table.api.typeutils."];

/// Reads a snapshot of this family, `None` if the class belongs to another one.
pub(super) fn read(header: &Header, reader: &mut SnapshotReader<'_, '_>) -> Result<Option<FlinkType>> {
    let Some(name) = PACKAGES.iter().find_map(|package| header.class.strip_prefix(package)) else {
        return Ok(None);
    };
    let class = |reader: &mut SnapshotReader<'_, '_>, _| java::utf(reader.cursor, "Scala class");
    Ok(Some(match name {
        "ScalaCaseClassSerializerSnapshot" | "Tuple2CaseClassSerializerSnapshot" => {
            let (_, fields) = reader.composite(header, class)?;
            FlinkType::Record(Record::new(positional(fields)))
        }
        "ScalaOptionSerializerSnapshot" => {
            let [inner] = reader.parts(header)?;
            present(inner)
        }
        "ScalaEitherSerializerSnapshot" => either(reader.parts(header)?, [1, 0], ["left", "right"]),
        "ScalaTrySerializerSnapshot" => either(reader.parts(header)?, [1, 0], ["success", "failure"]),
        "TraversableSerializerSnapshot" => {
            let (_, parts) = reader.composite(header, class)?;
            let [element] = reader.exactly(parts)?;
            sequence(element, Nulls::IsPresent)
        }
        "ScalaEnumSerializerSnapshot" | "EnumValueSerializer$ScalaEnumSerializerSnapshot" => {
            FlinkType::Enum(enumeration(reader)?)
        }
        "UnitSerializer$UnitSerializerSnapshot" | "UnitSerializerSnapshot" => {
            reader.simple(header)?;
            FlinkType::Unit(Unit { bytes: 1, reported: 1 })
        }
        _ => return Ok(None),
    }))
}

/// `utf class | i32 n | n × (utf name | i32 id)`; what is written is the id.
fn enumeration(reader: &mut SnapshotReader<'_, '_>) -> Result<EnumType> {
    let class = java::utf(reader.cursor, "enumeration class")?;
    let count = java::count(reader.cursor, 6, "constants of an enumeration")?;
    let mut constants = Vec::with_capacity(count);
    for _ in 0..count {
        let name = java::utf(reader.cursor, "enumeration constant")?;
        constants.push((reader.cursor.i32_be()?, name));
    }
    Ok(EnumType { class, constants })
}
