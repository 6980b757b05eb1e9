//! What the coordinator and its tasks tell each other.

use crate::error::Error;
use crate::operators::Barrier;
use crate::savepoint::Snapshot;

/// A subtask of a vertex.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct TaskId {
    /// Index of the vertex in the graph.
    pub(crate) vertex: usize,
    /// Index of the subtask.
    pub(crate) subtask: u32,
}

/// From the coordinator to a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Command {
    /// To sources: the job runs everywhere, records may flow.
    Go,
    /// To sources: take a snapshot and send the barrier.
    Trigger(Barrier),
    /// To sources: the input ends here. The highest watermark and the end are sent.
    Drain,
    /// This snapshot, behind which the job was to stop, has failed; go on.
    Resume(u64),
    /// The checkpoint is complete and committed.
    Committed(u64),
    /// End at once.
    Exit,
}

/// From a task to the coordinator.
#[derive(Debug)]
pub(crate) enum Event {
    /// State is restored; the task waits for input.
    Ready,
    /// This is the task's part of a snapshot.
    Acknowledged(u64, Snapshot),
    /// The task has read all of its input. Its last state stands for it from now on.
    Finished(Snapshot),
    /// The task has failed.
    Failed(Error),
    /// The task has ended because it was told to, or because others have.
    Exited,
}
