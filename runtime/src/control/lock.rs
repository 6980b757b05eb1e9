//! A lock that ends with its process, however that ends.
//!
//! The kernel drops an advisory file lock when the process is gone, SIGKILL included, so nothing has to be
//! cleaned up before a restart and a reused process id is never mistaken for the old process. The file names
//! the holder, for the message that says who is in the way.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use spt_format::{Error, ErrorKind, Result};

/// Somebody who only asks whether a lock is held has it for an instant. Whoever wants it tries again.
const ATTEMPTS: u32 = 20;
const PAUSE: Duration = Duration::from_millis(10);

/// Longest note that is read from a lock file.
const MAX_NOTE_BYTES: u64 = 4096;

/// A lock file that this process holds.
#[derive(Debug)]
pub struct Lock {
    path: PathBuf,
    /// The lock lives as long as this is open.
    file: File,
}

/// Whether somebody holds a lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Held {
    /// Somebody does.
    Yes,
    /// Nobody does, or there is no such file.
    No,
}

impl Lock {
    /// Takes the lock of this file, which is made if it is not there, and notes `holder` in it.
    ///
    /// # Errors
    /// [`ErrorKind::BadRequest`] with the holder's note if a live process has it; I/O.
    pub fn acquire(path: &Path, holder: &str) -> Result<Self> {
        for _ in 0..ATTEMPTS {
            let file = open(path)?;
            match file.try_lock() {
                // Between opening and locking, its last holder may have removed the file.
                Ok(()) if is_still_at(&file, path)? => {
                    return Self { path: path.to_owned(), file }.note(holder);
                }
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => std::thread::sleep(PAUSE),
                Err(TryLockError::Error(error)) => return Err(Error::io("lock", path, error)),
            }
        }
        let holder = holder_of(path);
        let what = format!("held by a live process: {}", if holder.is_empty() { "unknown" } else { &holder });
        Err(Error::new(ErrorKind::BadRequest { what }, path))
    }

    /// Whether a live process holds the lock of this file.
    ///
    /// # Errors
    /// I/O.
    pub fn held(path: &Path) -> Result<Held> {
        let file = match File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Held::No),
            Err(error) => return Err(Error::io("open", path, error)),
        };
        match file.try_lock_shared() {
            Ok(()) => Ok(Held::No),
            Err(TryLockError::WouldBlock) => Ok(Held::Yes),
            Err(TryLockError::Error(error)) => Err(Error::io("lock", path, error)),
        }
    }

    /// Whether a live process goes on holding it. One that is just starting another has it twice for an instant, and so
    /// may have given it up before.
    ///
    /// # Errors
    /// I/O.
    pub fn is_kept(path: &Path) -> Result<bool> {
        for _ in 0..ATTEMPTS {
            if Self::held(path)? == Held::No {
                return Ok(false);
            }
            std::thread::sleep(PAUSE);
        }
        Ok(true)
    }

    /// Removes the file and with it the lock.
    pub fn remove(self) {
        // Whoever waits for it notices that the file is gone, see `acquire`.
        let _ = std::fs::remove_file(&self.path);
    }

    fn note(mut self, holder: &str) -> Result<Self> {
        let written = self.file.set_len(0).and_then(|()| self.file.write_all(holder.as_bytes()));
        written.map_err(|error| Error::io("write", &self.path, error))?;
        Ok(self)
    }
}

fn open(path: &Path) -> Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false).mode(0o600);
    options.open(path).map_err(|error| Error::io("open", path, error))
}

fn is_still_at(file: &File, path: &Path) -> Result<bool> {
    let ours = file.metadata().map_err(|error| Error::io("read", path, error))?;
    match std::fs::metadata(path) {
        Ok(there) => Ok((there.dev(), there.ino()) == (ours.dev(), ours.ino())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(Error::io("read", path, error)),
    }
}

fn holder_of(path: &Path) -> String {
    let mut note = Vec::new();
    if let Ok(file) = File::open(path) {
        // The note is for the message alone: without it the message is shorter.
        let _ = file.take(MAX_NOTE_BYTES).read_to_end(&mut note);
    }
    String::from_utf8_lossy(&note).trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A process that another test is starting has the open file of this one for a moment, and its lock.
    fn await_free(path: &Path) {
        for _ in 0..1_000 {
            if Lock::held(path).unwrap() == Held::No {
                return;
            }
            std::thread::sleep(PAUSE);
        }
        panic!("{} is never free", path.display());
    }

    #[test]
    fn a_second_holder_is_refused_and_told_who_the_first_is() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("job.lock");
        let first = Lock::acquire(&path, "process 17").unwrap();
        assert_eq!(Lock::held(&path).unwrap(), Held::Yes);
        let refusal = Lock::acquire(&path, "process 18").unwrap_err().to_string();
        assert!(refusal.contains("process 17"), "{refusal}");
        drop(first);
        await_free(&path);
        Lock::acquire(&path, "process 18").unwrap().remove();
        assert!(!path.exists());
    }

    #[test]
    fn a_lock_outlives_neither_a_killed_process_nor_its_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("job.lock");
        let script = format!("exec 9>{0}; flock 9; echo locked; read end", path.display());
        let mut child = std::process::Command::new("sh")
            .args(["-c", &script])
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let mut told = [0; 6];
        child.stdout.as_mut().unwrap().read_exact(&mut told).unwrap();
        assert_eq!(Lock::held(&path).unwrap(), Held::Yes);
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(Lock::held(&path).unwrap(), Held::No);
        Lock::acquire(&path, "me").unwrap();
    }

    #[test]
    fn a_file_that_is_not_there_is_held_by_nobody() {
        assert_eq!(Lock::held(Path::new("/nowhere/job.lock")).unwrap(), Held::No);
    }
}
