//! Makes a savepoint from another: renamed, dropped, cast, re-keyed. Never in place.
//!
//! ```text
//! Operation … ─► MigrationPlan::new (decides, reads metadata alone) ─► MigrationPlan::apply (source ─► sink) ─► commit
//! ```
//!
//! A plan says of every state whether its files are taken over as they are or its rows are written anew.
//! Names are edits of the manifest: fields are bound by their ids, so renaming, dropping, adding and widening
//! a field touch no data.

mod apply;
mod field_path;
mod flags;
mod operation;
mod plan;
mod rewrite;

pub use apply::Applied;
pub use field_path::FieldPath;
pub use operation::Operation;
pub use plan::{MigrationPlan, Rewrite, StateStep, Work};
