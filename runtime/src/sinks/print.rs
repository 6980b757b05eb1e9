//! Records as lines on stdout.

use std::io::Write;

use super::{Sink, SinkWriter, Start};
use crate::data::Data;
use crate::error::{Error, Result};
use crate::job::Subtask;

/// Text kept in memory before it is written.
const BUFFER_BYTES: usize = 64 << 10;

/// Prints each record as a line, behind a prefix and the number of its subtask, as Flink does: `result:2> (a,1)`.
///
/// Not exactly-once: after a failure lines repeat.
#[derive(Debug, Clone)]
pub struct Print {
    prefix: String,
}

impl Print {
    /// Behind this prefix; an empty one is none.
    pub fn new(prefix: impl Into<String>) -> Self {
        Self { prefix: prefix.into() }
    }

    /// What stands before each record. Subtasks count from 1 here, and one alone is not counted.
    ///
    /// # Source
    /// Flink, `PrintSinkOutputWriter`.
    fn lead(&self, subtask: &Subtask) -> String {
        match (self.prefix.as_str(), subtask.parallelism) {
            ("", 0..=1) => String::new(),
            ("", _) => format!("{}> ", subtask.index + 1),
            (prefix, 0..=1) => format!("{prefix}> "),
            (prefix, _) => format!("{prefix}:{}> ", subtask.index + 1),
        }
    }
}

impl<T: Data> Sink<T> for Print {
    type Writer = PrintWriter;
    type Committable = ();

    fn name(&self) -> &'static str {
        "print"
    }

    fn is_exactly_once(&self) -> bool {
        false
    }

    fn writer(&self, subtask: &Subtask) -> Result<PrintWriter> {
        Ok(PrintWriter { lead: self.lead(subtask), lines: String::with_capacity(BUFFER_BYTES) })
    }

    fn commit(&self, _: &[()]) -> Result<()> {
        Ok(())
    }

    fn recover(&self, _: &Start, _: &[()]) -> Result<()> {
        Ok(())
    }
}

/// Prints the records of one subtask.
#[derive(Debug)]
pub struct PrintWriter {
    lead: String,
    lines: String,
}

impl PrintWriter {
    /// Whole lines at once, so that those of several subtasks do not mix.
    fn print(&mut self) -> Result<()> {
        let mut stdout = std::io::stdout().lock();
        let written = stdout.write_all(self.lines.as_bytes()).and_then(|()| stdout.flush());
        self.lines.clear();
        written.map_err(|error| Error::failed("stdout: write failed").caused_by(error))
    }
}

impl<T: Data> SinkWriter<T> for PrintWriter {
    type Committable = ();

    fn write(&mut self, record: T::Ref<'_>) -> Result<()> {
        self.lines.push_str(&self.lead);
        T::write_text(record, &mut self.lines);
        self.lines.push('\n');
        if self.lines.len() >= BUFFER_BYTES { self.print() } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<()> {
        if self.lines.is_empty() { Ok(()) } else { self.print() }
    }

    fn prepare(&mut self, _: u64) -> Result<Vec<()>> {
        <Self as SinkWriter<T>>::flush(self)?;
        Ok(Vec::new())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lead_is_that_of_flink() {
        let lead = |prefix: &str, index, parallelism| {
            let subtask = Subtask {
                job_id: "0".repeat(32),
                operator: "print".into(),
                index,
                parallelism,
                max_parallelism: 128,
                attempt: String::new(),
            };
            Print::new(prefix).lead(&subtask)
        };
        assert_eq!(lead("result", 1, 2), "result:2> ");
        assert_eq!(lead("result", 0, 1), "result> ");
        assert_eq!(lead("", 0, 2), "1> ");
        assert_eq!(lead("", 0, 1), "");
    }
}
