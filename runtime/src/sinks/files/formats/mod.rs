//! Kinds of files, and how records become one: a kind per file.

mod csv;
mod lines;
mod ndjson;
mod parquet;
mod rows;

pub use csv::{Csv, CsvEncoder};
pub use lines::{Lines, LinesEncoder};
pub use ndjson::{Ndjson, NdjsonEncoder};
pub use parquet::{Parquet, ParquetEncoder};

use spt_format::{Int64Style, JsonOptions, PickleStyle};

use crate::data::Data;
use crate::error::Result;

/// What a sink writes is read by programs: bytes have one form, whatever they hold.
const JSON: JsonOptions = JsonOptions { int64: Int64Style::Number, pickles: PickleStyle::Bytes };

/// A kind of files that records of this type can be written to.
pub trait FileFormat<T: Data>: Clone + Send + Sync + 'static {
    /// Makes files of records.
    type Encoder: Encoder<T>;
    /// A name for people.
    const NAME: &'static str;
    /// What file names end with.
    const EXTENSION: &'static str;

    /// Begins with no file.
    ///
    /// # Errors
    /// A refusal, if the format has no place for the type.
    fn encoder(&self) -> Result<Self::Encoder>;
}

/// Makes files of records, one file after the other.
pub trait Encoder<T: Data>: Send {
    /// Takes a record, and appends to the file what is ready: that may be nothing for a while.
    ///
    /// # Errors
    /// If the record cannot be written in this format.
    fn append(&mut self, record: T::Ref<'_>, file: &mut Vec<u8>) -> Result<()>;

    /// Bytes of records that are not in the file yet, roughly.
    fn held_bytes(&self) -> usize {
        0
    }

    /// Appends what the file still lacks to be whole. The next record begins another.
    ///
    /// # Errors
    /// As [`Encoder::append`].
    fn finish(&mut self, file: &mut Vec<u8>) -> Result<()>;
}
