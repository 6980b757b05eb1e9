//! The lines of a patch that are not rows, as JSON.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::columnar::{Digest, canonical_schema, parse_schema};
use crate::error::{Error, Result};
use crate::limits::ReadLimits;
use crate::model::{
    Extensions, Job, JobGraph, KeyHash, Lineage, Operator, OperatorId, PendingOutput, Savepoint,
    SavepointKind, State, StateKind, Ttl, Uid, UidOrigin,
};

/// The first line.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Head {
    pub(super) schema: String,
    pub(super) before: Input,
    pub(super) after: Catalogue,
}

/// The savepoint a patch is for.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Input {
    pub(super) id: String,
    /// See [`fingerprint`](super::fingerprint::fingerprint).
    pub(super) digest: Digest,
}

/// What the metadata of the result tells, operators and states aside.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Catalogue {
    pub(super) id: String,
    kind: SavepointKind,
    job: Job,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    created_at_ms: Option<i64>,
    drained: bool,
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    lineage: Vec<Lineage>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    graph: Option<JobGraph>,
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pending: Vec<PendingOutput>,
    #[serde(skip_serializing_if = "Map::is_empty", default)]
    extensions: Map<String, Value>,
}

/// `{"operator":{…},"from":"…"}`
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct OperatorLine {
    operator: OperatorWire,
    /// Which operator of the input it was; absent for a new one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(super) from: Option<OperatorId>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct OperatorWire {
    id: OperatorId,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    uid: Option<String>,
    uid_origin: UidOrigin,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    name: Option<String>,
    parallelism: u32,
    max_parallelism: u32,
    finished: bool,
    channel_bytes: u64,
    #[serde(skip_serializing_if = "Map::is_empty", default)]
    extensions: Map<String, Value>,
}

/// `{"state":{…},"from":{…}}`
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct StateLine {
    state: StateWire,
    /// Which state of the operator's `from` its rows are told by their difference from; absent where every
    /// row is told.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(super) from: Option<StateName>,
}

/// What names a state in its operator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct StateName {
    pub(super) name: String,
    pub(super) kind: StateKind,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StateWire {
    name: String,
    kind: StateKind,
    /// As in a manifest: `SPEC.md`, "Schema".
    schema: Value,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    key_hash: Option<KeyHash>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    ttl: Option<Ttl>,
    #[serde(skip_serializing_if = "Map::is_empty", default)]
    extensions: Map<String, Value>,
}

/// `{"end":{"rows":3}}`
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct EndLine {
    pub(super) end: End,
}

/// What a whole patch holds.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct End {
    pub(super) rows: u64,
}

impl Catalogue {
    pub(super) fn of(savepoint: &Savepoint) -> Result<Self> {
        Ok(Self {
            id: savepoint.id.clone(),
            kind: savepoint.kind,
            job: savepoint.job.clone(),
            created_at_ms: savepoint.created_at_ms,
            drained: savepoint.drained,
            lineage: savepoint.lineage.clone(),
            graph: savepoint.graph.clone(),
            pending: savepoint.pending.clone(),
            extensions: extensions_to_json(&savepoint.extensions)?,
        })
    }

    /// The catalogue, still without operators.
    pub(super) fn into_model(self) -> Result<Savepoint> {
        Ok(Savepoint {
            job: self.job,
            created_at_ms: self.created_at_ms,
            drained: self.drained,
            lineage: self.lineage,
            graph: self.graph,
            pending: self.pending,
            extensions: extensions_from_json(self.extensions)?,
            ..Savepoint::new(self.kind, self.id)
        })
    }
}

impl OperatorLine {
    pub(super) fn of(operator: &Operator, from: Option<OperatorId>) -> Result<Self> {
        let operator = OperatorWire {
            id: operator.id,
            uid: operator.uid.as_ref().map(ToString::to_string),
            uid_origin: operator.uid_origin,
            name: operator.name.clone(),
            parallelism: operator.parallelism,
            max_parallelism: operator.max_parallelism,
            finished: operator.finished,
            channel_bytes: operator.channel_bytes,
            extensions: extensions_to_json(&operator.extensions)?,
        };
        Ok(Self { operator, from })
    }

    /// The operator, still without states.
    pub(super) fn into_model(self) -> Result<Operator> {
        let wire = self.operator;
        Ok(Operator {
            uid: wire.uid.map(Uid::new).transpose()?,
            uid_origin: wire.uid_origin,
            name: wire.name,
            finished: wire.finished,
            channel_bytes: wire.channel_bytes,
            extensions: extensions_from_json(wire.extensions)?,
            ..Operator::with_id(wire.id, wire.parallelism, wire.max_parallelism)
        })
    }
}

impl StateLine {
    pub(super) fn of(state: &State, from: Option<StateName>) -> Result<Self> {
        let (schema, _) = canonical_schema(&state.schema)?;
        let state = StateWire {
            name: state.name.clone(),
            kind: state.kind,
            schema: serde_json::from_str(&schema).map_err(|error| misfit("schema", error))?,
            key_hash: state.key_hash,
            ttl: state.ttl,
            extensions: extensions_to_json(&state.extensions)?,
        };
        Ok(Self { state, from })
    }

    pub(super) fn into_model(self) -> Result<State> {
        let wire = self.state;
        let schema = parse_schema(&wire.schema.to_string(), &ReadLimits::default())?;
        schema.columns(wire.kind)?;
        Ok(State {
            key_hash: wire.key_hash,
            ttl: wire.ttl,
            extensions: extensions_from_json(wire.extensions)?,
            ..State::new(wire.name, wire.kind, schema)
        })
    }
}

impl StateName {
    pub(super) fn of(state: &State) -> Self {
        Self { name: state.name.clone(), kind: state.kind }
    }
}

fn extensions_to_json(extensions: &Extensions) -> Result<Map<String, Value>> {
    let member = |(name, text): (&str, &str)| {
        let value = serde_json::from_str(text).map_err(|error| misfit("metadata", error))?;
        Ok((name.to_owned(), value))
    };
    extensions.iter().map(member).collect()
}

fn extensions_from_json(members: Map<String, Value>) -> Result<Extensions> {
    let mut extensions = Extensions::default();
    for (name, value) in members {
        let text = RawValue::from_string(value.to_string()).map_err(|error| misfit("metadata", error))?;
        extensions.insert(name, text);
    }
    Ok(extensions)
}

pub(super) fn misfit(what: &str, error: serde_json::Error) -> Error {
    Error::invalid(format!("{what} is no JSON that is known here")).caused_by(error)
}
