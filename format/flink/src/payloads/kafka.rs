//! Kafka: the partitions of a source, and the transactions of a sink.
//!
//! ```text
//! split 0        utf topic | i32 partition | i64 offset | i64 stopping offset
//! enumerator 0   i32 split version | i32 n | n × (i32 subtask | i32 n | n × (i32 size | split))
//!            1   i32 n | n × (utf topic | i32 partition)
//!            2   i32 n | n × (utf topic | i32 partition | i32 status) | bool discovered
//!            3   i32 n | i32 split version | n × (i32 size | split | i32 status) | bool discovered
//! writer 1       utf prefix
//!        2       utf prefix | i32 subtask | i32 subtasks | i32 ownership | i32 n | n × (utf id | i64 checkpoint)
//! committable 1  i16 epoch | i64 producer | utf transactional id
//! ```
//!
//! An offset of −1 is the latest, −2 the earliest, −3 the group's committed one; the smallest number is none.
//! A status of 0 is assigned, of 1 not yet.
//!
//! # Source
//! Flink's Kafka connector, `KafkaPartitionSplitSerializer`, `KafkaSourceEnumStateSerializer`,
//! `KafkaWriterStateSerializer`, `KafkaCommittableSerializer`.

use spt_format::{Cursor, Field, Result, Type};

use super::sources::Connector;
use super::value::{Value, int, list, long, utf};
use super::{Evidence, Layout, only, plausible, sized};
use crate::java;
use crate::serializers::values::structure;

pub(super) static KAFKA: Connector = Connector {
    tag: "kafka",
    split: Layout { name: "Kafka split", evidence: Evidence::Values(&[0]), field: split_field, read: split },
    enumerator: Layout {
        name: "Kafka enumerator",
        evidence: Evidence::Values(&[1, 2, 3]),
        field: enumerator_field,
        read: enumerator,
    },
};

pub(super) static WRITER: Layout =
    Layout { name: "Kafka writer", evidence: Evidence::Values(&[1, 2]), field: writer_field, read: writer };

/// The longest name that Kafka allows.
const MAX_TOPIC_BYTES: usize = 249;
const MARKS: std::ops::RangeInclusive<i64> = -3..=-1;

fn split_field() -> Field {
    structure(split_fields())
}

