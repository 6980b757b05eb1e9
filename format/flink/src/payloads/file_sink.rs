//! The sink of files: buckets that are being written, and files that are to be committed.
//!
//! ```text
//! bucket 1, 2, 3  1E764B79 | versioned id | utf path | i64 created | bool open, [ versioned in-progress ]
//!                 | 1, 2: i32 version | i32 n | n × (i64 checkpoint | i32 n | n × (i32 size | pending))
//! committable 1   1E765C80 | bool, [ versioned pending ] | bool, [ versioned in-progress ]
//!             2   1E765C80 | utf bucket | the same | bool, [ utf compacted file ]
//! pending 1, 2    2C853C89 | 2: bool, [ utf path | i64 size ] | versioned recoverable
//! in-progress     B3A4073D | 2: bool, [ utf path ]            | versioned recoverable
//! id 0, 1         i32 n (little-endian) | n bytes of UTF-8, unless the job has ids of its own
//! recoverable 1   1E744B57 | i64 offset | i32 n | i32 m | target | temporary file     little-endian; local files
//! ```
//!
//! A recoverable of another file system than the local one is shown by its bytes.
//!
//! # Source
//! Flink, `FileWriterBucketStateSerializer`, `FileSinkCommittableSerializer`,
//! `OutputStreamBasedPartFileWriter`, `LocalRecoverableSerializer`.

use spt_format::{Cursor, Field, Result, Type};

use super::files::text_le;
use super::value::{Value, list, long, utf};
use super::{Evidence, Layout, Versioned, nested, only, plausible, sized, unknown, unknown_field, versioned};
use crate::serializers::values::{structure, variant};

pub(super) static BUCKET: Layout =
    Layout { name: "file bucket", evidence: Evidence::Values(&[3]), field: bucket_field, read: bucket };

const BUCKET_MAGIC: u32 = 0x1E76_4B79;
const COMMITTABLE_MAGIC: u32 = 0x1E76_5C80;
const PENDING_MAGIC: u32 = 0x2C85_3C89;
const IN_PROGRESS_MAGIC: u32 = 0xB3A4_073D;
const LOCAL_MAGIC: u32 = 0x1E74_4B57;

fn text() -> Field {
    Field::new("", Type::Utf8)
}

fn number() -> Field {
    Field::new("", Type::Int64)
}

/// A file that is pending or in progress.
fn file_field() -> Field {
    let local = structure([("target", text()), ("temporary", text()), ("offset", number())]);
    let recoverable = [local.named("local"), unknown_field("recoverable").named("other")];
    structure([
        ("path", text().nullable()),
        ("size", number().nullable()),
        ("recoverable", variant(recoverable.into_iter())),
    ])
}

fn bucket_field() -> Field {
    let pending =
        structure([("checkpoint_id", number()), ("files", Field::new("", Type::list(file_field())))]);
    let id = [text().named("text"), unknown_field("id").named("other")];
    structure([
        ("bucket", variant(id.into_iter())),
        ("path", text()),
        ("created", number()),
        ("in_progress", file_field().nullable()),
        ("pending", Field::new("", Type::list(pending))),
    ])
}

fn bucket(version: i32, cursor: &mut Cursor<'_>) -> Result<Value> {
    plausible((1..=3).contains(&version), cursor, "the version of a bucket")?;
    magic(cursor, BUCKET_MAGIC)?;
    let id = bucket_id(versioned(cursor)?)?;
    let (path, created) = (utf(cursor, "path of a bucket")?, long(cursor)?);
    let open = optional(cursor, |cursor| nested(cursor, in_progress))?;
    let pending = if version < 3 { pending_by_checkpoint(cursor)? } else { Value::List(Vec::new()) };
    Ok(Value::Struct(vec![id, path, created, open, pending]))
}

fn bucket_id(payload: Versioned<'_>) -> Result<Value> {
    let mut cursor = Cursor::at(payload.bytes, payload.start);
    if let Ok(text) = text_le(&mut cursor)
        && cursor.is_empty()
    {
        return Ok(Value::variant("text", 0, text));
    }
    other(payload, 1)
}

