//! Records out of pieces of bytes: lines, or records of CSV, which may have line ends inside quotes.
//!
//! A record ends with `\n`; a `\r` before it is cut off.

use crate::error::{Error, Result};

/// A record longer than this is no text.
const MAX_RECORD_BYTES: usize = 16 << 20;

/// Where a record ends.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum RecordEnd {
    /// At the next line end.
    #[default]
    Line,
    /// At the next line end that is not inside quotes. A quote begins at the front of a cell.
    Csv {
        /// Between cells.
        delimiter: u8,
    },
}

impl RecordEnd {
    /// The place of the `\n` that ends the first record.
    fn find(self, bytes: &[u8]) -> Option<usize> {
        match self {
            Self::Line => memchr::memchr(b'\n', bytes),
            Self::Csv { delimiter } => end_of_csv(bytes, delimiter),
        }
    }
}

fn end_of_csv(bytes: &[u8], delimiter: u8) -> Option<usize> {
    let mut place = InCell::Front;
    bytes.iter().position(|byte| {
        let is_end = *byte == b'\n' && place != InCell::Quoted;
        place = place.behind(*byte, delimiter);
        is_end
    })
}

/// Where in a cell of CSV a byte stands (RFC 4180).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum InCell {
    /// At its front: a quote begins the quoted text.
    Front,
    /// In text without quotes, where a quote is a character.
    Plain,
    /// In quoted text.
    Quoted,
    /// Behind a quote in quoted text: its end, unless a second one follows.
    Closing,
}

impl InCell {
    /// Where the next byte stands.
    pub(super) fn behind(self, byte: u8, delimiter: u8) -> Self {
        match (self, byte) {
            (Self::Quoted, b'"') => Self::Closing,
            (Self::Quoted, _) | (Self::Front | Self::Closing, b'"') => Self::Quoted,
            (_, byte) if byte == delimiter => Self::Front,
            _ => Self::Plain,
        }
    }
}

/// Bytes that have arrived, of which the front may be whole records.
#[derive(Debug, Default)]
pub(super) struct Records {
    end: RecordEnd,
    bytes: Vec<u8>,
    /// Where the records that have not been taken begin.
    start: usize,
    /// There was no room for what may be more whole records.
    has_more: bool,
}

impl Records {
    /// Of records that end so.
    pub(super) fn ending(end: RecordEnd) -> Self {
        Self { end, ..Self::default() }
    }

    /// Adds what has arrived.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.bytes.drain(..self.start);
        self.start = 0;
        self.bytes.extend_from_slice(bytes);
    }

    /// Whole records may be left that there was no room for: they are to be taken before more is read.
    pub(super) fn has_more(&self) -> bool {
        self.has_more
    }

    /// Hands whole records to `each`, in order and at most `room`, and returns the bytes they took, ends included.
    ///
    /// # Errors
    /// That of `each`.
    pub(super) fn take(&mut self, room: u64, mut each: impl FnMut(&[u8]) -> Result<()>) -> Result<usize> {
        let before = self.start;
        self.has_more = true;
        for _ in 0..room {
            let Some(record) = self.next_record() else {
                self.has_more = false;
                break;
            };
            each(record)?;
        }
        Ok(self.start - before)
    }

    /// What is left once whole records are taken may still become one.
    ///
    /// # Errors
    /// If it is too long for that.
    pub(super) fn check(&self) -> Result<()> {
        if self.bytes.len() - self.start > MAX_RECORD_BYTES {
            return Err(Error::failed(format!("a line is longer than {MAX_RECORD_BYTES} bytes")));
        }
        Ok(())
    }

    /// The first whole record.
    pub(super) fn take_one(&mut self) -> Option<Vec<u8>> {
        self.next_record().map(<[u8]>::to_vec)
    }

    /// What is left once no more will arrive: a last record without an end, if any. Returns its bytes.
    ///
    /// # Errors
    /// That of `each`.
    pub(super) fn take_rest(&mut self, each: impl FnOnce(&[u8]) -> Result<()>) -> Result<usize> {
        let start = std::mem::replace(&mut self.start, self.bytes.len());
        let rest = self.bytes.get(start..).unwrap_or_default();
        if !rest.is_empty() {
            each(without_return(rest))?;
        }
        Ok(rest.len())
    }

    fn next_record(&mut self) -> Option<&[u8]> {
        let left = self.bytes.get(self.start..)?;
        let end = self.end.find(left)?;
        self.start += end + 1;
        left.get(..end).map(without_return)
    }
}

fn without_return(record: &[u8]) -> &[u8] {
    record.strip_suffix(b"\r").unwrap_or(record)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(records: &mut Records) -> (Vec<String>, usize) {
        let mut all = Vec::new();
        let bytes = records.take(u64::MAX, |record| {
            all.push(String::from_utf8_lossy(record).into_owned());
            Ok(())
        });
        (all, bytes.unwrap())
    }

    fn csv(text: &str) -> Vec<String> {
        let mut records = Records::ending(RecordEnd::Csv { delimiter: b',' });
        records.push(text.as_bytes());
        taken(&mut records).0
    }

    #[test]
    fn a_line_may_arrive_in_pieces() {
        let mut lines = Records::default();
        lines.push(b"one\r\ntw");
        assert_eq!(taken(&mut lines), (vec!["one".to_owned()], 5));
        lines.push(b"o\n\nthree");
        assert_eq!(taken(&mut lines), (vec!["two".to_owned(), String::new()], 5));
        let mut rest = Vec::new();
        let bytes = lines.take_rest(|line| {
            rest = line.to_vec();
            Ok(())
        });
        assert_eq!((bytes.unwrap(), rest.as_slice()), (5, &b"three"[..]));
        assert_eq!(lines.take_rest(|_| panic!("nothing is left")).unwrap(), 0);
    }

    #[test]
    fn at_most_as_many_records_are_taken_as_there_is_room_for() {
        let mut lines = Records::default();
        lines.push(b"1\n2\n3\n");
        let mut take = |room| (lines.take(room, |_| Ok(())).unwrap(), lines.has_more());
        assert_eq!(take(2), (4, true));
        assert_eq!(take(2), (2, false));
        assert_eq!(take(2), (0, false));
    }

    #[test]
    fn a_line_without_end_is_refused_in_time() {
        let mut lines = Records::default();
        lines.push(&vec![b'x'; MAX_RECORD_BYTES + 1]);
        assert_eq!(taken(&mut lines).1, 0);
        assert!(lines.check().is_err());
    }

    #[test]
    fn a_record_of_csv_may_have_line_ends_inside_quotes() {
        assert_eq!(csv("a,\"b\nc\"\r\nd,e\n"), ["a,\"b\nc\"", "d,e"]);
        assert_eq!(csv("\"a \"\"b\"\"\n\",c\nd\n"), ["\"a \"\"b\"\"\n\",c", "d"]);
        assert_eq!(csv("\"\",\"\"\nx\n"), ["\"\",\"\"", "x"]);
    }

    #[test]
    fn a_quote_in_the_middle_of_a_cell_is_a_character() {
        assert_eq!(csv("5\" disk,a\nb\n"), ["5\" disk,a", "b"]);
        assert_eq!(csv("a\"\"b\nc\n"), ["a\"\"b", "c"]);
    }

    #[test]
    fn a_quote_that_nothing_closes_has_no_end() {
        assert_eq!(csv("a,\"b\nc\n"), Vec::<String>::new());
    }
}
