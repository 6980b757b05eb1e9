//! What a person and a script see: stdout, stderr and exit code together, a few per command.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that cannot go on fails"
)]

mod columnar;
mod demo;
mod diff;
mod docs;
mod explain;
mod export;
mod flow;
mod hints;
mod import;
mod inspect;
mod jobs;
mod latest;
mod migrate;
mod names;
mod patch;
mod preflight;
mod python;
mod support;
mod uid;
mod usage;
mod validate;
