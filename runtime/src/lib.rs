//! A small stateful streaming engine whose jobs emit savepoints.

pub mod config;
