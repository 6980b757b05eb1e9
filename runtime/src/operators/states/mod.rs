//! States as functions of a job use them: declared when the graph is built, reached by a handle while it runs.
//!
//! ```text
//! States::value("count") ──► ValueState<i64> ── get, set ──► the table of the subtask, at the current key
//!       │ a declaration in the plan                              ▲ opened when the subtask starts
//!       └────────────────────────────────────────────────────────┘
//! ```

mod aggregating;
mod broadcast;
mod declare;
mod list;
mod map;
mod operator_list;
mod tables;
mod value;

pub use aggregating::{Aggregate, AggregatingState, ReducingState};
pub use broadcast::BroadcastState;
pub use declare::{Descriptor, OperatorStates, States};
pub use list::ListState;
pub use map::MapState;
pub use operator_list::{OperatorListState, UnionListState};
pub use tables::{KeyedAccess, OperatorAccess, OperatorTables, Scope};
pub(crate) use tables::{OpenOperator, OpenTable, StateSet, Tables};
pub use value::ValueState;
