//! State on its way into a snapshot and out of one.

mod snapshot;

pub use snapshot::Snapshot;
