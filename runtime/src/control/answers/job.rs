//! A job and its vertices, as Flink tells them.

use serde_json::{Map, Value, json};

use crate::config::{Configuration, RestartStrategy, options};
use crate::job::{JobState, JobStatus, VertexStatus};

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
const JOB_STATES: [JobState; 8] = [
    JobState::Created,
    JobState::Running,
    JobState::Restarting,
    JobState::Cancelling,
    JobState::Canceled,
    JobState::Failed,
    JobState::Finished,
    JobState::Suspended,
];

/// `GET /jobs`
pub(in crate::control) fn job_ids(job: &JobStatus) -> Value {
    json!({"jobs": [{"id": job.id, "status": job.state.name()}]})
}

/// `GET /jobs/overview`
pub(in crate::control) fn jobs(job: &JobStatus, now: i64) -> Value {
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
        "pending-operators": 0,
    }]})
}

/// `GET /jobs/:id`
pub(in crate::control) fn job(job: &JobStatus, now: i64) -> Value {
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
        "pending-operators": 0,
        "plan": flow(job),
    })
}

/// `GET /jobs/:id/plan`
pub(in crate::control) fn plan(job: &JobStatus) -> Value {
    json!({"plan": flow(job)})
}

/// `GET /jobs/:id/status`
pub(in crate::control) fn status(job: &JobStatus) -> Value {
    json!({"status": job.state.name()})
}

/// `GET /jobs/:id/exceptions`
pub(in crate::control) fn exceptions(job: &JobStatus) -> Value {
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
pub(in crate::control) fn config(job: &JobStatus, configuration: &Configuration) -> Value {
    let user: Map<_, _> =
        configuration.entries().map(|(key, text)| (key.to_owned(), Value::from(text))).collect();
    json!({
        "jid": job.id,
        "name": job.name,
        "execution-config": {
            "restart-strategy": restart_text(&configuration.restart_strategy()),
            "job-parallelism": configuration.get(&options::PARALLELISM).map_or(-1, i64::from),
            "object-reuse-mode": true,
            "user-config": user,
        },
    })
}

fn vertex_json(job: &JobStatus, vertex: &VertexStatus, now: i64) -> Value {
    let mut tasks = upper_counts();
    add_tasks(&mut tasks, vertex, job.state, str::to_ascii_uppercase);
    let time = vertex.time();
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
            "accumulated-backpressured-time": time.backpressured_ms,
            "accumulated-idle-time": time.idle_ms,
            "accumulated-busy-time": time.busy_ms,
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
        JobState::Canceled | JobState::Suspended => "canceled",
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
        RestartStrategy::FailureRate { failures, interval, delay } => format!(
            "Restart with fixed delay ({} ms), at most {failures} failures in {} ms.",
            delay.as_millis(),
            interval.as_millis()
        ),
        RestartStrategy::ExponentialDelay { initial, max, multiplier, .. } => format!(
            "Restart with exponential delay: starting at {} ms, growing by {multiplier} up to {} ms.",
            initial.as_millis(),
            max.as_millis()
        ),
    }
}
