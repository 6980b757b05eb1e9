//! Objects as files below a directory.

use std::collections::BTreeSet;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, BufWriter, Read, Seek, SeekFrom, Write};
use std::ops::Range;
use std::path::{Component, Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;

use super::{NewObject, Object, Sharing, Storage};
use crate::error::{Error, ErrorKind, Result};
use crate::failpoint::failpoint;
use crate::location::Location;

/// Bytes that are collected before they are written.
const BUFFER_BYTES: usize = 1 << 20;

/// Files below a directory, none of them outside it even if a link points there.
#[derive(Debug)]
pub struct LocalStorage {
    root: PathBuf,
    /// Directories with names that are not durable yet.
    unsynced: Mutex<BTreeSet<PathBuf>>,
}

impl LocalStorage {
    /// The objects below an existing directory.
    ///
    /// # Errors
    /// If there is no such directory.
    pub fn open(root: impl AsRef<Path>) -> Result<Self> {
        let root = root.as_ref();
        let resolved = fs::canonicalize(root).map_err(|error| Error::io("open", root, error))?;
        Ok(Self { root: resolved, unsynced: Mutex::default() })
    }

    /// A new directory, which must not exist.
    ///
    /// # Errors
    /// [`ErrorKind::AlreadyExists`] if something is there already.
    pub fn create_root(root: impl AsRef<Path>) -> Result<Self> {
        let root = root.as_ref();
        DirBuilder::new().create(root).map_err(|error| Error::io("create directory", root, error))?;
        let storage = Self::open(root)?;
        storage.note(&storage.root);
        storage.root.parent().into_iter().for_each(|parent| storage.note(parent));
        Ok(storage)
    }

    fn note(&self, directory: &Path) {
        self.unsynced.lock().unwrap_or_else(PoisonError::into_inner).insert(directory.to_owned());
    }

    /// The path of a location that consists of names alone.
    fn path(&self, location: &str) -> Result<PathBuf> {
        let relative = Path::new(location);
        let names_only = relative.components().all(|part| matches!(part, Component::Normal(_)));
        if location.is_empty() || !names_only {
            let kind = ErrorKind::PathEscapes { path: location.to_owned() };
            return Err(Error::new(kind, Location::default()));
        }
        Ok(self.root.join(relative))
    }

    /// Opens a file that is inside the root after every link is followed.
    fn open_file(&self, location: &str) -> Result<File> {
        let path = self.path(location)?;
        let resolved = fs::canonicalize(&path).map_err(|error| Error::io("open", location, error))?;
        if !resolved.starts_with(&self.root) {
            let kind = ErrorKind::PathEscapes { path: location.to_owned() };
            return Err(Error::new(kind, Location::default()));
        }
        let file = File::open(resolved).map_err(|error| Error::io("open", location, error))?;
        let metadata = file.metadata().map_err(|error| Error::io("open", location, error))?;
        if !metadata.is_file() {
            return Err(Error::invalid("is not a file").in_file(location));
        }
        Ok(file)
    }

    /// The path of a file to be created, its directories made.
    fn new_path(&self, location: &str) -> Result<PathBuf> {
        let path = self.path(location)?;
        let mut directory = self.root.clone();
        let parents = Path::new(location).parent().into_iter().flat_map(Path::components);
        self.note(&directory);
        for name in parents {
            directory.push(name);
            match DirBuilder::new().create(&directory) {
                Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                    return Err(Error::io("create directory", location, error));
                }
                _ => self.note(&directory),
            }
        }
        Ok(path)
    }

    /// Makes the names in every directory noted so far durable, deepest first.
    fn sync_directories(&self) -> Result<()> {
        let noted = std::mem::take(&mut *self.unsynced.lock().unwrap_or_else(PoisonError::into_inner));
        for directory in noted.iter().rev() {
            sync_directory(directory)?;
        }
        Ok(())
    }
}

fn sync_directory(directory: &Path) -> Result<()> {
    let synced = File::open(directory).and_then(|directory| directory.sync_all());
    synced.map_err(|error| Error::io("sync directory", directory, error))
}

/// Gives a file its final name unless the name is taken.
fn publish(from: &Path, to: &Path) -> io::Result<()> {
    #[cfg(target_os = "linux")]
    {
        use rustix::fs::{CWD, RenameFlags, renameat_with};
        match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
            Err(rustix::io::Errno::INVAL | rustix::io::Errno::NOSYS) => {}
            done => return done.map_err(io::Error::from),
        }
    }
    fs::hard_link(from, to)?;
    fs::remove_file(from)
}

#[cfg(target_os = "linux")]
fn reflink(from: &Path, to: &Path) -> io::Result<()> {
    let source = File::open(from)?;
    let target = OpenOptions::new().write(true).create_new(true).open(to)?;
    rustix::fs::ioctl_ficlone(&target, &source)?;
    target.sync_all()?;
    make_read_only(&target)
}

#[cfg(not(target_os = "linux"))]
fn reflink(_from: &Path, _to: &Path) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

fn copy(from: &Path, to: &Path) -> io::Result<()> {
    let mut source = File::open(from)?;
    let mut target = OpenOptions::new().write(true).create_new(true).open(to)?;
    io::copy(&mut source, &mut target)?;
    target.sync_all()?;
    make_read_only(&target)
}

/// Nobody may write to the file: what a hard link shares stays what it is. The files of a savepoint are like
/// that unless somebody copied them.
fn is_read_only(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|file| file.permissions().readonly())
}

fn make_read_only(file: &File) -> io::Result<()> {
    let mut permissions = file.metadata()?.permissions();
    permissions.set_readonly(true);
    file.set_permissions(permissions)
}

