//! What the endpoint answers: the JSON of Flink's REST API, version 1.
//!
//! Times are ms since 1970; what has not happened is −1 there, not null.
//!
//! # Source
//! Flink, `docs/static/generated/rest_v1_dispatcher.yml`, and `JobDetails.JobDetailsSerializer` for the names
//! that the document does not have (`jid`, `tasks`).

use std::path::Path;

use serde_json::{Map, Value, json};

use crate::config::{Configuration, RestartStrategy, RetainedCheckpoints, options};
use crate::job::{CheckpointRecord, CheckpointStatus, Checkpoints, JobState, JobStatus, VertexStatus};

use super::operations::Progress;

/// What Flink's clients show as the version of the cluster.
const VERSION: &str = concat!("spt-", env!("CARGO_PKG_VERSION"));

/// The states of a task, in Flink's order.
const TASK_STATES: [&str; 10] = [
    "created",
    "scheduled",
    "deploying",
    "running",
    "finished",
    "canceling",
    "canceled",
    "failed",
    "reconciling",
    "initializing",
];

/// The states of a job, in the order in which it can reach them.
const JOB_STATES: [JobState; 7] = [
    JobState::Created,
    JobState::Running,
    JobState::Restarting,
    JobState::Cancelling,
    JobState::Canceled,
    JobState::Failed,
    JobState::Finished,
];

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

/// `GET /jobs`
pub(super) fn job_ids(job: &JobStatus) -> Value {
    json!({"jobs": [{"id": job.id, "status": job.state.name()}]})
}

/// `GET /jobs/overview`
pub(super) fn jobs(job: &JobStatus, now: i64) -> Value {
    let mut tasks = counts(TASK_STATES.iter().map(|state| (*state, 0)));
    let mut total = 0;
    for vertex in &job.vertices {
        total += vertex.parallelism;
        add_tasks(&mut tasks, vertex, job.state, str::to_owned);
    }
    tasks.insert("total".to_owned(), total.into());
    json!({"jobs": [{
        "jid": job.id,
        "name": job.name,
        "start-time": job.started_at_ms,
        "end-time": job.ended_at_ms.unwrap_or(-1),
        "duration": duration(job, now),
        "state": job.state.name(),
        "last-modification": job.changed_at_ms,
        "tasks": tasks,
    }]})
}

/// `GET /jobs/:id`
pub(super) fn job(job: &JobStatus, plan: &Value, now: i64) -> Value {
    let mut status_counts = upper_counts();
    for vertex in &job.vertices {
        let task = task_state(vertex, job.state);
        add(&mut status_counts, task.to_ascii_uppercase(), 1);
    }
    let reached = |state: JobState| if state == job.state { job.changed_at_ms } else { 0 };
    let mut timestamps = Map::new();
    for state in JOB_STATES {
        timestamps.insert(state.name().to_owned(), reached(state).into());
    }
    timestamps.insert("INITIALIZING".to_owned(), job.started_at_ms.into());
    json!({
        "jid": job.id,
        "name": job.name,
        "isStoppable": false,
        "state": job.state.name(),
        "job-type": "STREAMING",
        "start-time": job.started_at_ms,
        "end-time": job.ended_at_ms.unwrap_or(-1),
        "duration": duration(job, now),
        "maxParallelism": job.vertices.iter().map(|vertex| vertex.max_parallelism).max().map_or(-1, i64::from),
        "now": now,
        "timestamps": timestamps,
        "vertices": job.vertices.iter().map(|vertex| vertex_json(job, vertex, now)).collect::<Vec<_>>(),
        "status-counts": status_counts,
        "plan": flow(job),
        "spt-plan": plan,
    })
}

/// `GET /jobs/:id/plan`
pub(super) fn plan(job: &JobStatus, plan: &Value) -> Value {
    json!({"plan": flow(job), "spt-plan": plan})
}

/// `GET /jobs/:id/status`
pub(super) fn status(job: &JobStatus) -> Value {
    json!({"status": job.state.name()})
}

/// `GET /jobs/:id/exceptions`
pub(super) fn exceptions(job: &JobStatus) -> Value {
    let entries: Vec<_> = job
        .failure
        .iter()
        .map(|failure| {
            json!({
                "exceptionName": failure, "stacktrace": failure, "timestamp": job.changed_at_ms,
                "taskName": null, "location": null, "concurrentExceptions": [],
            })
        })
        .collect();
    json!({
        "root-exception": job.failure,
        "timestamp": job.failure.as_ref().map(|_| job.changed_at_ms),
        "all-exceptions": [],
        "truncated": false,
        "exceptionHistory": {"entries": entries, "truncated": false},
    })
}

