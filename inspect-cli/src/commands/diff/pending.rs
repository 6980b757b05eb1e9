//! Output that sinks had written and nobody has committed yet, on both sides.

use std::collections::BTreeMap;

use spt_format::{OperatorId, OperatorPair, Savepoint};

use crate::report::diff::PendingDiff;

/// The operators whose pending output differs: all, or those of `pairs` alone.
pub(super) fn compare(
    left: &Savepoint,
    right: &Savepoint,
    pairs: &[OperatorPair],
    everything: bool,
) -> Vec<PendingDiff> {
    let id = |savepoint: &Savepoint, place: Option<usize>| {
        place.and_then(|place| savepoint.operators.get(place)).map(|operator| operator.id)
    };
    // By what an operator is called now; a sink need not be among the operators with state.
    let renamed: BTreeMap<OperatorId, OperatorId> =
        pairs.iter().filter_map(|pair| Some((id(left, pair.left)?, id(right, pair.right)?))).collect();
    let now = |id: OperatorId| renamed.get(&id).copied().unwrap_or(id);
    let mut operators: BTreeMap<OperatorId, (Vec<String>, Vec<String>)> = BTreeMap::new();
    for pending in &left.pending {
        operators.entry(now(pending.operator)).or_default().0.push(pending.output.to_string());
    }
    for pending in &right.pending {
        operators.entry(pending.operator).or_default().1.push(pending.output.to_string());
    }
    let is_wanted = |wanted: &OperatorId| {
        let paired =
            |pair: &OperatorPair| id(right, pair.right).or_else(|| id(left, pair.left)) == Some(*wanted);
        everything || pairs.iter().any(paired)
    };
    operators
        .into_iter()
        .filter(|(operator, (before, after))| before != after && is_wanted(operator))
        .map(|(operator_id, (before, after))| PendingDiff {
            uid: uid(right, operator_id).or_else(|| uid(left, operator_id)),
            operator_id,
            before: before.len(),
            after: after.len(),
        })
        .collect()
}

fn uid(savepoint: &Savepoint, id: OperatorId) -> Option<String> {
    savepoint.operator(id)?.uid.as_ref().map(ToString::to_string)
}
