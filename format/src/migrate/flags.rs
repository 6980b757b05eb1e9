//! Reads `U/S:a.b=c` against a savepoint.
//!
//! A uid is free text and may itself hold `/`, `:` and `=`. So nothing is split at the first such character:
//! every way of splitting is tried, and the one whose parts exist is meant. Two such ways are an error.

use super::field_path::FieldPath;
use super::operation::Operation;
use super::texts::parse_span;
use crate::error::{Error, Result};
use crate::model::Savepoint;
use crate::select::{find_operator, find_state};

fn has_state(savepoint: &Savepoint, uid: &str, state: &str) -> bool {
    let operator = find_operator(savepoint, uid).ok().and_then(|index| savepoint.operators.get(index));
    operator.is_some_and(|operator| find_state(operator, state).is_ok())
}

/// Every way to split `text` in two at `separator`.
fn splits(text: &str, separator: char) -> impl Iterator<Item = (&str, &str)> {
    text.match_indices(separator)
        .filter_map(move |(at, found)| Some((text.get(..at)?, text.get(at + found.len()..)?)))
}

fn exactly_one<T>(mut ways: impl Iterator<Item = T>, text: &str, form: &str) -> Result<T> {
    let Some(way) = ways.next() else {
        return Err(Error::bad_request(format!(
            "{text:?} is no {form} whose operator and state are in the savepoint"
        )));
    };
    if ways.next().is_some() {
        return Err(Error::bad_request(format!("{text:?} can be read as {form} in more than one way")));
    }
    Ok(way)
}

/// `A=B`.
fn renamed_operator(savepoint: &Savepoint, text: &str) -> Result<(String, String)> {
    let ways = splits(text, '=').filter(|(uid, _)| find_operator(savepoint, uid).is_ok());
    exactly_one(ways, text, "UID=NEW").map(|(uid, to)| (uid.to_owned(), to.to_owned()))
}

/// `U`.
fn operator(savepoint: &Savepoint, text: &str) -> Result<String> {
    find_operator(savepoint, text).map(|_| text.to_owned())
}

/// `U/S`.
fn state(savepoint: &Savepoint, text: &str) -> Result<(String, String)> {
    let ways = splits(text, '/').filter(|(uid, state)| has_state(savepoint, uid, state));
    exactly_one(ways, text, "UID/STATE").map(|(uid, state)| (uid.to_owned(), state.to_owned()))
}

/// `U/S<separator>rest`, the rest not empty.
fn state_and(
    savepoint: &Savepoint,
    text: &str,
    separator: char,
    form: &str,
) -> Result<(String, String, String)> {
    let ways = splits(text, separator).flat_map(|(place, rest)| {
        splits(place, '/')
            .filter(|(uid, state)| !rest.is_empty() && has_state(savepoint, uid, state))
            .map(move |(uid, state)| (uid.to_owned(), state.to_owned(), rest.to_owned()))
    });
    exactly_one(ways, text, form)
}

/// `name=rest`: a field's name holds no `=`.
fn field_and(text: &str, form: &str) -> Result<(FieldPath, String)> {
    match text.split_once('=') {
        Some((field, rest)) if !field.is_empty() && !rest.is_empty() => {
            Ok((FieldPath::new(field), rest.to_owned()))
        }
        _ => Err(Error::bad_request(format!("{text:?} is no {form}"))),
    }
}

impl Operation {
    /// Reads the argument of `--rename-uid A=B`.
    ///
    /// # Errors
    /// [`ErrorKind::BadRequest`](crate::ErrorKind::BadRequest) if no way to read it, or more than one, fits
    /// the savepoint. The same holds for the other flags.
    pub fn rename_uid(savepoint: &Savepoint, text: &str) -> Result<Self> {
        renamed_operator(savepoint, text).map(|(uid, to)| Self::RenameUid { uid, to })
    }

    /// Reads the argument of `--drop-uid U`.
    ///
    /// # Errors
    /// As [`Operation::rename_uid`].
    pub fn drop_uid(savepoint: &Savepoint, text: &str) -> Result<Self> {
        operator(savepoint, text).map(|uid| Self::DropUid { uid })
    }

    /// Reads the argument of `--rename-state U/S=T`.
    ///
    /// # Errors
    /// As [`Operation::rename_uid`].
    pub fn rename_state(savepoint: &Savepoint, text: &str) -> Result<Self> {
        let (uid, state, to) = state_and(savepoint, text, '=', "UID/STATE=NEW")?;
        Ok(Self::RenameState { uid, state, to })
    }

    /// Reads the argument of `--drop-state U/S`.
    ///
    /// # Errors
    /// As [`Operation::rename_uid`].
    pub fn drop_state(savepoint: &Savepoint, text: &str) -> Result<Self> {
        state(savepoint, text).map(|(uid, state)| Self::DropState { uid, state })
    }

