//! What Flink does with a state whose type has changed: less than this project's own restore.
//!
//! ```text
//! field of a POJO or Avro record added, removed    read            enum name added     read
//! field of a tuple or row added, removed           refused         number widened      Avro alone
//! time to live on, off    1.x refused    2.0 to 2.2 RocksDB alone    2.3 and newer read
//! ```
//!
//! # Source
//! Flink, `PojoSerializerSnapshot`, `TupleSerializerSnapshot`, `EnumSerializer`, `RowDataSerializer`; the time to
//! live was tried on 2.1.0 and 2.3.0 with both backends, what 2.0 and 2.2 do was not.

use super::Verdict;
use super::target::{FlinkVersion, Objection};
use crate::evolution::Change;
use crate::model::{Field, Logical, State, StateKind, Type};
use crate::validate::Code;

/// The lists in which Flink's sources and sinks keep what their connectors wrote.
const CONNECTORS: [&str; 4] =
    ["SourceReaderState", "writer_raw_states", "bucket-states", "streaming_committer_raw_states"];

/// It is bytes to Flink, which a connector wrote with a version and reads by that version: no types are compared.
pub(super) fn is_connectors(state: &State) -> bool {
    state.kind == StateKind::OperatorList && CONNECTORS.contains(&state.name.as_str())
}

/// What Flink has against reading a state after these changes.
pub(super) fn objections(
    version: FlinkVersion,
    state: &State,
    changes: &[(String, Change)],
) -> Vec<Objection> {
    changes.iter().filter_map(|(path, change)| objection(version, state, path, change)).collect()
}

fn objection(version: FlinkVersion, state: &State, path: &str, change: &Change) -> Option<Objection> {
    let has_names = holder(state, path).is_some_and(has_names);
    let (verdict, reason) = match change {
        Change::TtlAdded => return ttl(version, "on"),
        Change::TtlRemoved => return ttl(version, "off"),
        Change::NamesAdded(_) => return None,
        Change::Added | Change::Removed if has_names => return None,
        Change::Added => {
            (Verdict::Incompatible, "Flink adds fields to POJOs and Avro records only".to_owned())
        }
        Change::Removed => {
            (Verdict::Incompatible, "Flink drops fields of POJOs and Avro records only".to_owned())
        }
        Change::Renamed(old) => {
            (Verdict::Unknown, format!("to Flink this is a new field, and {old} is lost"))
        }
        Change::Widened(old) if has_names => {
            (Verdict::Unknown, format!("it was {old}: Flink widens numbers in Avro records only"))
        }
        Change::Widened(old) => (Verdict::Incompatible, format!("it was {old}, and Flink does not widen it")),
        Change::MadeOptional => {
            (Verdict::Unknown, "whether its serializer marks nulls has changed".to_owned())
        }
    };
    let code = if verdict == Verdict::Unknown { Code::StateUnknown } else { Code::StateIncompatible };
    Some(Objection { verdict, code, reason: format!("{path}: {reason}") })
}

fn ttl(version: FlinkVersion, switched: &str) -> Option<Objection> {
    let (verdict, reason) = match (version.major, version.minor) {
        (1, _) => (Verdict::Incompatible, "Flink 1 refuses that"),
        (_, Some(3..)) => return None,
        _ => (
            Verdict::Unknown,
            "the RocksDB backend of Flink 2 restores it, the heap backend refuses it before 2.3",
        ),
    };
    let reason = format!("time to live was switched {switched}: {reason}");
    Some(Objection { verdict, code: Code::TtlSwitched, reason })
}

/// The struct that holds the field at a path, in the state as it is in the savepoint.
fn holder<'a>(state: &'a State, path: &str) -> Option<&'a Field> {
    let mut names = path.split('.');
    let column = names.next()?;
    let mut holder = None;
    let mut here = state.schema.parts().find(|(part, _)| part.name() == column).map(|(_, field)| field);
    for name in names {
        holder = here;
        here = holder.and_then(|field| part(field, name));
    }
    holder
}

fn part<'a>(field: &'a Field, name: &str) -> Option<&'a Field> {
    match &field.ty {
        Type::List(element) => Some(element),
        Type::Map { key, .. } if name == "key" => Some(key),
        Type::Map { value, .. } => Some(value),
        Type::Struct(fields) => fields.iter().find(|field| field.name == name),
        _ => None,
    }
}

/// POJOs and Avro records have names for their fields; tuples and rows have places.
fn has_names(field: &Field) -> bool {
    !matches!(field.logical, Some(Logical::Tuple | Logical::Row))
}
