//! Finds the operator that lost its uid by the evidence of its states.

use super::{StateVerdict, Verdict};
use crate::diff::signature;
use crate::model::{Operator, Savepoint, SinkStep, Uid};

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
        [] => (format!("the job has no such operator{}", sink_step(lost)), Vec::new()),
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
            migrate: migrate.clone(),
            ..StateVerdict::new(lost, Some(&state.name), Verdict::Lost).because(reason.as_str())
        })
        .collect()
}

/// A sink is several operators, and one who writes a plan by hand thinks of the first.
fn sink_step(operator: &Operator) -> String {
    let step = operator.uid.as_ref().map(Uid::as_str).and_then(SinkStep::of_derived);
    step.map(|(_, sink)| format!("; it is a committer of the sink {sink:?}, which has its own uid"))
        .unwrap_or_default()
}
