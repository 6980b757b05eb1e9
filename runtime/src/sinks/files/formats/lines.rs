//! Lines of text.

use super::{Encoder, FileFormat};
use crate::data::Data;
use crate::error::Result;

/// Each record as the text that [`Print`](crate::sinks::Print) prints, a line each. A line end inside a record is
/// written as it is.
#[derive(Debug, Clone, Copy, Default)]
pub struct Lines;

/// Writes lines.
#[derive(Debug, Default)]
pub struct LinesEncoder {
    line: String,
}

impl<T: Data> FileFormat<T> for Lines {
    type Encoder = LinesEncoder;
    const NAME: &'static str = "lines";
    const EXTENSION: &'static str = "txt";

    fn encoder(&self) -> Result<LinesEncoder> {
        Ok(LinesEncoder::default())
    }
}

impl<T: Data> Encoder<T> for LinesEncoder {
    fn append(&mut self, record: T::Ref<'_>, file: &mut Vec<u8>) -> Result<()> {
        self.line.clear();
        T::write_text(record, &mut self.line);
        file.extend_from_slice(self.line.as_bytes());
        file.push(b'\n');
        Ok(())
    }

    fn finish(&mut self, _: &mut Vec<u8>) -> Result<()> {
        Ok(())
    }
}
