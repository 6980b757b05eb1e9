//! Which operator and state a file's rows become, and of which types: from what was said, what is there, and
//! what the file tells.

use arrow_schema::Schema;

use super::arrow_table::schema_of;
use super::description::TableDescription;
use super::names::ColumnNames;
use crate::error::{Error, Result};
use crate::model::{
    Field, KeyHash, MAX_PARALLELISM_LIMIT, Operator, Savepoint, State, StateKind, StateSchema, Uid,
    default_max_parallelism,
};
use crate::select::find_operator;

/// What was said about the state to make. Everything else is found out.
#[derive(Debug, Clone, Default)]
pub struct StateRequest {
    /// The operator's uid.
    pub uid: Option<String>,
    /// The state's name.
    pub state: Option<String>,
    /// Its kind; `value` if nothing tells.
    pub kind: Option<StateKind>,
    /// Type of its keys.
    pub key: Option<Field>,
    /// Type of its namespaces.
    pub namespace: Option<Field>,
    /// Type of the keys in its maps.
    pub map_key: Option<Field>,
    /// Type of its values.
    pub value: Option<Field>,
    /// Subtasks of an operator that is new.
    pub parallelism: Option<u32>,
    /// Key groups of an operator that is new.
    pub max_parallelism: Option<u32>,
    /// What the file calls its columns.
    pub names: ColumnNames,
}

impl StateRequest {
    /// The operator, without states, and the state. What was said comes first, then the state that is there
    /// already, then what the file says of its origin, then its columns' own types.
    ///
    /// # Errors
    /// [`ErrorKind::BadRequest`](crate::ErrorKind::BadRequest) if something is not known, or said otherwise.
    pub fn resolve(
        &self,
        base: Option<&Savepoint>,
        described: Option<&TableDescription>,
        file: Option<&Schema>,
    ) -> Result<(Operator, State)> {
        let existing = self.existing_operator(base, described)?;
        let operator = match existing {
            Some(operator) => self.unchanged(operator)?,
            None => self.new_operator(described)?,
        };
        let name = self.state.as_deref().or(described.map(|described| described.state.as_str()));
        let name = name.ok_or_else(|| Error::bad_request("the state has no name"))?;
        let mut state = match existing.and_then(|operator| self.existing_state(operator, name, described)) {
            Some(state) => self.of_kind(state)?,
            None => self.new_state(name, described, file)?,
        };
        self.give_types(&mut state);
        state.schema.columns(state.kind)?;
        Ok((operator, State { rows: None, bytes: None, ..state }))
    }

    fn existing_operator<'a>(
        &self,
        base: Option<&'a Savepoint>,
        described: Option<&TableDescription>,
    ) -> Result<Option<&'a Operator>> {
        let Some(base) = base else { return Ok(None) };
        Ok(match (&self.uid, described) {
            (Some(uid), _) => find_operator(base, uid).ok().and_then(|place| base.operators.get(place)),
            (None, Some(described)) => base.operator(described.operator_id),
            (None, None) => return Err(Error::bad_request("the operator has no uid")),
        })
    }

    /// An operator that is there keeps its parallelism.
    fn unchanged(&self, operator: &Operator) -> Result<Operator> {
        for (what, wanted, found) in [
            ("parallelism", self.parallelism, operator.parallelism),
            ("max parallelism", self.max_parallelism, operator.max_parallelism),
        ] {
            if wanted.is_some_and(|wanted| wanted != found) {
                let what = format!("operator {} has {what} {found}", operator.label());
                return Err(Error::bad_request(what));
            }
        }
        Ok(Operator { states: Vec::new(), ..operator.clone() })
    }

    fn new_operator(&self, described: Option<&TableDescription>) -> Result<Operator> {
        let described = described.map(TableDescription::operator);
        let mut operator = match (&self.uid, described) {
            (Some(uid), Some(described))
                if described.uid.as_ref().is_some_and(|found| found.as_str() == uid) =>
            {
                described
            }
            (Some(uid), described) => {
                let parallelism = described.as_ref().map_or(1, |operator| operator.parallelism);
                let groups =
                    described.map_or(default_max_parallelism(1), |operator| operator.max_parallelism);
                Operator::with_uid(Uid::new(uid.as_str())?, parallelism, groups)
            }
            (None, Some(described)) => described,
            (None, None) => return Err(Error::bad_request("the operator has no uid")),
        };
        operator.parallelism = self.parallelism.unwrap_or(operator.parallelism);
        let groups = self.max_parallelism.unwrap_or(operator.max_parallelism);
        operator.max_parallelism =
            groups.max(if self.max_parallelism.is_none() { operator.parallelism } else { 0 });
        let groups = operator.max_parallelism;
        if !(1..=MAX_PARALLELISM_LIMIT).contains(&groups) || !(1..=groups).contains(&operator.parallelism) {
            let what = format!("parallelism {} of at most {groups}", operator.parallelism);
            return Err(Error::bad_request(what));
        }
        Ok(operator)
    }

    /// The state of this name; where there are several, the one of the kind that was said or told.
    fn existing_state<'a>(
        &self,
        operator: &'a Operator,
        name: &str,
        described: Option<&TableDescription>,
    ) -> Option<&'a State> {
        let kind = self.kind.or(described.map(|described| described.kind));
        let mut named = operator.states.iter().filter(|state| state.name == name);
        named.clone().find(|state| Some(state.kind) == kind).or_else(|| named.next())
    }

    fn of_kind(&self, state: &State) -> Result<State> {
        match self.kind.filter(|kind| *kind != state.kind) {
            Some(kind) => Err(Error::bad_request(format!(
                "state {:?} is a {} state, not {kind}",
                state.name, state.kind
            ))),
            None => Ok(state.clone()),
        }
    }

    fn new_state(
        &self,
        name: &str,
        described: Option<&TableDescription>,
        file: Option<&Schema>,
    ) -> Result<State> {
        let told = described.map(TableDescription::state).transpose()?;
        let kind = self.kind.or(told.as_ref().map(|state| state.kind)).unwrap_or(StateKind::Value);
        let mut schema = match (&told, file) {
            (told, Some(file)) => schema_of(file, kind, &self.names, told.is_some())?,
            (Some(told), None) => told.schema.clone(),
            (None, None) => StateSchema::default(),
        };
        if let Some(told) = &told {
            schema.ttl = told.schema.ttl;
        }
        let key_hash = match &told {
            Some(told) if told.key_hash.is_some() => told.key_hash,
            _ => schema.key.as_ref().map(KeyHash::for_key),
        };
        let ttl = told.and_then(|told| told.ttl);
        Ok(State { key_hash, ttl, ..State::new(name, kind, schema) })
    }

    /// Types that were said replace those that were found.
    fn give_types(&self, state: &mut State) {
        let schema = &mut state.schema;
        let is_same = |given: &Field, found: &Option<Field>| {
            found.as_ref().is_some_and(|found| found.to_string() == given.to_string())
        };
        let parts = [
            (&self.key, &mut schema.key),
            (&self.namespace, &mut schema.namespace),
            (&self.map_key, &mut schema.map_key),
            (&self.value, &mut schema.value),
        ];
        let mut new_key = false;
        for (place, (given, found)) in parts.into_iter().enumerate() {
            if let Some(given) = given.as_ref().filter(|given| !is_same(given, found)) {
                *found = Some(given.clone());
                new_key |= place == 0;
            }
        }
        state.schema = std::mem::take(schema).number();
        if new_key {
            state.key_hash = state.schema.key.as_ref().map(KeyHash::for_key);
        }
    }
}
