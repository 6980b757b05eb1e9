//! What a job does with records, one operator per file. An operator is a [`Stage`] of a chain.

mod aggregate;
mod chain;
mod counted;
mod filter;
mod flat_map;
mod input;
mod map;
mod out;
mod process;
mod records;
mod reduce;
mod side_output;
mod sink;
mod source;
mod stage;
mod states;
mod tee;
mod timestamps;
mod window;

pub(crate) use aggregate::Rolling;
pub use chain::{Chain, Then};
pub(crate) use chain::{NO_OPERATOR, Operator};
pub(crate) use counted::Counted;
pub(crate) use filter::Filter;
pub(crate) use flat_map::FlatMap;
pub use input::{HeadOperator, InputHead, StreamKey};
pub(crate) use map::{Map, MapTo};
pub use out::Out;
pub use process::{
    CoProcess, FiredTimer, KeyedBroadcastProcess, KeyedCoProcess, KeyedContext, KeyedProcess, Process,
    ProcessContext,
};
pub(crate) use process::{KeyedAndBroadcast, KeyedFunction, KeyedPair, PlainFunction, RecordsPair};
pub use records::RecordsHead;
pub use reduce::Number;
pub(crate) use reduce::{Add, Combine, Fold, Greatest, KeyAndValue, Least, Reduce, ValueOnly};
pub(crate) use side_output::SideStage;
pub use side_output::{OutputTag, SideOutputs};
pub(crate) use sink::{SinkStage, check, recover};
pub use source::SourceHead;
pub use stage::{Barrier, BarrierKind, Signal, SplitChange, Stage, Watermark};
pub use states::{
    Aggregate, AggregatingState, BroadcastState, Descriptor, KeyedAccess, ListState, MapState,
    OperatorAccess, OperatorListState, OperatorStates, OperatorTables, ReducingState, Scope, States,
    UnionListState, ValueState,
};
pub use tee::Tee;
pub(crate) use timestamps::AssignTime;
pub use timestamps::Watermarks;
pub use window::Windows;
pub(crate) use window::{
    Aggregated, Apply, Collected, EmitKeyed, EmitResult, EmitValue, Fill, Folded, Group, Joined, Reduced,
    Window, WindowResult, WindowTerms,
};
