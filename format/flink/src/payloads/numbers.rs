//! `NumberSequenceSource`, which `DataGeneratorSource` is made of: ranges of numbers.
//!
//! ```text
//! split 1        utf id | i64 next | i64 last       the id is 1, 2, …
//! enumerator 1   i32 n | n × split                  those no reader has yet
//! ```
//!
//! # Source
//! Flink, `NumberSequenceSource`. A user's source may have a split of a text and two numbers, too: that an
//! id is a number and a range not empty is what tells them apart.

use spt_format::{Cursor, Field, Result, Type};

use super::sources::Connector;
use super::value::{Value, list};
use super::{Evidence, Layout, only, plausible};
use crate::java;
use crate::serializers::values::structure;

pub(super) static NUMBERS: Connector = Connector {
    tag: "numbers",
    split: Layout {
        name: "number sequence split",
        evidence: Evidence::Values(&[1]),
        field: split_field,
        read: split,
    },
    enumerator: Layout {
        name: "number sequence enumerator",
        evidence: Evidence::Values(&[1]),
        field: enumerator_field,
        read: enumerator,
    },
};

fn split_field() -> Field {
    structure([
        ("split", Field::new("", Type::Utf8)),
        ("from", Field::new("", Type::Int64)),
        ("to", Field::new("", Type::Int64)),
    ])
}

fn enumerator_field() -> Field {
    structure([("splits", Field::new("", Type::list(split_field())))])
}

fn split(version: i32, cursor: &mut Cursor<'_>) -> Result<Value> {
    only(version, 1, cursor)?;
    range(cursor)
}

fn range(cursor: &mut Cursor<'_>) -> Result<Value> {
    let start = cursor.clone();
    let id = java::utf(cursor, "split")?;
    let (from, to) = (cursor.i64_be()?, cursor.i64_be()?);
    plausible(id.parse::<u32>().is_ok_and(|id| id > 0), &start, "the id of a range of numbers")?;
    plausible(from <= to, &start, "a range of numbers")?;
    Ok(Value::Struct(vec![Value::Text(id), Value::Long(from), Value::Long(to)]))
}

fn enumerator(version: i32, cursor: &mut Cursor<'_>) -> Result<Value> {
    only(version, 1, cursor)?;
    Ok(Value::Struct(vec![list(cursor, 18, "splits", range)?]))
}
