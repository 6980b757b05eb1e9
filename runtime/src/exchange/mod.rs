//! Between tasks: bounded channels of batches, one per pair of subtasks, with the buffers on their way back.
//!
//! ```text
//! upstream 0 ──┬── link 0→0 ──► downstream 0        link:  elements (bounded) ──►
//!              └── link 0→1 ──► downstream 1               spare batches      ◄──
//! ```
//!
//! The bound is the back pressure. A batch is freed or filled again by the thread that allocated it.

mod batch;
mod gate;
mod link;
mod output;
mod select;
#[cfg(test)]
mod tests;

pub(crate) use batch::{Batch, First, KeyedBatch, Lane, Only, Pair, Records, Second};
pub(crate) use gate::{Gate, Input};
pub(crate) use link::{AnyExchange, Exchange, Inputs, Pattern};
pub(crate) use output::{KeyedOutput, RecordsOutput, Route};
pub(crate) use select::{BorrowedKey, ComputedKey, ComputedValue, KeyOf, ValueOf, WholeRecord};
