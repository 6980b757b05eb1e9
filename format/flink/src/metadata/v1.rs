//! Version 1, written by Flink 1.2: state per task, which is a chain of operators. No Flink reads it today.
//!
//! ```text
//! i64 checkpoint id | i32 n, n × task
//! task    = 16 bytes id | i32 parallelism | i32 max parallelism | i32 chain length | i32 n, n × subtask
//! subtask = i32 index | i64 duration | i32 n, n × legacy stream
//!         | i32 n, n × managed operator state | i32 n, n × raw operator state | managed keyed | raw keyed
//! ```
//!
//! # Source
//! Flink 1.2, `SavepointV1Serializer`.

use spt_format::Result;

use super::body::{MIN_OPERATOR_BYTES, check_subtasks, keyed_handle, operator_id};
use super::handle::OperatorHandle;
use super::snapshot::{OperatorState, Snapshot, Subtask, SubtaskState};
use super::wire::Wire;
use super::{operator, stream};

/// An index, a duration, three counts and two tags.
const MIN_SUBTASK_BYTES: usize = 26;

pub(super) fn read(wire: &mut Wire<'_>) -> Result<Snapshot> {
    Ok(Snapshot {
        version: 0,
        checkpoint_id: wire.size("checkpoint id")?,
        master_states: Vec::new(),
        operators: wire.list("task", MIN_OPERATOR_BYTES, task)?,
        properties: None,
    })
}

fn task(wire: &mut Wire<'_>) -> Result<OperatorState> {
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
        managed_operator: chain(wire, "managed operator state")?,
        raw_operator: chain(wire, "raw operator state")?,
        managed_keyed: keyed_handle(wire, "managed keyed state")?,
        raw_keyed: keyed_handle(wire, "raw keyed state")?,
        ..SubtaskState::default()
    };
    Ok(Subtask { index, state: Some(Box::new(state)) })
}

/// One handle per operator of the chain, each of which may be missing.
fn chain(wire: &mut Wire<'_>, what: &str) -> Result<Vec<OperatorHandle>> {
    Ok(wire.list(what, 1, operator::handle)?.into_iter().flatten().collect())
}
