//! From a handle to its bytes: inside `_metadata`, beside it, or where a moved file is now.
//!
//! ```text
//! inside _metadata            shared with it
//! relative  <name>            <folder of _metadata>/<name>
//! file      <uri>             1. as `path_map` says
//! segment   <uri>, start      2. where it was, if that is in the folder of _metadata or of the job
//!                             3. in one of those folders now: <folder>/<name>, and from the last of
//!                                `shared`, `taskowned`, `chk-N` on in <folder>/..
//! ```
//!
//! Flink records the absolute path of what checkpoints share, so a checkpoint that was moved names files
//! that are elsewhere now. One that is found under the same name is accepted only with the recorded size, and
//! [`Place::moved`] says so. A `_metadata` may come from anywhere: it cannot make the reader open a
//! file outside the folder of `_metadata` and the one above it, neither by `..` nor by a link. A path
//! map can, because a person wrote it.

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::{Component, Path, PathBuf};

use bytes::Bytes;
use spt_format::{Error, ErrorKind, Location, Result, ResultExt};

use crate::location::METADATA;
use crate::metadata::StreamHandle;
use crate::read_at::{ReadAt, out_of_range};

/// A prefix of recorded paths, and where these files are now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PathMap {
    old: String,
    new: PathBuf,
}

impl PathMap {
    /// Files recorded below `old`, such as `s3://bucket/checkpoints`, are below `new`.
    pub fn new(old: impl Into<String>, new: impl Into<PathBuf>) -> Self {
        Self { old: plain(&old.into()).trim_end_matches('/').to_owned(), new: new.into() }
    }

    /// What is left of a recorded path below `old`.
    fn rest<'a>(&self, recorded: &'a str) -> Option<&'a str> {
        let rest = plain(recorded).strip_prefix(&self.old)?;
        if rest.is_empty() { Some(rest) } else { rest.strip_prefix('/') }
    }
}

/// `OLD=NEW`.
impl std::str::FromStr for PathMap {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text.split_once('=') {
            Some((old, new)) if !old.is_empty() && !new.is_empty() => Ok(Self::new(old, new)),
            _ => Err(Error::bad_request(format!("path map {text:?} is not OLD=NEW"))),
        }
    }
}

/// Finds and opens the bytes of handles.
#[derive(Debug, Clone)]
pub struct Files {
    /// The folder of `_metadata`, without links.
    folder: PathBuf,
    /// The folder above, which holds `shared` and `taskowned`.
    job: PathBuf,
    path_maps: Vec<PathMap>,
}

/// Where a file is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The file.
    pub path: PathBuf,
    /// It is not where `_metadata` says, and was recognised by its name and size.
    pub moved: bool,
}

/// How long a file must be.
#[derive(Debug, Clone, Copy)]
enum Length {
    Exactly(u64),
    AtLeast(u64),
}

impl Length {
    fn allows(self, found: u64) -> bool {
        match self {
            Self::Exactly(expected) => found == expected,
            Self::AtLeast(expected) => found >= expected,
        }
    }

    fn check(self, found: u64) -> Result<()> {
        if self.allows(found) {
            return Ok(());
        }
        let expected = match self {
            Self::Exactly(expected) => expected.to_string(),
            Self::AtLeast(expected) => format!("at least {expected}"),
        };
        let kind = ErrorKind::Mismatch { what: "file size".into(), found: found.to_string(), expected };
        Err(Error::new(kind, Location::default()))
    }
}

impl Files {
    /// Files of the snapshot whose `_metadata` is in `folder`.
    ///
    /// # Errors
    /// If the folder cannot be found.
    pub fn new(folder: &Path, path_maps: Vec<PathMap>) -> Result<Self> {
        let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
        let folder = fs::canonicalize(folder).map_err(|error| Error::io("find", folder, error))?;
        let job = folder.parent().unwrap_or(&folder).to_owned();
        Ok(Self { folder, job, path_maps })
    }

