//! Handles of keyed state.
//!
//! ```text
//!  0 null
//!  3 key groups          range | count × i64 offset | stream
//!  7 … canonical         as 3
//! 12 … with an id        as 3, utf id
//!  5 RocksDB files       i64 checkpoint id | utf backend id | range | meta stream | shared | private
//! 11 … with an id        i64 checkpoint id | utf backend id | range | i64 size | meta | shared | private | utf id
//!  8 changelog           range | i64 size | i32 n, bases | i32 n, changes | i64 materialization | utf id
//! 14 … with a checkpoint range | …                                        | i64 checkpoint id   | utf id
//!  9 changes in memory   range | i64 from | i64 to | i32 n, n × (i32 key group | i32 length, bytes) | utf id
//! 10 changes in files    range | i32 n, n × (i64 offset | stream) | i64 size | i64 size | utf id
//! 13 … with a storage    as 10, utf storage
//!
//! range = i32 first, i32 count        shared, private = i32 n, n × (utf name | stream)
//! ```
//!
//! # Source
//! Flink, `MetadataV2V3SerializerBase.deserializeKeyedStateHandle`.

use spt_format::Result;

use super::handle::{
    Change, ChangeSet, Changelog, FileChanges, Incremental, KeyGroupFile, KeyGroupFileKind, KeyedHandle,
    MemoryChanges, NamedFile,
};
use super::stream;
use super::wire::Wire;

/// A tag.
const MIN_HANDLE_BYTES: usize = 1;
/// An empty name and a tag.
const MIN_FILE_BYTES: usize = 3;
/// A key group and a length.
const MIN_CHANGE_BYTES: usize = 8;
/// An offset and a tag.
const MIN_CHANGE_SET_BYTES: usize = 9;

/// A handle of keyed state, or none.
pub(super) fn handle(wire: &mut Wire<'_>) -> Result<Option<KeyedHandle>> {
    Ok(Some(match wire.cursor.u8()? {
        0 => return Ok(None),
        3 => KeyedHandle::KeyGroups(key_group_file(wire, KeyGroupFileKind::Native)?),
        7 => KeyedHandle::KeyGroups(key_group_file(wire, KeyGroupFileKind::Savepoint)?),
        12 => {
            let file = key_group_file(wire, KeyGroupFileKind::Native)?;
            KeyedHandle::KeyGroups(KeyGroupFile { id: Some(wire.utf("handle id")?), ..file })
        }
        5 => KeyedHandle::Incremental(incremental(wire, false)?),
        11 => KeyedHandle::Incremental(incremental(wire, true)?),
        8 => KeyedHandle::Changelog(wire.nested(|wire| changelog(wire, false))?),
        14 => KeyedHandle::Changelog(wire.nested(|wire| changelog(wire, true))?),
        9 => KeyedHandle::MemoryChanges(memory_changes(wire)?),
        10 => KeyedHandle::FileChanges(file_changes(wire, false)?),
        13 => KeyedHandle::FileChanges(file_changes(wire, true)?),
        tag => return Err(wire.bad_tag("a keyed state handle", tag, "0, 3, 5 and 7 to 14")),
    }))
}

/// What tags 3, 7 and 12 have in common.
pub(super) fn key_group_file(wire: &mut Wire<'_>, kind: KeyGroupFileKind) -> Result<KeyGroupFile> {
    let key_groups = wire.key_groups()?;
    let count = wire.cursor.count(key_groups.len() as i64, 8, "key-group offsets")?;
    let offsets = (0..count).map(|_| wire.cursor.i64_be()).collect::<Result<_>>()?;
    let stream = stream::required(wire, "keyed state")?;
    Ok(KeyGroupFile { kind, key_groups, offsets, stream, id: None })
}

fn incremental(wire: &mut Wire<'_>, newer: bool) -> Result<Incremental> {
    Ok(Incremental {
        checkpoint_id: wire.cursor.i64_be()?,
        backend_id: wire.utf("backend id")?,
        key_groups: wire.key_groups()?,
        checkpointed_size: if newer { Some(wire.cursor.i64_be()?) } else { None },
        meta: stream::required(wire, "the meta data of RocksDB files")?,
        shared: wire.list("shared file", MIN_FILE_BYTES, named_file)?,
        private: wire.list("private file", MIN_FILE_BYTES, named_file)?,
        id: if newer { Some(wire.utf("handle id")?) } else { None },
    })
}

fn named_file(wire: &mut Wire<'_>) -> Result<NamedFile> {
    let name = wire.utf("file name")?;
    let stream = stream::required(wire, &name)?;
    Ok(NamedFile { name, stream })
}

fn changelog(wire: &mut Wire<'_>, newer: bool) -> Result<Changelog> {
    Ok(Changelog {
        key_groups: wire.key_groups()?,
        checkpointed_size: wire.cursor.i64_be()?,
        base: wire.list("materialised state", MIN_HANDLE_BYTES, handle)?.into_iter().flatten().collect(),
        changes: wire.list("change handle", MIN_HANDLE_BYTES, handle)?.into_iter().flatten().collect(),
        materialization_id: wire.cursor.i64_be()?,
        checkpoint_id: if newer { Some(wire.cursor.i64_be()?) } else { None },
        id: wire.utf("handle id")?,
    })
}

fn memory_changes(wire: &mut Wire<'_>) -> Result<MemoryChanges> {
    Ok(MemoryChanges {
        key_groups: wire.key_groups()?,
        from: wire.cursor.i64_be()?,
        to: wire.cursor.i64_be()?,
        changes: wire.list("change", MIN_CHANGE_BYTES, |wire| {
            Ok(Change { key_group: wire.cursor.i32_be()?, data: wire.bytes32("change")? })
        })?,
        id: wire.utf("handle id")?,
    })
}

fn file_changes(wire: &mut Wire<'_>, newer: bool) -> Result<FileChanges> {
    Ok(FileChanges {
        key_groups: wire.key_groups()?,
        sets: wire.list("change set", MIN_CHANGE_SET_BYTES, |wire| {
            Ok(ChangeSet { offset: wire.cursor.i64_be()?, stream: stream::required(wire, "a change set")? })
        })?,
        size: wire.size("size of the changes")?,
        checkpointed_size: wire.cursor.i64_be()?,
        id: wire.utf("handle id")?,
        storage: if newer { Some(wire.utf("storage identifier")?) } else { None },
    })
}
