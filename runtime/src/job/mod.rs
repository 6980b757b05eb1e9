//! A job as others see it: what it is told, what it says of itself, what can be asked of it.

mod control;
mod log;
mod notes;
mod options;
mod status;
mod subtask;

pub use control::JobControl;
pub(crate) use log::{note, set_up};
pub(crate) use notes::Notes;
pub use options::{JobOptions, RestoreOptions};
pub use status::{
    CheckpointCounts, CheckpointRecord, CheckpointStatus, Checkpoints, JobState, JobStatus, OperatorCounts,
    OperatorStatus, TaskTimes, VertexStatus,
};
pub use subtask::Subtask;
