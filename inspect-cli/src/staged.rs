//! A new folder that appears whole or not at all, however this process ends. Every command that makes a
//! savepoint goes through here.
//!
//! ```text
//! begin ─► OUT.partial-<id>, locked ─► … filled, checked … ─► publish ─► OUT
//!             ├─ dropped, SIGINT, SIGTERM: removed
//!             └─ SIGKILL, power cut: left; the next one for OUT finds its lock free and removes it
//! ```

mod interrupt;

use std::ffi::OsStr;
use std::fs::{self, DirBuilder, File};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, FlockOperation, Mode, OFlags, RenameFlags, flock, renameat_with};
use rustix::io::Errno;
use spt_format::{Error, ErrorKind};

use crate::error::{Failure, Result};
use crate::ui::Ui;

/// What stands between a folder's name and the digits of one attempt to make it.
const INFIX: &str = ".partial-";
/// Hexadecimal digits of an attempt.
const DIGITS: usize = 8;
/// A folder is made again if somebody took it for a dead one's before it was locked.
const ATTEMPTS: usize = 3;

/// A folder under construction, removed again unless it is published.
#[derive(Debug)]
pub(crate) struct Staged {
    partial: PathBuf,
    output: PathBuf,
    id: String,
    /// Held as long as this process lives: how others tell a dead one's folder.
    _lock: File,
}

impl Staged {
    /// Makes an empty folder beside `output`, and removes those that killed processes left there.
    ///
    /// # Errors
    /// If there is something at `output`, or no folder can be made beside it.
    pub(crate) fn begin(output: &Path, ui: &Ui) -> Result<Self> {
        if output.symlink_metadata().is_ok() {
            return Err(Error::new(ErrorKind::AlreadyExists, output).into());
        }
        remove_leftovers(output, ui);
        for _ in 0..ATTEMPTS {
            let id = new_id();
            let partial = partial_of(output, &id);
            interrupt::remove_on_signal(&partial)?;
            let made = DirBuilder::new().create(&partial).and_then(|()| Ok(locked(&partial)?));
            match made.map_err(|error| Error::io("create directory", &partial, error)) {
                Ok(Some(lock)) => return Ok(Self { partial, output: output.to_owned(), id, _lock: lock }),
                Ok(None) => interrupt::forget(&partial),
                Err(error) => {
                    interrupt::forget(&partial);
                    return Err(error.into());
                }
            }
        }
        Err(Failure::new(format!("{}: another process removes what is prepared for it", output.display())))
    }

    /// Where to write.
    pub(crate) fn path(&self) -> &Path {
        &self.partial
    }

    /// 32 hex digits that nothing else has.
    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    /// Gives the folder its name, durably.
    ///
    /// # Errors
    /// If the name was taken meanwhile. Then the folder is removed.
    pub(crate) fn publish(self) -> Result<()> {
        let named = interrupt::undisturbed(&self.partial, || rename_new(&self.partial, &self.output));
        named.map_err(|error| Error::io("rename", &self.output, error))?;
        // Only now is the new name there after a power cut too.
        let parent = parent_of(&self.output);
        let synced = File::open(parent).and_then(|folder| folder.sync_all());
        synced.map_err(|error| Error::io("sync directory", parent, error).into())
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        // After a publish there is nothing under this name.
        let _ = fs::remove_dir_all(&self.partial);
        interrupt::forget(&self.partial);
    }
}

/// Whether a folder's name says that somebody is, or was, just making it.
pub(crate) fn is_staged(folder: &Path) -> bool {
    folder.file_name().is_some_and(|name| {
        let name = name.to_string_lossy();
        name.rsplit_once(INFIX).is_some_and(|(_, digits)| is_attempt(digits))
    })
}

fn is_attempt(digits: &str) -> bool {
    digits.len() == DIGITS && digits.bytes().all(|digit| digit.is_ascii_hexdigit())
}

fn partial_of(output: &Path, id: &str) -> PathBuf {
    let mut name = output.file_name().unwrap_or_default().to_owned();
    name.push(INFIX);
    name.push(id.get(..DIGITS).unwrap_or(id));
    output.with_file_name(name)
}

