//! Records of files: lines of text, NDJSON, CSV, Parquet; of one file, of a folder, of a folder that grows.
//!
//! ```text
//! Files ──► a FilePosition for each file ──► FilesReader ──► open a file at its position, read some, read on
//!   │ kind of files: ReadFormat ──► OpenFile      ▲
//!   └ watch: every interval, files that are new ──┘
//! ```

mod csv;
mod folder;
mod lines;
mod malformed;
mod ndjson;
mod parquet;
mod position;
mod reader;
mod record;
mod text;

#[cfg(test)]
mod tests;

pub use csv::CsvRecords;
pub use lines::TextLines;
pub use malformed::{Malformed, Tally};
pub use ndjson::JsonLines;
pub use parquet::ParquetRows;
pub use position::FilePosition;
pub use reader::FilesReader;

use std::collections::HashSet;
use std::path::PathBuf;
use std::time::Duration;

use super::Source;
use crate::data::Data;
use crate::error::Result;
use crate::job::Subtask;
use crate::operators::Out;

/// The lines of text files. Bytes that are no UTF-8 become U+FFFD, as in Java.
pub type TextFiles = Files<TextLines>;
/// Records of files with a JSON document a line.
pub type NdjsonFiles<T> = Files<JsonLines<T>>;
/// Records of CSV files.
pub type CsvFiles<T> = Files<CsvRecords<T>>;
/// Records of Parquet files.
pub type ParquetFiles<T> = Files<ParquetRows<T>>;

/// The records of a file, or of every file directly in a folder, each file read by one subtask.
///
/// Files whose names begin with `.` or `_` are hidden, as in Flink. A file must not change once it is there: one
/// that is still being written is moved into the folder when it is whole. Replayable: what has been read of which
/// file is the source's state. A file that has become shorter than that, or whose record now begins elsewhere, is
/// not the file that was read, and is refused; one that has been read to its end may be taken away.
///
/// ```
/// use std::time::Duration;
/// use spt_runtime::sources::{CsvFiles, Malformed};
/// use spt_runtime::state::State;
///
/// #[derive(Debug, Clone, State)]
/// struct Order {
///     id: i64,
///     customer: String,
///     #[state(default)]
///     amount: f64,
/// }
///
/// let orders = CsvFiles::<Order>::new("/var/spool/orders")
///     .watch(Duration::from_secs(1))
///     .on_malformed(Malformed::Skip);
/// ```
#[derive(Debug, Clone)]
pub struct Files<F> {
    path: PathBuf,
    format: F,
    watch: Option<Duration>,
    malformed: Malformed,
}

impl<F: ReadFormat + Default> Files<F> {
    /// The records of this file, or of the files in this folder.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), format: F::default(), watch: None, malformed: Malformed::Fail }
    }
}

impl<F: ReadFormat> Files<F> {
    /// Looks for new files so often, for as long as the job runs: the input does not end.
    #[must_use]
    pub fn watch(mut self, interval: Duration) -> Self {
        self.watch = Some(interval);
        self
    }

    /// What to do with a record that cannot be read as one. If not said: fail.
    #[must_use]
    pub fn on_malformed(mut self, policy: Malformed) -> Self {
        self.malformed = policy;
        self
    }
}

/// A kind of files.
pub trait ReadFormat: Clone + Send + 'static {
    /// What their records become.
    type Item: Data;
    /// A file that is being read.
    type File: OpenFile<Item = Self::Item>;
    /// A name for people.
    const NAME: &'static str;

    /// Opens a file where it is to be read on.
    ///
    /// # Errors
    /// If it is not there, is no such file, or cannot be the one in which this position was noted.
    fn open(&self, position: &FilePosition) -> Result<Self::File>;
}

/// A file that is being read.
pub trait OpenFile: Send {
    /// What its records become.
    type Item: Data;

    /// Emits some records and moves the position behind them; `false` if there are none any more.
    ///
    /// # Errors
    /// If the file cannot be read, or a record is malformed and must not be.
    fn read(
        &mut self,
        position: &mut FilePosition,
        tally: &mut Tally,
        out: &mut Out<'_, Self::Item>,
    ) -> Result<bool>;
}

impl<F: ReadFormat> Source for Files<F> {
    type Item = F::Item;
    type Split = FilePosition;
    type Reader = FilesReader<F>;

    fn name(&self) -> &'static str {
        F::NAME
    }

    fn is_replayable(&self) -> bool {
        true
    }

    fn discovery_interval(&self) -> Option<Duration> {
        self.watch
    }

    fn splits(&self, _: u32) -> Result<Vec<FilePosition>> {
        self.new_splits(&[])
    }

    fn new_splits(&self, known: &[FilePosition]) -> Result<Vec<FilePosition>> {
        let known: HashSet<&str> = known.iter().map(|file| file.path.as_str()).collect();
        if self.path.to_str().is_some_and(|path| known.contains(path)) {
            // The only file there is to read. It may have been taken away since.
            return Ok(Vec::new());
        }
        let mut files = folder::files(&self.path)?;
        files.retain(|path| !known.contains(path.as_str()));
        Ok(files.into_iter().map(FilePosition::start_of).collect())
    }

    /// A file that was begun is opened at once, so that one that was changed refuses the start.
    fn reader(&self, _: &Subtask, splits: Vec<FilePosition>) -> Result<FilesReader<F>> {
        let begun = splits.iter().filter(|file| file.offset > 0 && !file.done);
        begun.clone().try_for_each(|file| self.format.open(file).map(drop))?;
        Ok(FilesReader::new(self.format.clone(), splits, self.watch.is_some(), self.malformed))
    }
}
