//! How a running job is found, asked and told.
//!
//! ```text
//!  spt list / savepoint / stop / cancel               the job's process
//!  ───────────────────────────────────               ─────────────────────────────────────
//!  registry ◄──────── <run dir>/<job id>.json ◄────── Session::open
//!     │ address, token file                               │
//!  client ───── HTTP on loopback, Flink's REST v1 ────► endpoint ─► guard ─► routes ─► JobControl
//! ```
//!
//! The endpoint speaks the paths and JSON of Flink's REST API, so that Flink's own client and people's scripts
//! work against it. The registry is a folder that its owner alone can read; whether a job in it still runs is
//! told by a lock that the kernel drops with the process, however that ended.
//!
//! `spt run` tells the program it starts by environment variables: options (see [`config`](crate::config)), and
//! `SPT_CONFIG` (a YAML file), `SPT_HANDSHAKE` (where to answer), `SPT_DETACHED=1` (leave the terminal),
//! `SPT_LOG_FILE` (where its output goes), `SPT_PLAN=1` (print the plan, run nothing).

mod answers;
mod client;
mod endpoint;
mod guard;
mod handshake;
mod http;
mod lock;
mod metrics;
mod operations;
mod registry;
mod routes;
mod session;
mod throwable;
mod under_way;

pub use client::{Client, Operation};
pub use endpoint::{Endpoint, EndpointOptions};
pub use handshake::{Handshake, Outcome};
pub use lock::{Held, Lock};
pub use registry::{JobEntry, Listing, Registered, Registry};
pub use session::Session;

/// A new id for a job or a request: 32 hex digits.
///
/// # Errors
/// If the system has no randomness to give.
pub fn new_id() -> spt_format::Result<String> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes)
        .map_err(|error| spt_format::Error::invalid("no randomness from the system").caused_by(error))?;
    Ok(format!("{:032x}", u128::from_be_bytes(bytes)))
}

/// `id` has the form of an id: 32 lower-case hex digits.
pub fn is_id(id: &str) -> bool {
    id.len() == 32 && id.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}
