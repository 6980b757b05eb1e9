//! `spt.sizes/1`: how the rows of every keyed state are spread over key groups, and over subtasks.

use serde::Serialize;
use spt_format::{KeyGroup, Operator, State, operator_index};

/// The whole document.
#[derive(Debug, Serialize)]
pub(crate) struct SizesReport {
    pub(crate) schema: &'static str,
    pub(crate) states: Vec<Spread>,
    pub(crate) complete: bool,
    pub(crate) rows_unread: u64,
}

/// One keyed state.
#[derive(Debug, Serialize)]
pub(crate) struct Spread {
    pub(crate) uid: String,
    pub(crate) state: String,
    pub(crate) rows: u64,
    pub(crate) bytes: Option<u64>,
    /// Key groups that hold rows, and how many there are.
    pub(crate) key_groups_used: usize,
    pub(crate) max_parallelism: u32,
    /// Rows of the fullest subtask by those of an average one; 1 is even.
    pub(crate) skew: f64,
    /// Rows by key group.
    pub(crate) key_group_rows: Vec<u64>,
    /// Rows each subtask gets.
    pub(crate) subtasks: Vec<SubtaskShare>,
}

/// What one subtask gets of a state.
#[derive(Debug, Serialize)]
pub(crate) struct SubtaskShare {
    pub(crate) subtask: u32,
    pub(crate) rows: u64,
    /// Its part of the state's bytes, if rows are of one size.
    pub(crate) bytes: Option<u64>,
}

impl Spread {
    /// The spread of a state whose rows were counted by key group, over this many subtasks.
    pub(crate) fn new(
        operator: &Operator,
        state: &State,
        key_group_rows: Vec<u64>,
        parallelism: u32,
    ) -> Self {
        let rows: u64 = key_group_rows.iter().sum();
        let parallelism = parallelism.clamp(1, operator.max_parallelism.max(1));
        let mut by_subtask = vec![0u64; parallelism as usize];
        for (group, count) in (0u16..).zip(&key_group_rows) {
            let owner = operator_index(KeyGroup(group), parallelism, operator.max_parallelism);
            if let Some(slot) = by_subtask.get_mut(owner as usize) {
                *slot += count;
            }
        }
        let fullest = by_subtask.iter().copied().max().unwrap_or(0) as f64;
        let average = rows as f64 / f64::from(parallelism);
        let part = |of: u64| state.bytes.map(|bytes| (bytes as f64 * of as f64 / rows.max(1) as f64) as u64);
        Self {
            uid: operator.label(),
            state: state.name.clone(),
            rows,
            bytes: state.bytes,
            key_groups_used: key_group_rows.iter().filter(|count| **count > 0).count(),
            max_parallelism: operator.max_parallelism,
            skew: if rows == 0 { 1.0 } else { (fullest / average * 100.0).round() / 100.0 },
            key_group_rows,
            subtasks: (0..)
                .zip(by_subtask)
                .map(|(subtask, rows)| SubtaskShare { subtask, rows, bytes: part(rows) })
                .collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use spt_format::{Field, StateKind, StateSchema, Type, Uid};

    #[test]
    fn every_row_has_one_owner_and_skew_is_the_fullest_by_the_average() {
        let operator = Operator::with_uid(Uid::new("a").unwrap(), 2, 4);
        let schema = StateSchema::keyed(Field::new("", Type::Utf8), Field::new("", Type::Int64));
        let state = State { bytes: Some(400), ..State::new("s", StateKind::Value, schema) };
        let spread = Spread::new(&operator, &state, vec![10, 20, 0, 10], 2);
        let shares: Vec<(u64, Option<u64>)> =
            spread.subtasks.iter().map(|share| (share.rows, share.bytes)).collect();
        assert_eq!(shares, [(30, Some(300)), (10, Some(100))]);
        assert_eq!((spread.rows, spread.skew, spread.key_groups_used), (40, 1.5, 3));
    }
}
