//! One operator of a chain while it runs: records are pushed into it, and signals travel with them.

use crate::data::{Data, EventTime};
use crate::error::Result;
use crate::savepoint::Snapshot;

/// An operator and everything chained behind it. The compiler nests them into one loop per chain.
pub trait Stage<T: Data>: Send {
    /// Takes a record and its event time.
    ///
    /// # Errors
    /// If the operator, or one behind it, failed.
    fn push(&mut self, record: T::Ref<'_>, time: EventTime) -> Result<()>;

    /// Takes a signal, does what it asks, and passes it on behind everything pushed before.
    ///
    /// # Errors
    /// As [`Stage::push`].
    fn signal(&mut self, signal: &mut Signal<'_>) -> Result<()>;
}

/// What travels between records.
#[derive(Debug)]
pub enum Signal<'a> {
    /// Nothing more comes for now: partial batches are passed on.
    Flush,
    /// No record with an earlier timestamp follows.
    Watermark(Watermark),
    /// Whether the input is idle: an idle one holds no watermark up.
    Idle(bool),
    /// Said by a source, as far as the first operator that cares: which of its splits it reads from here on.
    Split(SplitChange),
    /// The time of day, in ms since 1970, once an [`Alarm`](crate::tasks::Alarm) has gone off.
    Tick(i64),
    /// Everything before belongs to the snapshot: each operator adds its state and passes the barrier on.
    Barrier(Barrier, &'a mut Snapshot),
    /// Nothing follows, ever. Each operator adds its last state, which stands for it in later snapshots.
    End(&'a mut Snapshot),
    /// The checkpoint is complete, and what was pending in it is committed.
    Committed(u64),
}

/// Event time, in ms since 1970: no record before it follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Watermark(pub i64);

/// Which splits a source reads. A split is known by its number among those of its subtask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SplitChange {
    /// The records that follow are of this split.
    Reads(usize),
    /// Nothing follows of this split.
    Ends(usize),
}

/// Divides the records before a snapshot from those after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Barrier {
    /// The checkpoint it belongs to; savepoints are counted along with checkpoints.
    pub checkpoint: u64,
    /// Why it is taken.
    pub kind: BarrierKind,
}

/// Why a snapshot is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BarrierKind {
    /// To recover from.
    Checkpoint,
    /// A person asked for it, and the job goes on.
    Savepoint,
    /// A person asked for it, and the job ends behind it: no record follows the barrier.
    Stop,
}
