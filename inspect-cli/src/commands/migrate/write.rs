//! Writes a planned savepoint: staged beside its place, verified, then published.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use spt_format::migrate::{Applied, MigrationPlan};
use spt_format::validate::Severity;
use spt_format::{
    ColumnarWriter, Error, ErrorKind, Lineage, LocalStorage, Savepoint, SavepointSource, Sharing,
};

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
    pub(crate) applied: Applied,
    /// How files were taken over, and their bytes.
    pub(crate) sharing: BTreeMap<Sharing, u64>,
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
    let made = fill(order, &staged, output)?;
    verify(staged.path(), order.plan.is_metadata_only())?;
    staged.publish()?;
    Ok(made)
}

fn fill(order: &Order<'_>, staged: &Staged, output: &Path) -> Result<Made> {
    let storage = LocalStorage::open(staged.path())?;
    let mut sink = ColumnarWriter::options().independent(order.independent).create_in(Arc::new(storage));
    let applied = order.plan.apply(order.source, &mut sink).map_err(|error| order.failure(error))?;
    let sharing = sink.sharing();
    let mut target: Savepoint = order.plan.target.clone();
    target.lineage.push(Lineage {
        operation: order.operation.to_owned(),
        source_id: Some(order.source.savepoint().id.clone()),
        source_path: order.input.to_str().map(str::to_owned),
        at_ms: now_ms(),
        receipt: Some(receipt(order.plan, &sharing)),
    });
    target.id = staged.id().to_owned();
    sink.commit(&target)?;
    Ok(Made { path: output.to_owned(), applied, sharing })
}

impl Order<'_> {
    fn failure(&self, error: Error) -> Failure {
        let is_damage = matches!(
            error.kind(),
            ErrorKind::Missing
                | ErrorKind::ChecksumMismatch { .. }
                | ErrorKind::Mismatch { .. }
                | ErrorKind::Truncated { .. }
        );
        let failure = Failure::from(error);
        if is_damage && self.operation == "migrate" && !self.plan.drops_unreadable {
            return failure.hint("`spt validate` lists what is damaged; --drop-unreadable leaves it out");
        }
        failure
    }
}

/// What was done, for the lineage.
fn receipt(plan: &MigrationPlan, sharing: &BTreeMap<Sharing, u64>) -> serde_json::Value {
    let sharing: BTreeMap<_, _> = sharing.iter().map(|(sharing, bytes)| (sharing.name(), *bytes)).collect();
    let mut receipt = serde_json::json!({"operations": plan.operations, "sharing": sharing});
    if let Some(members) = receipt.as_object_mut() {
        if !plan.dropped_pending.is_empty() {
            members.insert("pending_dropped".to_owned(), plan.dropped_pending.len().into());
        }
        if !plan.lost.is_empty() {
            members.insert("lost".to_owned(), serde_json::json!(plan.lost));
        }
    }
    receipt
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
