//! What changed between two savepoints: operators, then schemas, then rows.
//!
//! ```text
//! pair_operators ──► pair_states ──► schema_changes
//!                        └─────────► compare_states: equal segments are skipped unread, the rest is cut into
//!                                    parts, each a merge join of two sorted streams in fixed memory
//! ```
//!
//! Whoever wrote the two savepoints, and in which layout, makes no difference: their states are compared.

mod join;
mod merge;
mod pack;
mod pair;
mod parts;
mod positions;
mod schema;
mod segments;
mod state;

pub(crate) use join::join;
pub(crate) use merge::{Comparison, Pick};
pub use merge::{RowChange, RowChanges};
pub(crate) use pair::signature;
pub use pair::{OperatorPair, Pairing, StatePair, pair_operators, pair_states};
pub(crate) use parts::{Part, cut};
pub use positions::{PositionChange, Positions};
pub(crate) use schema::same_storage;
pub use schema::{SchemaChange, schema_changes};
pub(crate) use segments::{Work, plan};
pub use state::{RowCounts, Side, StateComparison};
