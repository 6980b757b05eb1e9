//! Integration tests, one module per source module.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "helpers of tests, which clippy.toml only exempts inside #[test]"
)]

mod check;
mod corpus;
mod files;
mod later_states;
mod metadata;
mod python;
mod rocksdb;
mod runs;
mod segments;
mod support;
mod upstream;
