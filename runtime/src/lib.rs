//! A small stateful streaming engine whose jobs emit savepoints and start again from them.
//!
//! ```
//! use spt_runtime::{Environment, JobOptions};
//!
//! let env = Environment::new();
//! env.collection(["to be or", "not to be"].map(String::from)).uid("stream-001")
//!     .flat_map(|line, out| out.extend(line.split_whitespace())).uid("flatMap-001")
//!     .map_to::<(String, i64)>(|word| (word, 1)).uid("map-001")
//!     .key_by(|(word, _)| *word)
//!     .sum(|(_, n)| *n).uid("sum-001")
//!     .print("result");
//! env.start("wordcount", JobOptions::default())?.wait()?;
//! # Ok::<(), spt_runtime::Error>(())
//! ```

// `#[derive(State)]` names this crate from outside, also here.
extern crate self as spt_runtime;

pub mod config;
pub mod control;
mod coordinator;
pub mod data;
mod error;
mod exchange;
mod execute;
mod folders;
mod graph;
pub mod job;
pub mod operators;
pub mod savepoint;
mod signals;
pub mod sinks;
pub mod sources;
pub mod state;
mod tasks;

pub use coordinator::JobHandle;
pub use data::{Column, Data, EventTime, Record};
pub use error::{Error, ErrorKind, Result};
pub use execute::exit_code;
pub use graph::{
    ConnectedKeyedStreams, ConnectedStreams, DataStream, Environment, KeyedAndBroadcastStreams, KeyedStream,
    StreamSink, WindowedPair, WindowedStream,
};
pub use job::{JobControl, JobOptions, JobState, RestoreOptions};
pub use operators::{Chain, Out, OutputTag, Watermarks, Windows};
pub use tasks::Clock;
