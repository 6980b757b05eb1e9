//! `spt.inspect/1`: what is in a savepoint.

use serde::Serialize;
use spt_format::{
    Completeness, Engine, Field, Job, Layout, Operator, OperatorId, ReadAs, Savepoint, SavepointKind, State,
    StateKind, Ttl, UidOrigin, instant_text,
};

/// The whole document.
#[derive(Debug, Serialize)]
pub(crate) struct InspectReport {
    pub(crate) schema: &'static str,
    pub(crate) engine: Engine,
    pub(crate) format_version: u32,
    pub(crate) kind: SavepointKind,
    pub(crate) layout: Layout,
    pub(crate) id: String,
    pub(crate) job: Job,
    pub(crate) created_at: Option<String>,
    pub(crate) drained: bool,
    pub(crate) operators: Vec<OperatorReport>,
    pub(crate) totals: Totals,
    pub(crate) complete: bool,
    pub(crate) rows_unread: u64,
    pub(crate) rows_opaque: u64,
}

/// One operator.
#[derive(Debug, Serialize)]
pub(crate) struct OperatorReport {
    pub(crate) uid: Option<String>,
    pub(crate) uid_origin: UidOrigin,
    pub(crate) operator_id: OperatorId,
    pub(crate) name: Option<String>,
    pub(crate) parallelism: u32,
    pub(crate) max_parallelism: u32,
    pub(crate) finished: bool,
    pub(crate) channel_bytes: u64,
    pub(crate) states: Vec<StateReport>,
}

/// One state.
#[derive(Debug, Serialize)]
pub(crate) struct StateReport {
    pub(crate) name: String,
    pub(crate) kind: StateKind,
    pub(crate) key_type: Option<String>,
    pub(crate) namespace_type: Option<String>,
    pub(crate) map_key_type: Option<String>,
    pub(crate) value_type: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) read_as: Option<ReadAs>,
    pub(crate) ttl: Option<Ttl>,
    pub(crate) rows: Option<u64>,
    pub(crate) bytes: Option<u64>,
}

/// Sums over what the document lists.
#[derive(Debug, Serialize)]
pub(crate) struct Totals {
    pub(crate) operators: usize,
    pub(crate) states: usize,
    pub(crate) rows: Option<u64>,
    pub(crate) bytes: u64,
    pub(crate) files: u64,
}

impl InspectReport {
    /// What the metadata tells of all operators.
    pub(crate) fn new(savepoint: &Savepoint) -> Self {
        let operators: Vec<OperatorReport> = savepoint.operators.iter().map(OperatorReport::new).collect();
        Self {
            schema: "spt.inspect/1",
            engine: savepoint.engine,
            format_version: savepoint.format_version,
            kind: savepoint.kind,
            layout: savepoint.layout,
            id: savepoint.id.clone(),
            job: savepoint.job.clone(),
            created_at: savepoint.created_at_ms.map(instant_text),
            drained: savepoint.drained,
            totals: Totals {
                operators: operators.len(),
                states: operators.iter().map(|operator| operator.states.len()).sum(),
                rows: savepoint.rows(),
                bytes: savepoint.bytes,
                files: savepoint.files,
            },
            operators,
            complete: true,
            rows_unread: 0,
            rows_opaque: 0,
        }
    }

    /// Keeps one operator, and of it one state if asked for; the totals count what is kept.
    pub(crate) fn keep(&mut self, operator: usize, state: Option<usize>) {
        self.operators = self.operators.drain(..).skip(operator).take(1).collect();
        if let (Some(state), Some(operator)) = (state, self.operators.first_mut()) {
            operator.states = operator.states.drain(..).skip(state).take(1).collect();
        }
        self.totals.operators = self.operators.len();
        self.totals.states = self.states().count();
        self.totals.bytes = self.states().filter_map(|state| state.bytes).sum();
        self.totals.rows = self.states().map(|state| state.rows).sum();
    }

    /// Puts counted rows in the place of recorded ones, and says what was not seen while counting.
    pub(crate) fn count(&mut self, rows: &[Vec<Option<u64>>], seen: Completeness, failed: bool) {
        for (operator, rows) in self.operators.iter_mut().zip(rows) {
            for (state, rows) in operator.states.iter_mut().zip(rows) {
                state.rows = rows.or(state.rows);
            }
        }
        self.totals.rows = self.states().map(|state| state.rows).sum();
        self.complete = seen.is_complete() && !failed;
        self.rows_unread = seen.rows_unread;
        self.rows_opaque = seen.rows_opaque;
    }

    /// Every state that is listed.
    pub(crate) fn states(&self) -> impl Iterator<Item = &StateReport> {
        self.operators.iter().flat_map(|operator| &operator.states)
    }
}

impl OperatorReport {
    fn new(operator: &Operator) -> Self {
        Self {
            uid: operator.uid.as_ref().map(ToString::to_string),
            uid_origin: operator.uid_origin,
            operator_id: operator.id,
            name: operator.name.clone(),
            parallelism: operator.parallelism,
            max_parallelism: operator.max_parallelism,
            finished: operator.finished,
            channel_bytes: operator.channel_bytes,
            states: operator.states.iter().map(StateReport::new).collect(),
        }
    }

    /// Rows of its states, where all are known.
    pub(crate) fn rows(&self) -> Option<u64> {
        self.states.iter().map(|state| state.rows).sum()
    }

    /// Bytes of its states, where all are known.
    pub(crate) fn bytes(&self) -> Option<u64> {
        self.states.iter().map(|state| state.bytes).sum()
    }
}

impl StateReport {
    fn new(state: &State) -> Self {
        let schema = &state.schema;
        let text = |field: &Option<Field>| field.as_ref().map(ToString::to_string);
        Self {
            name: state.name.clone(),
            kind: state.kind,
            key_type: text(&schema.key),
            namespace_type: text(&schema.namespace),
            map_key_type: text(&schema.map_key),
            value_type: text(&schema.value),
            read_as: state.read_as.clone(),
            ttl: state.ttl,
            rows: state.rows,
            bytes: state.bytes,
        }
    }
}
