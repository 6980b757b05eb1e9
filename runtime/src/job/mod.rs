//! A job as others see it: what it is told, what it says of itself, what can be asked of it.

mod control;
mod note;
mod options;
mod status;
mod subtask;

pub use control::JobControl;
pub(crate) use note::note;
pub use options::{JobOptions, RestoreOptions};
pub use status::{
    CheckpointCounts, CheckpointRecord, CheckpointStatus, Checkpoints, JobState, JobStatus, VertexStatus,
};
pub use subtask::Subtask;
