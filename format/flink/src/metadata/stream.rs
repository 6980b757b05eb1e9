//! Stream handles.
//!
//! ```text
//!  0 null
//!  1 inside _metadata   utf name | i32 length, bytes
//!  2 file               i64 size | utf path
//!  3 key groups         as in `keyed`
//!  6 relative file      utf path | i64 size                      the other way round than 2
//! 15 segment            i64 start | i64 size | i32 scope (0 exclusive, 1 shared) | utf path | utf logical id
//! 16 empty segment
//! ```
//!
//! # Source
//! Flink, `MetadataV2V3SerializerBase.deserializeStreamStateHandle`.

use spt_format::Result;

use super::handle::{KeyGroupFileKind, StreamHandle};
use super::keyed;
use super::wire::Wire;

/// A stream handle, or none.
pub(super) fn optional(wire: &mut Wire<'_>) -> Result<Option<StreamHandle>> {
    Ok(Some(match wire.cursor.u8()? {
        0 => return Ok(None),
        1 => StreamHandle::Inline { name: wire.utf("handle name")?, data: wire.bytes32("state")? },
        2 => StreamHandle::File { size: wire.size("file size")?, path: wire.utf("path")? },
        3 => {
            let file = wire.nested(|wire| keyed::key_group_file(wire, KeyGroupFileKind::Native))?;
            StreamHandle::KeyGroups(Box::new(file))
        }
        6 => StreamHandle::Relative { path: wire.utf("path")?, size: wire.size("file size")? },
        15 => segment(wire)?,
        16 => StreamHandle::Empty,
        tag => return Err(wire.bad_tag("a stream handle", tag, "0 to 3, 6, 15 and 16")),
    }))
}

/// A stream handle that must be there; `what` is what its bytes are.
pub(super) fn required(wire: &mut Wire<'_>, what: &str) -> Result<StreamHandle> {
    let start = wire.cursor.clone();
    optional(wire)?.ok_or_else(|| start.invalid(format!("{what} has no stream")))
}

fn segment(wire: &mut Wire<'_>) -> Result<StreamHandle> {
    let (start, size) = (wire.size("segment start")?, wire.size("segment size")?);
    let before = wire.cursor.clone();
    let shared = match wire.cursor.i32_be()? {
        0 => false,
        1 => true,
        other => return Err(before.invalid(format!("segment scope is {other}, known are 0 and 1"))),
    };
    let (path, logical_id) = (wire.utf("path")?, wire.utf("logical file id")?);
    Ok(StreamHandle::Segment { start, size, shared, path, logical_id })
}
