//! Properties: a Java object that says whether this is a savepoint or a checkpoint, and how it was asked for.
//!
//! ```text
//! ACED 0005 | 70                                   none
//! ACED 0005 | 73 CheckpointProperties { seven booleans, checkpointType }
//! ```
//!
//! # Source
//! Flink, `MetadataV4Serializer`, `CheckpointProperties`, `SavepointType`, `CheckpointType`.

use bytes::Bytes;
use spt_format::Result;

use super::wire::Wire;

/// The last part of a `_metadata` from version 4 on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Properties {
    /// The Java object stream, for a writer that changes nothing of it.
    pub raw: Bytes,
}

pub(super) fn read(wire: &mut Wire<'_>) -> Result<Option<Properties>> {
    let raw = wire.rest()?;
    Ok(Some(Properties { raw }))
}
