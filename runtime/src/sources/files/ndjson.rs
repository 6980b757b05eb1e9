//! Files with a JSON document a line.

use std::marker::PhantomData;

use super::record::FromJson;
use super::text::{Decoder, TextFile};
use super::{FilePosition, ReadFormat, Tally};
use crate::data::Data;
use crate::error::{Error, Result};
use crate::operators::Out;
use crate::sources::records::RecordEnd;
use crate::state::State;

/// Files whose lines are JSON documents, as `spt export` and the sink [`Ndjson`](crate::sinks::Ndjson) write them.
///
/// Members that the type does not know are left out, those that are absent have their default or are null, and a
/// former name will do. Lines with nothing on them are no records.
#[derive(Debug)]
pub struct JsonLines<T>(PhantomData<fn() -> T>);

impl<T> Default for JsonLines<T> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

impl<T> Clone for JsonLines<T> {
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl<T: Data + State> ReadFormat for JsonLines<T> {
    type Item = T;
    type File = TextFile<JsonDecoder<T>>;
    const NAME: &'static str = "ndjson-files";

    fn open(&self, position: &FilePosition) -> Result<TextFile<JsonDecoder<T>>> {
        TextFile::open(position, RecordEnd::Line, JsonDecoder(FromJson::new()))
    }
}

/// Makes records of JSON documents.
pub struct JsonDecoder<T>(FromJson<T>);

impl<T: Data + State> Decoder for JsonDecoder<T> {
    type Item = T;

    fn take(&mut self, line: u64, text: &[u8], tally: &mut Tally, out: &mut Out<'_, T>) -> Result<()> {
        if text.trim_ascii().is_empty() {
            return Ok(());
        }
        match serde_json::from_slice(text) {
            Ok(value) => self.0.push(line, value),
            Err(error) => {
                self.0.malformed(line, Error::failed("no JSON").caused_by(error), tally, out)?;
            }
        }
        Ok(())
    }

    fn flush(&mut self, tally: &mut Tally, out: &mut Out<'_, T>) -> Result<()> {
        self.0.flush(tally, out)
    }
}
