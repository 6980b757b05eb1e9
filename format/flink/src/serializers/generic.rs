//! Values that another library, or the user's own class, writes: Kryo, Avro, Java serialization, `Value`.

use spt_format::Result;

use super::avro::AvroType;
use super::flink_type::{FlinkType, Kryo, KryoVersion, Opaque, OpaqueEnd, Scalar, Unit};
use super::snapshot::{Header, SnapshotReader, opaque};
use crate::java;

/// Reads a snapshot of this family, `None` if the class belongs to another one.
pub(super) fn read(header: &Header, reader: &mut SnapshotReader<'_, '_>) -> Result<Option<FlinkType>> {
    Ok(Some(match header.class.as_str() {
        "org.apache.flink.api.java.typeutils.runtime.kryo.KryoSerializerSnapshot" => kryo(header, reader)?,
        "org.apache.flink.formats.avro.typeutils.AvroSerializerSnapshot" => avro(header, reader)?,
        "org.apache.flink.runtime.state.JavaSerializer$JavaSerializerSnapshot" => {
            reader.simple(header)?;
            let class = "java.io.Serializable".to_owned();
            FlinkType::Opaque(Opaque { class, end: OpaqueEnd::JavaStream })
        }
        "org.apache.flink.api.java.typeutils.runtime.ValueSerializer$ValueSerializerSnapshot"
        | "org.apache.flink.api.java.typeutils.runtime.CopyableValueSerializer$CopyableValueSerializerSnapshot"
        | "org.apache.flink.api.java.typeutils.runtime.WritableSerializer$WritableSerializerSnapshot" => {
            let class = java::utf(reader.cursor, "value class")?;
            value(&class)
        }
        _ => return Ok(None),
    }))
}

/// `utf class | optmap registrations | optmap default serializers | optmap their classes`.
fn kryo(header: &Header, reader: &mut SnapshotReader<'_, '_>) -> Result<FlinkType> {
    if header.version != 2 {
        return Err(reader.version("Kryo serializer snapshot", header.version, "2"));
    }
    let class = java::utf(reader.cursor, "Kryo class")?;
    let registrations = reader.optional_map()?.into_iter().map(|entry| entry.name).collect();
    let kryo = Kryo { version: KryoVersion::Two, registrations };
    reader.optional_map()?;
    reader.optional_map()?;
    Ok(FlinkType::Opaque(Opaque { class, end: OpaqueEnd::Kryo(kryo) }))
}

/// The schema the values were written with; version 3 stores both strings as values are.
fn avro(header: &Header, reader: &mut SnapshotReader<'_, '_>) -> Result<FlinkType> {
    let (class, schema) = match header.version {
        1 => (None, java::utf(reader.cursor, "Avro schema")?),
        2 => {
            let class = java::utf(reader.cursor, "Avro class")?;
            (Some(class), java::utf(reader.cursor, "Avro schema")?)
        }
        3 => (java::fstr(reader.cursor)?.map(|text| text.text), avro_schema(reader)?),
        found => return Err(reader.version("Avro serializer snapshot", found, "1 to 3")),
    };
    match AvroType::parse(&schema) {
        Ok(schema) => Ok(FlinkType::Avro(Box::new(schema))),
        Err(error) if error.recursive => Ok(opaque(class.as_deref().unwrap_or("recursive Avro schema"))),
        Err(error) => Err(reader.cursor.invalid(error.what)),
    }
}

fn avro_schema(reader: &mut SnapshotReader<'_, '_>) -> Result<String> {
    let start = reader.cursor.clone();
    match java::fstr(reader.cursor)? {
        Some(schema) => Ok(schema.text),
        None => Err(start.invalid("an Avro serializer without a schema")),
    }
}

/// Flink's own value classes are known, those of users are not.
pub(super) fn value(class: &str) -> FlinkType {
    let scalar = match class.strip_prefix("org.apache.flink.types.") {
        Some("BooleanValue") => Scalar::Boolean,
        Some("ByteValue") => Scalar::Byte,
        Some("ShortValue") => Scalar::Short,
        Some("IntValue") => Scalar::Int,
        Some("LongValue") => Scalar::Long,
        Some("FloatValue") => Scalar::Float,
        Some("DoubleValue") => Scalar::Double,
        Some("CharValue") => Scalar::Char,
        Some("StringValue") => Scalar::TextValue,
        Some("NullValue") => return FlinkType::Unit(Unit { bytes: 1, reported: 1 }),
        _ => return opaque(class),
    };
    FlinkType::Scalar(scalar)
}
