//! Where an export goes: stdout, or a file that appears when it is complete.

use std::fs::File;
use std::io::{BufWriter, Stdout, Write};
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, CWD, Mode, OFlags, linkat, openat};
use tempfile::NamedTempFile;

use crate::error::{Failure, Result};

/// Bytes collected before they are written.
const BUFFER: usize = 1 << 16;

/// A place to write to, and how much was written.
pub(super) struct Target {
    sink: Sink,
    path: Option<PathBuf>,
    bytes: u64,
}

enum Sink {
    Stdout(BufWriter<Stdout>),
    /// A file without a name: it vanishes with the process, however that ends.
    Nameless(BufWriter<File>),
    /// Where the file system has no such files: under another name, which vanishes unless it is finished.
    Named(BufWriter<NamedTempFile<File>>),
}

impl Target {
    /// The file at `path`, or stdout.
    ///
    /// # Errors
    /// If there is a file already, or none can be made there.
    pub(super) fn create(path: Option<&Path>) -> Result<Self> {
        let sink = match path {
            None => Sink::Stdout(BufWriter::with_capacity(BUFFER, std::io::stdout())),
            Some(path) if path.exists() => return Err(taken(path)),
            Some(path) => Sink::in_folder_of(path).map_err(|error| failed(path, &error))?,
        };
        Ok(Self { sink, path: path.map(Path::to_owned), bytes: 0 })
    }

    /// Appends bytes.
    ///
    /// # Errors
    /// If they cannot be written.
    pub(super) fn append(&mut self, bytes: &[u8]) -> Result<()> {
        self.write_all(bytes).map_err(|error| match &self.path {
            None => Failure::stdout(error),
            Some(path) => failed(path, &error),
        })
    }

    /// Makes the file appear, durably. Returns its bytes.
    ///
    /// # Errors
    /// If it cannot be made durable, or another file took its name meanwhile.
    pub(super) fn finish(mut self) -> Result<u64> {
        let path = self.path.take().unwrap_or_default();
        match self.sink {
            Sink::Stdout(mut out) => out.flush().map_err(Failure::stdout)?,
            Sink::Nameless(buffered) => {
                let file = buffered.into_inner().map_err(|error| failed(&path, error.error()))?;
                file.sync_all()
                    .and_then(|()| give_name(&file, &path))
                    .map_err(|error| failed(&path, &error))?;
            }
            Sink::Named(buffered) => {
                let file = buffered.into_inner().map_err(|error| failed(&path, error.error()))?;
                file.as_file().sync_all().map_err(|error| failed(&path, &error))?;
                file.persist_noclobber(&path).map_err(|error| failed(&path, &error.error))?;
            }
        }
        Ok(self.bytes)
    }
}

impl Write for Target {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let written = match &mut self.sink {
            Sink::Stdout(out) => out.write(bytes),
            Sink::Nameless(out) => out.write(bytes),
            Sink::Named(out) => out.write(bytes),
        }?;
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        match &mut self.sink {
            Sink::Stdout(out) => out.flush(),
            Sink::Nameless(out) => out.flush(),
            Sink::Named(out) => out.flush(),
        }
    }
}

impl Sink {
    fn in_folder_of(path: &Path) -> std::io::Result<Self> {
        let folder = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        match openat(
            CWD,
            folder,
            OFlags::TMPFILE | OFlags::WRONLY | OFlags::CLOEXEC,
            Mode::from_raw_mode(0o666),
        ) {
            Ok(file) => Ok(Self::Nameless(BufWriter::with_capacity(BUFFER, File::from(file)))),
            Err(_) => Ok(Self::Named(BufWriter::with_capacity(BUFFER, NamedTempFile::new_in(folder)?))),
        }
    }
}

/// Gives a nameless file its name, unless that is taken.
fn give_name(file: &File, path: &Path) -> std::io::Result<()> {
    use std::os::fd::AsRawFd;
    let source = format!("/proc/self/fd/{}", file.as_raw_fd());
    linkat(CWD, source, CWD, path, AtFlags::SYMLINK_FOLLOW).map_err(Into::into)
}

fn failed(path: &Path, error: &std::io::Error) -> Failure {
    if error.kind() == std::io::ErrorKind::AlreadyExists {
        return taken(path);
    }
    Failure::new(format!("{}: write failed: {error}", path.display()))
}

fn taken(path: &Path) -> Failure {
    Failure::new(format!("{}: already exists", path.display()))
        .hint("nothing is ever overwritten: name another file")
}
