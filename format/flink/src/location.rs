//! From the path somebody names to the `_metadata` that is meant.

use std::fs;
use std::path::{Path, PathBuf};

use spt_format::{Error, ErrorKind, Result};

/// The file every snapshot has.
pub(crate) const METADATA: &str = "_metadata";

/// The `_metadata` at `path`: the file itself, or the one in this folder.
///
/// # Errors
/// [`ErrorKind::NotASavepoint`] with a hint what to name instead, [`ErrorKind::Missing`] if nothing is there.
pub fn find_metadata(path: &Path) -> Result<PathBuf> {
    let found = fs::metadata(path).map_err(|error| Error::io("look at", path, error))?;
    if found.is_file() {
        return Ok(path.to_owned());
    }
    let file = path.join(METADATA);
    if file.is_file() { Ok(file) } else { Err(no_metadata(path)) }
}

/// Why a folder without `_metadata` is no snapshot, and what may have been meant.
fn no_metadata(folder: &Path) -> Error {
    let name =
        |path: &Path| path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let inside = folders_with_metadata(folder);
    let reason = if let Some(newest) = inside.last() {
        let newest = name(newest);
        format!(
            "there is no {METADATA} here, but in {} of its folders; name one of them, such as {newest}",
            inside.len()
        )
    } else if let Some(checkpoint) =
        jobs(folder).iter().rev().find_map(|job| folders_with_metadata(job).pop())
    {
        let job = checkpoint.parent().map(name).unwrap_or_default();
        format!(
            "there is no {METADATA} here, but checkpoints of jobs; name one of them, such as {job}/{}",
            name(&checkpoint)
        )
    } else if checkpoint_number(&name(folder)).is_some() {
        format!("there is no {METADATA} here: this checkpoint was never completed, or has been discarded")
    } else {
        format!("there is no {METADATA} here")
    };
    Error::new(ErrorKind::NotASavepoint { reason }, folder)
}

/// Folders directly inside that hold a snapshot, checkpoints by their number, others by name.
fn folders_with_metadata(folder: &Path) -> Vec<PathBuf> {
    let mut found: Vec<_> =
        entries(folder).into_iter().filter(|path| path.join(METADATA).is_file()).collect();
    found.sort_by_cached_key(|path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        (checkpoint_number(&name), name)
    });
    found
}

/// Folders named by a job's id, which is 32 hex digits.
fn jobs(folder: &Path) -> Vec<PathBuf> {
    let is_job = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.len() == 32 && name.bytes().all(|byte| byte.is_ascii_hexdigit())
    };
    let mut jobs: Vec<_> = entries(folder).into_iter().filter(is_job).collect();
    jobs.sort();
    jobs
}

/// What the folder holds; nothing if it cannot be read, because this only serves a hint.
fn entries(folder: &Path) -> Vec<PathBuf> {
    fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect()
}

/// `N` of a folder named `chk-N`.
fn checkpoint_number(name: &str) -> Option<u64> {
    name.strip_prefix("chk-")?.parse().ok()
}
