//! `spt.top/1`: the heaviest keys of every keyed state.

use serde::Serialize;
use serde_json::value::RawValue;
use spt_format::{Heaviest, Operator, OperatorId, State, StateKind};

/// The whole document.
#[derive(Debug, Serialize)]
pub(crate) struct TopReport {
    pub(crate) schema: &'static str,
    pub(crate) states: Vec<TopState>,
    pub(crate) complete: bool,
    pub(crate) rows_unread: u64,
}

/// One keyed state.
#[derive(Debug, Serialize)]
pub(crate) struct TopState {
    pub(crate) uid: Option<String>,
    pub(crate) operator_id: OperatorId,
    pub(crate) state: String,
    pub(crate) kind: StateKind,
    /// Its keys, rows, and the bytes of its map keys and values, uncompressed.
    pub(crate) distinct_keys: u64,
    pub(crate) rows: u64,
    pub(crate) value_bytes: u64,
    /// The heaviest first.
    pub(crate) keys: Vec<TopKey>,
    #[serde(skip)]
    pub(crate) label: String,
}

/// One key.
#[derive(Debug, Serialize)]
pub(crate) struct TopKey {
    pub(crate) key: Box<RawValue>,
    pub(crate) key_group: u16,
    pub(crate) rows: u64,
    pub(crate) value_bytes: u64,
}

impl TopState {
    pub(crate) fn new(operator: &Operator, state: &State, found: Heaviest) -> serde_json::Result<Self> {
        let key = |key: spt_format::HeavyKey| {
            let (key_group, rows, value_bytes) = (key.key_group, key.rows, key.bytes);
            Ok(TopKey { key: RawValue::from_string(key.key)?, key_group, rows, value_bytes })
        };
        Ok(Self {
            uid: operator.uid.as_ref().map(ToString::to_string),
            operator_id: operator.id,
            state: state.name.clone(),
            kind: state.kind,
            distinct_keys: found.distinct_keys,
            rows: found.rows,
            value_bytes: found.bytes,
            keys: found.keys.into_iter().map(key).collect::<serde_json::Result<_>>()?,
            label: operator.label(),
        })
    }
}
