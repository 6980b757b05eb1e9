//! What can be done to a savepoint.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::field_path::FieldPath;
use super::texts::{instant, span, span_text};
use crate::export::instant_text;

/// One change. A plan file holds these, and the receipt in the lineage.
///
/// `uid` names an operator by its uid or, where it has none, by its operator id in hex.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "op", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Operation {
    /// The operator gets another uid, and the id that belongs to it.
    RenameUid {
        /// The operator.
        uid: String,
        /// Its new uid.
        to: String,
    },
    /// The operator and all its state are left out.
    DropUid {
        /// The operator.
        uid: String,
    },
    /// The state gets another name.
    RenameState {
        /// The operator.
        uid: String,
        /// The state.
        state: String,
        /// Its new name.
        to: String,
    },
    /// The state is left out.
    DropState {
        /// The operator.
        uid: String,
        /// The state.
        state: String,
    },
    /// A field inside a key or value gets another name.
    RenameField {
        /// The operator.
        uid: String,
        /// The state.
        state: String,
        /// The field.
        field: FieldPath,
        /// Its new name.
        to: String,
    },
    /// A field inside a value is left out.
    DropField {
        /// The operator.
        uid: String,
        /// The state.
        state: String,
        /// The field.
        field: FieldPath,
    },
    /// A struct inside a value gets one more field.
    AddField {
        /// The operator.
        uid: String,
        /// The state.
        state: String,
        /// The field.
        field: FieldPath,
        /// Its type, as text.
        r#type: String,
        /// What it is in rows that are there; without it, null.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        default: Option<serde_json::Value>,
    },
    /// A field of a value gets another type.
    Cast {
        /// The operator.
        uid: String,
        /// The state.
        state: String,
        /// The field; `value` for the value itself.
        field: FieldPath,
        /// Its new type, as text.
        r#type: String,
    },
    /// Rows for which a condition is true are left out.
    DeleteWhere {
        /// The operator.
        uid: String,
        /// The state.
        state: String,
        /// The condition, see [`Predicate`](crate::Predicate), on the state as it will be.
        predicate: String,
    },
    /// The value of a key that is there becomes another.
    Set {
        /// The operator.
        uid: String,
        /// The state.
        state: String,
        /// The key, as for `--key`.
        key: String,
        /// The new value, as exported.
        value: serde_json::Value,
    },
    /// A split of a source is read on from another position.
    SetOffset {
        /// The source.
        uid: String,
        /// The split: its name, or its place `SUBTASK/INDEX`; see [`Splits`](crate::Splits).
        split: String,
        /// The position, as text.
        position: String,
    },
    /// Keys are dealt out to this many key groups.
    MaxParallelism {
        /// The operator; without it, every operator.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        uid: Option<String>,
        /// Key groups, 1 to 32768.
        groups: u32,
    },
    /// The parallelism that a job starts with which sets none.
    Parallelism {
        /// Subtasks.
        subtasks: u32,
    },
    /// Rows that outlived their time to live are left out.
    PurgeExpired {
        /// The operator; without it, every state with a known time to live.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        uid: Option<String>,
        /// The state.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        state: Option<String>,
        /// The time to live in ms; without it, the state's own. In documents a text such as `7d`.
        #[serde(rename = "ttl", default, with = "span", skip_serializing_if = "Option::is_none")]
        ttl_ms: Option<u64>,
        /// The instant rows are judged by, in ms since 1970. In documents a text such as `2026-11-22T03:04:05Z`.
        #[serde(rename = "as_of", with = "instant")]
        as_of_ms: i64,
    },
    /// What cannot be read is left out, and told; without it, nothing is made of a damaged savepoint.
    DropUnreadable,
    /// The savepoint is written in the newest version of the format.
    Upgrade,
    /// The job gets another name.
    Name {
        /// The new name.
        name: String,
    },
    /// Every row is written anew, so that other tools see today's names and types in the files themselves.
    Rewrite,
}

/// As the flag that asks for it.
impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::RenameUid { uid, to } => write!(f, "--rename-uid {uid}={to}"),
            Self::DropUid { uid } => write!(f, "--drop-uid {uid}"),
            Self::RenameState { uid, state, to } => write!(f, "--rename-state {uid}/{state}={to}"),
            Self::DropState { uid, state } => write!(f, "--drop-state {uid}/{state}"),
            Self::RenameField { uid, state, field, to } => {
                write!(f, "--rename-field {uid}/{state}:{field}={to}")
            }
            Self::DropField { uid, state, field } => write!(f, "--drop-field {uid}/{state}:{field}"),
            Self::AddField { uid, state, field, r#type, default } => {
                write!(f, "--add-field {uid}/{state}:{field}={type}")?;
                default.as_ref().map_or(Ok(()), |default| write!(f, "={default}"))
            }
            Self::Cast { uid, state, field, r#type } => write!(f, "--cast {uid}/{state}:{field}={type}"),
            Self::DeleteWhere { uid, state, predicate } => {
                write!(f, "--delete-where {uid}/{state}:{predicate}")
            }
            Self::Set { uid, state, key, value } => write!(f, "--set {uid}/{state}:{key}={value}"),
            Self::SetOffset { uid, split, position } => write!(f, "--set-offset {uid}:{split}={position}"),
            Self::MaxParallelism { uid: None, groups } => write!(f, "--max-parallelism {groups}"),
            Self::MaxParallelism { uid: Some(uid), groups } => write!(f, "--max-parallelism {uid}={groups}"),
            Self::Parallelism { subtasks } => write!(f, "--parallelism {subtasks}"),
            Self::PurgeExpired { uid, state, ttl_ms, as_of_ms } => {
                f.write_str("--purge-expired")?;
                if let (Some(uid), Some(state)) = (uid, state) {
                    write!(f, " {uid}/{state}")?;
                    ttl_ms.map_or(Ok(()), |ttl| write!(f, "={}", span_text(ttl)))?;
                }
                write!(f, " --as-of {}", instant_text(*as_of_ms))
            }
            Self::DropUnreadable => f.write_str("--drop-unreadable"),
            Self::Upgrade => f.write_str("--upgrade"),
            Self::Name { name } => write!(f, "--name {name}"),
            Self::Rewrite => f.write_str("--rewrite"),
        }
    }
}
