//! `spt inspect --graph` for people: each operator, and under it where its records go.
//!
//! ```text
//! stream-001  Source  ×2
//!   └─ forward ─► flatMap-001
//! sum-001  ×2
//! ```

use std::collections::HashMap;

use spt_format::{Edge, JobGraph, Node, OperatorId, Partitioning};

use super::text::clean;
use crate::ui::{Style, Ui};

/// The whole graph, in the order of the program.
pub(crate) fn graph(graph: &JobGraph, ui: &Ui) -> String {
    let labels: HashMap<OperatorId, String> = graph.nodes.iter().map(|node| (node.id, label(node))).collect();
    let mut text = String::new();
    for node in &graph.nodes {
        let head = Style::Bold.paint(&label(node), ui.stdout_colors());
        let name = if node.uid.is_some() { format!("  {}", clean(&node.name)) } else { String::new() };
        text += &format!("{head}{name}  ×{}\n", node.parallelism);
        let edges: Vec<&Edge> = graph.edges.iter().filter(|edge| edge.from == node.id).collect();
        for (place, edge) in edges.iter().enumerate() {
            let corner = if place + 1 == edges.len() { '└' } else { '├' };
            let target = labels.get(&edge.to).cloned().unwrap_or_else(|| edge.to.to_string());
            text += &format!("  {corner}─ {} ─► {target}\n", how(edge.partitioning));
        }
    }
    text
}

fn label(node: &Node) -> String {
    clean(node.uid.as_deref().unwrap_or(&node.name))
}

fn how(partitioning: Partitioning) -> &'static str {
    match partitioning {
        Partitioning::Forward => "forward",
        Partitioning::Hash => "by key",
        Partitioning::Rebalance => "rebalance",
        Partitioning::Shuffle => "shuffle",
        Partitioning::Global => "global",
        Partitioning::Broadcast => "broadcast",
    }
}
