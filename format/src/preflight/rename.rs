//! Finds the operator that lost its uid by the evidence of its states.

use super::{StateVerdict, Verdict};
use crate::diff::signature;
use crate::model::{Operator, Savepoint, SinkStep, Uid, UidOrigin};

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
    let (reason, migrate) = match candidates.as_slice() {
        [] => (format!("the job has no such operator{}{}", sink_step(lost), nameless(lost)), Vec::new()),
        [only] if is_only => match &only.uid {
            Some(uid) => (
                format!("the job has no such operator; {:?} declares exactly its states", uid.as_str()),
                vec!["--rename-uid".to_owned(), format!("{}={uid}", lost.label())],
            ),
            // Its id comes from its place in the graph, and no uid has that id.
            None => (
                format!(
                    "the job has no such operator; {:?} declares exactly its states and has no uid: give it one in the \
                     job, and --rename-uid {}=UID gives these states the same",
                    name(only),
                    lost.label()
                ),
                Vec::new(),
            ),
        },
        candidates => {
            let names: Vec<String> =
                candidates.iter().map(|operator| format!("{:?}", name(operator))).collect();
            let names = names.join(", ");
            (format!("the job has no such operator; it may be one of {names}{}", nameless(lost)), Vec::new())
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

/// What people call an operator of the job.
pub(super) fn name(operator: &Operator) -> String {
    let name = operator.uid.as_ref().map(Uid::to_string).or_else(|| operator.name.clone());
    name.unwrap_or_else(|| operator.label())
}

/// What has no uid was found by its place in a graph that is another now.
fn nameless(lost: &Operator) -> String {
    if lost.uid_origin != UidOrigin::Generated {
        return String::new();
    }
    format!("; it had no uid: --rename-uid {}=UID gives it that of an operator of the job", lost.label())
}

/// A sink is several operators, and one who writes a plan by hand thinks of the first.
fn sink_step(operator: &Operator) -> String {
    let step = operator.uid.as_ref().map(Uid::as_str).and_then(SinkStep::of_derived);
    step.map(|(_, sink)| format!("; it is a committer of the sink {sink:?}, which has its own uid"))
        .unwrap_or_default()
}
