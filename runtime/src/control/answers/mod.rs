//! What the endpoint answers: the JSON of Flink's REST API, version 1.
//!
//! Times are ms since 1970; what has not happened is −1 there, not null.
//!
//! # Source
//! Flink, `docs/static/generated/rest_v1_dispatcher.yml`, and `JobDetails.JobDetailsSerializer` for the names
//! that the document does not have (`jid`, `tasks`).

mod checkpoints;
mod job;

use std::path::Path;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use serde_json::{Value, json};

use super::operations::Progress;
use super::throwable;
use crate::job::{JobState, JobStatus};

pub(super) use checkpoints::{checkpoint, checkpoint_config, checkpoints};
pub(super) use job::{config, exceptions, job, job_ids, jobs, plan, status};

/// What Flink's clients show as the version of the cluster.
const VERSION: &str = concat!("spt-", env!("CARGO_PKG_VERSION"));

/// `GET /config`
pub(super) fn dashboard() -> Value {
    json!({
        "refresh-interval": 3000,
        "timezone-name": "Coordinated Universal Time",
        "timezone-offset": 0,
        "flink-version": VERSION,
        "flink-revision": "",
        "features": {"web-submit": false, "web-cancel": true, "web-rescale": false, "web-history": false},
    })
}

/// `GET /overview`
pub(super) fn cluster(job: &JobStatus) -> Value {
    let slots = job.vertices.iter().map(|vertex| vertex.parallelism).max().unwrap_or(0);
    let is = |states: &[JobState]| u32::from(states.contains(&job.state));
    json!({
        "taskmanagers": 1,
        "slots-total": slots,
        "slots-available": 0,
        "jobs-running": u32::from(!job.state.is_final()),
        "jobs-finished": is(&[JobState::Finished]),
        "jobs-cancelled": is(&[JobState::Canceled]),
        "jobs-failed": is(&[JobState::Failed]),
        "flink-version": VERSION,
        "flink-commit": "",
    })
}

/// `POST …/savepoints`, `POST …/stop`
pub(super) fn triggered(id: &str) -> Value {
    json!({"request-id": id})
}

/// `GET /jobs/:id/savepoints/:triggerid`
pub(super) fn operation(progress: &Progress) -> Value {
    match progress {
        Progress::Pending => json!({"status": {"id": "IN_PROGRESS"}, "operation": null}),
        Progress::Done(path) => {
            json!({"status": {"id": "COMPLETED"}, "operation": {"location": text_of(path)}})
        }
        Progress::Failed(error) => json!({"status": {"id": "COMPLETED"}, "operation": {
            "failure-cause": {
                "class": "org.apache.flink.util.FlinkException",
                "stack-trace": error,
                "serialized-throwable": BASE64_STANDARD.encode(throwable::serialize(error)),
            },
        }}),
    }
}

/// Every refusal.
pub(super) fn errors(message: &str) -> Value {
    json!({"errors": [message]})
}

/// A path that is no UTF-8 has no JSON; what can be read of it is told.
fn text_of(path: &Path) -> String {
    path.display().to_string()
}
