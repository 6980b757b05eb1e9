//! What a snapshot as a whole is: kind, layout, job, size.

use std::collections::BTreeSet;
use std::path::Path;

use spt_format::{Engine, Job, Layout, Savepoint, SavepointKind};

use crate::metadata::{AfterSavepoint, KeyedHandle, Snapshot, SnapshotKind, StreamHandle};

/// The catalogue without operators.
pub(super) fn savepoint(snapshot: &Snapshot, folder: &Path) -> Savepoint {
    let asked = snapshot.properties.as_ref().and_then(|properties| properties.kind.clone());
    let kind = match asked {
        Some(SnapshotKind::Savepoint { .. }) => SavepointKind::Savepoint,
        Some(SnapshotKind::Checkpoint { .. }) => SavepointKind::Checkpoint,
        None if in_checkpoint_folder(folder) => SavepointKind::Checkpoint,
        None => SavepointKind::Savepoint,
    };
    let then_terminated =
        matches!(asked, Some(SnapshotKind::Savepoint { then: AfterSavepoint::Terminate, .. }));
    let streams = snapshot.streams();
    Savepoint {
        engine: Engine::Flink,
        format_version: snapshot.version,
        layout: layout(snapshot, kind, asked.as_ref()),
        job: Job { id: job_id(folder, &streams), name: None },
        drained: then_terminated,
        files: files(&streams),
        bytes: streams.iter().map(|stream| stream.size()).fold(0, u64::saturating_add),
        ..Savepoint::new(kind, snapshot.checkpoint_id.to_string())
    }
}

fn in_checkpoint_folder(folder: &Path) -> bool {
    folder.file_name().is_some_and(|name| name.to_string_lossy().starts_with("chk-"))
}

/// The handles tell more than the properties: a checkpoint that could share files need not have any.
fn layout(snapshot: &Snapshot, kind: SavepointKind, asked: Option<&SnapshotKind>) -> Layout {
    let handles = || {
        let states = snapshot.operators.iter().flat_map(|operator| operator.states());
        states.filter_map(|(_, state)| state.managed_keyed.as_ref())
    };
    let shares = |handle: &KeyedHandle| match handle {
        KeyedHandle::Incremental(handle) => !handle.shared.is_empty(),
        _ => false,
    };
    let native = |handle: &KeyedHandle| !handle.is_savepoint();
    match (kind, asked) {
        (SavepointKind::Checkpoint, _)
            if handles().any(|handle| matches!(handle, KeyedHandle::Changelog(_))) =>
        {
            Layout::Changelog
        }
        (SavepointKind::Checkpoint, _) if handles().any(shares) => Layout::Incremental,
        (SavepointKind::Checkpoint, _) => Layout::Full,
        (SavepointKind::Savepoint, Some(SnapshotKind::Savepoint { native: true, .. })) => Layout::Native,
        (SavepointKind::Savepoint, Some(_)) => Layout::Canonical,
        // Before 1.16 nothing says it; before 1.15 native savepoints were not to be had.
        (SavepointKind::Savepoint, None) if snapshot.version >= 3 && handles().any(native) => Layout::Native,
        (SavepointKind::Savepoint, None) => Layout::Canonical,
    }
}

/// The job's id stands in the paths of its checkpoints: `<job id>/chk-7`, `<job id>/shared`.
fn job_id(folder: &Path, streams: &[&StreamHandle]) -> Option<String> {
    let recorded = streams.iter().filter_map(|stream| match stream {
        StreamHandle::File { path, .. } | StreamHandle::Segment { path, .. } => Some(path.as_str()),
        StreamHandle::Inline { name, .. } => Some(name.as_str()),
        _ => None,
    });
    let folder = folder.to_string_lossy();
    let below_job = |path: &str| {
        let parts: Vec<_> = path.split('/').collect();
        parts.windows(2).find_map(|pair| match pair {
            [job, "shared" | "taskowned"] => is_job_id(job).then(|| (*job).to_owned()),
            [job, checkpoint] if checkpoint.starts_with("chk-") => is_job_id(job).then(|| (*job).to_owned()),
            _ => None,
        })
    };
    below_job(&folder).or_else(|| recorded.filter_map(below_job).next())
}

fn is_job_id(text: &str) -> bool {
    text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Files other than `_metadata`; several segments of one file count once.
fn files(streams: &[&StreamHandle]) -> u64 {
    let paths = streams.iter().filter_map(|stream| match stream {
        StreamHandle::File { path, .. }
        | StreamHandle::Relative { path, .. }
        | StreamHandle::Segment { path, .. } => Some(path.as_str()),
        _ => None,
    });
    paths.collect::<BTreeSet<_>>().len() as u64
}
