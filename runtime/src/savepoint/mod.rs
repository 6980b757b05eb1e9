//! State on its way into a snapshot and out of one.
//!
//! ```text
//! barrier ─► Snapshot of each subtask (frozen, nothing copied) ─► write: gathered by block, encoded in parallel
//! restore ─► check: does the job fit the savepoint? ─► Restored: each subtask reads the rows it owns
//! ```

mod check;
mod deal;
mod misfits;
mod permit;
mod restored;
mod snapshot;
mod write;

pub(crate) use check::{Terms, check};
pub(crate) use deal::{Elements, deal};
pub(crate) use permit::Permit;
pub(crate) use restored::Restored;
pub(crate) use snapshot::{BroadcastPart, Commit, KeyedPart, ListPart};
pub use snapshot::{Snapshot, StateSlot};
pub(crate) use write::{Carried, Draft, write};
