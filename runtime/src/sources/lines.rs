//! Lines out of pieces of bytes.
//!
//! A line ends with `\n`; a `\r` before it is cut off. Bytes that are no UTF-8 become U+FFFD, as in Java.

use crate::error::{Error, Result};

/// A line longer than this is no text.
const MAX_LINE_BYTES: usize = 16 << 20;

/// Bytes that have arrived, of which the front may be whole lines.
#[derive(Debug, Default)]
pub(super) struct Lines {
    bytes: Vec<u8>,
    /// Where the lines that have not been taken begin.
    start: usize,
}

impl Lines {
    /// Adds what has arrived.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.bytes.drain(..self.start);
        self.start = 0;
        self.bytes.extend_from_slice(bytes);
    }

    /// Hands every whole line to `each`, in order, and returns the bytes they took, ends included.
    ///
    /// # Errors
    /// If what is left can be no line, being too long.
    pub(super) fn take(&mut self, mut each: impl FnMut(&str)) -> Result<usize> {
        let before = self.start;
        while let Some(line) = self.next_line() {
            each(&String::from_utf8_lossy(line));
        }
        let left = self.bytes.len() - self.start;
        if left > MAX_LINE_BYTES {
            return Err(Error::failed(format!("a line is longer than {MAX_LINE_BYTES} bytes")));
        }
        Ok(self.start - before)
    }

    /// What is left once no more will arrive: a last line without an end, if any. Returns its bytes.
    pub(super) fn take_rest(&mut self, each: impl FnOnce(&str)) -> usize {
        let rest = self.bytes.get(self.start..).unwrap_or_default();
        if !rest.is_empty() {
            each(&String::from_utf8_lossy(without_return(rest)));
        }
        let taken = rest.len();
        self.start = self.bytes.len();
        taken
    }

    fn next_line(&mut self) -> Option<&[u8]> {
        let left = self.bytes.get(self.start..)?;
        let end = memchr::memchr(b'\n', left)?;
        self.start += end + 1;
        left.get(..end).map(without_return)
    }
}

fn without_return(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"\r").unwrap_or(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(lines: &mut Lines) -> (Vec<String>, usize) {
        let mut all = Vec::new();
        let bytes = lines.take(|line| all.push(line.to_owned())).unwrap();
        (all, bytes)
    }

    #[test]
    fn a_line_may_arrive_in_pieces() {
        let mut lines = Lines::default();
        lines.push(b"one\r\ntw");
        assert_eq!(taken(&mut lines), (vec!["one".to_owned()], 5));
        lines.push(b"o\n\nthree");
        assert_eq!(taken(&mut lines), (vec!["two".to_owned(), String::new()], 5));
        let mut rest = String::new();
        assert_eq!(lines.take_rest(|line| rest = line.to_owned()), 5);
        assert_eq!(rest, "three");
        assert_eq!(lines.take_rest(|_| panic!("nothing is left")), 0);
    }

    #[test]
    fn a_character_may_be_torn_and_what_is_none_is_replaced() {
        let mut lines = Lines::default();
        lines.push(&"h\u{e4}user".as_bytes()[..2]);
        assert_eq!(taken(&mut lines).1, 0);
        lines.push(&"h\u{e4}user".as_bytes()[2..]);
        lines.push(b"\n\xff\n");
        assert_eq!(taken(&mut lines).0, ["h\u{e4}user", "\u{fffd}"]);
    }

    #[test]
    fn a_line_without_end_is_refused_in_time() {
        let mut lines = Lines::default();
        lines.push(&vec![b'x'; MAX_LINE_BYTES + 1]);
        assert!(lines.take(|_| {}).is_err());
    }
}
