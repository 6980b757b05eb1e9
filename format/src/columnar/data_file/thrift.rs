//! Walks Thrift's compact encoding without believing it: every count is compared with the bytes that follow.
//!
//! ```text
//! struct   (field header, value)*, 00
//! header   delta << 4 | type, or 0 << 4 | type and the field's number as zigzag varint
//! list     size << 4 | type, or f << 4 | type and the size as varint, then the elements
//! ```
//!
//! # Source
//! Apache Thrift, `thrift-compact-protocol.md`.

use crate::cursor::Cursor;
use crate::error::{ErrorKind, Result};

/// Nesting that no Parquet structure reaches.
const MAX_DEPTH: u32 = 32;

const BOOLEAN_TRUE: u8 = 1;
const BOOLEAN_FALSE: u8 = 2;
const BYTE: u8 = 3;
const I16: u8 = 4;
const I64: u8 = 6;
const DOUBLE: u8 = 7;
const BINARY: u8 = 8;
const LIST: u8 = 9;
const SET: u8 = 10;
const MAP: u8 = 11;
const STRUCT: u8 = 12;

/// Passes over a struct and reports its integers: the numbers of the fields that lead there, and the value.
pub(super) fn walk_struct(cursor: &mut Cursor<'_>, integers: &mut dyn FnMut(&[i64], i64)) -> Result<()> {
    structure(cursor, &mut Vec::new(), integers)
}

fn structure(
    cursor: &mut Cursor<'_>,
    path: &mut Vec<i64>,
    integers: &mut dyn FnMut(&[i64], i64),
) -> Result<()> {
    if path.len() as u32 >= MAX_DEPTH {
        return Err(cursor.invalid("structure is nested too deeply"));
    }
    let mut number = 0;
    loop {
        let header = cursor.u8()?;
        if header == 0 {
            return Ok(());
        }
        number = match i64::from(header >> 4) {
            0 => zigzag(varint(cursor)?),
            delta => number + delta,
        };
        path.push(number);
        value(cursor, header & 0xf, path, integers)?;
        path.pop();
    }
}

fn value(
    cursor: &mut Cursor<'_>,
    ty: u8,
    path: &mut Vec<i64>,
    integers: &mut dyn FnMut(&[i64], i64),
) -> Result<()> {
    match ty {
        // A field's boolean stands in its header.
        BOOLEAN_TRUE | BOOLEAN_FALSE => Ok(()),
        BYTE => cursor.u8().map(drop),
        I16..=I64 => {
            let number = zigzag(varint(cursor)?);
            integers(path, number);
            Ok(())
        }
        DOUBLE => cursor.take(8, "double").map(drop),
        BINARY => {
            let length = count(cursor, "bytes")?;
            cursor.take(length, "binary").map(drop)
        }
        LIST | SET => {
            let header = cursor.u8()?;
            let size = match header >> 4 {
                0xf => count(cursor, "list elements")?,
                size => usize::from(size),
            };
            (0..size).try_for_each(|_| element(cursor, header & 0xf, path, integers))
        }
        MAP => {
            let size = count(cursor, "map entries")?;
            let types = if size > 0 { cursor.u8()? } else { 0 };
            (0..size).try_for_each(|_| {
                element(cursor, types >> 4, path, integers)?;
                element(cursor, types & 0xf, path, integers)
            })
        }
        STRUCT => structure(cursor, path, integers),
        other => Err(cursor.invalid(format!("type {other} is unknown"))),
    }
}

/// An element of a list: a boolean takes a byte here.
fn element(
    cursor: &mut Cursor<'_>,
    ty: u8,
    path: &mut Vec<i64>,
    integers: &mut dyn FnMut(&[i64], i64),
) -> Result<()> {
    match ty {
        BOOLEAN_TRUE | BOOLEAN_FALSE => cursor.u8().map(drop),
        LIST | SET | MAP if path.len() as u32 >= MAX_DEPTH => Err(cursor.invalid("nested too deeply")),
        LIST | SET | MAP => {
            path.push(0);
            let done = value(cursor, ty, path, integers);
            path.pop();
            done
        }
        other => value(cursor, other, path, integers),
    }
}

/// A number of things that take at least a byte each.
fn count(cursor: &mut Cursor<'_>, what: &str) -> Result<usize> {
    let declared = varint(cursor)?;
    let possible = cursor.remaining() as u64;
    if declared > possible {
        let declared = i64::try_from(declared).unwrap_or(i64::MAX);
        return Err(cursor.error(ErrorKind::ImpossibleCount { what: what.to_owned(), declared, possible }));
    }
    Ok(declared as usize)
}

fn varint(cursor: &mut Cursor<'_>) -> Result<u64> {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let byte = cursor.u8()?;
        number |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Ok(number);
        }
    }
    Err(cursor.invalid("number has more than 64 bits"))
}

fn zigzag(number: u64) -> i64 {
    (number >> 1).cast_signed() ^ -((number & 1).cast_signed())
}
