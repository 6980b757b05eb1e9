//! What an exported table says of the state it came from, so that it can become that state again.
//!
//! Parquet and Arrow files carry it in their schema's metadata under [`TABLE_KEY`], a folder of tables in its
//! index document.

use serde::{Deserialize, Serialize};

use crate::error::{Result, ResultExt};
use crate::model::{
    Field, KeyHash, Operator, OperatorId, State, StateKind, StateSchema, Ttl, Uid, UidOrigin,
};

/// Arrow metadata key of a [`TableDescription`], as JSON.
pub const TABLE_KEY: &str = "spt.table";

/// The operator and the state of a table. Types are texts that `Field: FromStr` reads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableDescription {
    /// The operator's uid, if it has one.
    pub uid: Option<Uid>,
    /// Where the uid, or its absence, comes from.
    pub uid_origin: UidOrigin,
    /// The operator's id.
    pub operator_id: OperatorId,
    /// The operator's name for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operator_name: Option<String>,
    /// The operator's subtasks.
    pub parallelism: u32,
    /// The operator's key groups.
    pub max_parallelism: u32,
    /// The state's name.
    pub state: String,
    /// The state's kind.
    pub kind: StateKind,
    /// How its keys choose their key groups.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_hash: Option<KeyHash>,
    /// Type of its keys.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_type: Option<String>,
    /// Type of its namespaces.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace_type: Option<String>,
    /// Type of the keys in its maps.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub map_key_type: Option<String>,
    /// Type of its values.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value_type: Option<String>,
    /// Rows have a `last_access`.
    #[serde(default)]
    pub last_access: bool,
    /// Its time to live.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ttl: Option<Ttl>,
}

impl TableDescription {
    /// The description of a state's table.
    pub fn new(operator: &Operator, state: &State) -> Self {
        let text = |field: &Option<Field>| field.as_ref().map(ToString::to_string);
        Self {
            uid: operator.uid.clone(),
            uid_origin: operator.uid_origin,
            operator_id: operator.id,
            operator_name: operator.name.clone(),
            parallelism: operator.parallelism,
            max_parallelism: operator.max_parallelism,
            state: state.name.clone(),
            kind: state.kind,
            key_hash: state.key_hash,
            key_type: text(&state.schema.key),
            namespace_type: text(&state.schema.namespace),
            map_key_type: text(&state.schema.map_key),
            value_type: text(&state.schema.value),
            last_access: state.schema.ttl,
            ttl: state.ttl,
        }
    }

    /// The operator, without states.
    pub fn operator(&self) -> Operator {
        Operator {
            uid: self.uid.clone(),
            uid_origin: self.uid_origin,
            name: self.operator_name.clone(),
            ..Operator::with_id(self.operator_id, self.parallelism, self.max_parallelism)
        }
    }

    /// The state, its fields numbered anew.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`](crate::ErrorKind::Invalid) if a type is none.
    pub fn state(&self) -> Result<State> {
        let part = |name: &str, text: &Option<String>| {
            let field = text.as_deref().map(str::parse::<Field>).transpose();
            field.within(|| format!("{name} of {:?}", self.state))
        };
        let schema = StateSchema {
            key: part("key type", &self.key_type)?,
            namespace: part("namespace type", &self.namespace_type)?,
            map_key: part("map key type", &self.map_key_type)?,
            value: part("value type", &self.value_type)?,
            ttl: self.last_access,
            ..StateSchema::default()
        };
        let schema = schema.number();
        Ok(State { key_hash: self.key_hash, ttl: self.ttl, ..State::new(&self.state, self.kind, schema) })
    }
}
