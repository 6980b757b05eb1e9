//! The source of files: parts of files, and what is left of them.
//!
//! ```text
//! split 1        utf id | path | i64 offset | i64 length | i64 modified | i64 file size
//!                | i32 n | n × utf host | bool read | [ i64 offset | i64 records after it ]
//! path           bool there | ns scheme | ns user | ns host | i32 port | ns path | ns query | ns fragment
//! ns             bool there | fstr
//! enumerator 1   EFBEADDE | i32 split version | i32 n | i32 m | n × (i32 size | split) | m × (i32 size | path)
//! ```
//!
//! Numbers of the enumerator are little-endian, its paths UTF-8.
//!
//! # Source
//! Flink, `FileSourceSplitSerializer`, `PendingSplitsCheckpointSerializer`, `Path`.

use spt_format::{Cursor, Field, Result, TimeUnit, Type};

use super::sources::Connector;
use super::value::{Value, list, long, utf};
use super::{Evidence, Layout, only, plausible};
use crate::java;
use crate::serializers::values::structure;

pub(super) static FILES: Connector = Connector {
    tag: "files",
    split: Layout { name: "file split", evidence: Evidence::Values(&[1]), field: split_field, read: split },
    enumerator: Layout {
        name: "file enumerator",
        evidence: Evidence::Values(&[1]),
        field: enumerator_field,
        read: enumerator,
    },
};

const MAGIC: u32 = 0xDEAD_BEEF;

fn split_field() -> Field {
    let milliseconds = Type::Timestamp { unit: TimeUnit::Ms, zone: Some("UTC".to_owned()) };
    structure([
        ("split", Field::new("", Type::Utf8)),
        ("path", Field::new("", Type::Utf8).nullable()),
        ("offset", Field::new("", Type::Int64)),
        ("length", Field::new("", Type::Int64)),
        ("modified", Field::new("", milliseconds)),
        ("file_size", Field::new("", Type::Int64)),
        ("hosts", Field::new("", Type::list(Field::new("", Type::Utf8)))),
        ("position", Field::new("", Type::Int64).nullable()),
        ("records_after_position", Field::new("", Type::Int64).nullable()),
    ])
}

fn enumerator_field() -> Field {
    structure([
        ("splits", Field::new("", Type::list(split_field()))),
        ("processed_paths", Field::new("", Type::list(Field::new("", Type::Utf8)))),
    ])
}

fn split(version: i32, cursor: &mut Cursor<'_>) -> Result<Value> {
    only(version, 1, cursor)?;
    let start = cursor.clone();
    let mut values = vec![utf(cursor, "split")?, path(cursor)?];
    let (offset, length) = (cursor.i64_be()?, cursor.i64_be()?);
    plausible(offset >= 0 && length >= 0, &start, "a part of a file")?;
    values.extend([Value::Long(offset), Value::Long(length), long(cursor)?, long(cursor)?]);
    values.push(list(cursor, 2, "hosts", |cursor| utf(cursor, "host"))?);
    values.extend(match cursor.bool("whether the split was read in part")? {
        true => [long(cursor)?, long(cursor)?],
        false => [Value::Null, Value::Null],
    });
    Ok(Value::Struct(values))
}

/// A path in its parts, as Flink would show it.
fn path(cursor: &mut Cursor<'_>) -> Result<Value> {
    if !cursor.bool("whether there is a path")? {
        return Ok(Value::Null);
    }
    let (scheme, user, host) = (part(cursor)?, part(cursor)?, part(cursor)?);
    let port = cursor.i32_be()?;
    let (path, query, fragment) = (part(cursor)?, part(cursor)?, part(cursor)?);
    let mut text = scheme.map(|scheme| scheme + ":").unwrap_or_default();
    if let Some(host) = host {
        let user = user.map(|user| user + "@").unwrap_or_default();
        let port = if port >= 0 { format!(":{port}") } else { String::new() };
        text += &format!("//{user}{host}{port}");
    }
    text += &path.unwrap_or_default();
    text += &query.map(|query| format!("?{query}")).unwrap_or_default();
    text += &fragment.map(|fragment| format!("#{fragment}")).unwrap_or_default();
    Ok(Value::Text(text))
}

fn part(cursor: &mut Cursor<'_>) -> Result<Option<String>> {
    let start = cursor.clone();
    if !cursor.bool("whether a path has a part")? {
        return Ok(None);
    }
    match java::fstr(cursor)? {
        Some(text) => Ok(Some(text.text)),
        None => Err(start.invalid("a part of a path is null")),
    }
}

fn enumerator(version: i32, cursor: &mut Cursor<'_>) -> Result<Value> {
    only(version, 1, cursor)?;
    let start = cursor.clone();
    plausible(cursor.u32_le()? == MAGIC, &start, "the magic number of a file enumerator")?;
    let version = cursor.i32_le()?;
    let (splits, paths) = (cursor.i32_le()?, cursor.i32_le()?);
    let splits = cursor.count(splits, 4, "splits")?;
    let paths = cursor.count(paths, 4, "paths")?;
    let splits = (0..splits).map(|_| {
        let mut inner = sized_le(cursor)?;
        let value = split(version, &mut inner)?;
        inner.end("split")?;
        Ok(value)
    });
    let splits = splits.collect::<Result<_>>()?;
    let paths = (0..paths).map(|_| text_le(cursor)).collect::<Result<_>>()?;
    Ok(Value::Struct(vec![Value::List(splits), Value::List(paths)]))
}

/// `i32 n`, little-endian, then `n` bytes.
pub(super) fn sized_le<'a>(cursor: &mut Cursor<'a>) -> Result<Cursor<'a>> {
    let length = cursor.i32_le()?;
    let length = cursor.count(length, 1, "bytes")?;
    let start = cursor.offset();
    cursor.take(length, "bytes").map(|bytes| Cursor::at(bytes, start))
}

/// `i32 n`, little-endian, then `n` bytes of UTF-8.
pub(super) fn text_le(cursor: &mut Cursor<'_>) -> Result<Value> {
    let bytes = sized_le(cursor)?;
    match std::str::from_utf8(bytes.rest()) {
        Ok(text) => Ok(Value::Text(text.to_owned())),
        Err(error) => Err(bytes.invalid("a path is not UTF-8").caused_by(error)),
    }
}
