//! What a job does with records, one operator per file. An operator is a [`Stage`] of a chain.

mod chain;
mod filter;
mod flat_map;
mod keyed;
mod map;
mod out;
mod rebalance;
mod reduce;
mod sink;
mod source;
mod stage;

pub(crate) use chain::Operator;
pub use chain::{Chain, Then};
pub(crate) use filter::Filter;
pub(crate) use flat_map::FlatMap;
pub(crate) use keyed::KeyedOperator;
pub use keyed::{KeyedHead, StreamKey};
pub(crate) use map::{Map, MapTo};
pub use out::Out;
pub use rebalance::RecordsHead;
pub use reduce::Number;
pub(crate) use reduce::{Add, Combine, KeyAndValue, Reduce, ValueOnly};
pub(crate) use sink::{SinkStage, recover};
pub use source::SourceHead;
pub use stage::{Barrier, BarrierKind, Signal, Stage, Watermark};
