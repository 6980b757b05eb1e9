//! Comma-separated values (RFC 4180): records of cells.
//!
//! ```text
//! key,value          a header
//! a,1                a record
//! "b, or ""c""",     quoted, then a cell that is empty without quotes: null
//! "",2               empty in quotes: an empty string
//! ```
//!
//! A record may go on over several lines inside quotes.

use std::io::BufRead;

use super::lines::{Lines, place};
use crate::error::{Error, Result, ResultExt};

/// The text of a cell, and whether it stood in quotes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Cell {
    pub(super) text: String,
    pub(super) quoted: bool,
}

impl Cell {
    /// Nothing was written, not even quotes.
    pub(super) fn is_null(&self) -> bool {
        self.text.is_empty() && !self.quoted
    }
}

/// Reads the next record and the number of its first line. Lines with nothing on them are passed over if a
/// record has several cells.
///
/// # Errors
/// With the line, if the file cannot be read, is not UTF-8, or its quotes are unbalanced.
pub(super) fn next_record<R: BufRead>(
    lines: &mut Lines<R>,
    cells: usize,
) -> Result<Option<(u64, Vec<Cell>)>> {
    let mut bytes = Vec::new();
    loop {
        bytes.clear();
        if !lines.append(&mut bytes)? {
            return Ok(None);
        }
        if cells == 1 || bytes.iter().any(|byte| !matches!(byte, b'\r' | b'\n')) {
            break;
        }
    }
    let first = lines.number();
    // Outside quotes there is none: as long as their number is odd, a quoted cell is open.
    while bytes.iter().filter(|byte| **byte == b'"').count() % 2 == 1 {
        if !lines.append(&mut bytes)? {
            return Err(Error::bad_request("a quote is not closed")).within(|| place(first));
        }
    }
    let record = String::from_utf8(bytes).map_err(|_| Error::bad_request("is not UTF-8"));
    let record = record.and_then(|text| split(text.trim_end_matches(['\n', '\r'])));
    Ok(Some((first, record.within(|| place(first))?)))
}

fn split(record: &str) -> Result<Vec<Cell>> {
    let mut cells = Vec::new();
    let mut rest = record;
    loop {
        let (cell, after) = match rest.strip_prefix('"') {
            Some(inner) => quoted(inner)?,
            None => plain(rest)?,
        };
        cells.push(cell);
        match after {
            Some(after) => rest = after,
            None => return Ok(cells),
        }
    }
}

/// A cell without quotes, and what follows the comma after it.
fn plain(rest: &str) -> Result<(Cell, Option<&str>)> {
    let (text, after) = match rest.split_once(',') {
        Some((text, after)) => (text, Some(after)),
        None => (rest, None),
    };
    if text.contains('"') {
        return Err(Error::bad_request(format!(
            "a quote inside the cell {text:?}, which has none around it"
        )));
    }
    Ok((Cell { text: text.to_owned(), quoted: false }, after))
}

/// The same for a cell whose opening quote was taken.
fn quoted(mut rest: &str) -> Result<(Cell, Option<&str>)> {
    let mut text = String::new();
    loop {
        let (part, after) =
            rest.split_once('"').ok_or_else(|| Error::bad_request("a quote is not closed"))?;
        text.push_str(part);
        if let Some(after) = after.strip_prefix('"') {
            text.push('"');
            rest = after;
            continue;
        }
        let cell = Cell { text, quoted: true };
        return match after.strip_prefix(',') {
            Some(after) => Ok((cell, Some(after))),
            None if after.is_empty() => Ok((cell, None)),
            None => Err(Error::bad_request(format!("{after:?} follows a closing quote"))),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::ReadLimits;

    fn records(text: &str, cells: usize) -> Result<Vec<(u64, Vec<String>)>> {
        let mut lines = Lines::new(text.as_bytes(), &ReadLimits::default());
        let mut records = Vec::new();
        while let Some((line, cells)) = next_record(&mut lines, cells)? {
            let text = |cell: Cell| if cell.is_null() { "NULL".to_owned() } else { cell.text };
            records.push((line, cells.into_iter().map(text).collect()));
        }
        Ok(records)
    }

    #[test]
    fn quotes_commas_and_line_breaks_stay_in_their_cell() {
        let text = "\u{feff}a,\"b, \"\"c\"\"\"\r\n\n\"two\nlines\",\n\"\",d";
        let expected = [(1, ["a", "b, \"c\""]), (3, ["two\nlines", "NULL"]), (5, ["", "d"])];
        let expected = expected.map(|(line, cells)| (line, cells.map(str::to_owned).to_vec()));
        assert_eq!(records(text, 2).unwrap(), expected);
    }

    #[test]
    fn unbalanced_quotes_are_refused_with_their_line() {
        for (text, message) in [
            ("a\n\"b", "line 2: a quote is not closed"),
            ("a\"b\"", "line 1: a quote inside the cell \"a\\\"b\\\"\", which has none around it"),
            ("\"a\"b", "line 1: \"b\" follows a closing quote"),
        ] {
            assert_eq!(records(text, 1).unwrap_err().to_string(), message);
        }
    }
}
