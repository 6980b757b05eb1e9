//! A JSON document a line.

use spt_format::JsonValues;

use super::rows::Rows;
use super::{Encoder, FileFormat, JSON};
use crate::data::Data;
use crate::error::Result;
use crate::state::State;

/// Each record as a JSON document on a line of its own, with values as `spt export` writes them: a struct is an
/// object, a tuple an object `{"f0":…,"f1":…}`.
#[derive(Debug, Clone, Copy, Default)]
pub struct Ndjson;

/// Writes JSON documents.
pub struct NdjsonEncoder<T: State> {
    rows: Rows<T>,
}

impl<T: Data + State> FileFormat<T> for Ndjson {
    type Encoder = NdjsonEncoder<T>;
    const NAME: &'static str = "ndjson";
    const EXTENSION: &'static str = "ndjson";

    fn encoder(&self) -> Result<NdjsonEncoder<T>> {
        Ok(NdjsonEncoder { rows: Rows::new() })
    }
}

impl<T: Data + State> Encoder<T> for NdjsonEncoder<T> {
    fn append(&mut self, record: T::Ref<'_>, file: &mut Vec<u8>) -> Result<()> {
        if self.rows.push(record) { self.finish(file) } else { Ok(()) }
    }

    fn held_bytes(&self) -> usize {
        self.rows.bytes()
    }

    fn finish(&mut self, file: &mut Vec<u8>) -> Result<()> {
        let Some(records) = self.rows.take()? else { return Ok(()) };
        let values = JsonValues::new(self.rows.field(), &records, JSON)?;
        for row in 0..records.len() {
            values.write(row, file);
            file.push(b'\n');
        }
        Ok(())
    }
}
