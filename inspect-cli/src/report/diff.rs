//! `spt.diff/1`: what changed between two savepoints.

use serde::Serialize;
use spt_format::{Completeness, Operator, OperatorId, Pairing, PositionChange, RowCounts, SchemaChange};

/// The whole document.
#[derive(Debug, Serialize)]
pub(crate) struct DiffReport {
    pub(crate) schema: &'static str,
    pub(crate) equal: bool,
    pub(crate) operators: Vec<OperatorDiff>,
    /// Sinks whose output that is not committed yet differs.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) pending: Vec<PendingDiff>,
    pub(crate) complete: bool,
    pub(crate) rows_unread: u64,
    pub(crate) rows_opaque: u64,
}

/// What happened to an operator or a state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Change {
    /// In the second savepoint only.
    Added,
    /// In the first savepoint only.
    Removed,
    /// In both, and different.
    Changed,
    /// In both under different uids; its states may have changed too.
    Renamed,
    /// In both, and equal.
    Same,
}

/// One operator of either savepoint.
#[derive(Debug, Serialize)]
pub(crate) struct OperatorDiff {
    pub(crate) uid: Option<String>,
    pub(crate) operator_id: OperatorId,
    pub(crate) change: Change,
    /// Who it was before a rename.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) renamed_from: Option<Identity>,
    /// Key groups, where their number changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) max_parallelism: Option<Movement>,
    pub(crate) states: Vec<StateDiff>,
}

/// A sink whose pending output differs, and how many pieces of it there were and are.
#[derive(Debug, Serialize)]
pub(crate) struct PendingDiff {
    pub(crate) uid: Option<String>,
    pub(crate) operator_id: OperatorId,
    pub(crate) before: usize,
    pub(crate) after: usize,
}

/// What an operator is called.
#[derive(Debug, Serialize)]
pub(crate) struct Identity {
    pub(crate) uid: Option<String>,
    pub(crate) operator_id: OperatorId,
}

/// A number before and after.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct Movement {
    pub(crate) before: u32,
    pub(crate) after: u32,
}

/// One state of an operator. Row counts are null where the rows could not be compared.
#[derive(Debug, Serialize)]
pub(crate) struct StateDiff {
    pub(crate) name: String,
    pub(crate) change: Change,
    pub(crate) rows_added: Option<u64>,
    pub(crate) rows_removed: Option<u64>,
    pub(crate) rows_changed: Option<u64>,
    pub(crate) rows_touched: Option<u64>,
    pub(crate) rows_same: Option<u64>,
    pub(crate) schema_changes: Vec<SchemaChange>,
    /// Where sources stand now, of those splits that moved.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) positions: Vec<PositionChange>,
}

impl DiffReport {
    /// The document over these operators, after everything was compared.
    pub(crate) fn new(
        operators: Vec<OperatorDiff>,
        pending: Vec<PendingDiff>,
        seen: Completeness,
        failed: bool,
    ) -> Self {
        Self {
            schema: "spt.diff/1",
            equal: pending.is_empty() && operators.iter().all(OperatorDiff::is_no_difference),
            operators,
            pending,
            complete: seen.is_complete() && !failed,
            rows_unread: seen.rows_unread,
            rows_opaque: seen.rows_opaque,
        }
    }
}

impl Identity {
    pub(crate) fn of(operator: &Operator) -> Self {
        Self { uid: operator.uid.as_ref().map(ToString::to_string), operator_id: operator.id }
    }
}

impl OperatorDiff {
    /// It is the same, or comes and goes without state: states are what is compared.
    fn is_no_difference(&self) -> bool {
        match self.change {
            Change::Same => true,
            Change::Added | Change::Removed => self.states.is_empty(),
            Change::Changed | Change::Renamed => false,
        }
    }

    /// The change of an operator, from how it was found and what became of its parts.
    pub(crate) fn change_of(pairing: Pairing, states: &[StateDiff], regrouped: bool) -> Change {
        match pairing {
            Pairing::Added => Change::Added,
            Pairing::Removed => Change::Removed,
            Pairing::Renamed => Change::Renamed,
            Pairing::Same if regrouped || states.iter().any(|state| state.change != Change::Same) => {
                Change::Changed
            }
            Pairing::Same => Change::Same,
        }
    }
}

impl StateDiff {
    /// A state whose rows were counted, or could not be.
    pub(crate) fn new(
        name: &str,
        change: Change,
        counts: Option<RowCounts>,
        schema_changes: Vec<SchemaChange>,
    ) -> Self {
        Self {
            name: name.to_owned(),
            change,
            rows_added: counts.map(|counts| counts.added),
            rows_removed: counts.map(|counts| counts.removed),
            rows_changed: counts.map(|counts| counts.changed),
            rows_touched: counts.map(|counts| counts.touched),
            rows_same: counts.map(|counts| counts.same),
            schema_changes,
            positions: Vec::new(),
        }
    }
}
