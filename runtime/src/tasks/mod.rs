//! A task: one thread that runs one chain in one subtask.

mod alignment;
mod blame;
mod clock;
mod command;
mod context;
mod input_task;
mod metrics;
mod room;
mod source_task;
mod thread;

pub(crate) use alignment::{Hold, Member};
pub(crate) use blame::Blame;
pub(crate) use clock::Alarm;
pub use clock::Clock;
pub(crate) use command::{Command, Event, TaskId};
pub(crate) use context::{OperatorInfo, StartContext, TaskContext};
pub(crate) use input_task::{Head, InputTask};
pub(crate) use metrics::{JobMetrics, OperatorMetrics, TaskMetrics};
pub(crate) use room::Room;
pub(crate) use source_task::SourceTask;
pub(crate) use thread::{Task, TaskPorts, spawn};

use crate::error::{Error, ErrorKind};

/// What a task fails with when the rest of the job is gone: no failure of its own.
pub(crate) fn halted() -> Error {
    Error::new(ErrorKind::Halted)
}
