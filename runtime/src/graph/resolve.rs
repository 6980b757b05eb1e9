//! Decides what the author left open: ids, parallelism, max parallelism.

use spt_format::{MAX_PARALLELISM_LIMIT, Savepoint, default_max_parallelism};

use super::ids::operator_ids;
use super::{Graph, NodeSpec};
use crate::error::{Error, Result};
use crate::job::JobOptions;
use crate::tasks::OperatorInfo;

/// The operators as they will run. A max parallelism that is not set is the savepoint's, or computed.
///
/// # Errors
/// A refusal if the graph cannot run like that.
pub(crate) fn resolve(
    graph: &Graph,
    options: &JobOptions,
    savepoint: Option<&Savepoint>,
) -> Result<Vec<OperatorInfo>> {
    let ids = operator_ids(graph)?;
    let vertices = parallelism_of_vertices(graph, options);
    let operators = graph.nodes.iter().zip(ids).map(|(node, id)| {
        let mut operator = OperatorInfo {
            id,
            uid: node.uid.clone(),
            name: node.name.clone(),
            vertex: node.vertex,
            parallelism: vertices.get(node.vertex).copied().unwrap_or(1),
            max_parallelism: 0,
            states: node.states.clone(),
        };
        operator.max_parallelism = max_parallelism(graph, options, node, &operator, savepoint);
        check_parallelism(&operator)?;
        Ok(operator)
    });
    operators.collect()
}

/// The subtasks of each vertex.
pub(crate) fn parallelism_of_vertices(graph: &Graph, options: &JobOptions) -> Vec<u32> {
    let parallelism = options.parallelism.or(graph.parallelism).unwrap_or(1);
    graph.vertices.iter().map(|vertex| vertex.parallelism.unwrap_or(parallelism)).collect()
}

/// The key groups of an operator, if its author or whoever runs the job has set them. Otherwise a savepoint's are
/// adopted.
pub(super) fn set_max_parallelism(graph: &Graph, options: &JobOptions, node: &NodeSpec) -> Option<u32> {
    node.max_parallelism.or(options.max_parallelism).or(graph.max_parallelism)
}

fn max_parallelism(
    graph: &Graph,
    options: &JobOptions,
    node: &NodeSpec,
    operator: &OperatorInfo,
    savepoint: Option<&Savepoint>,
) -> u32 {
    let set = set_max_parallelism(graph, options, node);
    let stored = savepoint.and_then(|savepoint| savepoint.operator(operator.id));
    let stored = stored.filter(|stored| stored.is_keyed()).map(|stored| stored.max_parallelism);
    set.or(stored).unwrap_or_else(|| default_max_parallelism(operator.parallelism))
}

fn check_parallelism(operator: &OperatorInfo) -> Result<()> {
    let OperatorInfo { parallelism, max_parallelism, .. } = operator;
    if *parallelism == 0 {
        return Err(Error::refused(format!("operator {} has parallelism 0", operator.label())));
    }
    if !(1..=MAX_PARALLELISM_LIMIT).contains(max_parallelism) {
        return Err(Error::refused(format!(
            "operator {} has max parallelism {max_parallelism}; it lies between 1 and {MAX_PARALLELISM_LIMIT}",
            operator.label()
        )));
    }
    if parallelism > max_parallelism {
        return Err(Error::refused(format!(
            "operator {} has parallelism {parallelism}, more than its max parallelism {max_parallelism}; run it \
             with -p {max_parallelism} or less",
            operator.label()
        )));
    }
    Ok(())
}