fn parent_of(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// The lock on a folder; `None` if somebody removed it before, or holds it.
fn locked(folder: &Path) -> rustix::io::Result<Option<File>> {
    let file = opened(folder)?;
    match flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => {}
        Err(Errno::WOULDBLOCK) => return Ok(None),
        // Not every network file system has locks; there, leftovers are told and left.
        Err(_) => return Ok(Some(file)),
    }
    let is_there = fs::metadata(folder).is_ok_and(|there| {
        file.metadata().is_ok_and(|held| (held.dev(), held.ino()) == (there.dev(), there.ino()))
    });
    Ok(is_there.then_some(file))
}

fn opened(folder: &Path) -> rustix::io::Result<File> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    rustix::fs::open(folder, flags, Mode::empty()).map(File::from)
}

/// Removes what processes that were killed left for the same name.
fn remove_leftovers(output: &Path, ui: &Ui) {
    let Some(name) = output.file_name() else { return };
    for partial in leftovers(parent_of(output), name) {
        let Ok(folder) = opened(&partial) else { continue };
        let told = match flock(&folder, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => match fs::remove_dir_all(&partial) {
                Ok(()) => format!("removed {}, which a killed process left", partial.display()),
                Err(error) => format!("{} is left of a killed process: {error}", partial.display()),
            },
            Err(Errno::WOULDBLOCK) => {
                format!("another process is making {} in {}", output.display(), partial.display())
            }
            Err(_) => format!("{} is left, or in work: remove it if nobody works on it", partial.display()),
        };
        ui.note(&told);
    }
}

fn leftovers(parent: &Path, name: &OsStr) -> Vec<PathBuf> {
    use std::os::unix::ffi::OsStrExt;
    let prefix = [name.as_bytes(), INFIX.as_bytes()].concat();
    let entries = fs::read_dir(parent).into_iter().flatten().filter_map(std::result::Result::ok);
    let is_leftover = |path: &PathBuf| {
        let name =
            path.file_name().map(OsStr::as_bytes).and_then(|name| name.strip_prefix(prefix.as_slice()));
        name.and_then(|digits| std::str::from_utf8(digits).ok()).is_some_and(is_attempt) && path.is_dir()
    };
    entries.map(|entry| entry.path()).filter(is_leftover).collect()
}

/// Renames a folder to a name that must be free.
fn rename_new(from: &Path, to: &Path) -> std::io::Result<()> {
    match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
        // Where the file system cannot promise it, an empty folder that appears right now would be replaced.
        Err(Errno::INVAL | Errno::NOSYS) if to.symlink_metadata().is_err() => fs::rename(from, to),
        Err(Errno::INVAL | Errno::NOSYS) => Err(std::io::ErrorKind::AlreadyExists.into()),
        done => done.map_err(Into::into),
    }
}

/// 32 hex digits that nothing else has.
fn new_id() -> String {
    let random = || RandomState::new().build_hasher().finish();
    format!("{:016x}{:016x}", random(), random())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_staged_folder_is_told_by_its_name() {
        assert!(is_staged(Path::new("a/sp-1.partial-0123abcd")));
        for name in ["a/sp-1", "a/sp-1.partial-", "a/sp-1.partial-0123abcg", "a/sp-1.partial-0123abcd0"] {
            assert!(!is_staged(Path::new(name)), "{name}");
        }
    }

    #[test]
    fn a_folder_whose_lock_is_held_is_nobody_elses() {
        let scratch = tempfile::tempdir().unwrap();
        let lock = locked(scratch.path()).unwrap();
        assert!(lock.is_some());
        assert!(locked(scratch.path()).unwrap().is_none());
        drop(lock);
        assert!(locked(scratch.path()).unwrap().is_some());
    }

    #[test]
    fn a_name_that_was_taken_meanwhile_is_left_alone() {
        let scratch = tempfile::tempdir().unwrap();
        let (from, to) = (scratch.path().join("from"), scratch.path().join("to"));
        fs::create_dir(&from).unwrap();
        fs::create_dir(&to).unwrap();
        assert_eq!(rename_new(&from, &to).unwrap_err().kind(), std::io::ErrorKind::AlreadyExists);
        assert!(from.is_dir());
    }
}
