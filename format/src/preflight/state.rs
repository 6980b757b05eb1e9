//! Judges the states of an operator that is on both sides.

use super::{StateVerdict, Verdict};
use crate::evolution::{self, Aliases, compare_states};
use crate::model::{Field, Operator, State};

/// The states of `found`, as they are, against those that `wanted` declares.
pub(super) fn judge_operator(
    found: &Operator,
    wanted: &Operator,
    aliases: &dyn Fn(&Operator, &str) -> Aliases,
) -> Vec<StateVerdict> {
    let mut verdicts: Vec<StateVerdict> = parallelism(found, wanted).into_iter().collect();
    for state in &found.states {
        verdicts.push(match twin(wanted, state) {
            Some(declared) => judge(found, state, declared, &aliases(wanted, &declared.name)),
            None => StateVerdict {
                reason: Some("the operator does not declare it".to_owned()),
                ..verdict(found, state, Verdict::CarriedUnused)
            },
        });
    }
    let new = wanted.states.iter().filter(|declared| twin(found, declared).is_none());
    verdicts.extend(new.map(|declared| new_state(wanted, declared)));
    verdicts
}

/// A state the savepoint does not have.
pub(super) fn new_state(operator: &Operator, state: &State) -> StateVerdict {
    StateVerdict {
        reason: Some("the savepoint has no such state; it starts empty".to_owned()),
        ..verdict(operator, state, Verdict::New)
    }
}

/// The state of the same name that belongs to the key, or to the operator, as this one does.
fn twin<'a>(operator: &'a Operator, state: &State) -> Option<&'a State> {
    operator
        .states
        .iter()
        .find(|other| other.name == state.name && other.kind.is_keyed() == state.kind.is_keyed())
}

fn verdict(operator: &Operator, state: &State, verdict: Verdict) -> StateVerdict {
    StateVerdict {
        uid: operator.label(),
        operator_id: operator.id,
        state: Some(state.name.clone()),
        verdict,
        reason: None,
        migrate: Vec::new(),
    }
}

/// Key groups are fixed when a job first starts; 0 stands for what the plan leaves open.
fn parallelism(found: &Operator, wanted: &Operator) -> Option<StateVerdict> {
    let keyed = found.states.iter().any(|state| state.kind.is_keyed());
    let groups = found.max_parallelism;
    let incompatible = |reason, migrate| StateVerdict {
        uid: found.label(),
        operator_id: found.id,
        state: None,
        verdict: Verdict::Incompatible,
        reason: Some(reason),
        migrate,
    };
    if keyed && wanted.max_parallelism != 0 && wanted.max_parallelism != groups {
        return Some(incompatible(
            format!("max parallelism is {groups} in the savepoint, {} in the job", wanted.max_parallelism),
            vec!["--max-parallelism".to_owned(), format!("{}={}", found.label(), wanted.max_parallelism)],
        ));
    }
    (groups != 0 && wanted.parallelism > groups).then(|| {
        incompatible(
            format!(
                "parallelism is {} in the job, the savepoint's max parallelism {groups}",
                wanted.parallelism
            ),
            Vec::new(),
        )
    })
}

fn judge(operator: &Operator, state: &State, declared: &State, aliases: &Aliases) -> StateVerdict {
    let compared = compare_states(state, declared, aliases);
    let reasons: Vec<String> = compared.refusals().iter().map(ToString::to_string).collect();
    let judged = |found| verdict(operator, state, found);
    match compared {
        evolution::Verdict::Compatible { .. } => match opaque_class(state).or_else(|| opaque_class(declared))
        {
            Some(class) => StateVerdict {
                reason: Some(format!("only {class}'s own serializer can tell whether it reads these bytes")),
                ..judged(Verdict::Unknown)
            },
            None => judged(Verdict::Compatible),
        },
        evolution::Verdict::NeedsMigration { .. } => StateVerdict {
            reason: Some(reasons.join("; ")),
            migrate: compared.migrate_arguments(&operator.label(), &state.name),
            ..judged(Verdict::NeedsMigration)
        },
        evolution::Verdict::Incompatible { .. } => StateVerdict {
            reason: Some(reasons.join("; ")),
            migrate: compared.migrate_arguments(&operator.label(), &state.name),
            ..judged(Verdict::Incompatible)
        },
    }
}

/// The class of some part of the state that nobody but the job's own serializer understands.
fn opaque_class(state: &State) -> Option<String> {
    fn class(field: &Field) -> Option<String> {
        match &field.logical {
            Some(crate::model::Logical::Opaque(class)) => Some(class.clone()),
            _ => field.children().into_iter().find_map(class),
        }
    }
    state.schema.parts().find_map(|(_, field)| class(field))
}
