//! A job's checkpoints, as Flink tells them.

use serde_json::{Value, json};

use super::text_of;
use crate::config::{Configuration, RetainedCheckpoints, options};
use crate::job::{CheckpointRecord, CheckpointStatus, Checkpoints};

/// `GET /jobs/:id/checkpoints/config`
pub(in crate::control) fn checkpoint_config(configuration: &Configuration) -> Value {
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
        "changelog_periodic_materialization_interval": 0,
        "changelog_storage": null,
    })
}

/// `GET /jobs/:id/checkpoints`
pub(in crate::control) fn checkpoints(seen: &Checkpoints, subtasks: u32) -> Value {
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
pub(in crate::control) fn checkpoint(record: &CheckpointRecord, subtasks: u32) -> Value {
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
