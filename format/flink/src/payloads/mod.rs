//! What connectors keep in state as bytes of their own: the splits and enumerators of sources, what the
//! writers and committers of sinks have open.
//!
//! ```text
//! element      i32 n | versioned                a `byte[]` of a list: SourceReaderState, writer_raw_states, …
//! coordinator  i32 1 | versioned                of a source's coordinator
//! versioned    i32 version | i32 n | n bytes    the connector's payload
//! ```
//!
//! Nothing says whose payload it is. One [`Layout`] knows one payload of one connector. A payload counts as
//! a connector's if all of the operator's payloads can be read as that connector's, each to its last byte and
//! with values that make sense, and as no other's: see [`sources`] and [`sinks`]. Otherwise its version is
//! shown, and its bytes.
//!
//! # Source
//! Flink, `SimpleVersionedSerialization`, `SourceOperator`, `SourceCoordinatorSerdeUtils`.

mod committables;
mod file_sink;
mod files;
mod hybrid;
mod kafka;
mod kafka_dynamic;
mod numbers;
pub(crate) mod sinks;
pub(crate) mod sources;
mod value;

use spt_format::{Cursor, Field, Logical, Result, Type};

use crate::java;
use crate::serializers::values::{Column, structure};
use value::Value;

/// How one payload of one connector is read.
pub(crate) struct Layout {
    /// What it is: `Kafka split`.
    pub(crate) name: &'static str,
    /// Why it is believed to be right.
    evidence: Evidence,
    /// What it is in the model.
    pub(crate) field: fn() -> Field,
    /// Reads a payload of this version; whoever calls looks whether anything is left.
    read: fn(i32, &mut Cursor<'_>) -> Result<Value>,
}

/// Why a layout is believed to be right.
#[derive(Debug, Clone, Copy)]
enum Evidence {
    /// It is a frame around bytes that are not understood.
    None,
    /// Bytes that the connector's own serializers wrote are read as what they hold, in these versions. Other
    /// versions follow its sources.
    Values(&'static [i32]),
}

/// What stands around a versioned payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Frame {
    /// It is an element of a list of `byte[]`.
    Element,
    /// It is the state of a source's coordinator.
    Coordinator,
}

/// A payload as it is found, whoever it is of.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Versioned<'a> {
    version: i32,
    bytes: &'a [u8],
    /// Where the bytes begin.
    start: u64,
}

/// How to read a frame and the payload in it.
#[derive(Clone, Copy)]
pub(crate) struct Payload {
    pub(crate) frame: Frame,
    pub(crate) layout: &'static Layout,
}

impl std::fmt::Debug for Payload {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} in {:?}", self.layout.name, self.frame)
    }
}

impl Frame {
    /// The payload in a frame that fills its bytes.
    ///
    /// # Errors
    /// If it does not.
    pub(crate) fn open<'a>(self, cursor: &mut Cursor<'a>) -> Result<Versioned<'a>> {
        match self {
            Self::Element => {
                let mut element = sized(cursor, "element")?;
                let payload = versioned(&mut element)?;
                element.end("element")?;
                Ok(payload)
            }
            Self::Coordinator => {
                let start = cursor.clone();
                match cursor.i32_be()? {
                    1 => versioned(cursor),
                    other => Err(start.invalid(format!("a source's coordinator of version {other}"))),
                }
            }
        }
    }
}

impl Layout {
    /// The value, if the payload is of this layout.
    fn value(&self, payload: Versioned<'_>) -> Result<Value> {
        let mut cursor = Cursor::at(payload.bytes, payload.start);
        let value = (self.read)(payload.version, &mut cursor)?;
        cursor.end(self.name)?;
        Ok(value)
    }

    /// Whether what is read of these payloads was ever held against bytes of the connector; `None` if they are
    /// not understood.
    pub(crate) fn is_verified(&self, payloads: &[Versioned<'_>]) -> Option<bool> {
        match self.evidence {
            Evidence::None => None,
            Evidence::Values(versions) => {
                Some(payloads.iter().all(|payload| versions.contains(&payload.version)))
            }
        }
    }

    fn reads(&self, payload: Versioned<'_>) -> bool {
        self.value(payload).is_ok()
    }
}

impl Payload {
    /// Reads what fills the cursor and appends it.
    ///
    /// # Errors
    /// If it is not of this layout, or something is left.
    pub(crate) fn append_whole(self, column: &mut Column, cursor: &mut Cursor<'_>) -> Result<()> {
        let payload = self.frame.open(cursor)?;
        cursor.end("payload")?;
        let length = column.len();
        let result = self.layout.value(payload)?.append(column);
        if result.is_err() {
            column.truncate(length);
        }
        result
    }
}

/// `i32 n`, then `n` bytes as a cursor of their own.
fn sized<'a>(cursor: &mut Cursor<'a>, what: &str) -> Result<Cursor<'a>> {
    let length = java::count(cursor, 1, what)?;
    let start = cursor.offset();
    cursor.take(length, what).map(|bytes| Cursor::at(bytes, start))
}

fn versioned<'a>(cursor: &mut Cursor<'a>) -> Result<Versioned<'a>> {
    let version = cursor.i32_be()?;
    let bytes = sized(cursor, "payload")?;
    Ok(Versioned { version, bytes: bytes.rest(), start: bytes.offset() })
}

/// A value that is versioned itself and read by this function, to its end.
fn nested<T>(cursor: &mut Cursor<'_>, read: impl FnOnce(i32, &mut Cursor<'_>) -> Result<T>) -> Result<T> {
    let payload = versioned(cursor)?;
    let mut inner = Cursor::at(payload.bytes, payload.start);
    let value = read(payload.version, &mut inner)?;
    inner.end("payload")?;
    Ok(value)
}

/// `i32 version | i32 n | n × (i32 size | bytes)`, each read by this function, to its end.
fn nested_list(
    cursor: &mut Cursor<'_>,
    mut read: impl FnMut(i32, &mut Cursor<'_>) -> Result<Value>,
) -> Result<Value> {
    let version = cursor.i32_be()?;
    let count = java::count(cursor, 4, "versioned values")?;
    let mut values = Vec::with_capacity(count);
    for _ in 0..count {
        let mut inner = sized(cursor, "versioned value")?;
        values.push(read(version, &mut inner)?);
        inner.end("versioned value")?;
    }
    Ok(Value::List(values))
}

/// The version must be this one.
fn only(version: i32, known: i32, cursor: &Cursor<'_>) -> Result<()> {
    if version == known {
        return Ok(());
    }
    Err(cursor.invalid(format!("version {version} of a payload, known is {known}")))
}

/// Values that cannot be meant: the payload is of something else.
fn plausible(holds: bool, cursor: &Cursor<'_>, what: &str) -> Result<()> {
    if holds { Ok(()) } else { Err(cursor.invalid(format!("{what} makes no sense"))) }
}

/// A payload of a connector that is not known, under this name: its version and its bytes.
fn unknown_field(name: &str) -> Field {
    structure([
        ("version", Field::new("", Type::Int32)),
        (name, Field::new("", Type::Binary).with_logical(Logical::Opaque(name.to_owned()))),
    ])
}

fn unknown(version: i32, cursor: &mut Cursor<'_>) -> Result<Value> {
    let bytes = cursor.take(cursor.remaining(), "payload")?;
    Ok(Value::Struct(vec![Value::Int(version), Value::Bytes(bytes.to_vec())]))
}

#[cfg(test)]
mod tests;
