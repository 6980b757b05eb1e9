//! Finds operators and states by what people call them.

use crate::error::{Error, Result};
use crate::model::{Operator, OperatorId, Savepoint, State, StateKind};

/// The operator with this uid, or with this operator id in hex. A uid may be one the savepoint does not
/// record: its hash is looked for.
///
/// # Errors
/// [`ErrorKind::NotFound`](crate::ErrorKind::NotFound), naming what is there.
pub fn find_operator(savepoint: &Savepoint, text: &str) -> Result<usize> {
    exact(savepoint, text).ok_or_else(|| unknown_operator(savepoint, text))
}

/// The same, or the only operator whose uid or id begins with `text`. An exact match wins.
///
/// # Errors
/// [`ErrorKind::NotFound`](crate::ErrorKind::NotFound) if there is none or more than one, naming them.
pub fn find_operator_by_prefix(savepoint: &Savepoint, text: &str) -> Result<usize> {
    if let Some(found) = exact(savepoint, text) {
        return Ok(found);
    }
    let begins = |operator: &Operator| {
        operator.uid.as_ref().is_some_and(|uid| uid.as_str().starts_with(text))
            || operator.id.to_string().starts_with(&text.to_ascii_lowercase())
    };
    let mut found = savepoint.operators.iter().enumerate().filter(|(_, operator)| begins(operator));
    match (found.next(), found.next()) {
        (Some((index, _)), None) if !text.is_empty() => Ok(index),
        (Some((_, first)), Some((_, second))) if !text.is_empty() => {
            let mut names = vec![first.label(), second.label()];
            names.extend(found.map(|(_, operator)| operator.label()));
            Err(Error::not_found(format!("{text:?} may be any of {}", listed(&names))))
        }
        _ => Err(unknown_operator(savepoint, text)),
    }
}

/// The state with this name, or with `KIND:NAME` where several kinds share a name.
///
/// # Errors
/// [`ErrorKind::NotFound`](crate::ErrorKind::NotFound) if there is none or more than one, naming them.
pub fn find_state(operator: &Operator, text: &str) -> Result<usize> {
    let matching = |wanted: &dyn Fn(&State) -> bool| -> Vec<usize> {
        let states = operator.states.iter().enumerate();
        states.filter(|(_, state)| wanted(state)).map(|(index, _)| index).collect()
    };
    let by_name = matching(&|state| state.name == text);
    let found = match (by_name.as_slice(), text.split_once(':')) {
        ([], Some((kind, name))) => {
            let kind = kind.parse::<StateKind>().ok();
            matching(&|state| Some(state.kind) == kind && state.name == name)
        }
        _ => by_name,
    };
    match found.as_slice() {
        [index] => Ok(*index),
        [] => Err(unknown_state(operator, text)),
        several => {
            let full =
                |index: &usize| operator.states.get(*index).map(|state| format!("{}:{text}", state.kind));
            let names: Vec<String> = several.iter().filter_map(full).collect();
            Err(Error::not_found(format!("state {text:?} may be any of {}", listed(&names))))
        }
    }
}

fn exact(savepoint: &Savepoint, text: &str) -> Option<usize> {
    let position = |wanted: &dyn Fn(&Operator) -> bool| savepoint.operators.iter().position(wanted);
    let by_uid = || position(&|operator| operator.uid.as_ref().is_some_and(|uid| uid.as_str() == text));
    let by_id = || {
        let id: OperatorId = text.to_ascii_lowercase().parse().ok()?;
        position(&|operator| operator.id == id)
    };
    let by_hash = || {
        let id = OperatorId::of_uid(text);
        position(&|operator| operator.uid.is_none() && operator.id == id)
    };
    by_uid().or_else(by_id).or_else(by_hash)
}

fn unknown_operator(savepoint: &Savepoint, text: &str) -> Error {
    let names: Vec<String> = savepoint.operators.iter().map(Operator::label).collect();
    Error::not_found(format!("there is no operator {text:?}; there are {}", listed(&names)))
}

