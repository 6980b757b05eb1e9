//! What pattern matching (Flink CEP) keeps: the state of its automaton and the shared buffer.

use spt_format::Result;

use super::collections::{present, sequence};
use super::flink_type::{Field, FlinkType, Nulls, Record, Scalar, named};
use super::snapshot::{Header, SnapshotReader};

const LONG: FlinkType = FlinkType::Scalar(Scalar::Long);
const INT: FlinkType = FlinkType::Scalar(Scalar::Int);
const TEXT: FlinkType = FlinkType::Scalar(Scalar::Text);

/// Reads a snapshot of this family, `None` if the class belongs to another one.
pub(super) fn read(header: &Header, reader: &mut SnapshotReader<'_, '_>) -> Result<Option<FlinkType>> {
    let Some(name) = header.class.strip_prefix("org.apache.flink.cep.nfa.") else { return Ok(None) };
    Ok(Some(match name {
        "DeweyNumber$DeweyNumberSerializer$DeweyNumberSerializerSnapshot" => {
            reader.simple(header)?;
            sequence(INT, Nulls::Unmarked)
        }
        "sharedbuffer.EventId$EventIdSerializer$EventIdSerializerSnapshot" => {
            reader.simple(header)?;
            named([("id", INT), ("timestamp", LONG)])
        }
        "sharedbuffer.NodeId$NodeIdSerializer$NodeIdSerializerSnapshot" => {
            let [event] = reader.parts(header)?;
            present(named([("event", event), ("page", TEXT)]))
        }
        "sharedbuffer.SharedBufferEdge$SharedBufferEdgeSerializer$SharedBufferEdgeSerializerSnapshot" => {
            let [target, version] = reader.parts(header)?;
            named([("target", target), ("version", version)])
        }
        "sharedbuffer.LockableTypeSerializerSnapshot"
        | "sharedbuffer.Lockable$LockableTypeSerializerSnapshot" => {
            let [element] = reader.parts(header)?;
            lockable(element)
        }
        "sharedbuffer.SharedBufferNodeSerializerSnapshotV2" => {
            let [edge] = reader.parts(header)?;
            named([("edges", sequence(lockable(edge), Nulls::Unmarked))])
        }
        "sharedbuffer.SharedBufferNode$SharedBufferNodeSerializer$SharedBufferNodeSerializerSnapshot" => {
            let [edges] = reader.parts(header)?;
            named([("edges", edges)])
        }
        "NFAStateSerializerSnapshot" => automaton(header, reader)?,
        _ => return Ok(None),
    }))
}

/// `i32` references, then the element.
fn lockable(element: FlinkType) -> FlinkType {
    named([("references", INT), ("element", element)])
}

/// Two lists of computation states: partial matches, then complete ones.
fn automaton(header: &Header, reader: &mut SnapshotReader<'_, '_>) -> Result<FlinkType> {
    let own = |reader: &mut SnapshotReader<'_, '_>, version: i32| match version {
        1 => Ok(false),
        _ => reader.cursor.bool("whether states know the previous time"),
    };
    let (previous, parts) = reader.composite(header, own)?;
    let [version, node, event] = reader.exactly(parts)?;
    let mut fields = vec![
        field("state", TEXT),
        field("previous_node", node),
        field("version", version),
        field("start_timestamp", LONG),
    ];
    if previous {
        fields.push(field("previous_timestamp", LONG));
    }
    fields.push(field("start_event", present(event)));
    reader.shallow("pattern state")?;
    let states = sequence(FlinkType::Record(Record::new(fields)), Nulls::Unmarked);
    Ok(named([("partial_matches", states.clone()), ("completed_matches", states)]))
}

fn field(name: &str, data_type: FlinkType) -> Field {
    Field { name: name.to_owned(), data_type }
}
