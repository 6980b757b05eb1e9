//! Integration tests, one module per source module.
