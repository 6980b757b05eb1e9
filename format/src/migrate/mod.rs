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
mod command;
mod draft;
mod field_path;
mod flags;
mod offsets;
mod operation;
mod plan;
mod plan_file;
mod rewrite;
mod salvage;
mod texts;

pub use apply::Applied;
pub use command::{command, quoted};
pub use field_path::FieldPath;
pub use operation::Operation;
pub use plan::{MigrationPlan, Rewrite, StateStep, Work};
pub use plan_file::{PLAN_FILE_SCHEMA, PlanFile, PlanSource};
pub use salvage::Loss;
pub use texts::{parse_instant, parse_span};
