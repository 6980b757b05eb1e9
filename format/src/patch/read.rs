//! Reads a patch line by line, in bounded memory.

use std::io::BufRead;

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::PATCH_SCHEMA;
use super::document::{EndLine, Head, OperatorLine, StateLine, misfit};
use super::rows::{PatchRows, RowFormat, RowLine};
use crate::error::{Error, ErrorKind, Result, ResultExt};
use crate::limits::ReadLimits;
use crate::location::Location;

/// Rows that are read together, at most.
const BATCH_ROWS: usize = 4_096;
/// Bytes of lines after which rows are not waited for any longer.
const BATCH_BYTES: usize = 4 << 20;

/// A patch whose first line was read.
pub struct Patch<R> {
    pub(super) head: Head,
    pub(super) lines: Lines<R>,
}

/// What a line is about.
pub(super) enum Line {
    Operator(Box<OperatorLine>),
    State(Box<StateLine>),
    Row(Map<String, Value>),
    End(u64),
}

/// The lines after the first.
pub(super) struct Lines<R> {
    reader: R,
    limit: u64,
    /// The number of the line that was read last.
    number: u64,
    /// Bytes of that line.
    bytes: usize,
    /// A line that was read and not yet wanted.
    ahead: Option<(u64, Line)>,
    /// Rows so far.
    pub(super) rows: u64,
}

impl<R: BufRead> Patch<R> {
    /// Reads the first line.
    ///
    /// # Errors
    /// If it is not that of a patch this version knows.
    pub fn open(reader: R) -> Result<Self> {
        let limit = ReadLimits::default().metadata_bytes;
        let mut lines = Lines { reader, limit, number: 0, bytes: 0, ahead: None, rows: 0 };
        let head = lines.head().within(|| "line 1")?;
        Ok(Self { head, lines })
    }

    /// The id of the savepoint it was made from.
    pub fn before_id(&self) -> &str {
        &self.head.before.id
    }

    /// The id of the savepoint whose state comes of it.
    pub fn after_id(&self) -> &str {
        &self.head.after.id
    }
}

impl<R: BufRead> Lines<R> {
    fn head(&mut self) -> Result<Head> {
        let not_one =
            || Error::invalid(format!("this is no patch: there is no \"schema\":\"{PATCH_SCHEMA}\""));
        let text = self.text()?.ok_or_else(|| Error::invalid("the patch is empty"))?;
        let value: Value = serde_json::from_str(&text).map_err(|error| not_one().caused_by(error))?;
        match value.get("schema").and_then(Value::as_str) {
            Some(PATCH_SCHEMA) => typed(value),
            Some(other) if other.starts_with("spt.patch/") => {
                let feature = other.to_owned();
                Err(Error::new(ErrorKind::UnsupportedFeature { feature }, Location::default()))
            }
            _ => Err(not_one()),
        }
    }

    /// The next line; the patch has to end with one that says so, and with nothing after it.
    pub(super) fn next(&mut self) -> Result<(u64, Line)> {
        if let Some(line) = self.ahead.take() {
            return Ok(line);
        }
        let Some(text) = self.text()? else {
            let what = "the patch ends early: whatever wrote it did not finish";
            return Err(Error::invalid(what).within(format!("line {}", self.number)));
        };
        let line = parse(&text).within(|| format!("line {}", self.number))?;
        if let Line::End(rows) = &line {
            self.end(*rows)?;
        }
        self.rows += u64::from(matches!(line, Line::Row(_)));
        Ok((self.number, line))
    }

    fn end(&mut self, rows: u64) -> Result<()> {
        let place = format!("line {}", self.number);
        if rows != self.rows {
            let (found, expected) = (self.rows.to_string(), rows.to_string());
            let what = "number of rows".to_owned();
            let kind = ErrorKind::Mismatch { what, found, expected };
            return Err(Error::new(kind, Location::default()).within(place));
        }
        match self.text()? {
            None => Ok(()),
            Some(_) => {
                Err(Error::invalid("something follows the end").within(format!("line {}", self.number)))
            }
        }
    }

    /// The next rows of one state; `None` if something else follows.
    pub(super) fn rows(&mut self, format: &RowFormat) -> Result<Option<PatchRows>> {
        let mut rows: Vec<RowLine> = Vec::new();
        let mut bytes = 0;
        while rows.len() < BATCH_ROWS && bytes < BATCH_BYTES {
            match self.next()? {
                (number, Line::Row(row)) => rows.push((number, row)),
                other => {
                    self.ahead = Some(other);
                    break;
                }
            }
            bytes += self.bytes;
        }
        if rows.is_empty() { Ok(None) } else { format.read(&rows).map(Some) }
    }

    /// Rows follow.
    pub(super) fn has_rows(&mut self) -> Result<bool> {
        let line = self.next()?;
        let is_row = matches!(line.1, Line::Row(_));
        self.ahead = Some(line);
        Ok(is_row)
    }

    /// The next line that is not empty, without its end.
    fn text(&mut self) -> Result<Option<String>> {
        loop {
            self.number += 1;
            let mut bytes = Vec::new();
            let mut limited = std::io::Read::take(&mut self.reader, self.limit + 1);
            let read = limited.read_until(b'\n', &mut bytes);
            read.map_err(|error| Error::io("read", Location::default(), error))?;
            ReadLimits::check("length of a line", bytes.len() as u64, self.limit)
                .within(|| format!("line {}", self.number))?;
            if bytes.is_empty() {
                return Ok(None);
            }
            self.bytes = bytes.len();
            let text = String::from_utf8(bytes)
                .map_err(|_| Error::invalid("is not UTF-8").within(format!("line {}", self.number)))?;
            if !text.trim().is_empty() {
                return Ok(Some(text));
            }
        }
    }
}

fn parse(text: &str) -> Result<Line> {
    let value: Value = serde_json::from_str(text)
        .map_err(|error| Error::invalid("is no JSON, or was cut short").caused_by(error))?;
    let Value::Object(members) = value else { return Err(Error::invalid("is no object")) };
    let has = |name: &str| members.contains_key(name);
    if has("op") {
        Ok(Line::Row(members))
    } else if has("operator") {
        typed(Value::Object(members)).map(|line| Line::Operator(Box::new(line)))
    } else if has("state") {
        typed(Value::Object(members)).map(|line| Line::State(Box::new(line)))
    } else if has("end") {
        typed::<EndLine>(Value::Object(members)).map(|line| Line::End(line.end.rows))
    } else {
        Err(Error::invalid("is no row, operator, state or end"))
    }
}

fn typed<T: DeserializeOwned>(value: Value) -> Result<T> {
    serde_json::from_value(value).map_err(|error| misfit("the line", error))
}
