//! What a job will look for in a savepoint: the plan document, `spt.plan/1`.
//!
//! A job prints it (`PROGRAM plan`), a person may write it by hand. It lists every operator with the
//! states it declares, before a record flows:
//!
//! ```json
//! {"schema":"spt.plan/1","job":"wordcount","parallelism":2,"max_parallelism":null,
//!  "operators":[{"uid":"sum-001","name":"sum","states":[
//!    {"name":"sum","kind":"reducing","key_type":"utf8","value_type":"int64"}]}]}
//! ```
//!
//! Types are written as in [`Field`]'s text form. Everything but `schema` and an operator's `uid` or
//! `operator_id` may be left out. `"states":[]` says that an operator keeps no state; without `states` nothing is
//! said of them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::{Error, Result, ResultExt};
use crate::evolution::Aliases;
use crate::model::{
    Column, Edge, Field, KeyHash, Operator, OperatorId, State, StateKind, StateSchema, Ttl, Uid, UidOrigin,
};

/// The name and version of the document.
pub const PLAN_SCHEMA: &str = "spt.plan/1";

/// A job as it will run: its operators, and what each looks for in a savepoint.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// [`PLAN_SCHEMA`].
    pub schema: String,
    /// The job's name.
    #[serde(default)]
    pub job: Option<String>,
    /// Subtasks of an operator that sets none of its own.
    #[serde(default)]
    pub parallelism: Option<u32>,
    /// Key groups of an operator that sets none of its own; `None` adopts the savepoint's.
    #[serde(default)]
    pub max_parallelism: Option<u32>,
    /// The Flink that will run it, if Flink does: `"2.1"`. Its rules then say what restores.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flink_version: Option<String>,
    /// The operators, in the order of the program.
    #[serde(default)]
    pub operators: Vec<PlannedOperator>,
    /// The connections between them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub edges: Vec<Edge>,
    /// What its author should know, for instance of a stateful operator without a uid.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}

/// One operator of a plan.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlannedOperator {
    /// The author's uid.
    #[serde(default)]
    pub uid: Option<String>,
    /// The id; computed from the uid where it is left out.
    #[serde(default)]
    pub operator_id: Option<OperatorId>,
    /// A name for people.
    #[serde(default)]
    pub name: Option<String>,
    /// Subtasks, if not the job's.
    #[serde(default)]
    pub parallelism: Option<u32>,
    /// Key groups, if not the job's.
    #[serde(default)]
    pub max_parallelism: Option<u32>,
    /// Operators with the same number run in one task.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chain: Option<u32>,
    /// The states it declares; left out where they are not known, as before a job of Flink runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub states: Option<Vec<PlannedState>>,
}

/// One state an operator declares.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlannedState {
    /// Its name.
    pub name: String,
    /// Its kind.
    pub kind: StateKind,
    /// The key's type.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_type: Option<String>,
    /// The namespace's type.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace_type: Option<String>,
    /// The map key's type.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub map_key_type: Option<String>,
    /// The value's type.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value_type: Option<String>,
    /// How keys choose their key groups.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_hash: Option<KeyHash>,
    /// The time to live.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ttl: Option<Ttl>,
    /// What fields were called before, by path: `{"value.amount":["sum"]}`.
    #[serde(default, skip_serializing_if = "Aliases::is_empty")]
    pub aliases: Aliases,
    /// What rows from before a field have in it, by path: `{"value.paid":false}`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub defaults: BTreeMap<String, Value>,
}

impl Plan {
    /// An empty plan of a job with this name.
    pub fn new(job: impl Into<String>) -> Self {
        Self {
            schema: PLAN_SCHEMA.to_owned(),
            job: Some(job.into()),
            parallelism: None,
            max_parallelism: None,
            flink_version: None,
            operators: Vec::new(),
            edges: Vec::new(),
            warnings: Vec::new(),
        }
    }

