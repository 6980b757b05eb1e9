//! What one subtask gives to a snapshot at a barrier.

/// The frozen states of a subtask's operators. Collecting them copies no state.
#[derive(Debug, Default)]
pub struct Snapshot {}
