//! What SIGINT and SIGTERM remove before they end the process.
//!
//! One thread waits for signals. It holds the list of folders from the signal on until the process is gone, so
//! that whoever publishes, forgets or registers a folder meanwhile waits and never comes back.

use std::ffi::OsString;
use std::fs;
use std::io::{self, Write};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread;

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use signal_hook::low_level::emulate_default_handler;

use crate::error::{Failure, Result};

/// Folders to remove.
static FOLDERS: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());
/// Whether the thread was started.
static WATCHING: OnceLock<()> = OnceLock::new();

fn folders() -> MutexGuard<'static, Vec<PathBuf>> {
    FOLDERS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// From now on a signal removes this folder.
///
/// # Errors
/// If the process cannot listen to signals.
pub(super) fn remove_on_signal(folder: &Path) -> Result<()> {
    let mut folders = folders();
    if WATCHING.get().is_none() {
        let signals = Signals::new([SIGINT, SIGTERM])
            .map_err(|error| Failure::new(format!("cannot listen to signals: {error}")))?;
        let watcher = thread::Builder::new().name("signals".to_owned()).spawn(|| watch(signals));
        watcher.map_err(|error| Failure::new(format!("cannot start a thread: {error}")))?;
        let _ = WATCHING.set(());
    }
    folders.push(folder.to_owned());
    Ok(())
}

/// Nothing is left to remove.
pub(super) fn forget(folder: &Path) {
    folders().retain(|found| found != folder);
}

/// Does what makes the folder somebody's, and forgets it if that succeeded; no signal comes in between.
pub(super) fn undisturbed(folder: &Path, work: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
    let mut folders = folders();
    work()?;
    folders.retain(|found| found != folder);
    Ok(())
}

fn watch(mut signals: Signals) {
    for signal in signals.forever() {
        let folders = folders();
        folders.iter().for_each(|folder| remove(folder));
        if !folders.is_empty() {
            let _ = writeln!(io::stderr(), "interrupted: nothing was made");
        }
        let _ = emulate_default_handler(signal);
    }
}

/// Other threads still write into the folder; under another name they cannot make a new file in it.
fn remove(folder: &Path) {
    let aside = aside(folder);
    let folder = if fs::rename(folder, &aside).is_ok() { &aside } else { folder };
    let _ = fs::remove_dir_all(folder);
}

/// A name that is recognised like the folder's own: its last digit is another one.
fn aside(folder: &Path) -> PathBuf {
    let mut name = folder.as_os_str().as_bytes().to_vec();
    if let Some(last) = name.last_mut() {
        *last = if *last == b'0' { b'1' } else { b'0' };
    }
    PathBuf::from(OsString::from_vec(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_put_aside_still_looks_staged() {
        for name in ["a/sp.partial-0123abcd", "a/sp.partial-0123abc0"] {
            let aside = aside(Path::new(name));
            assert_ne!(aside, Path::new(name));
            assert!(super::super::is_staged(&aside), "{}", aside.display());
        }
    }
}
