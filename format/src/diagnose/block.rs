//! Cuts a log into blocks: a line, and the stack trace below it.
//!
//! ```text
//! … WARN Task - kryo -> out (1/1)#0 (4c89…_21f2…_0_0) switched from INITIALIZING to FAILED …     begins a block
//! java.lang.RuntimeException: Error while getting state                                          belongs to it
//!     at com.acme.Job.open(Job.java:12)                                                          belongs to it
//! Caused by: org.apache.flink.util.StateMigrationException: …                                    belongs to it
//! ```

use std::io::{BufRead, Read};

use crate::error::{Error, Result};

/// Of a longer line no more than this is looked at.
const LONGEST_LINE: u64 = 64 << 10;
/// Of a longer trace no more than this is looked at.
const LONGEST_BLOCK: usize = 4096;

/// A line of a log and its number, from 1 on.
#[derive(Debug, Clone)]
pub(super) struct Line {
    pub(super) number: u64,
    pub(super) text: String,
}

/// The blocks of a log, in memory one at a time.
pub(super) struct Blocks<R> {
    log: R,
    number: u64,
    next: Option<Line>,
}

impl<R: BufRead> Blocks<R> {
    pub(super) fn new(log: R) -> Self {
        Self { log, number: 0, next: None }
    }

    /// The next block; empty at the end.
    ///
    /// # Errors
    /// If the log cannot be read.
    pub(super) fn next(&mut self) -> Result<Vec<Line>> {
        let mut block: Vec<Line> = self.next.take().into_iter().collect();
        while let Some(line) = self.line()? {
            let belongs = continues(&line.text) && block.len() < LONGEST_BLOCK;
            if !block.is_empty() && !belongs {
                self.next = Some(line);
                break;
            }
            block.push(line);
        }
        Ok(block)
    }

    fn line(&mut self) -> Result<Option<Line>> {
        let mut bytes = Vec::new();
        let failed = |error| Error::io("read", "the log", error);
        let read = self.log.by_ref().take(LONGEST_LINE).read_until(b'\n', &mut bytes).map_err(failed)?;
        if read == 0 {
            return Ok(None);
        }
        if bytes.last() != Some(&b'\n') && read as u64 == LONGEST_LINE {
            self.log.skip_until(b'\n').map_err(failed)?;
        }
        self.number += 1;
        let text = String::from_utf8_lossy(&bytes).trim_end().to_owned();
        Ok(Some(Line { number: self.number, text }))
    }
}

/// The line belongs to the one before it: a frame, a cause, or the head of an exception.
fn continues(text: &str) -> bool {
    let word = text.split([' ', ':']).next().unwrap_or_default();
    let is_exception = word.contains('.') && word.ends_with("Exception") | word.ends_with("Error");
    text.starts_with([' ', '\t']) || ["Caused", "Suppressed", "..."].contains(&word) || is_exception
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trace_belongs_to_the_line_above_it() {
        let log =
            "INFO a\nWARN b failed\njava.lang.IllegalStateException: no\n\tat x.Y\nCaused by: z\nINFO c";
        let mut blocks = Blocks::new(log.as_bytes());
        let mut lengths = Vec::new();
        loop {
            match blocks.next().unwrap().len() {
                0 => break,
                length => lengths.push(length),
            }
        }
        assert_eq!(lengths, [1, 4, 1]);
    }

    #[test]
    fn a_line_without_end_is_cut_and_the_next_one_has_its_number() {
        let log = format!("{}\nlast", "x".repeat(3 * LONGEST_LINE as usize));
        let mut blocks = Blocks::new(log.as_bytes());
        assert_eq!(blocks.next().unwrap()[0].text.len() as u64, LONGEST_LINE);
        assert_eq!(blocks.next().unwrap()[0].number, 2);
    }
}
