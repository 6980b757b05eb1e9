//! Properties: a Java object that says whether this is a savepoint or a checkpoint, and how it was asked for.
//!
//! ```text
//! ACED 0005 | 70                                   none
//! ACED 0005 | 73 CheckpointProperties { seven booleans, checkpointType }
//!
//! checkpointType = SavepointType  { formatType, name, postCheckpointAction }
//!                | CheckpointType { name, sharingFilesStrategy }
//! ```
//!
//! # Source
//! Flink, `MetadataV4Serializer`, `CheckpointProperties`, `SavepointType`, `CheckpointType`.

use bytes::Bytes;
use spt_format::{Cursor, Result, ResultExt};

use super::wire::Wire;
use crate::serializers::java_object::{Graph, Object, read_stream};

/// The last part of a `_metadata` from version 4 on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Properties {
    /// What was asked for; `None` if the object is of a class that is not known.
    pub kind: Option<SnapshotKind>,
    /// The Java object stream, for a writer that changes nothing of it.
    pub raw: Bytes,
}

/// What was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SnapshotKind {
    /// A savepoint.
    Savepoint {
        /// In the backend's own layout, otherwise in the one all backends share.
        native: bool,
        /// What the job did afterwards.
        then: AfterSavepoint,
    },
    /// A checkpoint.
    Checkpoint {
        /// Files are shared with other checkpoints where the backend can.
        shares_files: bool,
    },
}

/// What a job does after a savepoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AfterSavepoint {
    /// It goes on.
    Continue,
    /// It stops.
    Suspend,
    /// It emits a last watermark, fires its timers, and stops: it was drained.
    Terminate,
}

/// What is left of the file: one Java object, or Java's null.
pub(super) fn read(wire: &mut Wire<'_>) -> Result<Option<Properties>> {
    let start = wire.cursor.offset();
    let raw = wire.rest()?;
    let mut cursor = Cursor::at(&raw, start);
    let (graph, value) = read_stream(&mut cursor).within(|| "properties")?;
    cursor.end("the properties")?;
    let properties = graph.object(value);
    Ok(properties.map(|object| Properties { kind: kind(&graph, object), raw: raw.clone() }))
}

fn kind(graph: &Graph, properties: &Object) -> Option<SnapshotKind> {
    let asked = graph.object(properties.field("checkpointType")?)?;
    let text = |name: &str| graph.text(asked.field(name)?);
    match asked.class.simple_name() {
        "SavepointType" => Some(SnapshotKind::Savepoint {
            native: text("formatType")? == "NATIVE",
            then: match text("postCheckpointAction")? {
                "NONE" => AfterSavepoint::Continue,
                "SUSPEND" => AfterSavepoint::Suspend,
                "TERMINATE" => AfterSavepoint::Terminate,
                _ => return None,
            },
        }),
        "CheckpointType" => Some(SnapshotKind::Checkpoint {
            shares_files: text("sharingFilesStrategy")? == "FORWARD_BACKWARD",
        }),
        _ => None,
    }
}
