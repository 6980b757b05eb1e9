//! Kafka over several clusters, which may come and go: the dynamic source.
//!
//! ```text
//! split 1        utf cluster | i32 version | split
//! enumerator 1   i32 n | n × stream | i32 version | i32 n | n × (utf cluster | i32 size | enumerator)
//!            2   the same
//! stream         utf stream | i32 n | n × (utf cluster | i32 n | n × utf topic | utf servers | in 2: 2 × offsets)
//! offsets        bool there are | i32 n | n bytes: a Java object, where to start or to stop
//! ```
//!
//! What is versioned is [`kafka`](super::kafka)'s.
//!
//! # Source
//! Flink's Kafka connector, `DynamicKafkaSourceSplitSerializer`, `DynamicKafkaSourceEnumStateSerializer`.

use spt_format::{Cursor, Field, Logical, Result, Type};

use super::kafka::{enumerator_field, name, split_fields, split_values, topic};
use super::sources::Connector;
use super::value::{Value, list};
use super::{Evidence, Layout, kafka, only, plausible, sized};
use crate::serializers::values::structure;

pub(super) static KAFKA_DYNAMIC: Connector = Connector {
    tag: "kafka_dynamic",
    split: Layout {
        name: "dynamic Kafka split",
        evidence: Evidence::Values(&[1]),
        field: split_field,
        read: split,
    },
    enumerator: Layout {
        name: "dynamic Kafka enumerator",
        evidence: Evidence::Values(&[1, 2]),
        field: enumerator_of_all_field,
        read: enumerator_of_all,
    },
};

fn split_field() -> Field {
    let [topic, partition, offset, stopping_offset] = split_fields();
    structure([("cluster", Field::new("", Type::Utf8)), topic, partition, offset, stopping_offset])
}

fn split(version: i32, cursor: &mut Cursor<'_>) -> Result<Value> {
    only(version, 1, cursor)?;
    let mut values = vec![name(cursor, "the name of a cluster")?];
    let version = cursor.i32_be()?;
    values.extend(split_values(version, cursor)?);
    Ok(Value::Struct(values))
}

fn enumerator_of_all_field() -> Field {
    let text = || Field::new("", Type::Utf8);
    let object = || {
        let class = "org.apache.flink.connector.kafka.source.enumerator.initializer.OffsetsInitializer";
        Field::new("", Type::Binary).with_logical(Logical::Opaque(class.to_owned())).nullable()
    };
    let cluster = structure([
        ("cluster", text()),
        ("topics", Field::new("", Type::list(text()))),
        ("bootstrap_servers", text()),
        ("starting_offsets", object()),
        ("stopping_offsets", object()),
    ]);
    let stream = structure([("stream", text()), ("clusters", Field::new("", Type::list(cluster)))]);
    let enumerator = structure([("cluster", text()), ("enumerator", enumerator_field())]);
    structure([
        ("streams", Field::new("", Type::list(stream))),
        ("enumerators", Field::new("", Type::list(enumerator))),
    ])
}

fn enumerator_of_all(version: i32, cursor: &mut Cursor<'_>) -> Result<Value> {
    plausible((1..=2).contains(&version), cursor, "the version of a dynamic enumerator")?;
    let streams = list(cursor, 6, "streams", |cursor| {
        let stream = name(cursor, "the name of a stream")?;
        let clusters = list(cursor, 8, "clusters", |cursor| cluster(version, cursor))?;
        Ok(Value::Struct(vec![stream, clusters]))
    })?;
    let version = cursor.i32_be()?;
    plausible((0..=3).contains(&version), cursor, "the version of an enumerator")?;
    let enumerators = list(cursor, 6, "enumerators", |cursor| {
        let cluster = name(cursor, "the name of a cluster")?;
        let mut inner = sized(cursor, "enumerator")?;
        let state = kafka::enumerator(version, &mut inner)?;
        inner.end("enumerator")?;
        Ok(Value::Struct(vec![cluster, state]))
    })?;
    Ok(Value::Struct(vec![streams, enumerators]))
}

/// A cluster of a stream.
fn cluster(version: i32, cursor: &mut Cursor<'_>) -> Result<Value> {
    let mut values = vec![name(cursor, "the name of a cluster")?];
    values.push(list(cursor, 2, "topics", topic)?);
    values.push(name(cursor, "the servers of a cluster")?);
    for _ in 0..2 {
        values.push(if version == 1 { Value::Null } else { offsets(cursor)? });
    }
    Ok(Value::Struct(values))
}

fn offsets(cursor: &mut Cursor<'_>) -> Result<Value> {
    if !cursor.bool("whether there are offsets")? {
        return Ok(Value::Null);
    }
    sized(cursor, "offsets").map(|bytes| Value::Bytes(bytes.rest().to_vec()))
}
