//! The catalogue of a savepoint: everything its metadata tells, nothing of its rows.

use serde::{Deserialize, Serialize};

use super::extensions::Extensions;
use super::graph::JobGraph;
use super::operator::{Operator, OperatorId, Uid};
use super::state::State;

/// Which system wrote it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Engine {
    /// This project's runtime or tools.
    Spt,
    /// Apache Flink.
    Flink,
}

/// Who asked for it and who owns it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SavepointKind {
    /// Asked for by a person, and theirs.
    Savepoint,
    /// Taken by the engine to recover from failure, and the job's.
    Checkpoint,
}

/// How its files are laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Layout {
    /// This project's own format.
    Columnar,
    /// Flink, independent of the state backend.
    Canonical,
    /// Flink, a savepoint of the backend's own files.
    Native,
    /// Flink, a checkpoint with all of the state.
    Full,
    /// Flink, a checkpoint that shares files with earlier ones.
    Incremental,
    /// Flink, a checkpoint with a log of changes.
    Changelog,
}

/// The job a savepoint was taken of.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job {
    /// 32 hex digits, where it is recorded.
    pub id: Option<String>,
    /// Its name, where it is recorded.
    pub name: Option<String>,
}

/// One step of a savepoint's history: what it was made from and how.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lineage {
    /// What made it: `restore`, `migrate`, `convert`, `import`, `patch`, ….
    pub operation: String,
    /// The savepoint it was made from, by its id, if from one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub source_id: Option<String>,
    /// Where that was at the time; a hint.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub source_path: Option<String>,
    /// When, in ms since 1970.
    pub at_ms: i64,
    /// The receipt: what exactly was done, for a person and for a tool.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub receipt: Option<serde_json::Value>,
}

/// Everything the metadata of a savepoint tells.
#[derive(Debug, Clone, PartialEq)]
pub struct Savepoint {
    /// Which system wrote it.
    pub engine: Engine,
    /// Version of that system's metadata.
    pub format_version: u32,
    /// Who asked for it.
    pub kind: SavepointKind,
    /// How its files are laid out.
    pub layout: Layout,
    /// What tells it from other savepoints: unique for our own, the checkpoint id for Flink's.
    pub id: String,
    /// The job it was taken of.
    pub job: Job,
    /// When it was taken, in ms since 1970, where it is recorded.
    pub created_at_ms: Option<i64>,
    /// The job had finished all its windows and timers before: nothing can go on from it as it was.
    pub drained: bool,
    /// What it was made from, oldest first.
    pub lineage: Vec<Lineage>,
    /// The job's graph, where it is recorded.
    pub graph: Option<JobGraph>,
    /// The operators, in the order of the job where it is known.
    pub operators: Vec<Operator>,
    /// What sinks had written and not yet committed, in the order of the operators.
    pub pending: Vec<PendingOutput>,
    /// Data files, the metadata itself not counted.
    pub files: u64,
    /// Bytes of all data files; for Flink, of all state handles.
    pub bytes: u64,
    /// Metadata this version does not know.
    pub extensions: Extensions,
}

/// Output that a sink had written when the savepoint was taken, and that nobody may see before it is
/// committed. Whoever goes on from the savepoint commits or discards it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PendingOutput {
    /// The sink.
    pub operator: OperatorId,
    /// What the sink needs to commit it. Only the sink understands it.
    pub output: serde_json::Value,
}

/// A state's place in its savepoint's catalogue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StateRef {
    /// Index into [`Savepoint::operators`].
    pub operator: usize,
    /// Index into [`Operator::states`].
    pub state: usize,
}

impl Savepoint {
    /// An empty savepoint of this project's own, of which nothing but its id is known.
    pub fn new(kind: SavepointKind, id: impl Into<String>) -> Self {
        Self {
            engine: Engine::Spt,
            format_version: 1,
            kind,
            layout: Layout::Columnar,
            id: id.into(),
            job: Job::default(),
            created_at_ms: None,
            drained: false,
            lineage: Vec::new(),
            graph: None,
            operators: Vec::new(),
            pending: Vec::new(),
            files: 0,
            bytes: 0,
            extensions: Extensions::default(),
        }
    }

    /// The operator with this id.
    pub fn operator(&self, id: OperatorId) -> Option<&Operator> {
        self.operators.iter().find(|operator| operator.id == id)
    }

    /// The operator with this uid, whether the savepoint names it or knows its id alone.
    pub fn operator_by_uid(&self, uid: &Uid) -> Option<&Operator> {
        let by_name = self.operators.iter().find(|operator| operator.uid.as_ref() == Some(uid));
        by_name.or_else(|| self.operator(OperatorId::of_uid(uid.as_str())))
    }

    /// Every state with its place and operator, in order.
    pub fn states(&self) -> impl Iterator<Item = (StateRef, &Operator, &State)> {
        self.operators.iter().enumerate().flat_map(|(operator, entry)| {
            entry
                .states
                .iter()
                .enumerate()
                .map(move |(state, found)| (StateRef { operator, state }, entry, found))
        })
    }

    /// What a place refers to.
    pub fn state(&self, place: StateRef) -> Option<(&Operator, &State)> {
        let operator = self.operators.get(place.operator)?;
        Some((operator, operator.states.get(place.state)?))
    }

    /// Rows of all states; `None` where one of them is not known.
    pub fn rows(&self) -> Option<u64> {
        self.states().map(|(_, _, state)| state.rows).sum()
    }
}
