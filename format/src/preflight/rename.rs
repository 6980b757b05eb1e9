//! Finds the operator that lost its uid by the evidence of its states.

use super::{StateVerdict, Verdict};
use crate::diff::signature;
use crate::model::{Operator, Savepoint};

/// Operators of the job that the savepoint does not know and that declare the states of `lost`: the same names
/// and kinds, keys and values of the same types.
pub fn rename_candidates<'a>(
    savepoint: &Savepoint,
    lost: &Operator,
    job: &'a [Operator],
) -> Vec<&'a Operator> {
    let evidence = signature(lost);
    job.iter()
        .filter(|operator| savepoint.operator(operator.id).is_none())
        .filter(|operator| !evidence.is_empty() && signature(operator) == evidence)
        .collect()
}

/// The states of an operator that the job does not have.
pub(super) fn judge_lost(savepoint: &Savepoint, lost: &Operator, job: &[Operator]) -> Vec<StateVerdict> {
    let candidates = rename_candidates(savepoint, lost, job);
    // Another operator that is lost with the same states makes it a guess.
    let rivals = savepoint.operators.iter().filter(|other| {
        job.iter().all(|operator| operator.id != other.id) && signature(other) == signature(lost)
    });
    let is_only = rivals.count() == 1;
    let names: Vec<String> = candidates.iter().map(|operator| operator.label()).collect();
    let (reason, migrate) = match names.as_slice() {
        [] => ("the job has no such operator".to_owned(), Vec::new()),
        [name] if is_only => (
            format!("the job has no such operator; {name:?} declares exactly its states"),
            vec!["--rename-uid".to_owned(), format!("{}={name}", lost.label())],
        ),
        names => {
            let names: Vec<String> = names.iter().map(|name| format!("{name:?}")).collect();
            (format!("the job has no such operator; it may be one of {}", names.join(", ")), Vec::new())
        }
    };
    lost.states
        .iter()
        .filter(|state| state.rows != Some(0))
        .map(|state| StateVerdict {
            uid: lost.label(),
            operator_id: lost.id,
            state: Some(state.name.clone()),
            verdict: Verdict::Lost,
            reason: Some(reason.clone()),
            migrate: migrate.clone(),
        })
        .collect()
}
