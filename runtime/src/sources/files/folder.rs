//! Which files there are to read.

use std::fs;
use std::path::Path;

use crate::error::{Error, Result};

/// The file itself, or every file directly in a folder that is not hidden, ordered by name.
pub(super) fn files(path: &Path) -> Result<Vec<String>> {
    let failed = |error| cannot("read", path, error);
    if !fs::metadata(path).map_err(failed)?.is_dir() {
        return Ok(vec![text_of(path)?]);
    }
    let mut files = Vec::new();
    for entry in fs::read_dir(path).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if !is_hidden(&path) && is_file(&path)? {
            files.push(text_of(&path)?);
        }
    }
    files.sort();
    Ok(files)
}

/// What has been taken away since it was listed is none.
fn is_file(path: &Path) -> Result<bool> {
    match fs::metadata(path) {
        Ok(found) => Ok(found.is_file()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(cannot("read", path, error)),
    }
}

fn is_hidden(path: &Path) -> bool {
    path.file_name().is_some_and(|name| matches!(name.as_encoded_bytes().first(), Some(b'.' | b'_')))
}

/// A position in a savepoint is text, so that people can read it.
fn text_of(path: &Path) -> Result<String> {
    let text = path.to_str().map(str::to_owned);
    text.ok_or_else(|| Error::refused(format!("{}: the name is not UTF-8", path.display())))
}

pub(super) fn cannot(action: &str, path: &Path, error: std::io::Error) -> Error {
    Error::failed(format!("{}: {action} failed", path.display())).caused_by(error)
}
