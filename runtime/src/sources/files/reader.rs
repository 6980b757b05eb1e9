//! Reads files one after the other.

use std::time::Duration;

use super::malformed::{Malformed, Tally};
use super::{FilePosition, OpenFile, ReadFormat};
use crate::error::Result;
use crate::operators::Out;
use crate::sources::reading::Reading;
use crate::sources::{Poll, SourceReader};

/// How soon a reader that has nothing to read looks whether a file was found.
const SILENCE: Duration = Duration::from_millis(10);

/// Reads files one after the other.
pub struct FilesReader<F: ReadFormat> {
    format: F,
    splits: Vec<FilePosition>,
    /// The files before this one are read to their ends.
    current: usize,
    open: Option<(F::File, Tally)>,
    reading: Reading,
    /// More files may come.
    is_watching: bool,
    malformed: Malformed,
}

impl<F: ReadFormat> FilesReader<F> {
    pub(super) fn new(format: F, splits: Vec<FilePosition>, is_watching: bool, malformed: Malformed) -> Self {
        let reading = Reading::default();
        Self { format, splits, current: 0, open: None, reading, is_watching, malformed }
    }
}

impl<F: ReadFormat> SourceReader for FilesReader<F> {
    type Item = F::Item;
    type Split = FilePosition;

    fn poll(&mut self, out: &mut Out<'_, F::Item>) -> Result<Poll> {
        let rest = self.splits.get(self.current..).unwrap_or_default();
        self.current += rest.iter().take_while(|file| file.done).count();
        let Some(position) = self.splits.get_mut(self.current) else {
            self.reading.turn_to(None, out);
            return Ok(if self.is_watching { Poll::Idle(SILENCE) } else { Poll::End });
        };
        let (file, tally) = match &mut self.open {
            Some(open) => open,
            None => {
                let tally = Tally::new(self.malformed, &position.path, position.skipped);
                self.open.insert((self.format.open(position)?, tally))
            }
        };
        self.reading.turn_to(Some(self.current), out);
        let has_more = file.read(position, tally, out)?;
        out.skip(tally.skipped() - position.skipped);
        position.skipped = tally.skipped();
        if !has_more {
            tally.finish();
            position.done = true;
            self.open = None;
        }
        Ok(Poll::Ready)
    }

    fn add_splits(&mut self, splits: Vec<FilePosition>) -> Result<()> {
        self.splits.extend(splits);
        Ok(())
    }

    fn splits(&self) -> Vec<FilePosition> {
        self.splits.clone()
    }
}