    /// Reads a plan document.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`](crate::ErrorKind::Invalid) with line and column if it is no plan of this
    /// version, or with the operator and state whose type does not parse.
    pub fn from_json(text: &str) -> Result<Self> {
        let plan: Self = serde_json::from_str(text)
            .map_err(|error| Error::invalid("not a plan document").caused_by(error))?;
        if plan.schema != PLAN_SCHEMA {
            return Err(Error::invalid(format!("schema is {:?}, expected {PLAN_SCHEMA:?}", plan.schema)));
        }
        plan.operators()?;
        Ok(plan)
    }

    /// What a state's fields were called before; `operator` is one of [`Plan::operators`].
    pub fn aliases(&self, operator: &Operator, state: &str) -> Aliases {
        let states = self.planned(operator).and_then(|planned| planned.states.as_ref());
        let planned = states.and_then(|states| states.iter().find(|planned| planned.name == state));
        planned.map(|planned| planned.aliases.clone()).unwrap_or_default()
    }

    /// It says which states an operator declares; `operator` is one of [`Plan::operators`].
    pub fn tells_states(&self, operator: &Operator) -> bool {
        self.planned(operator).is_some_and(|planned| planned.states.is_some())
    }

    fn planned(&self, operator: &Operator) -> Option<&PlannedOperator> {
        let uid = operator.uid.as_ref().map(Uid::as_str);
        let is_it = |planned: &&PlannedOperator| {
            planned.operator_id == Some(operator.id) || (uid.is_some() && planned.uid.as_deref() == uid)
        };
        self.operators.iter().find(is_it)
    }

    /// The operators as the model has them. A parallelism or max parallelism that the plan leaves open is 0.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`](crate::ErrorKind::Invalid) for an operator without uid and id, or a type
    /// that does not parse.
    pub fn operators(&self) -> Result<Vec<Operator>> {
        self.operators
            .iter()
            .enumerate()
            .map(|(index, operator)| {
                operator.to_model(self).within(|| match (&operator.uid, &operator.name) {
                    (Some(name), _) | (None, Some(name)) => format!("operator {name:?}"),
                    (None, None) => format!("operator {index}"),
                })
            })
            .collect()
    }
}

impl PlannedOperator {
    /// What an operator of the model declares.
    pub fn of(operator: &Operator) -> Self {
        Self {
            uid: operator.uid.as_ref().map(Uid::to_string),
            operator_id: Some(operator.id),
            name: operator.name.clone(),
            parallelism: (operator.parallelism != 0).then_some(operator.parallelism),
            max_parallelism: (operator.max_parallelism != 0).then_some(operator.max_parallelism),
            chain: None,
            states: Some(operator.states.iter().map(PlannedState::of).collect()),
        }
    }

    fn to_model(&self, plan: &Plan) -> Result<Operator> {
        let uid = self.uid.as_deref().map(Uid::new).transpose()?;
        let id = match (self.operator_id, &uid) {
            (Some(id), _) => id,
            (None, Some(uid)) => OperatorId::of_uid(uid.as_str()),
            (None, None) => return Err(Error::invalid("has neither uid nor operator_id")),
        };
        Ok(Operator {
            uid_origin: if uid.is_some() { UidOrigin::Given } else { UidOrigin::Generated },
            uid,
            id,
            name: self.name.clone(),
            parallelism: self.parallelism.or(plan.parallelism).unwrap_or(0),
            max_parallelism: self.max_parallelism.or(plan.max_parallelism).unwrap_or(0),
            finished: false,
            channel_bytes: 0,
            states: self
                .states
                .iter()
                .flatten()
                .map(|state| state.to_model().within(|| format!("state {:?}", state.name)))
                .collect::<Result<_>>()?,
            extensions: crate::Extensions::default(),
        })
    }
}

impl PlannedState {
    /// What a state of the model declares.
    pub fn of(state: &State) -> Self {
        let text = |field: &Option<Field>| field.as_ref().map(Field::to_string);
        Self {
            name: state.name.clone(),
            kind: state.kind,
            key_type: text(&state.schema.key),
            namespace_type: text(&state.schema.namespace),
            map_key_type: text(&state.schema.map_key),
            value_type: text(&state.schema.value),
            key_hash: state.key_hash,
            ttl: state.ttl,
            aliases: Aliases::default(),
            defaults: defaults(&state.schema),
        }
    }

