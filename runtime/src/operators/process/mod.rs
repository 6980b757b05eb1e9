//! Functions of a job's author that keep state, set timers, and emit whatever they like.
//!
//! | function | inputs | state |
//! | --- | --- | --- |
//! | [`Process`] | one | of the subtask |
//! | [`CoProcess`] | two; the second may be broadcast | of the subtask |
//! | [`KeyedProcess`] | one, keyed | of the key and of the subtask; timers |
//! | [`KeyedCoProcess`] | two, keyed alike | the same |
//! | [`KeyedBroadcastProcess`] | one keyed, one broadcast | the same |

mod broadcast;
mod co_keyed;
mod context;
mod core;
mod function;
mod keyed;
mod plain;
mod watermark;

pub(crate) use broadcast::KeyedAndBroadcast;
pub use broadcast::KeyedBroadcastProcess;
pub use co_keyed::KeyedCoProcess;
pub(crate) use co_keyed::KeyedPair;
pub use context::{FiredTimer, KeyedContext, ProcessContext};
pub(crate) use function::KeyedFunction;
pub use keyed::KeyedProcess;
pub use plain::{CoProcess, Process};
pub(crate) use plain::{PlainFunction, RecordsPair};
pub(crate) use watermark::WatermarkState;
