//! Writes a planned savepoint: staged beside its place, verified, then published.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use spt_format::migrate::MigrationPlan;
use spt_format::validate::Severity;
use spt_format::{ColumnarWriter, Lineage, LocalStorage, Savepoint, SavepointSource};

use super::now_ms;
use crate::commands::validate::{Depth, check};
use crate::error::{Failure, Result};
use crate::locate::Metadata;
use crate::open::Opening;
use crate::staged::Staged;
use crate::ui::Ui;

/// A savepoint that was made.
pub(crate) struct Made {
    pub(crate) path: PathBuf,
}

/// What to carry out, and from where.
pub(crate) struct Order<'a> {
    /// The word for it in the lineage.
    pub(crate) operation: &'a str,
    pub(crate) plan: &'a MigrationPlan,
    pub(crate) source: &'a dyn SavepointSource,
    /// Where the source is, as it was named.
    pub(crate) input: &'a Path,
    /// Files that are taken over share nothing with the source's.
    pub(crate) independent: bool,
}

/// Carries the plan out into a new folder.
///
/// # Errors
/// If anything could not be read, written or verified. Then there is nothing at `output`.
pub(crate) fn write(order: &Order<'_>, output: &Path, ui: &Ui) -> Result<Made> {
    let staged = Staged::begin(output, ui)?;
    fill(order, &staged)?;
    verify(staged.path(), order.plan.is_metadata_only())?;
    staged.publish()?;
    Ok(Made { path: output.to_owned() })
}

fn fill(order: &Order<'_>, staged: &Staged) -> Result<()> {
    let storage = LocalStorage::open(staged.path())?;
    let mut sink = ColumnarWriter::options().independent(order.independent).create_in(Arc::new(storage));
    order.plan.apply(order.source, &mut sink)?;
    let mut target: Savepoint = order.plan.target.clone();
    target.lineage.push(Lineage {
        operation: order.operation.to_owned(),
        source_id: Some(order.source.savepoint().id.clone()),
        source_path: order.input.to_str().map(str::to_owned),
        at_ms: now_ms(),
        receipt: Some(serde_json::json!({"operations": order.plan.operations})),
    });
    target.id = staged.id().to_owned();
    sink.commit(&target)?;
    Ok(())
}

/// Files that were taken over were written and checked before; new ones are read again.
pub(crate) fn verify(partial: &Path, is_metadata_only: bool) -> Result<()> {
    let depth = if is_metadata_only { Depth::Presence } else { Depth::Quick };
    let checks = check(&Metadata::Columnar(partial.to_owned()), &Opening::default(), depth)?;
    match checks.findings.iter().find(|finding| finding.severity == Severity::Error) {
        Some(finding) => Err(Failure::new(format!(
            "what was written is damaged: {}: {}",
            finding.location, finding.message
        ))),
        None => Ok(()),
    }
}
