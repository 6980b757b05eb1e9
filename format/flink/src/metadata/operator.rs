//! Handles of operator state.
//!
//! ```text
//!  0 null
//!  4 i32 n, n × (utf state | u8 mode | i32 k, k × i64 offset) | stream
//! 17 i32 n, n × …                          | utf task-owned folder | utf shared folder | bool empty | stream
//! ```
//!
//! # Source
//! Flink, `MetadataV2V3SerializerBase.deserializeOperatorStateHandle`.

use spt_format::Result;

use super::handle::{MergedFolders, OperatorHandle, Partitions, RedistributionMode};
use super::stream;
use super::wire::Wire;
use crate::java;

/// An empty name, a mode and a count.
const MIN_STATE_BYTES: usize = 7;

/// A handle of operator state, or none.
pub(super) fn handle(wire: &mut Wire<'_>) -> Result<Option<OperatorHandle>> {
    let tag = wire.cursor.u8()?;
    let states = match tag {
        0 => return Ok(None),
        4 | 17 => wire.list("state", MIN_STATE_BYTES, partitions)?,
        tag => return Err(wire.bad_tag("an operator state handle", tag, "0, 4 and 17")),
    };
    let merged = if tag == 17 { Some(folders(wire)?) } else { None };
    let stream = stream::required(wire, "operator state")?;
    Ok(Some(OperatorHandle { states, stream, merged }))
}

fn partitions(wire: &mut Wire<'_>) -> Result<Partitions> {
    let name = wire.utf("state name")?;
    let mode = match wire.cursor.u8()? {
        0 => RedistributionMode::Split,
        1 => RedistributionMode::Union,
        2 => RedistributionMode::Broadcast,
        other => return Err(wire.bad_tag("the mode of an operator state", other, "0 to 2")),
    };
    let count = java::count(&mut wire.cursor, 8, "offsets")?;
    let offsets = (0..count).map(|_| wire.size("offset")).collect::<Result<_>>()?;
    Ok(Partitions { name, mode, offsets })
}

fn folders(wire: &mut Wire<'_>) -> Result<MergedFolders> {
    Ok(MergedFolders {
        task_owned: wire.utf("task-owned folder")?,
        shared: wire.utf("shared folder")?,
        empty: wire.cursor.bool("the mark of an empty state")?,
    })
}