impl Storage for LocalStorage {
    fn size(&self, location: &str) -> Result<u64> {
        let metadata = self.open_file(location)?.metadata();
        Ok(metadata.map_err(|error| Error::io("read", location, error))?.len())
    }

    fn read_at(&self, location: &str, range: Range<u64>) -> Result<Bytes> {
        let mut file = self.open_file(location)?;
        let io = |error| Error::io("read", location, error);
        let size = file.metadata().map_err(io)?.len();
        if range.end > size || range.start > range.end {
            let needed = range.end.saturating_sub(range.start);
            let left = size.saturating_sub(range.start);
            let kind = ErrorKind::Truncated { what: "file".to_owned(), needed, left };
            return Err(Error::new(kind, Location::byte(range.start)).in_file(location));
        }
        // The file is this long: the memory is for bytes that are there.
        let length = (range.end - range.start) as usize;
        let mut bytes = Vec::with_capacity(length);
        file.seek(SeekFrom::Start(range.start)).map_err(io)?;
        file.take(range.end - range.start).read_to_end(&mut bytes).map_err(io)?;
        if bytes.len() != length {
            return Err(Error::new(ErrorKind::Vanished, location));
        }
        Ok(bytes.into())
    }

    fn create(&self, location: &str) -> Result<Box<dyn NewObject>> {
        let path = self.new_path(location)?;
        let file = OpenOptions::new().write(true).create_new(true).open(&path);
        let file = file.map_err(|error| Error::io("create", location, error))?;
        let location = location.to_owned();
        Ok(Box::new(NewFile { file: BufWriter::with_capacity(BUFFER_BYTES, file), location }))
    }

    fn put_if_absent(&self, location: &str, bytes: &[u8]) -> Result<()> {
        let path = self.new_path(location)?;
        let staged = self.new_path(&format!("{location}.tmp"))?;
        let io = |error| Error::io("write", location, error);
        let mut file = File::create(&staged).map_err(io)?;
        file.write_all(bytes).and_then(|()| file.sync_all()).map_err(io)?;
        self.sync_directories()?;
        failpoint("manifest.before-rename").map_err(io)?;
        publish(&staged, &path).map_err(|error| Error::io("publish", location, error))?;
        failpoint("manifest.after-rename").map_err(io)?;
        path.parent().map_or(Ok(()), sync_directory)
    }

    fn list(&self) -> Result<Vec<Object>> {
        let mut objects = Vec::new();
        list_below(&self.root, "", &mut objects)?;
        objects.sort();
        Ok(objects)
    }

    fn copy_or_link(&self, source: &dyn Storage, from: &str, to: &str, independent: bool) -> Result<Sharing> {
        source.size(from)?;
        let original = source.local_path(from).ok_or_else(|| {
            Error::new(ErrorKind::Unsupported { what: "copying between storages".to_owned() }, from)
        })?;
        let path = self.new_path(to)?;
        if path.symlink_metadata().is_ok() {
            return Err(Error::new(ErrorKind::AlreadyExists, to));
        }
        if reflink(&original, &path).is_ok() {
            return Ok(Sharing::Reflink);
        }
        // What a failed reflink leaves behind is an empty file.
        let _ = fs::remove_file(&path);
        if !independent && is_read_only(&original) && fs::hard_link(&original, &path).is_ok() {
            return Ok(Sharing::HardLink);
        }
        copy(&original, &path).map_err(|error| Error::io("copy", to, error))?;
        Ok(Sharing::Copy)
    }

    fn delete(&self, location: &str) -> Result<()> {
        fs::remove_file(self.path(location)?).map_err(|error| Error::io("delete", location, error))
    }

    fn delete_all(&self) -> Result<()> {
        fs::remove_dir_all(&self.root).map_err(|error| Error::io("delete", self.root.as_path(), error))
    }

    fn local_path(&self, location: &str) -> Option<PathBuf> {
        let resolved = fs::canonicalize(self.path(location).ok()?).ok()?;
        resolved.starts_with(&self.root).then_some(resolved)
    }

    fn scratch(&self) -> Result<File> {
        // Beside the data, where there is room for it, and not in a /tmp that may be memory.
        tempfile::tempfile_in(&self.root).map_err(|error| Error::io("create", "scratch file", error))
    }

    fn describe(&self) -> String {
        self.root.display().to_string()
    }
}

fn list_below(directory: &Path, prefix: &str, objects: &mut Vec<Object>) -> Result<()> {
    let io = |error| Error::io("list", directory, error);
    for entry in fs::read_dir(directory).map_err(io)? {
        let entry = entry.map_err(io)?;
        let location = format!("{prefix}{}", entry.file_name().to_string_lossy());
        if entry.file_type().map_err(io)?.is_dir() {
            list_below(&entry.path(), &format!("{location}/"), objects)?;
        } else {
            // The size of a dangling link is that of the link.
            let metadata = fs::metadata(entry.path()).or_else(|_| entry.metadata()).map_err(io)?;
            objects.push(Object { location, size: metadata.len() });
        }
    }
    Ok(())
}

struct NewFile {
    file: BufWriter<File>,
    location: String,
}

impl Write for NewFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        // The format's writers flush to learn where they stand; only the end has to reach the disk.
        Ok(())
    }
}

impl NewObject for NewFile {
    fn finish(mut self: Box<Self>) -> Result<()> {
        let io = |error| Error::io("write", self.location.as_str(), error);
        self.file.flush().map_err(io)?;
        let file = self.file.get_ref();
        file.sync_all().and_then(|()| make_read_only(file)).map_err(io)
    }
}
