//! Plan files: operations that were saved, and the savepoint they are for.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::Path;

use spt_format::migrate::{Operation, PlanFile, PlanSource};
use spt_format::{Digest, Error, Savepoint};

use super::now_ms;
use crate::error::{Failure, Result};
use crate::locate::Metadata;

/// What tells the savepoint at `found` from every other.
///
/// # Errors
/// If its metadata cannot be read.
pub(super) fn identity(found: &Metadata, savepoint: &Savepoint) -> Result<PlanSource> {
    let file = found.file();
    let bytes = fs::read(&file).map_err(|error| Error::io("read", &file, error))?;
    Ok(PlanSource { id: savepoint.id.clone(), sha256: Digest::of(&bytes).to_string() })
}

/// Reads a plan file.
///
/// # Errors
/// If there is none, it is malformed (with its line), or bound to another savepoint than `identity`.
pub(super) fn read(path: &Path, identity: impl FnOnce() -> Result<PlanSource>) -> Result<Outcome> {
    let name = path.display().to_string();
    let text = fs::read_to_string(path).map_err(|error| Failure::new(format!("{name}: {error}")))?;
    let plan = match PlanFile::parse(&name, &text, now_ms()) {
        Ok(plan) => plan,
        Err(error) => return Ok(Outcome::Refused(error.into())),
    };
    if let Some(bound) = &plan.source {
        let found = identity()?;
        if *bound != found {
            let message = format!(
                "{name} is for savepoint {} with SHA-256 {}, this is {} with {}",
                bound.id, bound.sha256, found.id, found.sha256
            );
            let hint = "make a plan for this savepoint with --out-plan; without [source] it fits any";
            return Ok(Outcome::Refused(Failure::new(message).hint(hint)));
        }
    }
    Ok(Outcome::Plan(plan))
}

/// What became of reading a plan.
pub(super) enum Outcome {
    /// It can be applied.
    Plan(PlanFile),
    /// It cannot.
    Refused(Failure),
}

/// Saves operations for one savepoint alone.
///
/// # Errors
/// If there is a file already, or it cannot be written.
pub(super) fn save(path: &Path, source: PlanSource, operations: &[Operation]) -> Result<()> {
    let plan = PlanFile { source: Some(source), operations: operations.to_vec(), places: Vec::new() };
    let file = OpenOptions::new().write(true).create_new(true).open(path);
    file.and_then(|mut file| {
        file.write_all(plan.to_text().as_bytes())?;
        file.sync_all()
    })
    .map_err(|error| Error::io("write", path, error).into())
}