    /// The folder of `_metadata`, without links.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Opens the bytes of a handle.
    ///
    /// # Errors
    /// [`ErrorKind::Missing`], [`ErrorKind::Mismatch`] if the size is not the recorded one,
    /// [`ErrorKind::PathEscapes`], and what the operating system reports.
    pub fn open(&self, handle: &StreamHandle) -> Result<StateStream> {
        match handle {
            StreamHandle::Inline { name, data } => Ok(StateStream::memory(name, data.clone())),
            StreamHandle::Empty => Ok(StateStream::memory("nothing", Bytes::new())),
            StreamHandle::KeyGroups(file) => self.open(&file.stream),
            StreamHandle::Relative { size, .. } | StreamHandle::File { size, .. } => {
                self.open_file(handle, 0, *size)
            }
            StreamHandle::Segment { start, size, .. } => self.open_file(handle, *start, *size),
        }
    }

    /// Opens a whole file whose length is not recorded, as that of a changelog's log files is not.
    ///
    /// # Errors
    /// As [`Files::open`].
    pub fn open_log(&self, handle: &StreamHandle) -> Result<StateStream> {
        let (StreamHandle::File { path, .. } | StreamHandle::Relative { path, .. }) = handle else {
            return self.open(handle);
        };
        let place = match handle {
            StreamHandle::File { .. } => self.find(path, Length::AtLeast(1)),
            _ => self.beside(path),
        };
        let place = place.in_file(path.as_str())?;
        let size = fs::metadata(&place.path).map_err(|error| Error::io("look at", &place.path, error))?.len();
        self.stream(&place, 0, size)
    }

    /// Where the file of a handle is; `None` if it has none of its own.
    ///
    /// # Errors
    /// As [`Files::open`].
    pub fn place(&self, handle: &StreamHandle) -> Result<Option<Place>> {
        let place = match handle {
            StreamHandle::Inline { .. } | StreamHandle::Empty => return Ok(None),
            StreamHandle::KeyGroups(file) => return self.place(&file.stream),
            StreamHandle::Relative { path, .. } => self.beside(path).in_file(path.as_str()),
            StreamHandle::File { path, size } => {
                self.find(path, Length::Exactly(*size)).in_file(path.as_str())
            }
            StreamHandle::Segment { path, start, size, .. } => {
                self.find(path, Length::AtLeast(start.saturating_add(*size))).in_file(path.as_str())
            }
        };
        place.map(Some)
    }

    fn open_file(&self, handle: &StreamHandle, start: u64, size: u64) -> Result<StateStream> {
        match self.place(handle)? {
            Some(place) => {
                let length = match handle {
                    StreamHandle::Segment { .. } => Length::AtLeast(start.saturating_add(size)),
                    _ => Length::Exactly(size),
                };
                let found =
                    fs::metadata(&place.path).map_err(|error| Error::io("look at", &place.path, error))?;
                length.check(found.len()).in_file(self.name(&place.path))?;
                self.stream(&place, start, size)
            }
            None => Ok(StateStream::memory("nothing", Bytes::new())),
        }
    }

    fn stream(&self, place: &Place, start: u64, size: u64) -> Result<StateStream> {
        let file = File::open(&place.path).map_err(|error| Error::io("open", &place.path, error))?;
        Ok(StateStream { name: self.name(&place.path), start, size, bytes: Source::File(file) })
    }

    /// How messages name a file: from the folder of `_metadata` or of the job, if it is in there.
    fn name(&self, path: &Path) -> String {
        let inside = path.strip_prefix(&self.folder).or_else(|_| path.strip_prefix(&self.job));
        inside.unwrap_or(path).display().to_string()
    }

    /// A file by its path from the folder of `_metadata`.
    fn beside(&self, relative: &str) -> Result<Place> {
        let path = confined(&self.folder, relative)?;
        Ok(Place { path: inside(&self.folder, &path)?, moved: false })
    }

    /// A file by the path it had.
    fn find(&self, recorded: &str, length: Length) -> Result<Place> {
        if let Some((map, rest)) = self.path_maps.iter().find_map(|map| Some((map, map.rest(recorded)?))) {
            return Ok(Place { path: confined(&map.new, rest)?, moved: false });
        }
        let path = plain(recorded);
        if Path::new(path).components().any(|part| part == Component::ParentDir) {
            return Err(escapes(recorded));
        }
        if Path::new(path).is_absolute()
            && let Ok(path) = inside(&self.job, Path::new(path))
            && path.is_file()
        {
            return Ok(Place { path, moved: false });
        }
        let moved = self
            .candidates(path)
            .into_iter()
            .find(|path| fs::metadata(path).is_ok_and(|found| found.is_file() && length.allows(found.len())));
        match moved {
            Some(path) => Ok(Place { path: inside(&self.job, &path)?, moved: true }),
            None => Err(Error::new(ErrorKind::Missing, Location::default()).caused_by(
                "it is neither where it was nor, with the recorded size, beside _metadata; \
                 --path-map OLD=NEW says where files are that were moved",
            )),
        }
    }

