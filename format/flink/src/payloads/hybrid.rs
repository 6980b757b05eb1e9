//! `HybridSource`: one source after the other, each with payloads of its own inside those of the whole.
//!
//! ```text
//! split 0        i32 source | utf id | i32 version | i32 n | n bytes: a split of that source
//! enumerator 0   i32 source | i32 version | i32 n | n bytes: the enumerator's state of that source
//! ```
//!
//! Each source may be another connector's, so that every payload is tried by itself.
//!
//! # Source
//! Flink, `HybridSourceSplitSerializer`, `HybridSourceEnumeratorStateSerializer`.

use spt_format::{Cursor, Field, Result, Type};

use super::sources::{Connector, PLAIN};
use super::value::{Value, int, utf};
use super::{Evidence, Layout, Versioned, only, plausible, unknown, unknown_field, versioned};
use crate::serializers::values::{structure, variant};

pub(super) static HYBRID: Connector = Connector {
    tag: "hybrid",
    split: Layout { name: "hybrid split", evidence: Evidence::Values(&[0]), field: split_field, read: split },
    enumerator: Layout {
        name: "hybrid enumerator",
        evidence: Evidence::Values(&[0]),
        field: enumerator_field,
        read: enumerator,
    },
};

const MAX_SOURCES: i32 = 1 << 16;

fn split_field() -> Field {
    structure([
        ("source_index", Field::new("", Type::Int32)),
        ("split", Field::new("", Type::Utf8)),
        ("wrapped", wrapped_field(|connector| &connector.split, "split")),
    ])
}

fn enumerator_field() -> Field {
    structure([
        ("source_index", Field::new("", Type::Int32)),
        ("wrapped", wrapped_field(|connector| &connector.enumerator, "enumerator")),
    ])
}

fn wrapped_field(layout: fn(&Connector) -> &Layout, name: &str) -> Field {
    let known = PLAIN.iter().map(|connector| (layout(connector).field)().named(connector.tag));
    variant(known.chain([unknown_field(name).named("other")]))
}

fn split(version: i32, cursor: &mut Cursor<'_>) -> Result<Value> {
    only(version, 0, cursor)?;
    let start = cursor.clone();
    let values = vec![source(cursor)?, utf(cursor, "split")?];
    plausible(values.last() != Some(&Value::Text(String::new())), &start, "the id of a split")?;
    wrapped(values, |connector| &connector.split, cursor)
}

fn enumerator(version: i32, cursor: &mut Cursor<'_>) -> Result<Value> {
    only(version, 0, cursor)?;
    let values = vec![source(cursor)?];
    wrapped(values, |connector| &connector.enumerator, cursor)
}

fn source(cursor: &mut Cursor<'_>) -> Result<Value> {
    let start = cursor.clone();
    let index = int(cursor)?;
    let is_index = matches!(index, Value::Int(index) if (0..MAX_SOURCES).contains(&index));
    plausible(is_index, &start, "the index of a source")?;
    Ok(index)
}

fn wrapped(
    mut values: Vec<Value>,
    layout: fn(&Connector) -> &Layout,
    cursor: &mut Cursor<'_>,
) -> Result<Value> {
    let payload = versioned(cursor)?;
    values.push(alternative(layout, payload)?);
    Ok(Value::Struct(values))
}

/// The one connector's that can read it, or its bytes.
fn alternative(layout: fn(&Connector) -> &Layout, payload: Versioned<'_>) -> Result<Value> {
    let known = PLAIN.iter().enumerate();
    let mut found: Vec<_> = known
        .filter_map(|(place, connector)| Some((place, connector, layout(connector).value(payload).ok()?)))
        .collect();
    match (found.pop(), found.is_empty()) {
        (Some((place, connector, value)), true) => Ok(Value::variant(connector.tag, place, value)),
        _ => {
            let mut bytes = Cursor::at(payload.bytes, payload.start);
            Ok(Value::variant("other", PLAIN.len(), unknown(payload.version, &mut bytes)?))
        }
    }
}
