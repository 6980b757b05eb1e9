//! What a job does with records, one operator per file. An operator is a [`Stage`] of a chain.

mod out;
mod stage;

pub use out::Out;
pub use stage::{Barrier, BarrierKind, Signal, Stage, Watermark};
