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

impl JobGraph {
    /// Takes an operator out: who sent to it now sends to those it sent to, as it did unless that was
    /// straight on.
    pub fn remove(&mut self, id: OperatorId) {
        self.nodes.retain(|node| node.id != id);
        let (of_it, mut edges): (Vec<_>, Vec<_>) =
            self.edges.drain(..).partition(|edge| edge.from == id || edge.to == id);
        for before in of_it.iter().filter(|edge| edge.to == id && edge.from != id) {
            for after in of_it.iter().filter(|edge| edge.from == id && edge.to != id) {
                let partitioning = match after.partitioning {
                    Partitioning::Forward => before.partitioning,
                    other => other,
                };
                let edge = Edge { from: before.from, to: after.to, partitioning };
                if !edges.contains(&edge) {
                    edges.push(edge);
                }
            }
        }
        self.edges = edges;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_neighbours_of_an_operator_that_is_gone_are_each_others() {
        let id = |uid: &str| OperatorId::of_uid(uid);
        let edge = |from, to, partitioning| Edge { from: id(from), to: id(to), partitioning };
        let node = |uid: &str| Node { id: id(uid), name: uid.into(), uid: None, parallelism: 1, chain: 0 };
        let mut graph = JobGraph {
            nodes: ["a", "b", "sum", "c"].map(node).into(),
            edges: vec![
                edge("a", "sum", Partitioning::Hash),
                edge("b", "sum", Partitioning::Forward),
                edge("sum", "c", Partitioning::Forward),
            ],
        };
        graph.remove(id("sum"));
        assert_eq!(graph.nodes, ["a", "b", "c"].map(node));
        assert_eq!(graph.edges, [edge("a", "c", Partitioning::Hash), edge("b", "c", Partitioning::Forward)]);
        graph.remove(id("c"));
        assert_eq!(graph.edges, []);
    }
}
