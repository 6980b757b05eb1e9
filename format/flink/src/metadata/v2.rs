//! Version 2, written by Flink 1.3 to 1.10: state per operator.
//!
//! ```text
//! operator = 16 bytes id | i32 parallelism | i32 max parallelism | i32 chain length (1) | i32 n, n × subtask
//! subtask  = i32 index | i64 duration (-1) | i32 n, n × legacy stream
//!          | managed operator | raw operator | managed keyed | raw keyed
//! ```
//!
//! # Source
//! Flink, `MetadataV2Serializer`.

use spt_format::Result;

use super::body::{self, check_subtasks, keyed_handle, operator_handles, operator_id};
use super::snapshot::{OperatorState, Snapshot, Subtask, SubtaskState};
use super::stream;
use super::wire::Wire;

/// An index, a duration, three counts and two tags.
const MIN_SUBTASK_BYTES: usize = 26;

pub(super) fn read(wire: &mut Wire<'_>) -> Result<Snapshot> {
    body::body(wire, operator)
}

fn operator(wire: &mut Wire<'_>) -> Result<OperatorState> {
    let id = operator_id(wire)?;
    let parallelism = wire.unsigned("parallelism")?;
    let max_parallelism = wire.unsigned("max parallelism")?;
    let _chain_length = wire.cursor.i32_be()?;
    let subtasks = wire.list("subtask", MIN_SUBTASK_BYTES, subtask)?;
    check_subtasks(&wire.cursor, &subtasks, parallelism)?;
    Ok(OperatorState {
        name: None,
        uid: None,
        id,
        parallelism,
        max_parallelism,
        coordinator: None,
        finished: false,
        subtasks,
    })
}

fn subtask(wire: &mut Wire<'_>) -> Result<Subtask> {
    let index = wire.unsigned("subtask index")?;
    let _duration_ms = wire.cursor.i64_be()?;
    let legacy = wire.list("legacy state", 1, stream::optional)?;
    let state = SubtaskState {
        legacy: legacy.into_iter().flatten().collect(),
        managed_operator: operator_handles(wire, "managed operator state")?,
        raw_operator: operator_handles(wire, "raw operator state")?,
        managed_keyed: keyed_handle(wire, "managed keyed state")?,
        raw_keyed: keyed_handle(wire, "raw keyed state")?,
        ..SubtaskState::default()
    };
    Ok(Subtask { index, state: Some(Box::new(state)) })
}
