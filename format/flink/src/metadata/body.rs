//! What versions 2 to 6 have in common: the outermost layer and the frame of a subtask.
//!
//! ```text
//! i64 checkpoint id | i32 n, n × master state | i32 n, n × operator
//! master state = i32 0xC96B1696 | i32 length | i32 version | utf name | i32 length, payload
//! ```

use spt_format::{Cursor, OperatorId, Result, ResultExt};

use super::handle::{KeyedHandle, OperatorHandle};
use super::snapshot::{MasterState, OperatorState, Snapshot, Subtask};
use super::wire::Wire;
use super::{keyed, operator};
use crate::java;

const MASTER_STATE_MAGIC: u32 = 0xC96B_1696;
const MIN_MASTER_STATE_BYTES: usize = 18;
/// An id, two numbers and a count.
pub(super) const MIN_OPERATOR_BYTES: usize = 28;

/// Everything but the properties; `operator` reads one operator of the version at hand.
pub(super) fn body(
    wire: &mut Wire<'_>,
    operator: impl FnMut(&mut Wire<'_>) -> Result<OperatorState>,
) -> Result<Snapshot> {
    Ok(Snapshot {
        version: 0,
        checkpoint_id: wire.size("checkpoint id")?,
        master_states: wire.list("master state", MIN_MASTER_STATE_BYTES, master_state)?,
        operators: wire.list("operator", MIN_OPERATOR_BYTES, operator)?,
        properties: None,
    })
}

fn master_state(wire: &mut Wire<'_>) -> Result<MasterState> {
    let start = wire.cursor.clone();
    match wire.cursor.u32_be()? {
        MASTER_STATE_MAGIC => {}
        other => {
            return Err(start
                .invalid(format!("a master state begins with {MASTER_STATE_MAGIC:08x}, found {other:08x}")));
        }
    }
    let block = wire.bytes32("master state")?;
    let mut cursor = Cursor::at(&block, wire.cursor.offset() - block.len() as u64);
    let version = cursor.i32_be()?;
    let name = java::utf(&mut cursor, "name of a master state")?;
    let payload = block.slice_ref(java::bytes32(&mut cursor, "payload of a master state")?);
    cursor.end("a master state")?;
    Ok(MasterState { version, name, payload })
}

/// The 16 bytes of an operator's id. Read from left to right they are the hex digits Flink prints.
pub(super) fn operator_id(wire: &mut Wire<'_>) -> Result<OperatorId> {
    wire.cursor.array("operator id").map(OperatorId)
}

/// Refuses subtasks that cannot be, or that are there twice.
pub(super) fn check_subtasks(cursor: &Cursor<'_>, subtasks: &[Subtask], parallelism: u32) -> Result<()> {
    let mut indices: Vec<_> = subtasks.iter().map(|subtask| subtask.index).collect();
    indices.sort_unstable();
    if let Some(index) = indices.last().filter(|index| **index >= parallelism) {
        return Err(cursor.invalid(format!("there is a subtask {index}, the parallelism is {parallelism}")));
    }
    match indices.windows(2).find(|pair| pair.first() == pair.last()) {
        Some(pair) => Err(cursor.invalid(format!("subtask {} is there twice", pair.first().unwrap_or(&0)))),
        None => Ok(()),
    }
}

/// Operator state that is there or not: a count of 0 or 1, and the handle.
pub(super) fn operator_handles(wire: &mut Wire<'_>, what: &str) -> Result<Vec<OperatorHandle>> {
    let start = wire.cursor.clone();
    match wire.cursor.i32_be()? {
        0 => Ok(Vec::new()),
        1 => operator::handle(wire).map(|handle| handle.into_iter().collect()).within(|| what.to_owned()),
        other => Err(start.invalid(format!("{what} has {other} handles, one is the most"))),
    }
}

/// Keyed state that is there or not.
pub(super) fn keyed_handle(wire: &mut Wire<'_>, what: &str) -> Result<Option<KeyedHandle>> {
    keyed::handle(wire).within(|| what.to_owned())
}