    /// Reads the argument of `--rename-field U/S:a.b=c`.
    ///
    /// # Errors
    /// As [`Operation::rename_uid`].
    pub fn rename_field(savepoint: &Savepoint, text: &str) -> Result<Self> {
        const FORM: &str = "UID/STATE:FIELD=NEW";
        let (uid, state, rest) = state_and(savepoint, text, ':', FORM)?;
        let (field, to) = field_and(&rest, FORM)?;
        Ok(Self::RenameField { uid, state, field, to })
    }

    /// Reads the argument of `--drop-field U/S:a.b`.
    ///
    /// # Errors
    /// As [`Operation::rename_uid`].
    pub fn drop_field(savepoint: &Savepoint, text: &str) -> Result<Self> {
        let (uid, state, field) = state_and(savepoint, text, ':', "UID/STATE:FIELD")?;
        Ok(Self::DropField { uid, state, field: FieldPath::new(field) })
    }

    /// Reads the argument of `--add-field U/S:f=TYPE[=DEFAULT]`.
    ///
    /// # Errors
    /// As [`Operation::rename_uid`].
    pub fn add_field(savepoint: &Savepoint, text: &str) -> Result<Self> {
        const FORM: &str = "UID/STATE:FIELD=TYPE[=DEFAULT]";
        let (uid, state, rest) = state_and(savepoint, text, ':', FORM)?;
        let (field, rest) = field_and(&rest, FORM)?;
        let (ty, default) = match rest.split_once('=') {
            Some((ty, default)) => (ty.to_owned(), Some(default_value(default))),
            None => (rest, None),
        };
        Ok(Self::AddField { uid, state, field, r#type: ty, default })
    }

    /// Reads the argument of `--cast U/S:f=TYPE`.
    ///
    /// # Errors
    /// As [`Operation::rename_uid`].
    pub fn cast(savepoint: &Savepoint, text: &str) -> Result<Self> {
        const FORM: &str = "UID/STATE:FIELD=TYPE";
        let (uid, state, rest) = state_and(savepoint, text, ':', FORM)?;
        let (field, ty) = field_and(&rest, FORM)?;
        Ok(Self::Cast { uid, state, field, r#type: ty })
    }

    /// Reads the argument of `--delete-where U/S:PREDICATE`.
    ///
    /// # Errors
    /// As [`Operation::rename_uid`].
    pub fn delete_where(savepoint: &Savepoint, text: &str) -> Result<Self> {
        let (uid, state, predicate) = state_and(savepoint, text, ':', "UID/STATE:PREDICATE")?;
        Ok(Self::DeleteWhere { uid, state, predicate })
    }

    /// Reads the argument of `--set U/S:KEY=VALUE`: the value is JSON, or text where its type is text.
    ///
    /// # Errors
    /// As [`Operation::rename_uid`].
    pub fn set(savepoint: &Savepoint, text: &str) -> Result<Self> {
        const FORM: &str = "UID/STATE:KEY=VALUE";
        let (uid, state, rest) = state_and(savepoint, text, ':', FORM)?;
        // A key may hold `=`, a JSON value may too: the first one whose right side is JSON is meant, else the last.
        let json = |text: &str| serde_json::from_str::<serde_json::Value>(text).ok();
        let as_json = splits(&rest, '=').find_map(|(key, value)| Some((key, json(value)?)));
        let as_text = || rest.rsplit_once('=').map(|(key, value)| (key, serde_json::Value::from(value)));
        let (key, value) =
            as_json.or_else(as_text).ok_or_else(|| Error::bad_request(format!("{text:?} is no {FORM}")))?;
        Ok(Self::Set { uid, state, key: key.to_owned(), value })
    }

    /// Reads the argument of `--set-offset U:SPLIT=POSITION`: a position holds no `=`.
    ///
    /// # Errors
    /// As [`Operation::rename_uid`].
    pub fn set_offset(savepoint: &Savepoint, text: &str) -> Result<Self> {
        const FORM: &str = "UID:SPLIT=POSITION";
        let (place, position) =
            text.rsplit_once('=').ok_or_else(|| Error::bad_request(format!("{text:?} is no {FORM}")))?;
        let ways = splits(place, ':').filter(|(uid, split)| {
            find_operator(savepoint, uid).is_ok() && !split.is_empty() && !position.is_empty()
        });
        let (uid, split) = exactly_one(ways, text, FORM)?;
        Ok(Self::SetOffset { uid: uid.to_owned(), split: split.to_owned(), position: position.to_owned() })
    }

    /// Reads the argument of `--purge-expired [U/S[=7d]]`; without a state, `text` is empty and every state with
    /// a time to live is meant.
    ///
    /// # Errors
    /// As [`Operation::rename_uid`].
    pub fn purge_expired(savepoint: &Savepoint, text: &str, as_of_ms: i64) -> Result<Self> {
        if text.is_empty() {
            return Ok(Self::PurgeExpired { uid: None, state: None, ttl_ms: None, as_of_ms });
        }
        let states = |text| splits(text, '/').filter(|(uid, state)| has_state(savepoint, uid, state));
        let own = states(text).map(|(uid, state)| (uid, state, None));
        let named = text.rsplit_once('=').into_iter().flat_map(|(place, ttl)| {
            states(place).map(move |(uid, state)| (uid, state, Some(parse_span(ttl))))
        });
        let (uid, state, ttl) = exactly_one(own.chain(named), text, "UID/STATE[=TTL]")?;
        let (uid, state) = (Some(uid.to_owned()), Some(state.to_owned()));
        Ok(Self::PurgeExpired { uid, state, ttl_ms: ttl.transpose()?, as_of_ms })
    }

    /// Reads the argument of `--max-parallelism [U=]N`.
    ///
    /// # Errors
    /// As [`Operation::rename_uid`].
    pub fn max_parallelism(savepoint: &Savepoint, text: &str) -> Result<Self> {
        let number = |text: &str| {
            text.parse::<u32>()
                .map_err(|_| Error::bad_request(format!("{text:?} is no number of key groups")))
        };
        match text.rsplit_once('=') {
            Some((uid, groups)) => {
                let uid = Some(operator(savepoint, uid)?);
                Ok(Self::MaxParallelism { uid, groups: number(groups)? })
            }
            None => Ok(Self::MaxParallelism { uid: None, groups: number(text)? }),
        }
    }
}

/// A number or boolean as such, anything else as a string.
fn default_value(text: &str) -> serde_json::Value {
    match serde_json::from_str(text) {
        Ok(
            value
            @ (serde_json::Value::Bool(_) | serde_json::Value::Number(_) | serde_json::Value::String(_)),
        ) => value,
        _ => serde_json::Value::from(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{
        Field, Operator, OperatorId, SavepointKind, State, StateKind, StateSchema, Type, Uid,
    };

    fn savepoint(operators: &[(&str, &str)]) -> Savepoint {
        let mut savepoint = Savepoint::new(SavepointKind::Savepoint, "s");
        for (uid, state) in operators {
            let schema = StateSchema::keyed(Field::new("", Type::Utf8), Field::new("", Type::Int64));
            let mut operator = Operator::with_uid(Uid::new(*uid).unwrap(), 1, 128);
            operator.states.push(State::new(*state, StateKind::Value, schema));
            savepoint.operators.push(operator);
        }
        savepoint
    }

    #[test]
    fn a_uid_may_hold_every_separator() {
        let savepoint = savepoint(&[("a/b=c:d", "s:1/x"), ("a", "s")]);
        let operation = Operation::rename_uid(&savepoint, "a/b=c:d=new").unwrap();
        assert_eq!(operation, Operation::RenameUid { uid: "a/b=c:d".into(), to: "new".into() });
        let operation = Operation::rename_field(&savepoint, "a/b=c:d/s:1/x:f.g=h").unwrap();
        assert_eq!(
            operation,
            Operation::RenameField {
                uid: "a/b=c:d".into(),
                state: "s:1/x".into(),
                field: FieldPath::new("f.g"),
                to: "h".into()
            }
        );
    }

    #[test]
    fn a_split_and_a_time_to_live_may_follow_a_uid_of_any_text() {
        let savepoint = savepoint(&[("a:b=c/d", "s=7d"), ("x", "s")]);
        let operation = Operation::set_offset(&savepoint, "a:b=c/d:/in/x=1:2.txt=120").unwrap();
        let (split, position) = ("/in/x=1:2.txt".into(), "120".into());
        assert_eq!(operation, Operation::SetOffset { uid: "a:b=c/d".into(), split, position });
        let purge =
            |text: &str| Operation::purge_expired(&savepoint, text, 1_000).map(|found| found.to_string());
        let as_of = "--as-of 1970-01-01T00:00:01Z";
        assert_eq!(purge("a:b=c/d/s=7d=36h").unwrap(), format!("--purge-expired a:b=c/d/s=7d=36h {as_of}"));
        assert_eq!(purge("a:b=c/d/s=7d").unwrap(), format!("--purge-expired a:b=c/d/s=7d {as_of}"));
        assert_eq!(purge("").unwrap(), format!("--purge-expired {as_of}"));
        assert!(purge("x/s=soon").unwrap_err().to_string().contains("\"soon\" is no span of time"));
        assert!(purge("x/t=7d").is_err());
        assert!(Operation::set_offset(&savepoint, "x:7").is_err());
    }

    #[test]
    fn what_can_be_read_in_two_ways_is_refused() {
        let savepoint = savepoint(&[("a", "b"), ("a=b", "c")]);
        let error = Operation::rename_uid(&savepoint, "a=b=c").unwrap_err();
        assert_eq!(error.to_string(), "\"a=b=c\" can be read as UID=NEW in more than one way");
        let error = Operation::drop_state(&savepoint, "a/nope").unwrap_err();
        assert_eq!(
            error.to_string(),
            "\"a/nope\" is no UID/STATE whose operator and state are in the savepoint"
        );
    }

    #[test]
    fn an_operator_is_found_by_its_id_too() {
        let savepoint = savepoint(&[("sum-001", "sum")]);
        let id = OperatorId::of_uid("sum-001").to_string();
        assert_eq!(Operation::drop_uid(&savepoint, &id).unwrap(), Operation::DropUid { uid: id });
        assert!(Operation::drop_uid(&savepoint, "sum-002").is_err());
    }
}
