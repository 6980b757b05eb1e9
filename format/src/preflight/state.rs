//! Judges the states of an operator that is on both sides.

use super::target::{Objection, Target};
use super::{StateVerdict, Verdict, flink};
use crate::evolution::{self, compare_states};
use crate::model::{Field, Logical, Operator, State, StateKind, StateRef};

/// The states of `found`, as they are, against those that `wanted` declares.
pub(super) fn judge_operator(
    found: &Operator,
    wanted: &Operator,
    target: &Target<'_>,
    place: &dyn Fn(usize) -> StateRef,
) -> Vec<StateVerdict> {
    let by_flink = target.flink_version().is_some();
    let mut verdicts: Vec<StateVerdict> = parallelism(found, wanted, by_flink).into_iter().collect();
    for (index, state) in found.states.iter().enumerate() {
        let verdict = |verdict| StateVerdict::new(found, Some(&state.name), verdict);
        let judged = match twin(wanted, state, by_flink) {
            _ if state.kind == StateKind::Coordinator => {
                verdict(Verdict::Compatible).because("it is handed to the source as it is")
            }
            Some(declared) if by_flink && [state, declared].into_iter().all(flink::is_connectors) => {
                verdict(Verdict::Compatible).because("it is handed to its connector as it is")
            }
            Some(declared) => judge(found, state, declared, wanted, target),
            None if target.is_untold(wanted) => {
                verdict(Verdict::Unknown).because("the plan does not tell the states of this operator")
            }
            None => verdict(Verdict::CarriedUnused).because("the operator does not declare it"),
        };
        verdicts.push(object(judged, &target.objections_to(place(index))));
    }
    let new = wanted.states.iter().filter(|declared| twin(found, declared, by_flink).is_none());
    verdicts.extend(new.map(|declared| new_state(wanted, declared)));
    verdicts
}

/// A state the savepoint does not have.
pub(super) fn new_state(operator: &Operator, state: &State) -> StateVerdict {
    StateVerdict::new(operator, Some(&state.name), Verdict::New)
        .because("the savepoint has no such state; it starts empty")
}

/// The state of the same name that belongs to the key, or to the operator, as this one does. In Flink, keys and
/// operators name theirs apart; here a name is one state's, whatever it belongs to.
fn twin<'a>(operator: &'a Operator, state: &State, by_flink: bool) -> Option<&'a State> {
    let mut namesakes = operator.states.iter().filter(|other| other.name == state.name);
    let first = namesakes.clone().next().filter(|_| !by_flink);
    namesakes.find(|other| other.kind.is_keyed() == state.kind.is_keyed()).or(first)
}

/// Key groups are fixed when a job first starts; 0 stands for what the plan leaves open. Where there are no keys,
/// only Flink holds on to their number.
fn parallelism(found: &Operator, wanted: &Operator, by_flink: bool) -> Option<StateVerdict> {
    let keyed = found.is_keyed();
    let groups = found.max_parallelism;
    let incompatible = |reason: String| StateVerdict::new(found, None, Verdict::Incompatible).because(reason);
    if keyed && wanted.max_parallelism != 0 && wanted.max_parallelism != groups {
        let reason =
            format!("max parallelism is {groups} in the savepoint, {} in the job", wanted.max_parallelism);
        let argument = format!("{}={}", found.label(), wanted.max_parallelism);
        let migrate = vec!["--max-parallelism".to_owned(), argument];
        return Some(StateVerdict { migrate, ..incompatible(reason) });
    }
    ((keyed || by_flink) && groups != 0 && wanted.parallelism > groups).then(|| {
        incompatible(format!(
            "parallelism is {} in the job, the savepoint's max parallelism {groups}",
            wanted.parallelism
        ))
    })
}

fn judge(
    operator: &Operator,
    state: &State,
    declared: &State,
    wanted: &Operator,
    target: &Target<'_>,
) -> StateVerdict {
    let compared = compare_states(state, declared, &target.aliases_of(wanted, &declared.name));
    let judged = |verdict| StateVerdict::new(operator, Some(&state.name), verdict);
    let verdict = match (&compared, target.flink_version()) {
        (evolution::Verdict::Compatible { changes }, version) => {
            let judged = opaque(state, declared).map_or(judged(Verdict::Compatible), |class| {
                let reason = format!("only {class}'s own serializer can tell whether it reads these bytes");
                judged(Verdict::Unknown).because(reason)
            });
            let objections = version.map(|version| flink::objections(version, state, changes));
            return object(judged, &objections.unwrap_or_default());
        }
        // No migrate makes a savepoint that Flink reads.
        (_, Some(_)) => return judged(Verdict::Incompatible).because(compared.reasons()),
        (evolution::Verdict::NeedsMigration { .. }, None) => Verdict::NeedsMigration,
        (evolution::Verdict::Incompatible { .. }, None) => Verdict::Incompatible,
    };
    let migrate = compared.migrate_arguments(&operator.label(), &state.name);
    StateVerdict { migrate, ..judged(verdict).because(compared.reasons()) }
}

/// The worst of a verdict and what else is known. What is known exactly comes before what is only unknown.
fn object(judged: StateVerdict, objections: &[Objection]) -> StateVerdict {
    let worst = objections.iter().max_by_key(|objection| objection.verdict);
    let Some(worst) = worst.filter(|worst| worst.verdict >= judged.verdict) else { return judged };
    let reasons: Vec<&str> = objections.iter().map(|objection| objection.reason.as_str()).collect();
    let Objection { verdict, code, .. } = *worst;
    StateVerdict { verdict, code, migrate: Vec::new(), ..judged.because(reasons.join("; ")) }
}

/// The class of some part of the state, on either side, that only the job's own serializer understands.
fn opaque(state: &State, declared: &State) -> Option<String> {
    fn class(field: &Field) -> Option<String> {
        match &field.logical {
            Some(Logical::Opaque(class)) => Some(class.clone()),
            _ => field.children().into_iter().find_map(class),
        }
    }
    let parts = state.schema.parts().chain(declared.schema.parts());
    parts.map(|(_, field)| field).find_map(class)
}
