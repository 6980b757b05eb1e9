//! Writes a planned savepoint: staged beside its place, verified, then renamed into it.
//!
//! ```text
//! OUT.partial-<id> ─► states, manifest ─► checked ─► OUT
//! ```

use std::hash::{BuildHasher, Hasher, RandomState};
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, RenameFlags, renameat_with};
use spt_format::migrate::MigrationPlan;
use spt_format::validate::Severity;
use spt_format::{ColumnarWriter, Error, ErrorKind, Lineage, Savepoint, SavepointSource};

use super::now_ms;
use crate::commands::validate::{Depth, check};
use crate::error::{Failure, Result};
use crate::locate::Metadata;

/// A savepoint that was made.
pub(crate) struct Made {
    pub(crate) path: PathBuf,
}

/// Carries the plan out into a new folder.
///
/// # Errors
/// If anything could not be read, written or verified. Then there is nothing at `output`.
pub(crate) fn write(
    operation: &str,
    plan: &MigrationPlan,
    source: &dyn SavepointSource,
    input: &Path,
    output: &Path,
    independent: bool,
) -> Result<Made> {
    if output.exists() {
        return Err(Error::new(ErrorKind::AlreadyExists, output).into());
    }
    let id = new_id();
    let partial = partial_path(output, &id);
    let result = fill(operation, plan, source, input, &partial, &id, independent)
        .and_then(|()| verify(&partial, plan.is_metadata_only()))
        .and_then(|()| publish(&partial, output));
    if result.is_err() {
        // What is left is recognised by its name and is no savepoint's place.
        let _ = std::fs::remove_dir_all(&partial);
    }
    result.map(|()| Made { path: output.to_owned() })
}

fn fill(
    operation: &str,
    plan: &MigrationPlan,
    source: &dyn SavepointSource,
    input: &Path,
    partial: &Path,
    id: &str,
    independent: bool,
) -> Result<()> {
    let mut sink = ColumnarWriter::options().independent(independent).create(partial)?;
    plan.apply(source, &mut sink)?;
    let mut target: Savepoint = plan.target.clone();
    target.lineage.push(Lineage {
        operation: operation.to_owned(),
        source_id: Some(source.savepoint().id.clone()),
        source_path: input.to_str().map(str::to_owned),
        at_ms: now_ms(),
        receipt: Some(serde_json::json!({"operations": plan.operations})),
    });
    target.id = id.to_owned();
    sink.commit(&target)?;
    Ok(())
}

/// Files that were taken over were written and checked before; new ones are read again.
fn verify(partial: &Path, is_metadata_only: bool) -> Result<()> {
    let depth = if is_metadata_only { Depth::Presence } else { Depth::Quick };
    let checks = check(&Metadata::Columnar(partial.to_owned()), depth)?;
    match checks.findings.iter().find(|finding| finding.severity == Severity::Error) {
        Some(finding) => Err(Failure::new(format!(
            "what was written is damaged: {}: {}",
            finding.location, finding.message
        ))),
        None => Ok(()),
    }
}

fn publish(partial: &Path, output: &Path) -> Result<()> {
    renameat_with(CWD, partial, CWD, output, RenameFlags::NOREPLACE)
        .map_err(|error| Error::io("rename", output, error.into()))?;
    // Only now is the new name there after a power cut too.
    let parent = output.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let synced = std::fs::File::open(parent).and_then(|folder| folder.sync_all());
    synced.map_err(|error| Error::io("sync directory", parent, error).into())
}

fn partial_path(output: &Path, id: &str) -> PathBuf {
    let mut name = output.file_name().unwrap_or_default().to_owned();
    name.push(format!(".partial-{}", id.get(..8).unwrap_or(id)));
    output.with_file_name(name)
}

/// 32 hex digits that no other savepoint has.
fn new_id() -> String {
    let random = || RandomState::new().build_hasher().finish();
    format!("{:016x}{:016x}", random(), random())
}
