//! Integration tests, one module per source module.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on fails")]

mod key_hash;
mod order;
