//! A small stateful streaming engine whose jobs emit savepoints.

// `#[derive(State)]` names this crate from outside, also here.
extern crate self as spt_runtime;

pub mod config;
pub mod control;
pub mod data;
mod error;
pub mod job;
pub mod operators;
pub mod savepoint;
pub mod sinks;
pub mod sources;
pub mod state;

pub use data::{Column, Data, Record};
pub use error::{Error, ErrorKind, Result};
