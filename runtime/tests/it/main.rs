//! Integration tests, one module per source module.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that fails should say where")]

mod state;

mod control;

mod jobs;

mod kill;

mod signals;
