//! Runs a job: starts its tasks, takes its snapshots, starts again after failures, obeys requests.
//!
//! ```text
//! JobHandle ── Request ──►┐                        ┌── Command ──► tasks
//!                         ├── Coordinator (one) ───┤
//! tasks ────── Event ────►┘         │              └── writer thread: write, commit, delete older
//!                                   └── Shared: what the job says of itself
//! ```

mod attempt;
mod handle;
mod in_flight;
mod job;
mod launch;
mod request;
mod restart;
mod run;
mod shared;
mod snapshots;
mod store;
mod writer;

pub use handle::JobHandle;
pub(crate) use launch::launch;

/// Milliseconds since 1970, for people.
pub(crate) fn now_ms() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.map_or(0, |since| since.as_millis() as i64)
}
