//! The graph as others see it: the plan document, and the graph that a savepoint remembers.

use spt_format::{Edge, JobGraph, Node, Operator, Partitioning, Plan, PlannedOperator, Uid, UidOrigin};

use super::resolve::set_max_parallelism;
use super::{Graph, NodeSpec};
use crate::job::JobOptions;
use crate::tasks::OperatorInfo;

impl Graph {
    /// The plan of a job with these operators. A max parallelism that nobody has set is left open, since that of a
    /// savepoint is adopted.
    pub(crate) fn plan(&self, name: &str, operators: &[OperatorInfo], options: &JobOptions) -> Plan {
        let planned = operators.iter().zip(&self.nodes).map(|(operator, node)| {
            let mut planned = PlannedOperator::of(&operator.to_model());
            planned.max_parallelism = set_max_parallelism(self, options, node);
            planned.chain = Some(operator.vertex as u32);
            for (state, declared) in planned.states.iter_mut().flatten().zip(&operator.states) {
                state.aliases = declared.aliases.clone();
            }
            planned
        });
        Plan {
            operators: planned.collect(),
            edges: self.edges(operators),
            warnings: self.warnings(),
            ..Plan::new(name)
        }
    }

    /// The graph that is stored in a snapshot.
    pub(crate) fn to_model(&self, operators: &[OperatorInfo]) -> JobGraph {
        let node = |operator: &OperatorInfo| Node {
            id: operator.id,
            name: operator.name.clone(),
            uid: operator.uid.clone(),
            parallelism: operator.parallelism,
            chain: operator.vertex as u32,
        };
        JobGraph { nodes: operators.iter().map(node).collect(), edges: self.edges(operators) }
    }

    fn edges(&self, operators: &[OperatorInfo]) -> Vec<Edge> {
        let inputs = self.nodes.iter().zip(operators).flat_map(|(node, to)| {
            node.inputs.iter().filter_map(|input| {
                let from = operators.get(input.node)?;
                let goes_round =
                    input.partitioning == Partitioning::Forward && from.parallelism != to.parallelism;
                let partitioning = if goes_round { Partitioning::Rebalance } else { input.partitioning };
                Some(Edge { from: from.id, to: to.id, partitioning })
            })
        });
        inputs.collect()
    }

    /// Operators whose state or pending output would be lost when the graph changes.
    pub(crate) fn warnings(&self) -> Vec<String> {
        let nameless = self.nodes.iter().filter(|node| node.uid.is_none());
        let warning = nameless.filter_map(|node| {
            let what = match node {
                NodeSpec { has_pending_output: true, .. } => "pending output",
                NodeSpec { states, .. } if states.is_empty() => return None,
                _ => "state",
            };
            Some(format!(
                "operator {:?} has {what} and no uid: its {what} is lost when the graph around it changes; \
                 add .uid(\"…\")",
                node.name
            ))
        });
        warning.collect()
    }
}

impl OperatorInfo {
    /// The operator as the model has it, with the states it declares.
    pub(crate) fn to_model(&self) -> Operator {
        let uid = self.uid.as_deref().and_then(|uid| Uid::new(uid).ok());
        Operator {
            uid_origin: if uid.is_some() { UidOrigin::Given } else { UidOrigin::Generated },
            uid,
            name: Some(self.name.clone()),
            states: self.states.iter().map(|declared| declared.state.clone()).collect(),
            ..Operator::with_id(self.id, self.parallelism, self.max_parallelism)
        }
    }
}
