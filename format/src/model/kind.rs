//! The kinds of state, and what each kind means for its table.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// What a state is. The names are those of the JSON output and of the manifest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StateKind {
    /// Keyed: one value per key and namespace.
    Value,
    /// Keyed: a list per key and namespace, one row per element.
    List,
    /// Keyed: a map per key and namespace, one row per entry.
    Map,
    /// Keyed: one value per key and namespace, the reduction so far.
    Reducing,
    /// Keyed: one accumulator per key and namespace.
    Aggregating,
    /// Per operator: elements that are dealt out anew when the parallelism changes.
    OperatorList,
    /// Per operator: elements that every subtask gets all of.
    Union,
    /// Per operator: a map that is the same in every subtask; one copy is stored.
    Broadcast,
    /// Keyed: timers, unique by key, namespace, service, domain and time.
    Timer,
    /// Bytes an operator wrote on its own.
    Raw,
    /// What an operator's coordinator wrote.
    Coordinator,
    /// Records in flight of an unaligned checkpoint.
    Channel,
}

impl StateKind {
    /// Every kind, in the order of the declaration.
    pub const ALL: [Self; 12] = [
        Self::Value,
        Self::List,
        Self::Map,
        Self::Reducing,
        Self::Aggregating,
        Self::OperatorList,
        Self::Union,
        Self::Broadcast,
        Self::Timer,
        Self::Raw,
        Self::Coordinator,
        Self::Channel,
    ];

    /// Partitioned by key group: its rows have `key_group` and `key`.
    pub fn is_keyed(self) -> bool {
        matches!(
            self,
            Self::Value | Self::List | Self::Map | Self::Reducing | Self::Aggregating | Self::Timer
        )
    }

    /// Its rows have `subtask` and `index`, and compare as a multiset: their place is no property of the state.
    pub fn is_per_subtask(self) -> bool {
        matches!(self, Self::OperatorList | Self::Union | Self::Raw | Self::Coordinator | Self::Channel)
    }

    /// The name in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Value => "value",
            Self::List => "list",
            Self::Map => "map",
            Self::Reducing => "reducing",
            Self::Aggregating => "aggregating",
            Self::OperatorList => "operator-list",
            Self::Union => "union",
            Self::Broadcast => "broadcast",
            Self::Timer => "timer",
            Self::Raw => "raw",
            Self::Coordinator => "coordinator",
            Self::Channel => "channel",
        }
    }
}

impl fmt::Display for StateKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for StateKind {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Self::ALL
            .into_iter()
            .find(|kind| kind.name() == text)
            .ok_or_else(|| Error::invalid(format!("state kind {text:?} is unknown")))
    }
}
