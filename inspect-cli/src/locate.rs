//! From the path somebody types to the savepoint that is meant.
//!
//! ```text
//! savepoints/sp-1                  a folder with `manifest.json` or `_metadata`
//! savepoints/sp-1/manifest.json    that file
//! savepoints@latest                the newest savepoint below the folder; also `savepoints/@latest`
//! ```

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use spt_format::{SavepointSource, instant_text};

use crate::error::{Failure, Result};
use crate::open::{Opening, open_found};
use crate::staged::is_staged;
use crate::ui::Ui;

/// The file that makes a folder a savepoint of our own.
pub(crate) const MANIFEST: &str = "manifest.json";
const FLINK_METADATA: &str = "_metadata";
const LATEST: &str = "@latest";
/// Folders are searched this deep for savepoints: a job's checkpoints lie two below the folder for all jobs.
const DEPTH: usize = 4;

/// Where a savepoint's metadata is, and of which engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Metadata {
    /// The folder of a savepoint in this project's own format.
    Columnar(PathBuf),
    /// Flink's `_metadata`.
    Flink(PathBuf),
}

impl Metadata {
    /// The savepoint's own folder.
    pub(crate) fn folder(&self) -> &Path {
        match self {
            Self::Columnar(folder) => folder,
            Self::Flink(file) => match file.parent() {
                Some(parent) if !parent.as_os_str().is_empty() => parent,
                _ => Path::new("."),
            },
        }
    }

    /// The file whose presence makes it a savepoint.
    pub(crate) fn file(&self) -> PathBuf {
        match self {
            Self::Columnar(folder) => folder.join(MANIFEST),
            Self::Flink(file) => file.clone(),
        }
    }
}

/// The savepoint that `path` names.
///
/// # Errors
/// If there is none.
pub(crate) fn locate(path: &Path, ui: &Ui) -> Result<Metadata> {
    if let Some(found) = metadata_at(path) {
        return Ok(found);
    }
    if let Some(folder) = latest_of(path).filter(|_| !path.exists()) {
        let newest = newest(&folder, ui, &mut |_| Ok(()))?;
        return newest.ok_or_else(|| {
            Failure::new(format!("{}: there is no savepoint below", folder.display()))
                .hint("`spt latest -v DIR` says what was passed over")
        });
    }
    match fs::metadata(path) {
        Err(error) => Err(Failure::new(format!("{}: {}", path.display(), plain(&error)))),
        Ok(found) if found.is_dir() => Err(not_a_savepoint(path)),
        Ok(_) => Err(Failure::new(format!(
            "{}: not a savepoint: neither a folder, nor {MANIFEST} or {FLINK_METADATA}",
            path.display()
        ))),
    }
}

/// The operating system's words without its number.
fn plain(error: &std::io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or(&text).to_lowercase()
}

fn not_a_savepoint(folder: &Path) -> Failure {
    let message =
        format!("{}: not a savepoint: there is neither {MANIFEST} nor {FLINK_METADATA}", folder.display());
    let below = candidates(folder);
    match below.first() {
        Some(first) => Failure::new(message).hint(format!(
            "there are {} below it, such as {}; `{}{LATEST}` is the newest",
            below.len(),
            first.folder().display(),
            folder.display()
        )),
        None if folder.join("manifest.json.tmp").exists() => {
            Failure::new(message).hint("its writer was interrupted: nothing was committed here")
        }
        None => Failure::new(message),
    }
}

/// The metadata in this folder, or this file if it is one.
pub(crate) fn metadata_at(path: &Path) -> Option<Metadata> {
    if path.is_file() {
        let name = path.file_name()?;
        let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        return match name.to_str()? {
            MANIFEST => Some(Metadata::Columnar(parent.to_owned())),
            FLINK_METADATA => Some(Metadata::Flink(path.to_owned())),
            _ => None,
        };
    }
    if path.join(MANIFEST).is_file() {
        return Some(Metadata::Columnar(path.to_owned()));
    }
    let flink = path.join(FLINK_METADATA);
    flink.is_file().then_some(Metadata::Flink(flink))
}

/// The folder meant by `FOLDER@latest` or `FOLDER/@latest`.
fn latest_of(path: &Path) -> Option<PathBuf> {
    let name = path.file_name()?;
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if name == LATEST {
        return Some(parent.to_owned());
    }
    // Cutting an ASCII ending off keeps the rest whole, UTF-8 or not.
    use std::os::unix::ffi::OsStrExt;
    let stem = name.as_bytes().strip_suffix(LATEST.as_bytes())?;
    Some(parent.join(std::ffi::OsStr::from_bytes(stem)))
}

/// The newest savepoint below a folder that opens and passes `check`; the others are told on stderr.
///
/// # Errors
/// If the folder cannot be read.
pub(crate) fn newest(
    folder: &Path,
    ui: &Ui,
    check: &mut dyn FnMut(&Metadata) -> Result<()>,
) -> Result<Option<Metadata>> {
    if let Err(error) = fs::read_dir(folder) {
        return Err(Failure::new(format!("{}: {}", folder.display(), plain(&error))));
    }
    let mut dated = Vec::new();
    for candidate in candidates(folder) {
        if is_staged(candidate.folder()) {
            ui.warn(&format!("passed over {}: its writer has not finished it", candidate.folder().display()));
            continue;
        }
        match open_found(&candidate, &Opening::default()) {
            Ok(source) => {
                let created = created_ms(&candidate, source.as_ref());
                dated.push((created, candidate));
            }
            Err(failure) => ui.warn(&format!("passed over {}: {failure}", candidate.folder().display())),
        }
    }
    dated.sort_by(|(left, first), (right, second)| {
        right.cmp(left).then_with(|| second.folder().cmp(first.folder()))
    });
    for (created, candidate) in dated {
        match check(&candidate) {
            Ok(()) => {
                ui.detail(&format!("{} was taken {}", candidate.folder().display(), instant_text(created)));
                return Ok(Some(candidate));
            }
            Err(failure) => ui.warn(&format!("passed over {}: {failure}", candidate.folder().display())),
        }
    }
    Ok(None)
}

/// When a savepoint was taken; where that is not recorded, when its metadata was last changed.
pub(crate) fn created_ms(found: &Metadata, source: &dyn SavepointSource) -> i64 {
    source.savepoint().created_at_ms.unwrap_or_else(|| modified_ms(&found.file()))
}

fn modified_ms(file: &Path) -> i64 {
    let modified = fs::metadata(file).and_then(|found| found.modified()).unwrap_or(SystemTime::UNIX_EPOCH);
    modified.duration_since(UNIX_EPOCH).ok().and_then(|age| i64::try_from(age.as_millis()).ok()).unwrap_or(0)
}

/// Everything below a folder that has metadata, in the order of names. What lies inside a savepoint is its own.
pub(crate) fn candidates(folder: &Path) -> Vec<Metadata> {
    let mut found = Vec::new();
    collect(folder, DEPTH, &mut found);
    found
}

fn collect(folder: &Path, depth: usize, found: &mut Vec<Metadata>) {
    if let Some(metadata) = metadata_at(folder) {
        found.push(metadata);
        return;
    }
    let Ok(entries) = fs::read_dir(folder) else { return };
    let is_folder = |entry: &fs::DirEntry| entry.file_type().is_ok_and(|kind| kind.is_dir());
    let mut folders: Vec<PathBuf> =
        entries.filter_map(std::result::Result::ok).filter(is_folder).map(|entry| entry.path()).collect();
    folders.sort_unstable();
    if depth > 0 {
        folders.iter().for_each(|folder| collect(folder, depth - 1, found));
    }
}