fn pending_by_checkpoint(cursor: &mut Cursor<'_>) -> Result<Value> {
    let version = cursor.i32_be()?;
    list(cursor, 12, "checkpoints", |cursor| {
        let checkpoint = long(cursor)?;
        let files = list(cursor, 4, "pending files", |cursor| {
            let mut inner = sized(cursor, "pending file")?;
            let file = pending(version, &mut inner)?;
            inner.end("pending file")?;
            Ok(file)
        })?;
        Ok(Value::Struct(vec![checkpoint, files]))
    })
}

pub(super) fn committable_field() -> Field {
    structure([
        ("bucket", text().nullable()),
        ("pending", file_field().nullable()),
        ("in_progress_to_clean_up", file_field().nullable()),
        ("compacted_to_clean_up", text().nullable()),
    ])
}

pub(super) fn committable(version: i32, cursor: &mut Cursor<'_>) -> Result<Value> {
    plausible((1..=2).contains(&version), cursor, "the version of a committable")?;
    magic(cursor, COMMITTABLE_MAGIC)?;
    let bucket = if version == 2 { utf(cursor, "bucket")? } else { Value::Null };
    let pending = optional(cursor, |cursor| nested(cursor, pending))?;
    let in_progress = optional(cursor, |cursor| nested(cursor, in_progress))?;
    let compacted = match version {
        2 => optional(cursor, |cursor| utf(cursor, "compacted file"))?,
        _ => Value::Null,
    };
    Ok(Value::Struct(vec![bucket, pending, in_progress, compacted]))
}

fn pending(version: i32, cursor: &mut Cursor<'_>) -> Result<Value> {
    plausible((1..=2).contains(&version), cursor, "the version of a pending file")?;
    magic(cursor, PENDING_MAGIC)?;
    let named = version == 2 && cursor.bool("whether a pending file has a path")?;
    let (path, size) = match named {
        true => (utf(cursor, "path")?, long(cursor)?),
        false => (Value::Null, Value::Null),
    };
    Ok(Value::Struct(vec![path, size, recoverable(versioned(cursor)?)?]))
}

fn in_progress(version: i32, cursor: &mut Cursor<'_>) -> Result<Value> {
    plausible((1..=2).contains(&version), cursor, "the version of a file in progress")?;
    magic(cursor, IN_PROGRESS_MAGIC)?;
    let named = version == 2 && cursor.bool("whether a file in progress has a path")?;
    let path = if named { utf(cursor, "path")? } else { Value::Null };
    Ok(Value::Struct(vec![path, Value::Null, recoverable(versioned(cursor)?)?]))
}

/// What a file system needs to go on with a file.
fn recoverable(payload: Versioned<'_>) -> Result<Value> {
    match local(payload) {
        Ok(value) => Ok(Value::variant("local", 0, value)),
        Err(_) => other(payload, 1),
    }
}

fn local(payload: Versioned<'_>) -> Result<Value> {
    let mut cursor = Cursor::at(payload.bytes, payload.start);
    only(payload.version, 1, &cursor)?;
    let start = cursor.clone();
    plausible(cursor.u32_le()? == LOCAL_MAGIC, &start, "the magic number of a recoverable")?;
    let offset = cursor.i64_le()?;
    let (target, temporary) = (cursor.i32_le()?, cursor.i32_le()?);
    let values = vec![path(&mut cursor, target)?, path(&mut cursor, temporary)?, Value::Long(offset)];
    cursor.end("recoverable")?;
    Ok(Value::Struct(values))
}

fn path(cursor: &mut Cursor<'_>, length: i32) -> Result<Value> {
    let start = cursor.clone();
    let length = cursor.count(length, 1, "bytes of a path")?;
    let text = std::str::from_utf8(cursor.take(length, "path")?);
    text.map(|text| Value::Text(text.to_owned()))
        .map_err(|error| start.invalid("a path is not UTF-8").caused_by(error))
}

fn other(payload: Versioned<'_>, place: usize) -> Result<Value> {
    let mut cursor = Cursor::at(payload.bytes, payload.start);
    Ok(Value::variant("other", place, unknown(payload.version, &mut cursor)?))
}

fn magic(cursor: &mut Cursor<'_>, expected: u32) -> Result<()> {
    let start = cursor.clone();
    plausible(cursor.u32_be()? == expected, &start, "a magic number")
}

fn optional(cursor: &mut Cursor<'_>, read: impl FnOnce(&mut Cursor<'_>) -> Result<Value>) -> Result<Value> {
    if cursor.bool("whether something is there")? { read(cursor) } else { Ok(Value::Null) }
}
