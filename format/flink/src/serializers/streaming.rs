//! What Flink's runtime and its operators keep: windows, timers, time to live, buffers, transactions.

use spt_format::Result;

use super::collections::{either, present, sequence};
use super::flink_type::{FlinkType, Nulls, Scalar, Unit, named};
use super::python;
use super::snapshot::{Header, SnapshotReader};

const LONG: FlinkType = FlinkType::Scalar(Scalar::Long);
const INT: FlinkType = FlinkType::Scalar(Scalar::Int);

/// Reads a snapshot of this family, `None` if the class belongs to another one.
pub(super) fn read(header: &Header, reader: &mut SnapshotReader<'_, '_>) -> Result<Option<FlinkType>> {
    if let Some(data_type) = simple(&header.class) {
        reader.simple(header)?;
        return Ok(Some(data_type));
    }
    Ok(Some(match header.class.as_str() {
        "org.apache.flink.streaming.api.operators.TimerSerializerSnapshot" => {
            let [key, namespace] = reader.parts(header)?;
            FlinkType::Timer { key: Box::new(key), namespace: Box::new(namespace) }
        }
        "org.apache.flink.runtime.state.ttl.TtlStateFactory$TtlSerializerSnapshot" => {
            let [_, value] = reader.parts(header)?;
            FlinkType::Ttl(Box::new(value))
        }
        "org.apache.flink.runtime.state.ttl.TtlAwareSerializerSnapshot" => {
            reader.cursor.bool("whether a time to live is set")?;
            reader.nested()?
        }
        "org.apache.flink.streaming.runtime.streamrecord.StreamElementSerializer$StreamElementSerializerSnapshot" =>
        {
            let [value] = reader.parts(header)?;
            FlinkType::StreamElement(Box::new(value))
        }
        "org.apache.flink.streaming.api.operators.co.IntervalJoinOperator$BufferEntrySerializerSnapshot"
        | "org.apache.flink.streaming.api.operators.co.IntervalJoinOperator$BufferEntrySerializer$BufferEntrySerializerSnapshot" =>
        {
            let [element] = reader.parts(header)?;
            named([("has_been_joined", FlinkType::Scalar(Scalar::Boolean)), ("element", element)])
        }
        "org.apache.flink.streaming.api.datastream.CoGroupedStreams$UnionSerializerSnapshot" => {
            either(reader.parts(header)?, [1, 2], ["one", "two"])
        }
        class if is_two_phase_commit(class) => two_phase_commit(header, reader)?,
        _ => return Ok(None),
    }))
}

/// Snapshots without a body.
fn simple(class: &str) -> Option<FlinkType> {
    Some(match class {
        "org.apache.flink.runtime.state.VoidNamespaceSerializer$VoidNamespaceSerializerSnapshot" => {
            FlinkType::Unit(Unit { bytes: 1, reported: 0 })
        }
        "org.apache.flink.streaming.api.windowing.windows.TimeWindow$Serializer$TimeWindowSerializerSnapshot"
        | "org.apache.flink.table.runtime.operators.window.TimeWindow$Serializer$TimeWindowSerializerSnapshot" => {
            FlinkType::TimeWindow
        }
        "org.apache.flink.streaming.api.windowing.windows.GlobalWindow$Serializer$GlobalWindowSerializerSnapshot"
        | "org.apache.flink.table.runtime.operators.window.GlobalWindow$Serializer$GlobalWindowSerializerSnapshot" => {
            FlinkType::Unit(Unit { bytes: 1, reported: 1 })
        }
        "org.apache.flink.table.runtime.operators.window.CountWindow$Serializer$CountWindowSerializerSnapshot" => {
            LONG
        }
        "org.apache.flink.streaming.api.utils.ByteArrayWrapperSerializer$ByteArrayWrapperSerializerSnapshot" => {
            python::coded()
        }
        other => kafka(other)?,
    })
}

/// State of the legacy Kafka producer, in its present and its former class.
fn kafka(class: &str) -> Option<FlinkType> {
    let name = class.strip_prefix("org.apache.flink.streaming.connectors.kafka.")?;
    let text = FlinkType::Scalar(Scalar::ModifiedUtf8);
    let serializer = name.split('$').nth(1)?;
    Some(match serializer {
        "TransactionStateSerializer" => named([
            ("transactional_id", present(text)),
            ("producer_id", LONG),
            ("epoch", FlinkType::Scalar(Scalar::Short)),
        ]),
        "ContextStateSerializer" => sequence(text, Nulls::Unmarked),
        "NextTransactionalIdHintSerializer" => named([("next_free_id", LONG), ("last_parallelism", INT)]),
        _ => return None,
    })
}

fn is_two_phase_commit(class: &str) -> bool {
    let name = class.strip_prefix("org.apache.flink.streaming.api.functions.sink.");
    let name = name.map(|name| name.strip_prefix("legacy.").unwrap_or(name));
    name == Some("TwoPhaseCommitSinkFunction$StateSerializerSnapshot")
}

/// `[flag] pending | i32 n, n × pending commit | flag, context`.
fn two_phase_commit(header: &Header, reader: &mut SnapshotReader<'_, '_>) -> Result<FlinkType> {
    let own = |reader: &mut SnapshotReader<'_, '_>, version: i32| match version {
        ..=2 => Ok(false),
        3 => Ok(true),
        _ => reader.cursor.bool("whether a transaction may be missing"),
    };
    let (nullable, parts) = reader.composite(header, own)?;
    let [transaction, context] = reader.exactly(parts)?;
    reader.shallow("transaction")?;
    let transaction = named([("transaction", transaction), ("start_time", LONG)]);
    let pending = if nullable { present(transaction.clone()) } else { transaction.clone() };
    Ok(named([
        ("pending", pending),
        ("pending_commit", sequence(transaction, Nulls::Unmarked)),
        ("context", present(context)),
    ]))
}
