//! What a job says of itself while it runs and after.

use std::path::PathBuf;

use spt_format::{CommittedState, OperatorId};

/// Where a job is in its life. The names are Flink's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum JobState {
    /// Its graph is checked, its state is being restored.
    Created,
    /// Records flow.
    Running,
    /// It failed and starts again from the last checkpoint.
    Restarting,
    /// It is being cancelled.
    Cancelling,
    /// It was cancelled.
    Canceled,
    /// It failed for good.
    Failed,
    /// Its input has ended, or it was stopped with a savepoint.
    Finished,
    /// Its process is shut down. It can go on from its newest checkpoint, which stays.
    Suspended,
}

impl JobState {
    /// The name in Flink's REST answers.
    pub fn name(self) -> &'static str {
        match self {
            Self::Created => "CREATED",
            Self::Running => "RUNNING",
            Self::Restarting => "RESTARTING",
            Self::Cancelling => "CANCELLING",
            Self::Canceled => "CANCELED",
            Self::Failed => "FAILED",
            Self::Finished => "FINISHED",
            Self::Suspended => "SUSPENDED",
        }
    }

    /// Nothing will happen any more.
    pub fn is_final(self) -> bool {
        matches!(self, Self::Canceled | Self::Failed | Self::Finished | Self::Suspended)
    }
}

/// A job at one moment.
#[derive(Debug, Clone)]
pub struct JobStatus {
    /// 32 hex digits.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Where it is in its life.
    pub state: JobState,
    /// When it was started, in ms since 1970.
    pub started_at_ms: i64,
    /// When its state last changed, in ms since 1970.
    pub changed_at_ms: i64,
    /// When it ended, in ms since 1970.
    pub ended_at_ms: Option<i64>,
    /// Starts after a failure.
    pub restarts: u32,
    /// Why it failed, last or for good.
    pub failure: Option<String>,
    /// Its chains, in the order of the program.
    pub vertices: Vec<VertexStatus>,
    /// Its operators, in the order of the program.
    pub operators: Vec<OperatorStatus>,
}

/// A chain of operators, which run in one thread per subtask.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VertexStatus {
    /// The id of its first operator.
    pub id: OperatorId,
    /// Its operators' names, in order.
    pub name: String,
    /// Subtasks.
    pub parallelism: u32,
    /// Key groups.
    pub max_parallelism: u32,
    /// Subtasks that have read all of their input.
    pub finished: u32,
    /// Records taken in, by all subtasks, since the job was started.
    pub records_in: u64,
    /// Records passed on to other vertices.
    pub records_out: u64,
    /// The lowest of the watermarks that have reached its subtasks, in ms since 1970; `None` before each has one.
    pub watermark_ms: Option<i64>,
    /// How each of its subtasks spent its time.
    pub times: Vec<TaskTimes>,
}

impl VertexStatus {
    /// How its subtasks spent their time, together.
    pub fn time(&self) -> TaskTimes {
        self.times.iter().fold(TaskTimes::default(), |sum, time| TaskTimes {
            busy_ms: sum.busy_ms + time.busy_ms,
            idle_ms: sum.idle_ms + time.idle_ms,
            backpressured_ms: sum.backpressured_ms + time.backpressured_ms,
        })
    }
}

/// How a task has spent its time since the job was started.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TaskTimes {
    /// Milliseconds at work.
    pub busy_ms: u64,
    /// Milliseconds without input.
    pub idle_ms: u64,
    /// Milliseconds in which nobody took its output.
    pub backpressured_ms: u64,
}

/// An operator of a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OperatorStatus {
    /// Its id.
    pub id: OperatorId,
    /// Its uid, if its author gave it one.
    pub uid: Option<String>,
    /// Its name.
    pub name: String,
    /// The id of the chain that it runs in.
    pub vertex: OperatorId,
    /// What each of its subtasks has counted.
    pub subtasks: Vec<OperatorCounts>,
}

impl OperatorStatus {
    /// The uid, or the id of an operator without one.
    pub fn label(&self) -> String {
        self.uid.clone().unwrap_or_else(|| self.id.to_string())
    }
}

/// What a subtask of an operator has counted since the job was started. Records that a restart read again count again.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct OperatorCounts {
    /// Records taken in; of a source, those it has read.
    pub records_in: u64,
    /// Records emitted, those of side outputs included.
    pub records_out: u64,
    /// Records that were late for all of their windows, and that no side output took.
    pub late_records: u64,
    /// What a source read that was no record, and passed over.
    pub skipped_records: u64,
    /// The watermark that came in last, in ms since 1970.
    pub input_watermark_ms: Option<i64>,
    /// The watermark that went out last, in ms since 1970.
    pub output_watermark_ms: Option<i64>,
}

/// The job's checkpoints and savepoints so far.
#[derive(Debug, Clone, Default)]
pub struct Checkpoints {
    /// How many there were.
    pub counts: CheckpointCounts,
    /// The last ones, newest first.
    pub history: Vec<CheckpointRecord>,
    /// The newest that is complete and no savepoint.
    pub latest_completed: Option<CheckpointRecord>,
    /// The newest savepoint.
    pub latest_savepoint: Option<CheckpointRecord>,
    /// The newest that failed.
    pub latest_failed: Option<CheckpointRecord>,
    /// What the job started from, last.
    pub restored: Option<CheckpointRecord>,
    /// The states in the newest snapshot of either kind.
    pub states: Vec<CommittedState>,
    /// Milliseconds that all completed ones took, together.
    pub completed_ms: u64,
    /// Bytes of all completed ones, together.
    pub completed_bytes: u64,
}

/// How many checkpoints and savepoints there were.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CheckpointCounts {
    /// Starts from one.
    pub restored: u64,
    /// All.
    pub total: u64,
    /// Not yet decided.
    pub in_progress: u64,
    /// Whole.
    pub completed: u64,
    /// Failed.
    pub failed: u64,
}

/// One checkpoint or savepoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckpointRecord {
    /// Its number; savepoints are counted along.
    pub id: u64,
    /// What became of it.
    pub status: CheckpointStatus,
    /// A person asked for it.
    pub is_savepoint: bool,
    /// When it was triggered, in ms since 1970.
    pub triggered_at_ms: i64,
    /// From the trigger to its end, so far as it has ended.
    pub duration_ms: Option<u64>,
    /// Where it is, once it is complete.
    pub path: Option<PathBuf>,
    /// Bytes of its files.
    pub bytes: u64,
    /// Rows of all states.
    pub rows: u64,
    /// Why it failed.
    pub failure: Option<String>,
}

/// What became of a checkpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CheckpointStatus {
    /// Not yet decided.
    InProgress,
    /// It is whole.
    Completed,
    /// There is none.
    Failed,
}

impl CheckpointStatus {
    /// The name in Flink's REST answers.
    pub fn name(self) -> &'static str {
        match self {
            Self::InProgress => "IN_PROGRESS",
            Self::Completed => "COMPLETED",
            Self::Failed => "FAILED",
        }
    }
}
