//! Where an export goes: stdout, or a file that appears when it is complete.

use std::fs::File;
use std::io::{BufWriter, StdoutLock, Write};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use crate::error::{Failure, Result};
use crate::ui::Ui;

/// A place to write to, and how much was written.
pub(super) struct Target {
    sink: Sink,
    bytes: u64,
}

enum Sink {
    Stdout(BufWriter<StdoutLock<'static>>),
    /// Written under another name in the same folder, which vanishes unless it is finished.
    File {
        partial: BufWriter<NamedTempFile<File>>,
        path: PathBuf,
    },
}

impl Target {
    /// The file at `path`, or stdout.
    ///
    /// # Errors
    /// If there is a file already, or none can be made there.
    pub(super) fn create(path: Option<&Path>, ui: &Ui) -> Result<Self> {
        let sink = match path {
            None => Sink::Stdout(ui.stdout()),
            Some(path) => {
                if path.exists() {
                    return Err(taken(path));
                }
                let folder = path.parent().filter(|parent| !parent.as_os_str().is_empty());
                let partial = NamedTempFile::new_in(folder.unwrap_or(Path::new(".")));
                let partial =
                    partial.map_err(|error| Failure::new(format!("{}: {error}", path.display())))?;
                Sink::File { partial: BufWriter::with_capacity(1 << 16, partial), path: path.to_owned() }
            }
        };
        Ok(Self { sink, bytes: 0 })
    }

    /// Appends bytes.
    ///
    /// # Errors
    /// If they cannot be written.
    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.bytes += bytes.len() as u64;
        match &mut self.sink {
            Sink::Stdout(out) => out.write_all(bytes).map_err(Failure::stdout),
            Sink::File { partial, path } => partial
                .write_all(bytes)
                .map_err(|error| Failure::new(format!("{}: write failed: {error}", path.display()))),
        }
    }

    /// Makes the file appear, durably. Returns its bytes.
    ///
    /// # Errors
    /// If it cannot be made durable, or another file took its name meanwhile.
    pub(super) fn finish(self) -> Result<u64> {
        match self.sink {
            Sink::Stdout(mut out) => out.flush().map_err(Failure::stdout)?,
            Sink::File { partial, path } => {
                let failed = |error: std::io::Error| {
                    Failure::new(format!("{}: write failed: {error}", path.display()))
                };
                let partial = partial.into_inner().map_err(|error| failed(error.into_error()))?;
                partial.as_file().sync_all().map_err(failed)?;
                partial.persist_noclobber(&path).map_err(|error| match error.error.kind() {
                    std::io::ErrorKind::AlreadyExists => taken(&path),
                    _ => failed(error.error),
                })?;
            }
        }
        Ok(self.bytes)
    }
}

fn taken(path: &Path) -> Failure {
    Failure::new(format!("{}: already exists", path.display()))
        .hint("nothing is ever overwritten: name another file")
}
