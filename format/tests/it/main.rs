//! Integration tests, one module per source module.

mod key_hash;
mod order;
