//! Versions 3 (Flink 1.11 to 1.15) and 4 (1.16 to 1.20): coordinators, channel state, finished subtasks.
//!
//! ```text
//! operator = 16 bytes id | i32 parallelism | i32 max parallelism | coordinator stream
//!          | i32 -1: finished, or i32 n, n × subtask
//! subtask  = i32 -index - 1: finished, or i32 index
//!          | managed operator | raw operator | managed keyed | raw keyed
//!          | i32 n, n × input channel | i32 n, n × output channel
//! ```
//!
//! Version 4 ends with the properties.
//!
//! # Source
//! Flink, `MetadataV3Serializer`, `MetadataV4Serializer`.

use spt_format::{OperatorId, Result, ResultExt};

use super::body::{self, check_subtasks, keyed_handle, operator_handles, operator_id};
use super::channel;
use super::handle::{Direction, StreamHandle};
use super::properties;
use super::snapshot::{OperatorState, Snapshot, Subtask, SubtaskState};
use super::stream;
use super::wire::Wire;

/// An index.
const MIN_SUBTASK_BYTES: usize = 4;

pub(super) fn read(wire: &mut Wire<'_>) -> Result<Snapshot> {
    body::body(wire, |wire| operator(wire, channel::untagged))
}

pub(super) fn read_v4(wire: &mut Wire<'_>) -> Result<Snapshot> {
    let snapshot = read(wire)?;
    Ok(Snapshot { properties: properties::read(wire)?, ..snapshot })
}

/// An operator without name and uid; `channels` reads a channel state handle of the version at hand.
pub(super) fn operator(wire: &mut Wire<'_>, channels: channel::Reader) -> Result<OperatorState> {
    let id = operator_id(wire)?;
    rest_of_operator(wire, id, channels).within(|| id.to_string())
}

fn rest_of_operator(wire: &mut Wire<'_>, id: OperatorId, channels: channel::Reader) -> Result<OperatorState> {
    let parallelism = wire.unsigned("parallelism")?;
    let max_parallelism = wire.unsigned("max parallelism")?;
    let coordinator = coordinator(wire)?;
    let finished = wire.cursor.rest().starts_with(&(-1_i32).to_be_bytes());
    let subtasks = if finished {
        wire.cursor.i32_be()?;
        Vec::new()
    } else {
        wire.list("subtask", MIN_SUBTASK_BYTES, |wire| subtask(wire, channels))?
    };
    check_subtasks(&wire.cursor, &subtasks, parallelism)?;
    Ok(OperatorState {
        name: None,
        uid: None,
        id,
        parallelism,
        max_parallelism,
        coordinator,
        finished,
        subtasks,
    })
}

/// Coordinator state always stands inside `_metadata`.
fn coordinator(wire: &mut Wire<'_>) -> Result<Option<StreamHandle>> {
    let start = wire.cursor.clone();
    match stream::optional(wire).within(|| "coordinator state")? {
        handle @ (None | Some(StreamHandle::Inline { .. })) => Ok(handle),
        Some(_) => Err(start.invalid("coordinator state is not inside _metadata")),
    }
}

fn subtask(wire: &mut Wire<'_>, channels: channel::Reader) -> Result<Subtask> {
    let index = wire.cursor.i32_be()?;
    match u32::try_from(index) {
        Ok(index) => Ok(Subtask { index, state: Some(Box::new(subtask_state(wire, channels)?)) }),
        // -1 is subtask 0, which has finished.
        Err(_) => Ok(Subtask { index: (!index).cast_unsigned(), state: None }),
    }
}

fn subtask_state(wire: &mut Wire<'_>, channels: channel::Reader) -> Result<SubtaskState> {
    Ok(SubtaskState {
        legacy: Vec::new(),
        managed_operator: operator_handles(wire, "managed operator state")?,
        raw_operator: operator_handles(wire, "raw operator state")?,
        managed_keyed: keyed_handle(wire, "managed keyed state")?,
        raw_keyed: keyed_handle(wire, "raw keyed state")?,
        input_channels: wire
            .list("input channel handle", channel::MIN_BYTES, |wire| channels(wire, Direction::Input))?,
        output_channels: wire
            .list("output channel handle", channel::MIN_BYTES, |wire| channels(wire, Direction::Output))?,
    })
}
