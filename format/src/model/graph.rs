//! The job's graph as a savepoint remembers it, for people and for `--graph`; nothing is restored from it.

use serde::{Deserialize, Serialize};

use super::operator::OperatorId;

/// How records travel along an edge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Partitioning {
    /// Subtask to the same subtask, by call or channel.
    Forward,
    /// By the key group of the record's key.
    Hash,
    /// To each subtask in turn.
    Rebalance,
    /// To a subtask at random.
    Shuffle,
    /// To the first subtask.
    Global,
    /// To every subtask.
    Broadcast,
}

/// An operator in the graph.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Node {
    /// The operator's id.
    pub id: OperatorId,
    /// A name for people.
    pub name: String,
    /// The author's uid, if given.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub uid: Option<String>,
    /// Subtasks.
    pub parallelism: u32,
    /// Nodes with the same number run in one task.
    pub chain: u32,
}

/// A connection between two operators.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Edge {
    /// Upstream operator.
    pub from: OperatorId,
    /// Downstream operator.
    pub to: OperatorId,
    /// How records travel.
    pub partitioning: Partitioning,
}

/// Operators and the edges between them, in the order of the job's program.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobGraph {
    /// Operators.
    pub nodes: Vec<Node>,
    /// Connections.
    pub edges: Vec<Edge>,
}
