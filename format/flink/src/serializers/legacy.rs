//! Snapshots in the form before Flink 1.8: a serialized serializer, and its "config snapshot".
//!
//! Flink 1.7 wrote serializers that had not moved to the new form yet behind an adapter:
//!
//! ```text
//! adapter    utf class of config | i32 7A53C4F0 | serializer | i32 version | config
//! serializer i32 1 | i32 n | n bytes: a Java object stream
//! config     parameterless   utf class of the serializer
//!            composite       list of parts [ tuple: the Java stream of its class ]
//!            Kryo            utf class | i32 n | n × (utf tag | utf class | i32 kind | …)
//!            generic         utf class
//! parts      i32 n | n × (i32 offset of serializer, i32 offset of snapshot) | i32 size | bytes
//! ```
//!
//! Values are encoded as ever since.
//!
//! # Source
//! Flink 1.7, `BackwardsCompatibleSerializerSnapshot`, `TypeSerializerSerializationUtil`.

use spt_format::{Cursor, Result, ResultExt};

use super::collections::{either, map, present, sequence};
use super::flink_type::{FlinkType, Kryo, KryoVersion, Nulls, Opaque, OpaqueEnd, Record, positional};
use super::generic::value;
use super::java_object::read_stream;
use super::snapshot::{Header, SnapshotReader, opaque};
use crate::java;

/// Stands where a snapshot has its version.
pub(super) const ADAPTER_VERSION: i32 = 0x7A53_C4F0;

/// Reads what follows the adapter's version; `class` is that of the config.
pub(super) fn read(class: &str, reader: &mut SnapshotReader<'_, '_>) -> Result<FlinkType> {
    skip_serializer(reader.cursor)?;
    reader.cursor.i32_be()?; // the config's version
    config(class, reader)
}

fn skip_serializer(cursor: &mut Cursor<'_>) -> Result<()> {
    let start = cursor.clone();
    match cursor.i32_be()? {
        1 => java::bytes32(cursor, "serialized serializer").map(drop),
        other => Err(start.invalid(format!("a serialized serializer of version {other}"))),
    }
}

fn config(class: &str, reader: &mut SnapshotReader<'_, '_>) -> Result<FlinkType> {
    let simple = class.rsplit(['.', '$']).next().unwrap_or(class);
    Ok(match simple {
        "ParameterlessTypeSerializerConfig" => {
            let serializer = java::utf(reader.cursor, "serializer's class")?;
            return parameterless(&serializer, reader);
        }
        "CollectionSerializerConfigSnapshot" => {
            let [element] = parts(reader)?;
            sequence(element, Nulls::Unmarked)
        }
        "MapSerializerConfigSnapshot" => {
            let [key, value] = parts(reader)?;
            map(key, value, false)
        }
        "EitherSerializerConfigSnapshot" | "ScalaEitherSerializerConfigSnapshot" => {
            either(parts(reader)?, [1, 0], ["left", "right"])
        }
        "ScalaTrySerializerConfigSnapshot" => either(parts(reader)?, [1, 0], ["success", "failure"]),
        "ScalaOptionSerializerConfigSnapshot" => {
            let [inner] = parts(reader)?;
            present(inner)
        }
        "TraversableSerializerConfigSnapshot" => {
            let [element] = parts(reader)?;
            sequence(element, Nulls::IsPresent)
        }
        "TimerSerializerConfigSnapshot" => {
            let [key, namespace] = parts(reader)?;
            FlinkType::Timer { key: Box::new(key), namespace: Box::new(namespace) }
        }
        "TupleSerializerConfigSnapshot" => {
            let fields = list(reader)?;
            read_stream(reader.cursor)?; // the tuple's class
            FlinkType::Record(Record::tuple(positional(fields)))
        }
        "KryoSerializerConfigSnapshot" => kryo(reader)?,
        "GenericTypeSerializerConfigSnapshot"
        | "ValueSerializerConfigSnapshot"
        | "CopyableValueSerializerConfigSnapshot"
        | "WritableSerializerConfigSnapshot" => value(&java::utf(reader.cursor, "value class")?),
        _ => {
            let header = Header { class: class.to_owned(), version: ADAPTER_VERSION };
            return reader.unknown(&header);
        }
    })
}

/// A serializer without parameters is known by its class: its snapshot of today has no body.
fn parameterless(serializer: &str, reader: &mut SnapshotReader<'_, '_>) -> Result<FlinkType> {
    let simple = serializer.rsplit(['.', '$']).next().unwrap_or(serializer);
    let outer = serializer.strip_suffix("$Serializer").and_then(|outer| outer.rsplit('.').next());
    let nested = outer.map(|outer| format!("{serializer}${outer}SerializerSnapshot"));
    for class in [Some(format!("{serializer}${simple}Snapshot")), nested].into_iter().flatten() {
        if let Some(data_type) = super::catalogue::read(&Header { class, version: 3 }, reader)? {
            return Ok(data_type);
        }
    }
    Ok(opaque(serializer))
}

fn parts<const N: usize>(reader: &mut SnapshotReader<'_, '_>) -> Result<[FlinkType; N]> {
    let parts = list(reader)?;
    reader.exactly(parts)
}

/// Parts, each found by its offset: one that cannot be read does not hide the others. They do not overlap, so
/// that no byte is read more than once.
fn list(reader: &mut SnapshotReader<'_, '_>) -> Result<Vec<FlinkType>> {
    let place = reader.cursor.clone();
    let count = java::count(reader.cursor, 8, "parts of a serializer")?;
    let mut offsets = Vec::with_capacity(2 * count);
    for _ in 0..2 * count {
        offsets.push(reader.cursor.i32_be()?);
    }
    let size = java::count(reader.cursor, 1, "bytes of a serializer's parts")?;
    let start = reader.cursor.offset();
    let bytes = reader.cursor.take(size, "parts of a serializer")?;
    let offsets: Vec<_> = offsets.into_iter().map(|offset| usize::try_from(offset).unwrap_or(size)).collect();
    let ends = offsets.iter().copied().skip(2).step_by(2).chain([size]);
    let snapshots = offsets.iter().copied().skip(1).step_by(2);
    let mut parts = Vec::with_capacity(count);
    for (index, (from, to)) in snapshots.zip(ends).enumerate() {
        let part = offsets.is_sorted().then(|| bytes.get(from..to)).flatten();
        let part = part.ok_or_else(|| place.invalid("parts of a serializer overlap"))?;
        let cursor = Cursor::at(part, start + from as u64);
        parts.push(reader.framed_at(cursor).within(|| format!("part {index}"))?);
    }
    Ok(parts)
}

fn kryo(reader: &mut SnapshotReader<'_, '_>) -> Result<FlinkType> {
    let class = java::utf(reader.cursor, "Kryo class")?;
    let mut registrations = Vec::new();
    for _ in 0..java::count(reader.cursor, 8, "Kryo registrations")? {
        registrations.push(java::utf(reader.cursor, "registered tag")?);
        java::utf(reader.cursor, "registered class")?;
        let place = reader.cursor.clone();
        match reader.cursor.i32_be()? {
            0 => {}
            1 => java::utf(reader.cursor, "registered serializer").map(drop)?,
            2 => read_stream(reader.cursor).map(drop)?,
            other => return Err(place.invalid(format!("{other} is no kind of a Kryo registration"))),
        }
    }
    let kryo = Kryo { version: KryoVersion::Two, registrations };
    Ok(FlinkType::Opaque(Opaque { class, end: OpaqueEnd::Kryo(kryo) }))
}
