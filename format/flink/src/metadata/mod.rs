//! `_metadata`: which operators a snapshot has, and where the bytes of their states are.
//!
//! ```text
//! 49 60 67 2D | i32 version | i64 checkpoint id | master states | operators | properties (4 and later)
//! operator  = [name, uid] (5 and later), id, parallelism, max parallelism, coordinator, subtasks
//! subtask   = managed and raw operator state, managed and raw keyed state, channel state (3 and later)
//! ```
//!
//! All integers are big-endian. No byte of state is decoded here: a state is a *handle*, which says where
//! its bytes are. Each version reads its own layout and gives the same [`Snapshot`].
//!
//! | version | written by | what it brought |
//! | --- | --- | --- |
//! | 1 | 1.2 | state per task, not per operator |
//! | 2 | 1.3 – 1.10 | state per operator |
//! | 3 | 1.11 – 1.15 | coordinators, channel state, finished subtasks |
//! | 4 | 1.16 – 1.20 | properties |
//! | 5 | 2.0 | operator names and uids |
//! | 6 | 2.1 and later | channel state of several channels in one handle |
//!
//! # Source
//! Flink, `Checkpoints`, `MetadataV2V3SerializerBase` and `MetadataV2Serializer` to `MetadataV6Serializer`.

mod body;
mod channel;
mod handle;
mod keyed;
mod operator;
mod properties;
mod snapshot;
mod stream;
mod v1;
mod v2;
mod v3;
mod v5;
mod wire;

use bytes::Bytes;
use spt_format::{Cursor, ErrorKind, ReadLimits, Result, ResultExt};

pub use handle::{
    Change, ChangeSet, Changelog, ChannelHandle, ChannelState, Direction, FileChanges, Incremental,
    KeyGroupFile, KeyGroupFileKind, KeyedHandle, MemoryChanges, MergedFolders, NamedFile, OperatorHandle,
    Partitions, RedistributionMode, StreamHandle,
};
pub use properties::{AfterSavepoint, Properties, SnapshotKind};
pub use snapshot::{MasterState, OperatorState, Snapshot, Subtask, SubtaskState};

use wire::Wire;

/// The first four bytes of every `_metadata`.
const MAGIC: u32 = 0x4960_672D;

/// Reads a whole `_metadata`, to its last byte. State inside it is shared with `file`, not copied.
///
/// # Errors
/// [`ErrorKind::NotASavepoint`] without the magic number, [`ErrorKind::UnsupportedVersion`] for a newer
/// Flink, otherwise what is wrong and at which byte.
pub fn read(file: &Bytes, limits: &ReadLimits) -> Result<Snapshot> {
    ReadLimits::check("size of _metadata", file.len() as u64, limits.metadata_bytes)?;
    let mut cursor = Cursor::new(file);
    check_magic(&mut cursor)?;
    let version = cursor.clone();
    let found = cursor.u32_be()?;
    let mut wire = Wire::new(cursor, file, limits);
    let snapshot = match found {
        1 => v1::read(&mut wire),
        2 => v2::read(&mut wire),
        3 => v3::read(&mut wire),
        4 => v3::read_v4(&mut wire),
        5 => v5::read(&mut wire),
        6 => v5::read_v6(&mut wire),
        _ => {
            let kind =
                ErrorKind::UnsupportedVersion { what: "_metadata", found: found.into(), readable: "1 to 6" };
            return Err(version.error(kind));
        }
    }?;
    wire.cursor.end("the snapshot")?;
    Ok(Snapshot { version: found, ..snapshot })
}

fn check_magic(cursor: &mut Cursor<'_>) -> Result<()> {
    let start = cursor.clone();
    match cursor.u32_be() {
        Ok(MAGIC) => Ok(()),
        _ => {
            let reason = format!("_metadata of Flink begins with {MAGIC:08x}, this file does not");
            Err(start.error(ErrorKind::NotASavepoint { reason })).within(|| "magic number")
        }
    }
}
