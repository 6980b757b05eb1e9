//! A YAML file as a flat list of keys, values and lines.
//!
//! ```text
//! execution:                          execution.checkpointing.interval = "10 s"   (line 3)
//!   checkpointing:              ──►
//!     interval: 10 s
//! state.savepoints.dir: /tmp/s        state.savepoints.dir = "/tmp/s"             (line 4)
//! ```
//!
//! Values stay text, exactly as written: which type they are is the option's business, not YAML's (`off`
//! is the name of a restart strategy). Aliases are refused: they multiply, and a configuration needs none.

use saphyr_parser::{Event, Parser, Span};
use spt_format::{Error, Result};

/// Nesting deeper than this is no configuration.
const MAX_DEPTH: usize = 16;

/// One value of the file.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Entry {
    /// The keys from the outside in, joined by `.`.
    pub(super) key: String,
    /// The value as it is written; the elements of a list are joined by `,`.
    pub(super) value: String,
    /// Line of the value, from 1.
    pub(super) line: usize,
}

/// Every value in `text`, in order.
///
/// # Errors
/// [`ErrorKind::Invalid`](spt_format::ErrorKind::Invalid) with the line, for what is no YAML or no mapping
/// of keys to values.
pub(super) fn entries(text: &str) -> Result<Vec<Entry>> {
    let mut flat = Flat { parser: Parser::new_from_str(text), entries: Vec::new() };
    loop {
        match flat.next()? {
            (Event::MappingStart(..), _) => flat.mapping(&mut Vec::new())?,
            (Event::StreamEnd, _) => return Ok(flat.entries),
            (Event::Scalar(value, ..), _) if value.is_empty() || &*value == "~" => {}
            (Event::Scalar(..) | Event::SequenceStart(..) | Event::Alias(_), line) => {
                return Err(at(line, "expected a mapping of keys to values"));
            }
            _ => {}
        }
    }
}

struct Flat<'input> {
    parser: Parser<'input, saphyr_parser::StrInput<'input>>,
    entries: Vec<Entry>,
}

impl<'input> Flat<'input> {
    fn next(&mut self) -> Result<(Event<'input>, usize)> {
        match self.parser.next_event() {
            Some(Ok((event, span))) => Ok((event, line(span))),
            Some(Err(error)) => Err(at(error.marker().line(), error.info())),
            None => Ok((Event::StreamEnd, 0)),
        }
    }

    /// The pairs of a mapping whose start has been read; `path` is the keys that enclose it.
    fn mapping(&mut self, path: &mut Vec<String>) -> Result<()> {
        loop {
            match self.next()? {
                (Event::MappingEnd, _) => return Ok(()),
                (Event::Scalar(key, ..), _) => {
                    path.push(key.into_owned());
                    self.value(path)?;
                    path.pop();
                }
                (_, line) => return Err(at(line, "a key is not a plain text")),
            }
        }
    }

    fn value(&mut self, path: &mut Vec<String>) -> Result<()> {
        match self.next()? {
            (Event::MappingStart(..), line) if path.len() >= MAX_DEPTH => {
                Err(at(line, "keys are nested too deeply"))
            }
            (Event::MappingStart(..), _) => self.mapping(path),
            (Event::Scalar(value, ..), line) => {
                self.push(path, value.into_owned(), line);
                Ok(())
            }
            (Event::SequenceStart(..), line) => {
                let elements = self.sequence()?;
                self.push(path, elements.join(","), line);
                Ok(())
            }
            (Event::Alias(_), line) => Err(at(line, "aliases are not supported")),
            (_, line) => Err(at(line, "expected a value")),
        }
    }

    fn sequence(&mut self) -> Result<Vec<String>> {
        let mut elements = Vec::new();
        loop {
            match self.next()? {
                (Event::SequenceEnd, _) => return Ok(elements),
                (Event::Scalar(element, ..), _) => elements.push(element.into_owned()),
                (_, line) => return Err(at(line, "a list holds something else than plain texts")),
            }
        }
    }

    /// A key without a value is a key that is not set.
    fn push(&mut self, path: &[String], value: String, line: usize) {
        if value.is_empty() || value == "~" {
            return;
        }
        self.entries.push(Entry { key: path.join("."), value, line });
    }
}

fn line(span: Span) -> usize {
    span.start.line()
}

fn at(line: usize, what: impl Into<String>) -> Error {
    Error::invalid(what).within(format!("line {line}"))
}
