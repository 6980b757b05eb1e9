//! Integration tests, one module per source module.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that cannot go on fails"
)]

mod columnar;
mod diff;
mod evolution;
mod export;
mod golden;
mod import;
mod key_hash;
mod manifest;
mod migrate;
mod order;
mod patch;
mod select;
mod support;
mod validate;
mod weigh;