/// `GET /jobs/:id/config`
pub(super) fn config(job: &JobStatus, configuration: &Configuration) -> Value {
    let user: Map<_, _> =
        configuration.entries().map(|(key, text)| (key.to_owned(), Value::from(text))).collect();
    json!({
        "jid": job.id,
        "name": job.name,
        "execution-config": {
            "execution-mode": "PIPELINED",
            "restart-strategy": restart_text(&configuration.restart_strategy()),
            "job-parallelism": configuration.get(&options::PARALLELISM).map_or(-1, i64::from),
            "object-reuse-mode": true,
            "user-config": user,
        },
    })
}

/// `GET /jobs/:id/checkpoints/config`
pub(super) fn checkpoint_config(configuration: &Configuration) -> Value {
    let ms = |duration: Option<std::time::Duration>, fallback: i64| {
        duration.map_or(fallback, |duration| i64::try_from(duration.as_millis()).unwrap_or(i64::MAX))
    };
    let delete =
        configuration.get(&options::CHECKPOINT_RETENTION).unwrap_or_default() == RetainedCheckpoints::Delete;
    json!({
        "mode": "exactly_once",
        "interval": ms(configuration.get(&options::CHECKPOINT_INTERVAL), i64::MAX),
        "timeout": ms(configuration.get(&options::CHECKPOINT_TIMEOUT), 600_000),
        "min_pause": ms(configuration.get(&options::CHECKPOINT_MIN_PAUSE), 0),
        "max_concurrent": 1,
        "externalization": {"enabled": true, "delete_on_cancellation": delete},
        "state_backend": "HashMapStateBackend",
        "checkpoint_storage": "FileSystemCheckpointStorage",
        "unaligned_checkpoints": false,
        "tolerable_failed_checkpoints": configuration.get(&options::TOLERABLE_FAILED_CHECKPOINTS).unwrap_or(0),
        "aligned_checkpoint_timeout": 0,
        "checkpoints_after_tasks_finish": true,
        "state_changelog_enabled": false,
    })
}

/// `GET /jobs/:id/checkpoints`
pub(super) fn checkpoints(seen: &Checkpoints, subtasks: u32) -> Value {
    let record = |record: &CheckpointRecord| checkpoint(record, subtasks);
    let some = |one: &Option<CheckpointRecord>| one.as_ref().map(record);
    let completed = || seen.history.iter().filter(|record| record.status == CheckpointStatus::Completed);
    let sizes = summary(completed().map(|record| record.bytes));
    json!({
        "counts": {
            "restored": seen.counts.restored,
            "total": seen.counts.total,
            "in_progress": seen.counts.in_progress,
            "completed": seen.counts.completed,
            "failed": seen.counts.failed,
        },
        "summary": {
            "checkpointed_size": sizes,
            "state_size": sizes,
            "end_to_end_duration": summary(completed().filter_map(|record| record.duration_ms)),
            "alignment_buffered": summary([0].into_iter()),
            "processed_data": summary([0].into_iter()),
            "persisted_data": summary([0].into_iter()),
        },
        "latest": {
            "completed": some(&seen.latest_completed),
            "savepoint": some(&seen.latest_savepoint),
            "failed": some(&seen.latest_failed),
            "restored": seen.restored.as_ref().map(|restored| json!({
                "id": restored.id,
                "restore_timestamp": restored.triggered_at_ms,
                "is_savepoint": restored.is_savepoint,
                "external_path": restored.path.as_deref().map(text_of),
            })),
        },
        "history": seen.history.iter().map(record).collect::<Vec<_>>(),
    })
}