    /// Where a moved file may be now.
    fn candidates(&self, recorded: &str) -> Vec<PathBuf> {
        let parts: Vec<_> = recorded.split('/').filter(|part| !part.is_empty() && *part != ".").collect();
        let known = |part: &&str| matches!(*part, "shared" | "taskowned") || part.starts_with("chk-");
        let below = parts.iter().rposition(known).and_then(|index| parts.get(index..));
        let name = parts.last().copied().unwrap_or(METADATA);
        [self.folder.join(name)]
            .into_iter()
            .chain(below.map(|parts| self.job.join(parts.join("/"))))
            .chain([self.job.join("shared").join(name), self.job.join("taskowned").join(name)])
            .collect()
    }
}

/// A recorded path without the scheme of local files: `file:/x` and `file:///x` are `/x`.
fn plain(recorded: &str) -> &str {
    match recorded.strip_prefix("file:") {
        Some(rest) => rest.strip_prefix("//").filter(|rest| rest.starts_with('/')).unwrap_or(rest),
        None => recorded,
    }
}

/// `folder/relative`, unless `relative` could lead out of it.
fn confined(folder: &Path, relative: &str) -> Result<PathBuf> {
    let mut parts = Path::new(relative).components();
    if parts.all(|part| matches!(part, Component::Normal(_) | Component::CurDir)) {
        Ok(folder.join(relative))
    } else {
        Err(escapes(relative))
    }
}

/// The path without links, which must not lead out of `folder`.
fn inside(folder: &Path, path: &Path) -> Result<PathBuf> {
    let real = fs::canonicalize(path).map_err(|error| Error::io("find", path, error))?;
    if real.starts_with(folder) { Ok(real) } else { Err(escapes(&path.display().to_string())) }
}

fn escapes(path: &str) -> Error {
    Error::new(ErrorKind::PathEscapes { path: path.to_owned() }, Location::default())
}

/// The bytes of one handle.
#[derive(Debug)]
pub struct StateStream {
    name: String,
    start: u64,
    size: u64,
    bytes: Source,
}

#[derive(Debug)]
enum Source {
    Memory(Bytes),
    File(File),
}

impl StateStream {
    fn memory(name: &str, data: Bytes) -> Self {
        let size = data.len() as u64;
        Self { name: format!("{METADATA}, state {name}"), start: 0, size, bytes: Source::Memory(data) }
    }

    /// How messages name it.
    pub fn name(&self) -> &str {
        &self.name
    }

    fn check_range(&self, offset: u64, length: usize) -> Result<()> {
        match offset.checked_add(length as u64) {
            Some(end) if end <= self.size => Ok(()),
            _ => Err(out_of_range(offset, length, self.size).in_file(self.name.as_str())),
        }
    }
}

impl ReadAt for StateStream {
    fn size(&self) -> u64 {
        self.size
    }

    fn read_at(&self, offset: u64, length: usize) -> Result<Bytes> {
        match &self.bytes {
            Source::Memory(data) => data.read_at(offset, length).in_file(self.name.as_str()),
            Source::File(_) => {
                self.check_range(offset, length)?;
                let mut buffer = vec![0; length];
                self.read_into(offset, &mut buffer)?;
                Ok(buffer.into())
            }
        }
    }

    fn read_into(&self, offset: u64, buffer: &mut [u8]) -> Result<()> {
        match &self.bytes {
            Source::Memory(data) => data.read_into(offset, buffer).in_file(self.name.as_str()),
            Source::File(file) => {
                self.check_range(offset, buffer.len())?;
                file.read_exact_at(buffer, self.start + offset)
                    .map_err(|error| Error::io("read", self.name.as_str(), error))
            }
        }
    }
}
