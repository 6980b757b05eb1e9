//! How a record becomes a line.

use serde::Serialize;

use crate::data::Data;
use crate::error::{Error, Result};

/// A kind of files.
pub trait FileFormat: Clone + Send + Sync + 'static {
    /// A name for people.
    const NAME: &'static str;
    /// What file names end with.
    const EXTENSION: &'static str;
}

/// Writes records of this type.
pub trait Encode<T: Data> {
    /// Appends a record.
    ///
    /// # Errors
    /// If the record cannot be written in this format.
    fn encode(record: T::Ref<'_>, text: &mut String) -> Result<()>;
}

/// Each record as the text that [`Print`](crate::sinks::Print) prints, a line each. A line end inside a record is
/// written as it is.
#[derive(Debug, Clone, Copy, Default)]
pub struct Lines;

impl FileFormat for Lines {
    const NAME: &'static str = "lines";
    const EXTENSION: &'static str = "txt";
}

impl<T: Data> Encode<T> for Lines {
    fn encode(record: T::Ref<'_>, text: &mut String) -> Result<()> {
        T::write_text(record, text);
        text.push('\n');
        Ok(())
    }
}

/// Each record as a JSON document on a line of its own.
#[derive(Debug, Clone, Copy, Default)]
pub struct Ndjson;

impl FileFormat for Ndjson {
    const NAME: &'static str = "ndjson";
    const EXTENSION: &'static str = "ndjson";
}

impl<T> Encode<T> for Ndjson
where
    T: Data,
    for<'a> T::Ref<'a>: Serialize,
{
    fn encode(record: T::Ref<'_>, text: &mut String) -> Result<()> {
        let document = serde_json::to_string(&record)
            .map_err(|error| Error::failed("a record is no JSON").caused_by(error))?;
        text.push_str(&document);
        text.push('\n');
        Ok(())
    }
}
