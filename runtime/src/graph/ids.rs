//! Operator ids: of the uid where there is one, otherwise of the operator's place in the graph.
//!
//! # Source
//! The idea is Flink's (`StreamGraphHasherV2`), the bytes are ours: a generated id never equals Flink's.

use std::collections::BTreeMap;

use spt_format::{OperatorId, Uid};

use super::{Graph, Input};
use crate::error::{Error, Result};

/// The id of each operator.
///
/// An operator without a uid is named by what it does, by the ids and side outputs of its inputs, and by how many
/// like it come before it: other parts of the graph may change, its own surroundings may not.
///
/// # Errors
/// A refusal if a uid is empty or given twice.
pub(super) fn operator_ids(graph: &Graph) -> Result<Vec<OperatorId>> {
    let mut ids: Vec<OperatorId> = Vec::with_capacity(graph.nodes.len());
    let mut owners = BTreeMap::new();
    let mut seen: BTreeMap<Vec<u8>, u32> = BTreeMap::new();
    for node in &graph.nodes {
        let id = match &node.uid {
            Some(uid) => {
                Uid::new(uid.as_str()).map_err(|error| Error::refused(error.to_string()))?;
                OperatorId::of_uid(uid)
            }
            None => {
                let mut bytes = format!("spt-graph-1 {}", node.kind).into_bytes();
                for Input { node, tag, partitioning } in &node.inputs {
                    bytes.extend(format!(" {partitioning:?} ").bytes());
                    bytes.extend(ids.get(*node).map_or([0; 16], |id| id.0));
                    bytes.extend(tag.iter().flat_map(|tag| format!(" {tag:?}").into_bytes()));
                }
                let alike = seen.entry(bytes.clone()).or_default();
                bytes.extend(alike.to_be_bytes());
                *alike += 1;
                OperatorId::of_bytes(&bytes)
            }
        };
        let label = node.uid.as_deref().unwrap_or(&node.name);
        if let Some(other) = owners.insert(id, label) {
            return Err(Error::refused(format!(
                "two operators have the uid {other:?}; a uid names one operator"
            )));
        }
        ids.push(id);
    }
    Ok(ids)
}
