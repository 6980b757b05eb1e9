//! Lines of text.

use super::text::{Decoder, TextFile};
use super::{FilePosition, ReadFormat, Tally};
use crate::error::Result;
use crate::operators::Out;
use crate::sources::records::RecordEnd;

/// Files whose records are their lines.
#[derive(Debug, Clone, Copy, Default)]
pub struct TextLines;

impl ReadFormat for TextLines {
    type Item = String;
    type File = TextFile<Self>;
    const NAME: &'static str = "text-files";

    fn open(&self, position: &FilePosition) -> Result<TextFile<Self>> {
        TextFile::open(position, RecordEnd::Line, *self)
    }
}

impl Decoder for TextLines {
    type Item = String;

    fn take(&mut self, _: u64, line: &[u8], _: &mut Tally, out: &mut Out<'_, String>) -> Result<()> {
        out.emit(&*String::from_utf8_lossy(line));
        Ok(())
    }
}