    fn to_model(&self) -> Result<State> {
        let field = |text: &Option<String>, what: &str| {
            text.as_deref().map(str::parse::<Field>).transpose().within(|| what.to_owned())
        };
        let mut schema = StateSchema {
            key: field(&self.key_type, "key_type")?,
            namespace: field(&self.namespace_type, "namespace_type")?,
            map_key: field(&self.map_key_type, "map_key_type")?,
            value: field(&self.value_type, "value_type")?,
            ttl: self.ttl.is_some(),
            next_field_id: 0,
        };
        if let Some(value) = &mut schema.value {
            self.give_defaults(value, Column::Value.name());
        }
        let state = State::new(self.name.clone(), self.kind, schema.number());
        Ok(State { key_hash: self.key_hash.or(state.key_hash), ttl: self.ttl, ..state })
    }
}

impl PlannedState {
    /// Gives the fields at and below a path their defaults.
    fn give_defaults(&self, field: &mut Field, path: &str) {
        field.default = self.defaults.get(path).cloned();
        for child in field.children_mut() {
            let path = format!("{path}.{}", child.name);
            self.give_defaults(child, &path);
        }
    }
}

/// The defaults of a value's fields, by path.
fn defaults(schema: &StateSchema) -> BTreeMap<String, Value> {
    let mut found = BTreeMap::new();
    if let Some(value) = &schema.value {
        collect_defaults(value, Column::Value.name(), &mut found);
    }
    found
}

fn collect_defaults(field: &Field, path: &str, found: &mut BTreeMap<String, Value>) {
    if let Some(default) = &field.default {
        found.insert(path.to_owned(), default.clone());
    }
    for child in field.children() {
        collect_defaults(child, &format!("{path}.{}", child.name), found);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WORD_COUNT: &str = r#"{"schema":"spt.plan/1","job":"wordcount","parallelism":2,
        "operators":[{"uid":"sum-001","states":[
            {"name":"sum","kind":"reducing","key_type":"utf8","value_type":"struct<n: int64>"}]}]}"#;

    #[test]
    fn a_plan_written_by_hand_becomes_operators() {
        let operators = Plan::from_json(WORD_COUNT).unwrap().operators().unwrap();
        let [operator] = operators.as_slice() else { panic!("one operator") };
        assert_eq!(operator.id, OperatorId::of_uid("sum-001"));
        assert_eq!(operator.parallelism, 2);
        assert_eq!(
            PlannedOperator::of(operator).states.unwrap()[0].value_type.as_deref(),
            Some("struct<n: int64>")
        );
    }

    #[test]
    fn former_names_and_defaults_go_with_a_plan() {
        let planned =
            r#""value_type":"struct<n: int64>","aliases":{"value.n":["count"]},"defaults":{"value.n":7}"#;
        let text = WORD_COUNT.replace(r#""value_type":"struct<n: int64>""#, planned);
        let plan = Plan::from_json(&text).unwrap();
        let operators = plan.operators().unwrap();
        let value = operators[0].states[0].schema.value.as_ref().unwrap();
        assert_eq!(value.children()[0].default, Some(7.into()));
        assert_eq!(plan.aliases(&operators[0], "sum").of("value.n"), ["count"]);
        assert!(plan.aliases(&operators[0], "other").is_empty());
        let again = PlannedOperator::of(&operators[0]);
        assert_eq!(again.states.unwrap()[0].defaults, plan.operators[0].states.as_ref().unwrap()[0].defaults);
    }

    #[test]
    fn a_wrong_type_is_refused_with_operator_and_state() {
        let error = Plan::from_json(&WORD_COUNT.replace("int64", "int65")).unwrap_err();
        assert_eq!(
            error.to_string(),
            "operator \"sum-001\", state \"sum\", value_type: type \"int65\" is unknown in \"struct<n: int65>\""
        );
        let error = Plan::from_json(&WORD_COUNT.replace("plan/1", "plan/2")).unwrap_err();
        assert_eq!(error.to_string(), "schema is \"spt.plan/2\", expected \"spt.plan/1\"");
        assert!(Plan::from_json("{").unwrap_err().full().contains("line 1"));
    }
}
