//! What a committer has still to commit, and how far it got, checkpoint by checkpoint.
//!
//! ```text
//! collector 1   list of committable
//!           2   B91F252C | list of checkpoint
//! global    2   B91F252B | bool global, [ list of global committable ] | versioned collector
//! checkpoint 0  i64 id | list of subtask           1: i64 id | i32 subtasks | list of subtask
//! subtask 0     list of request | i32 committables | i32 drained | i32 failed
//!         1     i32 subtask | the same             2: without drained
//! request 0     versioned committable | i32 retries | i32 state
//! list          i32 version | i32 n | n × (i32 size | bytes)
//! ```
//!
//! # Source
//! Flink, `CommittableCollectorSerializer`, `GlobalCommitterSerializer`, `CommitRequestState`.

use spt_format::{Cursor, Field, Logical, Result, Type};

use super::value::{Value, int, long};
use super::{Evidence, Layout, file_sink, kafka, nested, nested_list, plausible, unknown, unknown_field};
use crate::serializers::values::structure;

/// Those of the sink to Kafka.
pub(super) static KAFKA: Layout = Layout {
    name: "Kafka committables",
    evidence: Evidence::Values(&[2]),
    field: || field(kafka::committable_field()),
    read: |version, cursor| collector(version, cursor, kafka::committable),
};

/// Those of the sink of files.
pub(super) static FILES: Layout = Layout {
    name: "file committables",
    evidence: Evidence::Values(&[2]),
    field: || field(file_sink::committable_field()),
    read: |version, cursor| collector(version, cursor, file_sink::committable),
};

/// Those of a sink that is not known.
pub(super) static OTHER: Layout = Layout {
    name: "committables",
    evidence: Evidence::Values(&[2]),
    field: || field(unknown_field("committable")),
    read: |version, cursor| collector(version, cursor, unknown),
};

const MAGIC: u32 = 0xB91F_252C;
const GLOBAL_MAGIC: u32 = 0xB91F_252B;
const STATES: [&str; 4] = ["received", "retry", "failed", "committed"];

type Read = fn(i32, &mut Cursor<'_>) -> Result<Value>;

fn field(committable: Field) -> Field {
    let nullable = |ty| Field::new("", ty).nullable();
    let request = structure([
        ("committable", committable),
        ("retries", nullable(Type::Int32)),
        ("state", nullable(Type::Utf8)),
    ]);
    let subtask = structure([
        ("subtask", nullable(Type::Int32)),
        ("requests", Field::new("", Type::list(request))),
        ("committables", nullable(Type::Int32)),
        ("drained", nullable(Type::Int32)),
        ("failed", nullable(Type::Int32)),
    ]);
    let checkpoint = structure([
        ("checkpoint_id", nullable(Type::Int64)),
        ("number_of_subtasks", nullable(Type::Int32)),
        ("subtasks", Field::new("", Type::list(subtask))),
    ]);
    let global = Field::new("", Type::Binary).with_logical(Logical::Opaque("global committable".to_owned()));
    structure([
        ("checkpoints", Field::new("", Type::list(checkpoint))),
        ("global_committables", nullable(Type::list(global))),
    ])
}

fn collector(version: i32, cursor: &mut Cursor<'_>, read: Read) -> Result<Value> {
    let start = cursor.clone();
    if version == 1 {
        return Ok(Value::Struct(vec![without_checkpoint(cursor, read)?, Value::Null]));
    }
    plausible(version == 2, &start, "the version of a committer")?;
    match cursor.u32_be()? {
        MAGIC => Ok(Value::Struct(vec![checkpoints(cursor, read)?, Value::Null])),
        GLOBAL_MAGIC => global(cursor, read),
        other => Err(start.invalid(format!("{other:#x} does not begin the state of a committer"))),
    }
}

fn global(cursor: &mut Cursor<'_>, read: Read) -> Result<Value> {
    let global = match cursor.bool("whether there are global committables")? {
        true => nested_list(cursor, |_, inner| {
            inner.take(inner.remaining(), "global committable").map(|bytes| Value::Bytes(bytes.to_vec()))
        })?,
        false => Value::Null,
    };
    let checkpoints = nested(cursor, |version, inner| match collector(version, inner, read)? {
        Value::Struct(mut values) if !values.is_empty() => Ok(values.swap_remove(0)),
        other => Ok(other),
    })?;
    Ok(Value::Struct(vec![checkpoints, global]))
}

/// What sinks wrote before they told checkpoints apart.
fn without_checkpoint(cursor: &mut Cursor<'_>, read: Read) -> Result<Value> {
    let requests = nested_list(cursor, |version, inner| {
        Ok(Value::Struct(vec![read(version, inner)?, Value::Null, Value::Null]))
    })?;
    let subtask = Value::Struct(vec![Value::Null, requests, Value::Null, Value::Null, Value::Null]);
    let checkpoint = Value::Struct(vec![Value::Null, Value::Null, Value::List(vec![subtask])]);
    Ok(Value::List(vec![checkpoint]))
}

fn checkpoints(cursor: &mut Cursor<'_>, read: Read) -> Result<Value> {
    nested_list(cursor, |version, inner| {
        plausible((0..=1).contains(&version), inner, "the version of a checkpoint's committables")?;
        let id = long(inner)?;
        let subtasks = if version == 1 { int(inner)? } else { Value::Null };
        Ok(Value::Struct(vec![
            id,
            subtasks,
            nested_list(inner, |version, inner| subtask(version, inner, read))?,
        ]))
    })
}

fn subtask(version: i32, cursor: &mut Cursor<'_>, read: Read) -> Result<Value> {
    plausible((0..=2).contains(&version), cursor, "the version of a subtask's committables")?;
    let subtask = if version > 0 { int(cursor)? } else { Value::Null };
    let requests = nested_list(cursor, |version, inner| request(version, inner, read))?;
    let committables = int(cursor)?;
    let drained = if version < 2 { int(cursor)? } else { Value::Null };
    Ok(Value::Struct(vec![subtask, requests, committables, drained, int(cursor)?]))
}

fn request(version: i32, cursor: &mut Cursor<'_>, read: Read) -> Result<Value> {
    super::only(version, 0, cursor)?;
    let committable = nested(cursor, read)?;
    let retries = int(cursor)?;
    let start = cursor.clone();
    let state = usize::try_from(cursor.i32_be()?).ok().and_then(|state| STATES.get(state));
    let state = state.ok_or_else(|| start.invalid("a commit request is in no known state"))?;
    Ok(Value::Struct(vec![committable, retries, Value::Text((*state).to_owned())]))
}
