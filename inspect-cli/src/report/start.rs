//! `spt.start-report/1`: what starting a job from a savepoint would mean.

use serde::Serialize;
use spt_format::OperatorId;

/// The whole document.
#[derive(Debug, Serialize)]
pub(crate) struct StartReport {
    pub(crate) schema: &'static str,
    /// The time it is about.
    pub(crate) as_of: String,
    /// When the savepoint was taken, and how long before.
    pub(crate) created_at: Option<String>,
    pub(crate) age_ms: Option<i64>,
    /// All windows and timers fired before it was taken: a job that starts from it has nothing to go on with.
    pub(crate) drained: bool,
    pub(crate) timers: Vec<Timers>,
    pub(crate) ttl: Vec<Expiry>,
    pub(crate) pending: Vec<Pending>,
    pub(crate) complete: bool,
    pub(crate) rows_unread: u64,
}

/// The timers of one service in one time domain.
#[derive(Debug, Serialize)]
pub(crate) struct Timers {
    pub(crate) uid: Option<String>,
    pub(crate) operator_id: OperatorId,
    pub(crate) service: String,
    pub(crate) domain: String,
    pub(crate) timers: u64,
    /// Those whose time has come.
    pub(crate) overdue: u64,
    pub(crate) first: String,
}

/// A state with a time to live.
#[derive(Debug, Serialize)]
pub(crate) struct Expiry {
    pub(crate) uid: Option<String>,
    pub(crate) operator_id: OperatorId,
    pub(crate) state: String,
    /// `None` where it is not recorded; then nobody knows what is expired.
    pub(crate) ttl_ms: Option<u64>,
    pub(crate) rows: u64,
    pub(crate) expired: Option<u64>,
    pub(crate) oldest_access: Option<String>,
}

/// What a sink had written and not committed.
#[derive(Debug, Serialize)]
pub(crate) struct Pending {
    pub(crate) uid: Option<String>,
    pub(crate) operator_id: OperatorId,
    pub(crate) outputs: u64,
    /// As old as the savepoint.
    pub(crate) age_ms: Option<i64>,
}