fn unknown_state(operator: &Operator, text: &str) -> Error {
    if operator.states.is_empty() {
        return Error::not_found(format!("operator {:?} has no state", operator.label()));
    }
    let names: Vec<String> = operator.states.iter().map(|state| state.name.clone()).collect();
    let label = operator.label();
    Error::not_found(format!("operator {label:?} has no state {text:?}; it has {}", listed(&names)))
}

/// The first few names, quoted, and how many more there are.
fn listed(names: &[String]) -> String {
    const SHOWN: usize = 8;
    let mut text: Vec<String> = names.iter().take(SHOWN).map(|name| format!("{name:?}")).collect();
    if names.len() > SHOWN {
        text.push(format!("{} more", names.len() - SHOWN));
    }
    if text.is_empty() { "none".to_owned() } else { text.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Field, SavepointKind, StateSchema, Type, Uid, UidOrigin};

    fn operator(uid: Option<&str>, id: OperatorId) -> Operator {
        Operator {
            uid: uid.map(|uid| Uid::new(uid).unwrap()),
            uid_origin: UidOrigin::Given,
            id,
            name: None,
            parallelism: 1,
            max_parallelism: 128,
            finished: false,
            channel_bytes: 0,
            states: Vec::new(),
            extensions: crate::model::Extensions::default(),
        }
    }

    fn savepoint() -> Savepoint {
        let mut savepoint = Savepoint::new(SavepointKind::Savepoint, "1");
        for uid in ["sum", "sum-001", "结果 a/b"] {
            savepoint.operators.push(operator(Some(uid), OperatorId::of_uid(uid)));
        }
        savepoint.operators.push(operator(None, OperatorId::of_uid("stream-001")));
        savepoint
    }

    #[test]
    fn an_exact_match_wins_over_a_prefix() {
        assert_eq!(find_operator_by_prefix(&savepoint(), "sum").unwrap(), 0);
        assert_eq!(find_operator_by_prefix(&savepoint(), "sum-").unwrap(), 1);
        assert_eq!(find_operator_by_prefix(&savepoint(), "结").unwrap(), 2);
        assert!(find_operator(&savepoint(), "sum-").is_err());
    }

    #[test]
    fn an_operator_is_found_by_id_and_by_a_uid_that_is_not_recorded() {
        assert_eq!(find_operator(&savepoint(), "8CF889E999EC449278FE4C4A68026B6B").unwrap(), 3);
        assert_eq!(find_operator(&savepoint(), "stream-001").unwrap(), 3);
        assert_eq!(find_operator_by_prefix(&savepoint(), "8cf8").unwrap(), 3);
    }

    #[test]
    fn an_ambiguous_prefix_lists_what_it_may_mean() {
        let error = find_operator_by_prefix(&savepoint(), "su").unwrap_err();
        assert_eq!(error.to_string(), r#""su" may be any of "sum", "sum-001""#);
        let error = find_operator(&savepoint(), "x").unwrap_err();
        assert_eq!(
            error.to_string(),
            r#"there is no operator "x"; there are "sum", "sum-001", "结果 a/b", "8cf889e999ec449278fe4c4a68026b6b""#
        );
    }

    #[test]
    fn a_kind_tells_states_of_one_name_apart() {
        let mut operator = operator(Some("a"), OperatorId::of_uid("a"));
        let schema = StateSchema::keyed(Field::new("", Type::Utf8), Field::new("", Type::Int64));
        operator.states.push(State::new("w", StateKind::Value, schema.clone()));
        operator.states.push(State::new("w", StateKind::List, schema));
        assert_eq!(find_state(&operator, "list:w").unwrap(), 1);
        let error = find_state(&operator, "w").unwrap_err();
        assert_eq!(error.to_string(), r#"state "w" may be any of "value:w", "list:w""#);
    }
}
