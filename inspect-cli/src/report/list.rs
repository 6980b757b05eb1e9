//! `spt.savepoints/1`: the savepoints below a folder, the newest first.

use serde::Serialize;
use spt_format::{Engine, Job, Savepoint, SavepointKind, instant_text};

/// The whole document.
#[derive(Debug, Serialize)]
pub(crate) struct ListReport {
    pub(crate) schema: &'static str,
    pub(crate) savepoints: Vec<Entry>,
}

/// One savepoint; what cannot be opened has an error and nothing else.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Entry {
    pub(crate) path: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) error: Option<String>,
    pub(crate) engine: Option<Engine>,
    pub(crate) kind: Option<SavepointKind>,
    pub(crate) id: Option<String>,
    pub(crate) job: Option<Job>,
    pub(crate) created_at: Option<String>,
    pub(crate) operators: usize,
    pub(crate) states: usize,
    pub(crate) bytes: u64,
    #[serde(skip)]
    pub(crate) created_at_ms: i64,
}

impl Entry {
    /// A savepoint that opens, taken at this time as far as is known.
    pub(crate) fn new(path: String, savepoint: &Savepoint, created_at_ms: i64) -> Self {
        Self {
            path,
            error: None,
            engine: Some(savepoint.engine),
            kind: Some(savepoint.kind),
            id: Some(savepoint.id.clone()),
            job: Some(savepoint.job.clone()),
            created_at: savepoint.created_at_ms.map(instant_text),
            operators: savepoint.operators.len(),
            states: savepoint.states().count(),
            bytes: savepoint.bytes,
            created_at_ms,
        }
    }

    /// One that does not open.
    pub(crate) fn broken(path: String, error: String) -> Self {
        Self { path, error: Some(error), ..Self::default() }
    }
}