pub(super) fn split_fields() -> [(&'static str, Field); 4] {
    [
        ("topic", Field::new("", Type::Utf8)),
        ("partition", Field::new("", Type::Int32)),
        ("offset", Field::new("", Type::Int64).nullable()),
        ("stopping_offset", Field::new("", Type::Int64).nullable()),
    ]
}

pub(super) fn enumerator_field() -> Field {
    let partition = structure([
        ("topic", Field::new("", Type::Utf8)),
        ("partition", Field::new("", Type::Int32)),
        ("offset", Field::new("", Type::Int64).nullable()),
        ("stopping_offset", Field::new("", Type::Int64).nullable()),
        ("assigned", Field::new("", Type::Boolean)),
        ("subtask", Field::new("", Type::Int32).nullable()),
    ]);
    structure([
        ("partitions", Field::new("", Type::list(partition))),
        ("initial_discovery_finished", Field::new("", Type::Boolean).nullable()),
    ])
}

fn split(version: i32, cursor: &mut Cursor<'_>) -> Result<Value> {
    split_values(version, cursor).map(Value::Struct)
}

/// One for each of [`split_fields`].
pub(super) fn split_values(version: i32, cursor: &mut Cursor<'_>) -> Result<Vec<Value>> {
    only(version, 0, cursor)?;
    let mut values = topic_partition(cursor)?;
    values.extend(offsets(cursor)?);
    Ok(values)
}

fn topic_partition(cursor: &mut Cursor<'_>) -> Result<Vec<Value>> {
    let topic = topic(cursor)?;
    let start = cursor.clone();
    let partition = cursor.i32_be()?;
    plausible(partition >= 0, &start, "the number of a partition")?;
    Ok(vec![topic, Value::Int(partition)])
}

pub(super) fn topic(cursor: &mut Cursor<'_>) -> Result<Value> {
    let start = cursor.clone();
    let topic = java::utf(cursor, "topic")?;
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    let is_topic = (1..=MAX_TOPIC_BYTES).contains(&topic.len()) && topic.bytes().all(legal);
    plausible(is_topic, &start, "the name of a topic")?;
    Ok(Value::Text(topic))
}

fn offsets(cursor: &mut Cursor<'_>) -> Result<[Value; 2]> {
    Ok([offset(cursor)?, offset(cursor)?])
}

fn offset(cursor: &mut Cursor<'_>) -> Result<Value> {
    let start = cursor.clone();
    match cursor.i64_be()? {
        i64::MIN => Ok(Value::Null),
        offset => {
            plausible(offset >= 0 || MARKS.contains(&offset), &start, "an offset")?;
            Ok(Value::Long(offset))
        }
    }
}

pub(super) fn enumerator(version: i32, cursor: &mut Cursor<'_>) -> Result<Value> {
    let partitions = match version {
        0 => assignments(cursor)?,
        1 => list(cursor, 6, "partitions", |cursor| {
            let mut values = topic_partition(cursor)?;
            values.extend([Value::Null, Value::Null, Value::Boolean(true), Value::Null]);
            Ok(Value::Struct(values))
        })?,
        2 => list(cursor, 10, "partitions", |cursor| {
            let mut values = topic_partition(cursor)?;
            values.extend([Value::Null, Value::Null, assigned(cursor)?, Value::Null]);
            Ok(Value::Struct(values))
        })?,
        3 => partitions_with_offsets(cursor)?,
        _ => return Err(cursor.invalid(format!("version {version} of Kafka's enumerator"))),
    };
    let discovered = match version {
        2.. => Value::Boolean(cursor.bool("whether partitions were discovered")?),
        _ => Value::Null,
    };
    Ok(Value::Struct(vec![partitions, discovered]))
}

fn assigned(cursor: &mut Cursor<'_>) -> Result<Value> {
    let start = cursor.clone();
    match cursor.i32_be()? {
        0 => Ok(Value::Boolean(true)),
        1 => Ok(Value::Boolean(false)),
        other => Err(start.invalid(format!("{other} is no status of a partition"))),
    }
}

fn partitions_with_offsets(cursor: &mut Cursor<'_>) -> Result<Value> {
    let place = cursor.clone();
    let (declared, version) = (cursor.i32_be()?, cursor.i32_be()?);
    let count = place.count(declared, 30, "partitions")?;
    let mut partitions = Vec::with_capacity(count);
    for _ in 0..count {
        let mut values = sized_split(version, cursor)?;
        values.extend([assigned(cursor)?, Value::Null]);
        partitions.push(Value::Struct(values));
    }
    Ok(Value::List(partitions))
}

fn sized_split(version: i32, cursor: &mut Cursor<'_>) -> Result<Vec<Value>> {
    let mut inner = sized(cursor, "split")?;
    let values = split_values(version, &mut inner)?;
    inner.end("split")?;
    Ok(values)
}

fn assignments(cursor: &mut Cursor<'_>) -> Result<Value> {
    let version = cursor.i32_be()?;
    let mut partitions = Vec::new();
    for _ in 0..java::count(cursor, 8, "subtasks")? {
        let subtask = int(cursor)?;
        for _ in 0..java::count(cursor, 4, "splits")? {
            let mut values = sized_split(version, cursor)?;
            values.extend([Value::Boolean(true), subtask.clone()]);
            partitions.push(Value::Struct(values));
        }
    }
    Ok(Value::List(partitions))
}

fn writer_field() -> Field {
    let transaction = structure([
        ("transactional_id", Field::new("", Type::Utf8)),
        ("checkpoint_id", Field::new("", Type::Int64)),
    ]);
    structure([
        ("transactional_id_prefix", Field::new("", Type::Utf8)),
        ("owned_subtask", Field::new("", Type::Int32).nullable()),
        ("owned_subtasks", Field::new("", Type::Int32).nullable()),
        ("ownership", Field::new("", Type::Utf8).nullable()),
        ("precommitted", Field::new("", Type::list(transaction))),
    ])
}

fn writer(version: i32, cursor: &mut Cursor<'_>) -> Result<Value> {
    let start = cursor.clone();
    plausible((1..=2).contains(&version), &start, "the version of a Kafka writer")?;
    let mut values = vec![name(cursor, "transactional id")?];
    if version == 1 {
        values.extend([Value::Null, Value::Null, Value::Null, Value::List(Vec::new())]);
        return Ok(Value::Struct(values));
    }
    values.extend([int(cursor)?, int(cursor)?]);
    values.push(match cursor.i32_be()? {
        0 => Value::Text("implicit_by_subtask_id".to_owned()),
        1 => Value::Text("explicit_by_writer_state".to_owned()),
        other => return Err(start.invalid(format!("{other} is no ownership of transactions"))),
    });
    values.push(list(cursor, 10, "transactions", |cursor| {
        Ok(Value::Struct(vec![utf(cursor, "transactional id")?, long(cursor)?]))
    })?);
    Ok(Value::Struct(values))
}

/// A name that somebody chose is printable.
pub(super) fn name(cursor: &mut Cursor<'_>, what: &str) -> Result<Value> {
    let start = cursor.clone();
    let text = java::utf(cursor, what)?;
    plausible(!text.is_empty() && !text.contains(char::is_control), &start, what)?;
    Ok(Value::Text(text))
}

pub(super) fn committable_field() -> Field {
    structure([
        ("transactional_id", Field::new("", Type::Utf8)),
        ("producer_id", Field::new("", Type::Int64)),
        ("epoch", Field::new("", Type::Int16)),
    ])
}

pub(super) fn committable(version: i32, cursor: &mut Cursor<'_>) -> Result<Value> {
    only(version, 1, cursor)?;
    let epoch = Value::Short(cursor.i16_be()?);
    let producer = long(cursor)?;
    Ok(Value::Struct(vec![name(cursor, "transactional id")?, producer, epoch]))
}
