//! A small stateful streaming engine whose jobs emit savepoints.