/// `GET /jobs/:id/checkpoints/details/:number`
pub(super) fn checkpoint(record: &CheckpointRecord, subtasks: u32) -> Value {
    let ended = record.duration_ms.and_then(|ms| i64::try_from(ms).ok());
    let ended_at = ended.map_or(record.triggered_at_ms, |ms| record.triggered_at_ms + ms);
    let mut fields = json!({
        "className": record.status.name().to_ascii_lowercase(),
        "id": record.id,
        "status": record.status.name(),
        "is_savepoint": record.is_savepoint,
        "savepointFormat": record.is_savepoint.then_some("COLUMNAR"),
        "trigger_timestamp": record.triggered_at_ms,
        "latest_ack_timestamp": ended_at,
        "checkpointed_size": record.bytes,
        "state_size": record.bytes,
        "end_to_end_duration": ended.unwrap_or(0),
        "alignment_buffered": 0,
        "processed_data": 0,
        "persisted_data": 0,
        "num_subtasks": subtasks,
        "num_acknowledged_subtasks": if record.status == CheckpointStatus::Completed { subtasks } else { 0 },
        "checkpoint_type": if record.is_savepoint { "SAVEPOINT" } else { "CHECKPOINT" },
        "tasks": {},
        "spt-rows": record.rows,
    });
    let more = match record.status {
        CheckpointStatus::InProgress => Value::Null,
        CheckpointStatus::Completed => {
            json!({"external_path": record.path.as_deref().map(text_of), "discarded": false})
        }
        CheckpointStatus::Failed => {
            json!({"failure_timestamp": ended_at, "failure_message": record.failure})
        }
    };
    if let (Value::Object(fields), Value::Object(more)) = (&mut fields, more) {
        fields.extend(more);
    }
    fields
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
            "failure-cause": {"class": "org.apache.flink.util.FlinkException", "stack-trace": error},
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

fn vertex_json(job: &JobStatus, vertex: &VertexStatus, now: i64) -> Value {
    let mut tasks = upper_counts();
    add_tasks(&mut tasks, vertex, job.state, str::to_ascii_uppercase);
    json!({
        "id": vertex.id,
        "slotSharingGroupId": "0".repeat(32),
        "name": vertex.name,
        "maxParallelism": vertex.max_parallelism,
        "parallelism": vertex.parallelism,
        "status": task_state(vertex, job.state).to_ascii_uppercase(),
        "start-time": job.started_at_ms,
        "end-time": job.ended_at_ms.unwrap_or(-1),
        "duration": duration(job, now),
        "tasks": tasks,
        "metrics": {
            "read-bytes": 0, "read-bytes-complete": false,
            "write-bytes": 0, "write-bytes-complete": false,
            "read-records": vertex.records_in, "read-records-complete": true,
            "write-records": vertex.records_out, "write-records-complete": true,
            "accumulated-backpressured-time": 0,
            "accumulated-idle-time": 0,
            "accumulated-busy-time": "NaN",
        },
    })
}

/// The plan as Flink's clients draw it: the vertices in the order of the program.
fn flow(job: &JobStatus) -> Value {
    let nodes: Vec<_> = job
        .vertices
        .iter()
        .map(|vertex| {
            json!({
                "id": vertex.id, "parallelism": vertex.parallelism, "operator": "", "operator_strategy": "",
                "description": vertex.name, "optimizer_properties": {},
            })
        })
        .collect();
    json!({"jid": job.id, "name": job.name, "type": "STREAMING", "nodes": nodes})
}

fn duration(job: &JobStatus, now: i64) -> i64 {
    job.ended_at_ms.unwrap_or(now) - job.started_at_ms
}

/// What the subtasks of a vertex do that have not finished.
fn unfinished_state(state: JobState) -> &'static str {
    match state {
        JobState::Created | JobState::Restarting => "initializing",
        JobState::Running => "running",
        JobState::Cancelling => "canceling",
        JobState::Canceled => "canceled",
        JobState::Failed => "failed",
        JobState::Finished => "finished",
    }
}

fn task_state(vertex: &VertexStatus, state: JobState) -> &'static str {
    if vertex.finished >= vertex.parallelism { "finished" } else { unfinished_state(state) }
}

fn add_tasks(
    counts: &mut Map<String, Value>,
    vertex: &VertexStatus,
    state: JobState,
    spelled: impl Fn(&str) -> String,
) {
    let finished = vertex.finished.min(vertex.parallelism);
    add(counts, spelled("finished"), finished);
    add(counts, spelled(unfinished_state(state)), vertex.parallelism - finished);
}

fn add(counts: &mut Map<String, Value>, name: String, more: u32) {
    let before = counts.get(&name).and_then(Value::as_u64).unwrap_or(0);
    counts.insert(name, (before + u64::from(more)).into());
}

fn counts<'a>(pairs: impl Iterator<Item = (&'a str, u32)>) -> Map<String, Value> {
    pairs.map(|(name, count)| (name.to_owned(), count.into())).collect()
}

fn upper_counts() -> Map<String, Value> {
    TASK_STATES.iter().map(|state| (state.to_ascii_uppercase(), Value::from(0))).collect()
}

fn restart_text(strategy: &RestartStrategy) -> String {
    match strategy {
        RestartStrategy::None => "Restart deactivated.".to_owned(),
        RestartStrategy::FixedDelay { attempts, delay } => {
            format!("Restart with fixed delay ({} ms). #{attempts} restart attempts.", delay.as_millis())
        }
        RestartStrategy::ExponentialDelay { initial, max, multiplier, .. } => format!(
            "Restart with exponential delay: starting at {} ms, growing by {multiplier} up to {} ms.",
            initial.as_millis(),
            max.as_millis()
        ),
    }
}

/// Smallest, largest, mean and percentiles (nearest rank) of what the history holds.
fn summary(values: impl Iterator<Item = u64>) -> Value {
    let mut values: Vec<_> = values.collect();
    values.sort_unstable();
    let count = values.len();
    let rank = |permille: usize| {
        let place = (count * permille).div_ceil(1000).saturating_sub(1);
        values.get(place).copied().unwrap_or(0)
    };
    let mean = values.iter().sum::<u64>().checked_div(count as u64).unwrap_or(0);
    json!({
        "min": rank(0), "max": rank(1000), "avg": mean,
        "p50": rank(500), "p90": rank(900), "p95": rank(950), "p99": rank(990), "p999": rank(999),
    })
}
